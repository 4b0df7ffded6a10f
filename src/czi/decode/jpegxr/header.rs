//! The codestream's headers (T.832 sections 8.3 and 8.4): the image, its one plane, and the index of the packets.

use super::Flaw;
use super::bits::Bits;
use super::quantizer::{self, Channels};

/// How the planes of colour are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Layout {
    /// One plane.
    #[default]
    Gray,
    /// Three planes of full size.
    Full,
    /// The second and third plane have half the width.
    HalfWidth,
    /// The second and third plane have half the width and height.
    Half,
}

impl Layout {
    /// Number of planes.
    pub fn planes(self) -> usize {
        if self == Self::Gray { 1 } else { 3 }
    }

    /// Blocks of 4 × 4 that a macroblock has in `plane`: across and down.
    pub fn blocks(self, plane: usize) -> (usize, usize) {
        match self {
            Self::HalfWidth if plane > 0 => (2, 4),
            Self::Half if plane > 0 => (2, 2),
            _ => (4, 4),
        }
    }

    /// Whether the second and third plane are smaller.
    pub fn is_subsampled(self) -> bool {
        matches!(self, Self::HalfWidth | Self::Half)
    }
}

/// Everything about an image that holds for all its tiles.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// Each band of a tile is a packet of its own.
    pub by_frequency: bool,
    /// Number of overlap filters.
    pub overlap: u32,
    pub trims_flexbits: bool,
    /// Size in macroblocks.
    pub columns: usize,
    pub rows: usize,
    /// Pixels before the image.
    pub left: usize,
    pub top: usize,
    /// Where tiles begin, in macroblocks, and where the last one ends.
    pub tile_columns: Vec<usize>,
    pub tile_rows: Vec<usize>,
    pub layout: Layout,
    /// Values carry three more bits.
    pub scaled: bool,
    /// 1: DC, 2: and low-pass, 3: and high-pass, 4: and flexbits.
    pub bands: usize,
    /// Bits that 16-bit values were shifted, or of a float's mantissa.
    pub shift: u32,
    pub exponent_bias: i32,
    /// Quantisers for all tiles; none where each tile has its own.
    pub dc: Option<Channels>,
    pub lowpass: Option<Channels>,
    pub highpass: Option<Channels>,
    /// First byte of each packet: by row of tiles, tile, band.
    pub packets: Vec<usize>,
}

impl Header {
    /// Packets of one tile.
    pub fn packets_of_a_tile(&self) -> usize {
        if self.by_frequency { self.bands } else { 1 }
    }

    /// Reads the headers of an image of `width × height` pixels, whose container and beginning are checked already.
    pub fn read(codestream: &[u8], width: usize, height: usize) -> Result<Self, Flaw> {
        let mut bits = Bits::new(codestream, 8);
        let (version, subversion) = (bits.read(4), bits.read(4));
        if version != 1 || !matches!(subversion, 0 | 1 | 9) {
            return Err(Flaw::Unsupported("an unknown version of JPEG-XR"));
        }
        let tiled = bits.read(1) == 1;
        let by_frequency = bits.read(1) == 1;
        bits.read(3);
        let has_index = bits.read(1) == 1;
        let overlap = bits.read(2);
        let is_short = bits.read(1) == 1;
        bits.read(1);
        let windowed = bits.read(1) == 1;
        let trims_flexbits = bits.read(1) == 1;
        let stretched = bits.read(1) == 1;
        bits.read(3);
        bits.read(4);
        let depth = bits.read(4);
        // The size, which the container's reader has compared.
        bits.read(32);
        if !is_short {
            bits.read(32);
        }
        let (columns, rows) = if tiled { (bits.read(12), bits.read(12)) } else { (0, 0) };
        let tile_columns = tile_starts(&mut bits, columns, is_short)?;
        let tile_rows = tile_starts(&mut bits, rows, is_short)?;
        if stretched {
            for _ in 0..(columns + 1) * (rows + 1) {
                bits.read(8);
                at_end(&bits)?;
            }
        }
        let [top, left, full_height, full_width] = margins(&mut bits, windowed, width, height)?;
        bits.align();
        let mut header = Self {
            by_frequency,
            overlap,
            trims_flexbits,
            columns: full_width / 16,
            rows: full_height / 16,
            left,
            top,
            tile_columns,
            tile_rows,
            ..Self::default()
        };
        if overlap > 2 || (!has_index && (by_frequency || columns + rows > 0)) {
            return Err(Flaw::broken("the image header contradicts itself", &bits));
        }
        check_filters(subversion, overlap, columns + rows > 0)?;
        header.end_tiles(&bits)?;
        header.read_plane(&mut bits, depth)?;
        header.read_packets(&mut bits, has_index)?;
        Ok(header)
    }

    fn end_tiles(&mut self, bits: &Bits<'_>) -> Result<(), Flaw> {
        self.tile_columns.push(self.columns);
        self.tile_rows.push(self.rows);
        let rises = |starts: &[usize]| starts.windows(2).all(|pair| pair[0] < pair[1]);
        if rises(&self.tile_columns) && rises(&self.tile_rows) {
            return Ok(());
        }
        Err(Flaw::broken("its tiles do not lie in the image", bits))
    }

    fn read_plane(&mut self, bits: &mut Bits<'_>, depth: u32) -> Result<(), Flaw> {
        self.layout = match bits.read(3) {
            0 => Layout::Gray,
            1 => Layout::Half,
            2 => Layout::HalfWidth,
            3 => Layout::Full,
            _ => return Err(Flaw::Unsupported("a JPEG-XR image of many components")),
        };
        self.scaled = bits.read(1) == 1;
        self.bands = match bits.read(4) {
            omitted @ 0..=3 => 4 - omitted as usize,
            _ => return Err(Flaw::Unsupported("a JPEG-XR image with only some bands")),
        };
        if self.layout != Layout::Gray {
            bits.read(8);
        }
        // 16 bits, and 32-bit float.
        if matches!(depth, 2 | 7) {
            self.shift = bits.read(8);
        }
        if depth == 7 {
            self.exponent_bias = bits.read(8) as u8 as i8 as i32;
        }
        if self.shift > 22 {
            return Err(Flaw::broken("its values are shifted by too many bits", bits));
        }
        self.read_quantizers(bits);
        bits.align();
        at_end(bits)
    }

    fn read_quantizers(&mut self, bits: &mut Bits<'_>) {
        let (planes, scaled) = (self.layout.planes(), self.scaled);
        let uniform = |bits: &mut Bits<'_>, highpass| {
            (bits.read(1) == 1).then(|| quantizer::read(bits, planes, scaled, highpass))
        };
        self.dc = uniform(bits, false);
        if self.bands > 1 {
            self.lowpass = if bits.read(1) == 1 { self.dc } else { uniform(bits, false) };
        }
        if self.bands > 2 {
            self.highpass = if bits.read(1) == 1 { self.lowpass } else { uniform(bits, true) };
        }
    }

    fn read_packets(&mut self, bits: &mut Bits<'_>, has_index: bool) -> Result<(), Flaw> {
        let tiles = (self.tile_columns.len() - 1) * (self.tile_rows.len() - 1);
        let count = if has_index { tiles * self.packets_of_a_tile() } else { 0 };
        if has_index && bits.read(16) != 1 {
            return Err(Flaw::broken("the index does not begin as one", bits));
        }
        for _ in 0..count {
            let offset = long_word(bits);
            self.packets.push(offset);
            at_end(bits)?;
        }
        let skipped = long_word(bits);
        bits.align();
        at_end(bits)?;
        let base = bits.position().saturating_add(skipped);
        if !has_index {
            self.packets.push(0);
        }
        self.packets.iter_mut().for_each(|start| *start = start.saturating_add(base));
        Ok(())
    }
}

fn check_filters(subversion: u32, overlap: u32, tiled: bool) -> Result<(), Flaw> {
    match subversion {
        // The format before the standard differs in the filters.
        0 if overlap > 0 => {
            Err(Flaw::Unsupported("overlapping blocks of JPEG-XR's version before the standard"))
        }
        // Filters that stop at the tiles' edges: no writer is known, and the reference takes them another way than the
        // standard.
        9 if overlap > 0 && tiled => Err(Flaw::Unsupported("a JPEG-XR image of tiles that do not overlap")),
        _ => Ok(()),
    }
}

/// The margins at the top and the left, and the height and width with all margins.
fn margins(bits: &mut Bits<'_>, windowed: bool, width: usize, height: usize) -> Result<[usize; 4], Flaw> {
    let [top, left, bottom, right] = match windowed {
        true => [bits.read(6), bits.read(6), bits.read(6), bits.read(6)].map(|pixels| pixels as usize),
        false => [0, 0, height.wrapping_neg() % 16, width.wrapping_neg() % 16],
    };
    let (full_width, full_height) = (left + width + right, top + height + bottom);
    if !full_width.is_multiple_of(16) || !full_height.is_multiple_of(16) {
        return Err(Flaw::broken("its size with the margins is not a multiple of 16", bits));
    }
    Ok([top, left, full_height, full_width])
}

fn tile_starts(bits: &mut Bits<'_>, more: u32, is_short: bool) -> Result<Vec<usize>, Flaw> {
    let mut starts = vec![0];
    let mut start = 0;
    for _ in 0..more {
        start += bits.read(if is_short { 8 } else { 16 }) as usize;
        starts.push(start);
        at_end(bits)?;
    }
    Ok(starts)
}

/// A length of variable length (T.832 section 8.4.2); an escape counts as none.
fn long_word(bits: &mut Bits<'_>) -> usize {
    match bits.read(8) {
        first @ 0..0xfb => (first << 8 | bits.read(8)) as usize,
        0xfb => bits.read(32) as usize,
        0xfc => {
            let high = u64::from(bits.read(32));
            usize::try_from(high << 32 | u64::from(bits.read(32))).unwrap_or(usize::MAX)
        }
        _ => 0,
    }
}

fn at_end(bits: &Bits<'_>) -> Result<(), Flaw> {
    if bits.is_past_end() { Err(Flaw::broken("the headers end too early", bits)) } else { Ok(()) }
}
