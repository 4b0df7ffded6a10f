//! The pages of a TIFF file: where their pixels are, and how they are decoded.

use tiff::decoder::{BufferLayoutPreference, ChunkType, Decoder, DecodingSampleType, Limits};
use tiff::tags::{CompressionMethod, Tag};
use tiff::{ColorType, TiffError};

use super::cursor::{PageCursor, Piece};
use crate::error::{Error, Result};
use crate::pixels::{PixelType, Samples};
use crate::source::ReadAt;

/// Chunks that lie closer than this are read in one go.
const GAP: u64 = 4096;
/// Sides of the chunks of a tiled page; more is a broken file.
const MOST_TILE_SIDE: u32 = 1 << 16;
/// Bits of NewSubfileType: a smaller copy of another page, a transparency mask.
const NOT_AN_IMAGE: u32 = 0b101;

/// One page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Byte of its directory.
    pub directory: u64,
    /// Of its directory, from 0; those of smaller copies count.
    pub number: usize,
    pub width: u32,
    pub height: u32,
    pub color: ColorType,
    pub sample: DecodingSampleType,
    pub is_compressed: bool,
    /// Bytes of its pixels once decoded.
    pub decoded_bytes: u64,
    /// Where its pixels are, by position.
    pub pieces: Vec<Piece>,
}

/// Reads all directories: the pages that are images of their own.
///
/// # Errors
/// `Io`; `Format` when a directory is broken or points outside the file; `Unsupported` for pages that cannot be read.
pub(super) fn scan(source: &dyn ReadAt) -> Result<Vec<Page>> {
    let failed = |error| from_tiff(source, error);
    let mut decoder = Decoder::new(PageCursor::new(source)).map_err(failed)?;
    let mut pages = Vec::new();
    for number in 0.. {
        let kind: u32 = decoder.find_tag_unsigned(Tag::NewSubfileType).map_err(failed)?.unwrap_or(0);
        if kind & NOT_AN_IMAGE == 0 {
            pages.push(Page { number, ..Page::of_current(&mut decoder, source)? });
        }
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(failed)?;
    }
    match pages.is_empty() {
        true => Err(Error::format(source.path(), "no page that is an image of its own", None)),
        false => Ok(pages),
    }
}

impl Page {
    fn of_current(decoder: &mut Decoder<PageCursor<'_>>, source: &dyn ReadAt) -> Result<Self> {
        let failed = |error| from_tiff(source, error);
        let directory = decoder.ifd_pointer().map_or(0, |pointer| pointer.0);
        let (width, height) = decoder.dimensions().map_err(failed)?;
        let color = decoder.colortype().map_err(failed)?;
        let layout = decoder.image_buffer_layout().map_err(failed)?;
        let sample = layout
            .sample_type
            .ok_or_else(|| Error::unsupported(source.path(), "a TIFF with samples of an unknown kind"))?;
        if decoder.get_chunk_type() == ChunkType::Tile {
            let (across, down) = decoder.chunk_dimensions();
            if across.max(down) > MOST_TILE_SIDE {
                let what = format!("a page in tiles of {across} × {down} pixels");
                return Err(Error::format(source.path(), what, directory));
            }
        }
        let pieces = pieces(decoder, source)?;
        let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression).map_err(failed)?.unwrap_or(1);
        let stored: u64 = pieces.iter().map(|piece| piece.length).sum();
        let method = CompressionMethod::from_u16_exhaustive(compression);
        let decoded_bytes = layout.complete_len as u64;
        if decoded_bytes > stored.saturating_mul(most_per_byte(method, source)?) {
            let what = format!("a page of {width} × {height} pixels cannot be stored in {stored} bytes");
            return Err(Error::format(source.path(), what, directory));
        }
        let is_compressed = method != CompressionMethod::None;
        Ok(Self { directory, number: 0, width, height, color, sample, is_compressed, decoded_bytes, pieces })
    }

    /// Bytes of its pixels as stored.
    pub fn stored_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.length).sum()
    }

    /// What a subblock calls its pixels; `None` where there is no such type.
    pub fn pixel_type(&self) -> Option<PixelType> {
        match (self.color, self.sample) {
            (ColorType::Gray(8), DecodingSampleType::U8) => Some(PixelType::Gray8),
            (ColorType::Gray(16), DecodingSampleType::U16) => Some(PixelType::Gray16),
            (ColorType::Gray(32), DecodingSampleType::F32) => Some(PixelType::Gray32Float),
            (ColorType::RGB(8), DecodingSampleType::U8) => Some(PixelType::Bgr24),
            (ColorType::RGB(16), DecodingSampleType::U16) => Some(PixelType::Bgr48),
            _ => None,
        }
    }

    /// The type of its values, as OME-XML calls it.
    pub fn ome_type(&self) -> &'static str {
        match self.sample {
            DecodingSampleType::U8 => "uint8",
            DecodingSampleType::U16 => "uint16",
            DecodingSampleType::U32 => "uint32",
            DecodingSampleType::I8 => "int8",
            DecodingSampleType::I16 => "int16",
            DecodingSampleType::I32 => "int32",
            DecodingSampleType::F32 => "float",
            DecodingSampleType::F64 => "double",
            DecodingSampleType::U64 => "uint64",
            DecodingSampleType::I64 => "int64",
            DecodingSampleType::F16 => "half",
        }
    }

    /// The bytes of its pixels, piece after piece.
    pub fn read(&self, source: &dyn ReadAt) -> Result<Vec<u8>> {
        let mut raw = vec![0; self.stored_bytes() as usize];
        let mut rest = raw.as_mut_slice();
        for piece in &self.pieces {
            let (now, later) = rest.split_at_mut(piece.length as usize);
            source.read_exact_at(piece.file, now)?;
            rest = later;
        }
        Ok(raw)
    }

    /// A decoder that stands at this page and takes its pixels from `raw`.
    pub fn decoder<'a>(
        &'a self,
        source: &'a dyn ReadAt,
        raw: &'a [u8],
    ) -> Result<(Decoder<PageCursor<'a>>, BufferLayoutPreference)> {
        let failed = |error| from_tiff(source, error);
        let header = header_that_starts_at(self.directory, source)?;
        let cursor = PageCursor::of_page(source, header, &self.pieces, raw);
        let mut decoder = Decoder::new(cursor).map_err(failed)?;
        let layout = decoder.image_buffer_layout().map_err(failed)?;
        // Both were compared with the size of the file when it was opened.
        let mut limits = Limits::default();
        limits.decoding_buffer_size = layout.complete_len;
        limits.intermediate_buffer_size = usize::MAX;
        Ok((decoder.with_limits(limits), layout))
    }

    /// The pixels as samples of `pixel_type`, colours in the order blue, green, red.
    pub fn decode(&self, source: &dyn ReadAt, raw: &[u8], pixel_type: PixelType) -> Result<Samples> {
        let (mut decoder, layout) = self.decoder(source, raw)?;
        let per_pixel = pixel_type.samples() as usize;
        let count = self.width as usize * self.height as usize * per_pixel;
        let mut samples = Samples::zeros(pixel_type.sample_type(), count);
        if layout.complete_len != samples.as_bytes().len() {
            return Err(Error::format(source.path(), "a page changed since it was opened", self.directory));
        }
        decoder.read_image_bytes(samples.as_bytes_mut()).map_err(|error| from_tiff(source, error))?;
        Ok(match (per_pixel, layout.planes) {
            (1, _) => samples,
            (_, 1) => reversed_pixels(samples),
            _ => from_planes(&samples),
        })
    }
}

/// Red, green, blue to blue, green, red.
fn reversed_pixels(mut samples: Samples) -> Samples {
    match &mut samples {
        Samples::U8(v) => v.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
        Samples::U16(v) => v.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
        Samples::F32(v) => v.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
    }
    samples
}

/// A plane of red, one of green, one of blue to pixels of blue, green, red.
fn from_planes(samples: &Samples) -> Samples {
    fn mix<T: Copy>(planes: &[T]) -> Vec<T> {
        let length = planes.len() / 3;
        (0..length).flat_map(|i| [planes[2 * length + i], planes[length + i], planes[i]]).collect()
    }
    match samples {
        Samples::U8(v) => Samples::U8(mix(v)),
        Samples::U16(v) => Samples::U16(mix(v)),
        Samples::F32(v) => Samples::F32(mix(v)),
    }
}

/// The first bytes of the file, changed to name `directory` as its first: the crate can go to a directory only by
/// its number, which means a walk through all before it.
fn header_that_starts_at(directory: u64, source: &dyn ReadAt) -> Result<Vec<u8>> {
    let mut header = vec![0; 16.min(source.size() as usize)];
    source.read_exact_at(0, &mut header)?;
    let is_little = header.starts_with(b"II");
    let is_big_tiff = matches!(header[..4], [b'I', _, 43, _] | [b'M', _, _, 43]);
    let bytes = if is_little { directory.to_le_bytes() } else { directory.to_be_bytes() };
    match (is_big_tiff, is_little) {
        (true, _) => header[8..16].copy_from_slice(&bytes),
        (false, true) => header[4..8].copy_from_slice(&bytes[..4]),
        (false, false) => header[4..8].copy_from_slice(&bytes[4..]),
    }
    header.truncate(if is_big_tiff { 16 } else { 8 });
    Ok(header)
}

/// The chunks of the current page, by position, those close to each other as one.
fn pieces(decoder: &mut Decoder<PageCursor<'_>>, source: &dyn ReadAt) -> Result<Vec<Piece>> {
    let (offsets, lengths) = match decoder.get_chunk_type() {
        ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
        ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
    };
    let mut values = |tag| {
        let values = decoder.find_tag_unsigned_vec::<u64>(tag);
        values.map(Option::unwrap_or_default).map_err(|error| from_tiff(source, error))
    };
    let mut chunks: Vec<(u64, u64)> = values(offsets)?.into_iter().zip(values(lengths)?).collect();
    chunks.sort_unstable();
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, length) in chunks {
        let end = at.checked_add(length).filter(|&end| end <= source.size()).ok_or_else(|| {
            let what = format!("{length} bytes of pixels from here on pass the end of the file");
            Error::format(source.path(), what, at)
        })?;
        match pieces.last_mut() {
            Some(last) if at <= last.at + last.length + GAP => last.length = last.length.max(end - last.at),
            _ => pieces.push(Piece { at, file: at, length }),
        }
    }
    Ok(pieces)
}

/// How many bytes of pixels one stored byte can stand for at most; larger pages are broken, and would take memory
/// that nothing in the file justifies.
fn most_per_byte(method: CompressionMethod, source: &dyn ReadAt) -> Result<u64> {
    match method {
        CompressionMethod::None => Ok(1),
        CompressionMethod::PackBits => Ok(64),
        CompressionMethod::Deflate | CompressionMethod::OldDeflate => Ok(1032),
        // A code of at least 9 bits stands for at most 4094 bytes.
        CompressionMethod::LZW => Ok(4096),
        // A block of at least 4 bytes stands for at most 128 KiB.
        CompressionMethod::ZSTD => Ok(128 * 1024 / 4),
        other => Err(Error::unsupported(source.path(), format!("a TIFF compressed by {other:?}"))),
    }
}

/// Whose fault an error of the crate is.
pub(super) fn from_tiff(source: &dyn ReadAt, error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::format(source.path(), "the TIFF ends early", None)
        }
        // The cursor wraps this crate's own errors.
        TiffError::IoError(error) => match error.downcast::<Error>() {
            Ok(error) => error,
            // Decompressors report broken data as errors of input.
            Err(error) => Error::format(source.path(), error.to_string(), None),
        },
        TiffError::FormatError(error) => Error::format(source.path(), error.to_string(), None),
        TiffError::UnsupportedError(error) => Error::unsupported(source.path(), error.to_string()),
        other => Error::unsupported(source.path(), other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_of_separate_colours_become_pixels() {
        let planes = Samples::U8(vec![1, 2, 10, 20, 100, 200]);
        assert_eq!(from_planes(&planes), Samples::U8(vec![100, 10, 1, 200, 20, 2]));
    }
}
