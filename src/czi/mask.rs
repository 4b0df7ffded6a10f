//! The valid-pixel mask of a subblock: its attachment, where it has one. Of a stored pyramid it tells apart what was
//! imaged and what is background.
//!
//! Sources: ZEISS, "CZI File Format", and libCZI's `CziSubBlock`/`subblock_attachment_accessor`: chunks of a GUID, a size
//! and data; the mask's are width, height, kind (0) and bytes a row, then rows of bits, the leftmost pixel in the highest.

use super::read::pixel_range;
use super::segment::{Record, SEGMENT_HEADER, fetch};
use crate::dataset::Subblock;
use crate::error::{Error, Result};
use crate::source::ReadAt;
use crate::space::{Area, Local, Rect};

/// CBE3EA67-5BFC-492B-A16A-ECE378031448, as stored.
const MASK_GUID: [u8; 16] =
    [0x67, 0xEA, 0xE3, 0xCB, 0xFC, 0x5B, 0x2B, 0x49, 0xA1, 0x6A, 0xEC, 0xE3, 0x78, 0x03, 0x14, 0x48];
/// The headers of a subblock and its entry end before this, 40 dimensions in it.
const HEAD_BYTES: u64 = 2048;
/// GUID and size before the data of a chunk.
const CHUNK_HEADER: usize = 20;
/// Rectangles that a mask is made of, at most, by its height and in any case: each is looked at for every tile under it.
const PARTS_A_ROW: usize = 16;
const LEAST_PARTS: usize = 1 << 12;
const ROWS_BETWEEN_COUNTS: usize = 256;
/// In an attachment, at most.
const MOST_CHUNKS: usize = 256;
/// Width, height, kind and bytes a row before the bits.
const MASK_HEADER: usize = 16;

/// The parts of `subblock` that its mask shows; `None` when it has no mask. `bytes` are those of its segment that were
/// read already.
///
/// # Errors
/// `Format` when the mask is not of the subblock's size, or cut off; `Io`.
pub(super) fn read(
    source: &dyn ReadAt,
    subblock: &Subblock,
    bytes: &[u8],
) -> Result<Option<Vec<Rect<Local>>>> {
    let read_head = || fetch(source, subblock.offset, subblock.extent.min(HEAD_BYTES), &subblock.to_string());
    let mut head = Vec::new();
    if bytes.is_empty() {
        head = read_head()?;
    }
    let known = if bytes.is_empty() { &head } else { bytes };
    // That it is long enough for its sizes is checked with the rest of its headers.
    let mut at = pixel_range(source.path(), subblock, known)?.end;
    let length = Record(known).i32(SEGMENT_HEADER as usize + 4);
    let Some(length) = usize::try_from(length).ok().filter(|&length| length >= CHUNK_HEADER) else {
        return Ok(None);
    };
    // What is not a list of chunks may be of any size: look at its first bytes only.
    let most = (u64::from(subblock.stored_width) / 8 + 64) * u64::from(subblock.stored_height) + (1 << 16);
    let length = length.min(usize::try_from(most).unwrap_or(usize::MAX));
    let fetched;
    let known = usize::try_from(at).ok().and_then(|at| bytes.get(at..at.checked_add(length)?));
    let chunk = match known {
        Some(attachment) => mask_chunk(attachment),
        None => {
            // What was read may lack the metadata, so where it says that its pixels end is not where they do.
            if head.is_empty() {
                head = read_head()?;
            }
            at = pixel_range(source.path(), subblock, &head)?.end;
            fetched = fetch_mask_chunk(source, subblock, subblock.offset + at, length as u64)?;
            fetched.as_deref()
        }
    };
    let broken = |what: String| {
        Error::format(source.path(), format!("the mask of {subblock} {what}"), subblock.offset + at)
    };
    let Some(chunk) = chunk else { return Ok(None) };
    let mask = Mask::parse(chunk).ok_or_else(|| broken("is cut off".into()))?;
    if (mask.width, mask.height) != (subblock.stored_width, subblock.stored_height) {
        let Subblock { stored_width, stored_height, .. } = subblock;
        let (width, height) = (mask.width, mask.height);
        return Err(broken(format!("has {width} × {height} pixels for {stored_width} × {stored_height}")));
    }
    let most = PARTS_A_ROW * mask.height as usize + LEAST_PARTS;
    let area = mask.area(most);
    let parts =
        area.ok_or_else(|| broken(format!("shows more than {most} parts; --masks ignore leaves it out")))?;
    Ok(Some(parts.rects()))
}

/// The data of the chunk with the mask, as much as there is of it.
fn mask_chunk(mut attachment: &[u8]) -> Option<&[u8]> {
    while let Some((header, data)) = attachment.split_at_checked(CHUNK_HEADER) {
        let size = u32::from_le_bytes(header[16..].try_into().ok()?) as usize;
        if header[..16] == MASK_GUID {
            return Some(&data[..size.min(data.len())]);
        }
        attachment = data.get(size..)?;
    }
    None
}

/// As [`mask_chunk`] of the `length` bytes from `start`, of which no more is read than that takes.
fn fetch_mask_chunk(
    source: &dyn ReadAt,
    subblock: &Subblock,
    start: u64,
    length: u64,
) -> Result<Option<Vec<u8>>> {
    let what = format!("the attachment of {subblock}");
    let (mut at, end) = (start, start + length);
    for _ in 0..MOST_CHUNKS {
        let data = at + CHUNK_HEADER as u64;
        if data > end {
            return Ok(None);
        }
        let header = fetch(source, at, CHUNK_HEADER as u64, &what)?;
        let size = Record(&header).i32(16) as u32;
        if header[..16] == MASK_GUID {
            return fetch(source, data, u64::from(size).min(end - data), &what).map(Some);
        }
        at = data + u64::from(size);
    }
    Err(Error::format(source.path(), format!("{what} has more than {MOST_CHUNKS} chunks"), start))
}

struct Mask<'a> {
    width: u32,
    height: u32,
    stride: usize,
    bits: &'a [u8],
}

impl<'a> Mask<'a> {
    fn parse(chunk: &'a [u8]) -> Option<Self> {
        let (header, bits) = chunk.split_at_checked(MASK_HEADER)?;
        let [width, height, kind, stride] = [0, 4, 8, 12]
            .map(|at| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
        let stride = stride as usize;
        let enough =
            stride >= width.div_ceil(8) as usize && bits.len() >= stride.checked_mul(height as usize)?;
        (kind == 0 && enough).then_some(Self { width, height, stride, bits })
    }

    /// `None` when it is made of more than `most` rectangles.
    fn area(&self, most: usize) -> Option<Area> {
        let mut area = Area::default();
        for row in 0..self.height as usize {
            if row.is_multiple_of(ROWS_BETWEEN_COUNTS) && area.parts() > most {
                return None;
            }
            let bits = &self.bits[row * self.stride..][..self.stride];
            let mut columns = Vec::new();
            let mut start = None;
            for x in 0..=self.width as usize {
                let shown = x < self.width as usize && bits[x / 8] & (0x80 >> (x % 8)) != 0;
                match (shown, start) {
                    (true, None) => start = Some(x as i64),
                    (false, Some(first)) => {
                        columns.push(first..x as i64);
                        start = None;
                    }
                    _ => {}
                }
            }
            area.push(row as i64..row as i64 + 1, columns);
        }
        (area.parts() <= most).then_some(area)
    }
}
