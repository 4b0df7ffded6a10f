//! Reads the stored bytes of subblocks and finds the pixels in them. How pixels are compressed is not known here.

use std::ops::Range;
use std::path::Path;

use super::directory::{DIMENSION_BYTES, ENTRY_BYTES, EntryFault, dimension_count};
use super::segment::{Record, SEGMENT_HEADER, append};
use crate::dataset::{Fetched, RawSubblock, Scene, Subblock};
use crate::error::{Error, Result};
use crate::source::{Merging, ReadAt, SharedBytes, merge};

/// Sizes of metadata, attachment and pixels, before the copy of the directory's entry.
const SIZES: usize = 16;
/// The sizes and the entry take at least as much.
const LEAST_PREAMBLE: usize = 256;
/// Pixels that are compressed take hardly more than raw ones. What a segment claims beyond this is not believed.
const MOST_EXPANSION: u64 = 16;

/// The stored bytes of `fields` of `scene`, each from its segment's header to the end of its pixels, in as few
/// requests as `merging` allows; one more for a field that something else than pixels makes long.
///
/// # Errors
/// `Io`; `Format` when the file has become shorter since it was opened.
pub(super) fn fetch_fields(
    source: &dyn ReadAt,
    scene: &Scene,
    fields: &[usize],
    merging: Merging,
) -> Result<Fetched> {
    let (in_file_order, ranges) = in_file_order(scene, fields);
    let mut fetched = Fetched { subblocks: Vec::with_capacity(fields.len()), ..Fetched::default() };
    for request in merge(&ranges, merging) {
        let first = request.bytes.start;
        fetched.requests += 1;
        fetched.bytes += request.length();
        let bytes = SharedBytes::fetch(source, request.bytes)?;
        for i in request.serves {
            let (field, range) = (in_file_order[i], &ranges[i]);
            let bytes = bytes.part((range.start - first) as usize..(range.end - first) as usize);
            fetched.subblocks.push(RawSubblock { field, bytes });
        }
    }
    for raw in &mut fetched.subblocks {
        let Some(pixels) = missing(source, &scene.fields[raw.field], &raw.bytes) else { continue };
        fetched.requests += 1;
        fetched.bytes += pixels.end - pixels.start.max(raw.bytes.len() as u64);
        raw.bytes = without_metadata(source, &scene.fields[raw.field], &raw.bytes, pixels)?;
    }
    Ok(fetched)
}

/// `fields` of `scene` from the front of the file to its back, and the bytes of each.
pub(super) fn in_file_order(scene: &Scene, fields: &[usize]) -> (Vec<usize>, Vec<Range<u64>>) {
    let mut sorted = fields.to_vec();
    sorted.sort_by_key(|&field| scene.fields[field].offset);
    let ranges = sorted.iter().map(|&field| scene.fields[field].range()).collect();
    (sorted, ranges)
}

/// Where in the segment the pixels are, if they are not all among its first `bytes`; `None` where that cannot be told or
/// there is no more: then decoding says what is wrong.
fn missing(source: &dyn ReadAt, subblock: &Subblock, bytes: &[u8]) -> Option<Range<u64>> {
    let pixels = pixel_range(source.path(), subblock, bytes).ok()?;
    let is_cut_off = pixels.end > bytes.len() as u64 && subblock.offset + pixels.end <= source.size();
    is_cut_off.then_some(pixels)
}

/// The segment with its `pixels`, the first `bytes` of which are known, as if it had no metadata: something other than
/// pixels makes it long, and may be of any length.
fn without_metadata(
    source: &dyn ReadAt,
    subblock: &Subblock,
    bytes: &[u8],
    pixels: Range<u64>,
) -> Result<SharedBytes> {
    const SIZE_OF_METADATA: Range<usize> = SEGMENT_HEADER as usize..SEGMENT_HEADER as usize + 4;
    let metadata = Record(bytes).i32(SIZE_OF_METADATA.start) as u64;
    let preamble = (pixels.start - metadata) as usize;
    let mut whole = bytes[..preamble.min(bytes.len())].to_vec();
    append(source, subblock.offset, preamble as u64, &mut whole)?;
    whole[SIZE_OF_METADATA].fill(0);
    whole.extend(bytes.get(pixels.start as usize..).unwrap_or_default());
    let length = preamble as u64 + (pixels.end - pixels.start);
    append(source, subblock.offset + metadata, length, &mut whole)?;
    Ok(whole.into())
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
