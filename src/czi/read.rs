//! Reads the stored bytes of subblocks and finds the pixels in them. How pixels are compressed is not known here.

use std::ops::Range;
use std::path::Path;

use super::directory::{DIMENSION_BYTES, ENTRY_BYTES, EntryFault, dimension_count};
use super::segment::{Record, SEGMENT_HEADER, fetch};
use crate::dataset::Subblock;
use crate::error::{Error, Result};
use crate::source::ReadAt;

/// Sizes of metadata, attachment and pixels, before the copy of the directory's entry.
const SIZES: usize = 16;
/// The sizes and the entry take at least as much.
const LEAST_PREAMBLE: usize = 256;
/// Pixels that are compressed take hardly more than raw ones. What a segment claims beyond this is not believed.
const MOST_EXPANSION: u64 = 16;

/// The stored bytes of `subblock`, from its segment's header to the end of its pixels: one request, and a second one
/// where something else than pixels makes the segment long.
///
/// # Errors
/// `Format` when there is no such segment or the file ends too early; `Io`.
pub(super) fn read(source: &dyn ReadAt, subblock: &Subblock) -> Result<Vec<u8>> {
    let mut bytes = fetch(source, subblock.offset, subblock.extent, &subblock.to_string())?;
    let pixels = pixel_range(source.path(), subblock, &bytes)?;
    let missing = pixels.end.saturating_sub(bytes.len() as u64);
    if missing > 0 {
        let offset = subblock.offset + bytes.len() as u64;
        bytes.extend(fetch(source, offset, missing, &format!("the rest of {subblock}"))?);
    }
    Ok(bytes)
}

/// Where in the segment's bytes the pixels are; they may end behind the last of `bytes`.
///
/// # Errors
/// `Format` when it is not the segment of a subblock, or is longer than its pixels can make it.
pub(super) fn pixel_range(path: &Path, subblock: &Subblock, bytes: &[u8]) -> Result<Range<u64>> {
    let broken = |what: &str, at: usize| {
        Error::format(path, format!("{subblock}: {what}"), subblock.offset + at as u64)
    };
    const DATA: usize = SEGMENT_HEADER as usize;
    if bytes.len() < DATA + LEAST_PREAMBLE {
        return Err(broken("its segment is cut off", 0));
    }
    let record = Record(bytes);
    if !record.has_id("ZISRAWSUBBLOCK") {
        let found = record.slice(0, 16).escape_ascii();
        return Err(broken(&format!("here should be ZISRAWSUBBLOCK, but is \"{found}\""), 0));
    }
    let dimensions = dimension_count(&bytes[DATA + SIZES..]).map_err(|fault| match fault {
        EntryFault::Broken(what) => broken(&format!("its entry {what}"), DATA + SIZES),
        EntryFault::Unsupported(what) => Error::unsupported(path, format!("{subblock}: its entry {what}")),
    })?;
    let preamble = LEAST_PREAMBLE.max(SIZES + ENTRY_BYTES + dimensions * DIMENSION_BYTES);
    let metadata =
        u64::try_from(record.i32(DATA)).map_err(|_| broken("the size of its metadata is negative", DATA))?;
    let most = subblock.decoded_bytes().saturating_mul(MOST_EXPANSION).saturating_add(1 << 20);
    let length =
        u64::try_from(record.i64(DATA + 8)).ok().filter(|&length| length <= most).ok_or_else(|| {
            let what = format!(
                "it says that {} bytes hold its {} × {} pixels",
                record.i64(DATA + 8),
                subblock.stored_width,
                subblock.stored_height
            );
            broken(&what, DATA + 8)
        })?;
    let start = (DATA + preamble) as u64 + metadata;
    Ok(start..start + length)
}
