//! One page: where its chunks are, and how they are stored.

use std::sync::Arc;

use tiff::tags::Tag;

use super::codec::{self, Codec};
use super::ifd::{ByteOrder, Tags};
use super::jpeg::JpegFormat;
use super::outline::{Outline, Pixels};
use crate::error::{Error, Result};

/// Sides of the chunks of a tiled page; more is a broken file.
const LONGEST_TILE_SIDE: u64 = 1 << 16;
/// Samples of a chunk, at most: of 4 bytes, 4 GiB.
const LARGEST_CHUNK: u64 = 1 << 30;
/// No file is longer.
const LAST_BYTE: u64 = i64::MAX as u64;
/// Bytes of a strip that is made of strips that are not compressed.
pub(super) const STRIP_BYTES: u64 = 1 << 20;

/// One page that is read.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Byte of its directory.
    pub directory: u64,
    /// The byte behind the last of its file.
    pub file_end: u64,
    pub width: u32,
    pub height: u32,
    pub pixels: Pixels,
    pub order: ByteOrder,
    pub codec: Codec,
    pub predictor: Predictor,
    /// Whether each sample of a pixel has chunks of its own.
    pub is_planar: bool,
    pub grid: Grid,
    /// Row by row; for pages whose samples are stored apart, all of the first sample before all of the second.
    pub chunks: Vec<Chunk>,
}

/// How chunks lie on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Pixels across a chunk; strips are as wide as the page.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Chunks in a row.
    pub across: u32,
    /// Rows of chunks.
    pub down: u32,
    pub is_tiled: bool,
}

/// Where the bytes of a chunk are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub offset: u64,
    /// 0 for a chunk that is not stored and holds zeros.
    pub length: u64,
}

impl Chunk {
    /// The byte behind its last.
    pub fn end(&self) -> u64 {
        self.offset + self.length
    }
}

/// What was done to the rows of a chunk before they were compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Each sample is the difference from its left neighbour.
    Horizontal,
    /// The bytes of floats, those of one significance side by side, are such differences.
    Float,
}

impl Grid {
    /// Chunks of one sample, or of all where they are stored together.
    pub fn chunks(&self) -> u64 {
        u64::from(self.across) * u64::from(self.down)
    }

    /// Rows that a chunk holds in row `y` of chunks: the last strip may have fewer, a tile is always whole.
    pub fn rows_stored(&self, y: u32, page_height: u32) -> u32 {
        if self.is_tiled { self.height } else { self.height.min(page_height - y * self.height) }
    }
}

impl Page {
    /// Of the page that `outline` is of.
    ///
    /// # Errors
    /// `Io`; `Format` for a page that contradicts itself or the file; `Unsupported` for pixels that are not read.
    pub fn read(tags: &mut Tags<'_>, outline: &Outline) -> Result<Self> {
        let pixels = outline.pixels().map_err(|what| Error::unsupported(tags.path(), what))?;
        let grid = grid(tags, outline)?;
        let codec = codec(tags, outline, &grid, &pixels)?;
        let mut page = Self {
            directory: outline.directory.at,
            file_end: tags.size(),
            width: outline.width,
            height: outline.height,
            predictor: predictor(tags, outline, &codec)?,
            pixels,
            order: tags.order,
            codec,
            is_planar: outline.is_planar,
            grid,
            chunks: Vec::new(),
        };
        page.chunks = page.find_chunks(tags, outline)?;
        page.check_chunks(tags)?;
        page.cut_anew();
        page.check_size(tags)?;
        Ok(page)
    }

    /// Samples of a pixel that lie side by side in a chunk.
    pub fn interleaved(&self) -> usize {
        if self.is_planar { 1 } else { self.pixels.stored }
    }

    /// Whether its channels lie in the same chunks.
    pub fn shares_chunks(&self) -> bool {
        !self.is_planar && self.pixels.channels() > 1
    }

    /// Bytes that a chunk, or the chunks of a field that are taken together, are decoded to beside the field's samples.
    pub fn decoding_bytes(&self) -> u64 {
        // A chunk before its samples are placed, and another where its compression needs all of it.
        let chunk = self.chunk_bytes(0);
        if self.shares_chunks() { chunk + 2 * chunk.max(STRIP_BYTES) } else { 2 * chunk }
    }

    /// Bytes of one row of a chunk, once it is decompressed.
    pub fn row_bytes(&self) -> usize {
        self.grid.width as usize * self.interleaved() * self.pixels.number.bytes()
    }

    /// Bytes of a chunk in row `y` of chunks, once it is decompressed.
    pub fn chunk_bytes(&self, y: u32) -> u64 {
        self.row_bytes() as u64 * u64::from(self.grid.rows_stored(y, self.height))
    }

    /// Bytes of its pixels in a file that does not compress them.
    pub fn raw_bytes(&self) -> u64 {
        u64::from(self.width)
            * u64::from(self.height)
            * self.pixels.stored as u64
            * self.pixels.number.bytes() as u64
    }

    /// Whether its pixels lie in the file row by row, without gaps and as they are, from the first chunk on.
    pub fn is_one_piece(&self) -> bool {
        self.follow_each_other(&self.chunks)
    }

    fn follow_each_other(&self, chunks: &[Chunk]) -> bool {
        let mut at = chunks[0].offset;
        let follows = |(i, chunk): (usize, &Chunk)| {
            let bytes = self.chunk_bytes((i as u64 % self.grid.chunks()) as u32);
            let is_next = chunk.offset == at && chunk.length >= bytes;
            at += bytes;
            is_next
        };
        matches!(self.codec, Codec::None) && !self.grid.is_tiled && chunks.iter().enumerate().all(follows)
    }

    /// The page that lies `bytes` behind this one in its file, and is cut like it.
    pub fn behind(&self, bytes: u64) -> Self {
        let mut page = self.clone();
        page.chunks.iter_mut().for_each(|chunk| chunk.offset += bytes);
        page
    }

    /// This page where its file begins at byte `start` of several that are joined.
    pub fn in_file_at(&self, start: u64) -> Self {
        Self { file_end: self.file_end + start, ..self.behind(start) }
    }

    fn find_chunks(&self, tags: &mut Tags<'_>, outline: &Outline) -> Result<Vec<Chunk>> {
        let (offsets, lengths) = match self.grid.is_tiled {
            true => (Tag::TileOffsets, Tag::TileByteCounts),
            false => (Tag::StripOffsets, Tag::StripByteCounts),
        };
        let path = tags.path();
        let broken = |what: String| Error::format(path, what, self.directory);
        let planes = if self.is_planar { self.pixels.stored as u64 } else { 1 };
        let needed = self.grid.chunks().saturating_mul(planes);
        let mut numbers = |tag| Ok::<_, Error>(tags.numbers(&outline.directory, tag)?.unwrap_or_default());
        let (offsets, mut lengths) = (numbers(offsets)?, numbers(lengths)?);
        if (offsets.len() as u64) < needed {
            return Err(broken(format!(
                "a page of {needed} chunks that says of {} where they are",
                offsets.len()
            )));
        }
        // Old writers leave the lengths out, or leave them 0.
        if lengths.iter().all(|&length| length == 0) && offsets.iter().any(|&offset| offset != 0) {
            lengths = self.lengths_not_told(&offsets, tags.size());
        }
        if (lengths.len() as u64) < needed {
            return Err(broken(format!(
                "a page of {needed} chunks that has {} lengths of them",
                lengths.len()
            )));
        }
        let chunks = offsets.into_iter().zip(lengths).take(needed as usize);
        Ok(chunks
            .map(|(offset, length)| match offset {
                0 => Chunk { offset: 0, length: 0 },
                _ => Chunk { offset, length },
            })
            .collect())
    }

    /// For pixels that are not compressed, what they take; for others the rest of the file, where there is one chunk.
    fn lengths_not_told(&self, offsets: &[u64], size: u64) -> Vec<u64> {
        let rows = self.grid.chunks().max(1);
        match (&self.codec, offsets) {
            (Codec::None, _) => {
                let y = |i: usize| (i as u64 % rows / u64::from(self.grid.across)) as u32;
                (0..offsets.len()).map(|i| self.chunk_bytes(y(i))).collect()
            }
            (_, [only]) => vec![size.saturating_sub(*only)],
            _ => Vec::new(),
        }
    }

    /// Those that lie within the file can hold what they should.
    fn check_chunks(&self, tags: &Tags<'_>) -> Result<()> {
        let (mut stored, mut pixels) = (0_u64, 0_u64);
        for (i, chunk) in self.chunks.iter().enumerate() {
            let Chunk { offset, length } = *chunk;
            let end = offset.checked_add(length).filter(|&end| end <= LAST_BYTE);
            let Some(end) = end else {
                let what = format!("{length} bytes of pixels from here on pass the end of any file");
                return Err(Error::format(tags.path(), what, offset));
            };
            if length > 0 && end <= self.file_end {
                let y = i as u64 % self.grid.chunks() / u64::from(self.grid.across);
                stored += length;
                pixels = pixels.saturating_add(self.chunk_bytes(y as u32));
            }
        }
        if pixels > stored.saturating_mul(self.codec.most_per_byte()) {
            let what = format!(
                "a page of {} × {} pixels cannot be stored in {stored} bytes",
                self.width, self.height
            );
            return Err(Error::format(tags.path(), what, self.directory));
        }
        Ok(())
    }

    /// A chunk is decoded as a whole.
    fn check_size(&self, tags: &Tags<'_>) -> Result<()> {
        let samples = self.chunk_bytes(0) / self.pixels.number.bytes() as u64;
        if samples > LARGEST_CHUNK {
            let Grid { width, height, .. } = self.grid;
            let what = format!(
                "a TIFF whose pages are stored in pieces of {width} × {height} pixels; \
                 `vips tiffsave --tile` and `bfconvert -tilex 512 -tiley 512` cut them smaller"
            );
            return Err(Error::unsupported(tags.path(), what));
        }
        Ok(())
    }

    /// Strips that are not compressed and follow each other are cut at other rows, so that none is large.
    fn cut_anew(&mut self) {
        let rows = (STRIP_BYTES / self.row_bytes().max(1) as u64).clamp(1, u64::from(self.height)) as u32;
        let strips = self.grid.chunks() as usize;
        if !self.chunks.chunks(strips).all(|strips| self.follow_each_other(strips)) {
            return;
        }
        let (height, row_bytes) = (self.height, self.row_bytes() as u64);
        let cut = |start: u64| {
            (0..height).step_by(rows as usize).map(move |first| Chunk {
                offset: start + u64::from(first) * row_bytes,
                length: u64::from(rows.min(height - first)) * row_bytes,
            })
        };
        self.chunks = self.chunks.chunks(strips).flat_map(|strips| cut(strips[0].offset)).collect();
        self.grid = Grid { height: rows, down: height.div_ceil(rows), ..self.grid };
    }
}

fn grid(tags: &mut Tags<'_>, outline: &Outline) -> Result<Grid> {
    let Outline { directory, width, height, .. } = outline;
    if !directory.has(Tag::TileWidth) {
        let rows = tags.number(directory, Tag::RowsPerStrip)?.unwrap_or(u64::MAX);
        let rows = rows.clamp(1, u64::from(*height)) as u32;
        return Ok(Grid {
            width: *width,
            height: rows,
            across: 1,
            down: height.div_ceil(rows),
            is_tiled: false,
        });
    }
    let path = tags.path();
    let mut side = |tag| Ok::<_, Error>(tags.number(directory, tag)?.unwrap_or(0));
    let (across, down) = (side(Tag::TileWidth)?, side(Tag::TileLength)?);
    if [across, down].iter().any(|side| !(1..=LONGEST_TILE_SIDE).contains(side)) {
        return Err(Error::format(
            path,
            format!("a page in tiles of {across} × {down} pixels"),
            directory.at,
        ));
    }
    let (across, down) = (across as u32, down as u32);
    Ok(Grid {
        width: across,
        height: down,
        across: width.div_ceil(across),
        down: height.div_ceil(down),
        is_tiled: true,
    })
}

fn codec(tags: &mut Tags<'_>, outline: &Outline, grid: &Grid, pixels: &Pixels) -> Result<Codec> {
    let code = outline.compression;
    let name = codec::name(code);
    Ok(match name {
        "nothing" => Codec::None,
        "LZW" => Codec::Lzw,
        "deflate" => Codec::Deflate,
        "zstd" => Codec::Zstd,
        "PackBits" => Codec::PackBits,
        "JPEG" if !matches!((pixels.number.bytes(), pixels.stored), (1, 1 | 3)) => {
            let what = format!("JPEG of {} samples a pixel, {}", pixels.stored, pixels.number.name());
            return Err(Error::unsupported(tags.path(), what));
        }
        "JPEG" => {
            let tables = tags.bytes(&outline.directory, Tag::JPEGTables)?.unwrap_or_default();
            Codec::Jpeg(Arc::new(JpegFormat {
                width: grid.width as usize,
                height: grid.height as usize,
                samples: if outline.is_planar { 1 } else { pixels.stored },
                is_ycbcr: outline.is_ycbcr(),
                tables,
            }))
        }
        _ => {
            let what = format!(
                "a TIFF compressed by {name} (code {code}); `bfconvert -compression zlib` and \
                 `vips tiffsave --compression deflate` write one that is read"
            );
            return Err(Error::unsupported(tags.path(), what));
        }
    })
}

fn predictor(tags: &mut Tags<'_>, outline: &Outline, codec: &Codec) -> Result<Predictor> {
    let path = tags.path();
    let unsupported = |what: String| Err(Error::unsupported(path, what));
    let number = match tags.number(&outline.directory, Tag::Predictor)? {
        // JPEG has none, whatever is said.
        _ if matches!(codec, Codec::Jpeg(_)) => 1,
        number => number.unwrap_or(1),
    };
    match number {
        1 => Ok(Predictor::None),
        _ if !codec.has_predictor() => {
            unsupported("a TIFF with a predictor, but without a compression that has one".into())
        }
        2 => Ok(Predictor::Horizontal),
        3 => Ok(Predictor::Float),
        other => unsupported(format!("a TIFF with predictor {other}")),
    }
}
