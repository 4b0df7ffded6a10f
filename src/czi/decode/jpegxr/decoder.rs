//! The order of things: tiles, macroblocks, bands; and the planes, a few rows behind.

use super::Flaw;
use super::bits::Bits;
use super::context::Context;
use super::header::Header;
use super::highpass::{self, Source};
use super::macroblock::{self, Macroblock};
use super::output::Lines;
use super::plane::Plane;
use super::predict::{self, Neighbour, Neighbours};
use super::quantizer::{self, Channels};
use crate::pixels::Samples;

/// The packets of a tile's bands; without frequency order all are the first.
const LOWPASS: usize = 1;
const HIGHPASS: usize = 2;
const PLAIN: usize = 3;

/// The tile that is being decoded in one column of tiles.
struct Tile<'a> {
    packets: [Bits<'a>; 4],
    context: Context,
    trimmed: u32,
    dc: Channels,
    lowpass: Vec<Channels>,
    highpass: Vec<Channels>,
    /// Bits of a macroblock's choice among the quantisers.
    lowpass_bits: u32,
    highpass_bits: u32,
}

/// Decodes `codestream`, an image of `width` and a height that follows from the number of `samples`.
pub(super) fn decode(
    codestream: &[u8],
    header: &Header,
    samples: &mut Samples,
    width: usize,
) -> Result<(), Flaw> {
    let planes = (0..header.layout.planes()).map(|plane| Plane::new(header, plane)).collect();
    let mut decoder = Decoder {
        codestream,
        header,
        planes,
        tiles: Vec::new(),
        block: Macroblock::new(),
        above: vec![Neighbour::default(); header.columns],
        current: vec![Neighbour::default(); header.columns],
    };
    let mut lines = Lines::new(header);
    let low_lag = usize::from(header.overlap == 2);
    let lag = low_lag + usize::from(header.overlap > 0 || header.layout.is_subsampled());
    for step in 0..header.rows + lag {
        if step < header.rows {
            decoder.row(step)?;
        }
        decoder.transform(step, low_lag);
        if let Some(row) = step.checked_sub(lag) {
            lines.write(row, header, &decoder.planes, samples, width);
        }
    }
    Ok(())
}

struct Decoder<'a> {
    codestream: &'a [u8],
    header: &'a Header,
    planes: Vec<Plane>,
    /// By column of tiles.
    tiles: Vec<Tile<'a>>,
    block: Macroblock,
    /// What the row above leaves, and the row that is being decoded.
    above: Vec<Neighbour>,
    current: Vec<Neighbour>,
}

impl<'a> Decoder<'a> {
    /// Transforms what `row` makes complete.
    fn transform(&mut self, row: usize, low_lag: usize) {
        let header = self.header;
        for plane in &mut self.planes {
            if row < header.rows {
                plane.inverse_low(row, header.scaled);
            }
            if header.overlap == 2 && row <= header.rows {
                plane.smooth_low(row, header);
            }
            let Some(row) = row.checked_sub(low_lag) else { continue };
            if row < header.rows {
                plane.inverse(row);
            }
            if header.overlap > 0 && row <= header.rows {
                plane.smooth(row, header);
            }
        }
    }

    /// Decodes a row of macroblocks.
    fn row(&mut self, row: usize) -> Result<(), Flaw> {
        let header = self.header;
        if let Ok(tile_row) = header.tile_rows.binary_search(&row) {
            self.start_tiles(tile_row)?;
        }
        std::mem::swap(&mut self.above, &mut self.current);
        let is_first_row = header.tile_rows.binary_search(&row).is_ok();
        for (tile, pair) in header.tile_columns.windows(2).enumerate() {
            for column in pair[0]..pair[1] {
                self.macroblock(row, column, tile, is_first_row)?;
            }
        }
        Ok(())
    }

    /// Begins the tiles of a row of tiles: packet headers and quantisers.
    fn start_tiles(&mut self, tile_row: usize) -> Result<(), Flaw> {
        let header = self.header;
        let columns = header.tile_columns.len() - 1;
        let packets = header.packets_of_a_tile();
        self.tiles.clear();
        for column in 0..columns {
            let starts = &header.packets[(tile_row * columns + column) * packets..][..packets];
            self.tiles.push(Tile::start(self.codestream, header, starts)?);
        }
        Ok(())
    }

    fn macroblock(&mut self, row: usize, column: usize, tile: usize, is_first_row: bool) -> Result<(), Flaw> {
        let header = self.header;
        let (start, end) = (header.tile_columns[tile], header.tile_columns[tile + 1]);
        let tile = &mut self.tiles[tile];
        let above_left = (!is_first_row && column > start).then(|| &self.above[column - 1]);
        let near = Neighbours {
            left: (column > start).then(|| &self.current[column - 1]),
            above: (!is_first_row).then(|| &self.above[column]),
            above_left,
        };
        let restarts = (column - start).is_multiple_of(16);
        if restarts {
            tile.context.restart_scans();
        }
        let block = &mut self.block;
        tile.read_low(block, header)?;
        predict::add_low(block, header.layout, &near);
        let mut left_behind = Neighbour { low: block.low, lowpass_set: block.lowpass_set, patterns: [0; 3] };
        if header.bands > 2 {
            tile.read_high(block, header, &near)?;
            left_behind.patterns = block.patterns;
            if block.has_high {
                predict::add_high(block, header.layout);
            }
        }
        if restarts || column + 1 == end {
            tile.context.adapt(header.bands);
        }
        if let Some(packet) = tile.packets.iter().find(|packet| packet.is_past_end()) {
            return Err(Flaw::broken("the compressed data end too early", packet));
        }
        for (plane, pixels) in self.planes.iter_mut().enumerate() {
            let low = &mut block.low[plane];
            low[0] = low[0].wrapping_mul(tile.dc[plane]);
            if header.bands > 1 {
                let factor = tile.lowpass[block.lowpass_set][plane];
                low[1..].iter_mut().for_each(|value| *value = value.wrapping_mul(factor));
            }
            pixels.set(row, column, low, block.has_high.then_some(&block.high[plane]));
        }
        self.current[column] = left_behind;
        Ok(())
    }
}

impl<'a> Tile<'a> {
    fn start(codestream: &'a [u8], header: &Header, starts: &[usize]) -> Result<Self, Flaw> {
        let mut packets = [Bits::default(); 4];
        for (band, (packet, &start)) in packets.iter_mut().zip(starts).enumerate() {
            *packet = Bits::new(codestream, start);
            // The reference decoder forgives the plain bits' packet.
            if packet.read(24) != 1 && band < PLAIN {
                return Err(Flaw::broken("a packet does not begin as one", packet));
            }
            packet.read(8);
        }
        let mut tile = Self {
            packets,
            context: Context::new(header.layout),
            trimmed: 0,
            dc: header.dc.unwrap_or([1; 3]),
            lowpass: vec![header.lowpass.unwrap_or([1; 3])],
            highpass: vec![header.highpass.unwrap_or([1; 3])],
            lowpass_bits: 0,
            highpass_bits: 0,
        };
        if header.trims_flexbits && (!header.by_frequency || header.bands > PLAIN) {
            tile.trimmed = tile.packet(header, PLAIN).read(4);
        }
        tile.read_quantizers(header);
        Ok(tile)
    }

    fn packet(&mut self, header: &Header, band: usize) -> &mut Bits<'a> {
        &mut self.packets[if header.by_frequency { band } else { 0 }]
    }

    fn read_quantizers(&mut self, header: &Header) {
        let (planes, scaled) = (header.layout.planes(), header.scaled);
        if header.dc.is_none() {
            self.dc = quantizer::read(self.packet(header, 0), planes, scaled, false);
        }
        if header.bands > 1 && header.lowpass.is_none() {
            let bits = self.packet(header, LOWPASS);
            if bits.read(1) == 1 {
                self.lowpass = vec![self.dc];
            } else {
                let count = bits.read(4) as usize + 1;
                self.lowpass = (0..count).map(|_| quantizer::read(bits, planes, scaled, false)).collect();
                self.lowpass_bits = quantizer::index_bits(count);
            }
        }
        if header.bands > 2 && header.highpass.is_none() {
            let bits = self.packet(header, HIGHPASS);
            if bits.read(1) == 1 {
                self.highpass = self.lowpass.clone();
            } else {
                let count = bits.read(4) as usize + 1;
                self.highpass = (0..count).map(|_| quantizer::read(bits, planes, scaled, true)).collect();
                self.highpass_bits = quantizer::index_bits(count);
            }
        }
    }

    /// Reads a macroblock's DC and low-pass values, and which quantisers it has.
    fn read_low(&mut self, block: &mut Macroblock, header: &Header) -> Result<(), Flaw> {
        (block.lowpass_set, block.highpass_set) = (0, 0);
        block.low = [[0; 16]; 3];
        let (lowpass_bits, highpass_bits) = (self.lowpass_bits, self.highpass_bits);
        if !header.by_frequency {
            if header.bands > 1 && lowpass_bits > 0 {
                block.lowpass_set = quantizer::read_index(self.packet(header, 0), lowpass_bits);
            }
            if header.bands > 2 && highpass_bits > 0 {
                block.highpass_set = quantizer::read_index(self.packet(header, 0), highpass_bits);
            }
        }
        let first = if header.by_frequency { LOWPASS } else { 0 };
        macroblock::read_dc(block, header.layout, &mut self.context, &mut self.packets[0]);
        if header.bands > 1 {
            if header.by_frequency && lowpass_bits > 0 {
                block.lowpass_set = quantizer::read_index(&mut self.packets[first], lowpass_bits);
            }
            macroblock::read_lowpass(block, header.layout, &mut self.context, &mut self.packets[first]);
        }
        if block.lowpass_set >= self.lowpass.len() {
            return Err(Flaw::broken("a macroblock has quantisers that do not exist", &self.packets[first]));
        }
        Ok(())
    }

    /// Reads a macroblock's high-pass values.
    fn read_high(
        &mut self,
        block: &mut Macroblock,
        header: &Header,
        near: &Neighbours<'_>,
    ) -> Result<(), Flaw> {
        let layout = header.layout;
        let [first, _, third, plain] = &mut self.packets;
        let values = if header.by_frequency { third } else { first };
        if header.by_frequency && self.highpass_bits > 0 {
            block.highpass_set = quantizer::read_index(values, self.highpass_bits);
        } else if self.highpass_bits == 0 && self.highpass.len() > 1 {
            block.highpass_set = block.lowpass_set;
        }
        let Some(&quantizer) = self.highpass.get(block.highpass_set) else {
            return Err(Flaw::broken("a macroblock has quantisers that do not exist", values));
        };
        highpass::read_patterns(block, layout, &mut self.context, values);
        for plane in 0..layout.planes() {
            let neighbours = [near.left, near.above].map(|near| near.map(|near| near.patterns[plane]));
            let difference = block.patterns[plane];
            block.patterns[plane] =
                highpass::foretell_pattern(layout, plane, difference, neighbours, &mut self.context);
        }
        if block.has_high {
            block.high = [[[0; 16]; 16]; 3];
        }
        let mut source = Source {
            values,
            plain: header.by_frequency.then_some(plain),
            has_plain: header.bands > PLAIN,
            trimmed: self.trimmed,
            quantizer,
        };
        let any = highpass::read_values(block, layout, &mut self.context, &mut source);
        block.has_high =
            any.ok_or_else(|| Flaw::broken("a block has more values than pixels", source.values))?;
        Ok(())
    }
}
