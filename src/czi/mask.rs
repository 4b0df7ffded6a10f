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
    let head;
    let bytes = if bytes.is_empty() {
        head = fetch(source, subblock.offset, subblock.extent.min(HEAD_BYTES), &subblock.to_string())?;
        &head
    } else {
        bytes
    };
    // That it is long enough for its sizes is checked with the rest of its headers.
    let at = pixel_range(source.path(), subblock, bytes)?.end;
    let length = Record(bytes).i32(SEGMENT_HEADER as usize + 4);
    let Some(length) = usize::try_from(length).ok().filter(|&length| length >= CHUNK_HEADER) else {
        return Ok(None);
    };
    let broken = |what: String| {
        Error::format(source.path(), format!("the mask of {subblock} {what}"), subblock.offset + at)
    };
    // What is not a list of chunks may be of any size: look at its first bytes only.
    let most = (u64::from(subblock.stored_width) / 8 + 64) * u64::from(subblock.stored_height) + (1 << 16);
    let length = length.min(usize::try_from(most).unwrap_or(usize::MAX));
    let fetched;
    let known = usize::try_from(at).ok().and_then(|at| bytes.get(at..at.checked_add(length)?));
    let attachment = match known {
        Some(attachment) => attachment,
        None => {
            fetched =
                fetch(source, subblock.offset + at, length as u64, &format!("the attachment of {subblock}"))?;
            &fetched
        }
    };
    let Some(chunk) = mask_chunk(attachment) else { return Ok(None) };
    let mask = Mask::parse(chunk).ok_or_else(|| broken("is cut off".into()))?;
    if (mask.width, mask.height) != (subblock.stored_width, subblock.stored_height) {
        let Subblock { stored_width, stored_height, .. } = subblock;
        let (width, height) = (mask.width, mask.height);
        return Err(broken(format!("has {width} × {height} pixels for {stored_width} × {stored_height}")));
    }
    Ok(Some(mask.area().rects()))
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

    fn area(&self) -> Area {
        let mut area = Area::default();
        for row in 0..self.height as usize {
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
        area
    }
}
