//! Files that ZEN split over several: a part with its own directory and pixels is read as it is; what lies in another part is
//! not.

use super::directory::{DIMENSION_BYTES, ENTRY_BYTES, Entry, MAX_DIMENSIONS, parse_copy};
use super::segment::{Record, SEGMENT_HEADER, fetch};
use crate::dataset::Fault;
use crate::error::{Error, Result};
use crate::source::ReadAt;

/// Entries that are looked at, evenly over the directory: each is a request.
const LOOKED_AT: usize = 64;
/// Sizes of metadata, attachment and pixels, before the copy of the directory's entry.
const SIZES: u64 = 16;

/// Finds out whether the entries of the part `own` of a split file, which mostly all call themselves part 0, lie in this
/// file: at their places must be subblocks with the same entry. Where they do not, they get a fault.
///
/// # Errors
/// `Io`.
pub(super) fn find_elsewhere(source: &dyn ReadAt, entries: &mut [Entry], own: i32) -> Result<()> {
    let every = entries.len().div_ceil(LOOKED_AT).max(1);
    for i in (0..entries.len()).step_by(every) {
        if entries[i].part != 0 && entries[i].part != own || is_here(source, &entries[i])? {
            continue;
        }
        let what = format!(
            "{} and others lie in another file of a CZI that was split (this is part {own}): open that one, or merge them in ZEN",
            entries[i]
        );
        entries.iter_mut().for_each(|entry| entry.fault = Some(Fault::Unsupported(what.clone())));
        break;
    }
    Ok(())
}

/// Whether the subblock that `entry` tells of is at its place.
fn is_here(source: &dyn ReadAt, entry: &Entry) -> Result<bool> {
    let start = SEGMENT_HEADER + SIZES;
    let most = start + (ENTRY_BYTES + MAX_DIMENSIONS * DIMENSION_BYTES) as u64;
    let length = most.min(source.size().saturating_sub(entry.position));
    if length < start {
        return Ok(false);
    }
    let head = match fetch(source, entry.position, length, "a subblock") {
        Ok(head) => head,
        Err(Error::Format { .. }) => return Ok(false),
        Err(other) => return Err(other),
    };
    if !Record(&head).has_id("ZISRAWSUBBLOCK") {
        return Ok(false);
    }
    let copy = parse_copy(source, &head[start as usize..]);
    let place = |entry: &Entry| (entry.x, entry.y, entry.m, entry.indices.clone(), entry.pixel_type);
    Ok(copy.is_ok_and(|copy| place(&copy) == place(entry)))
}
