//! The subblocks of a file whose directory is lost, as of an acquisition that was cut off: each segment says where the next
//! one begins, and each subblock has a copy of its entry.

use super::directory::{DIMENSION_BYTES, ENTRY_BYTES, Entry, MAX_DIMENSIONS, parse_copy};
use super::segment::{Record, SEGMENT_HEADER, fetch};
use crate::error::Result;
use crate::source::ReadAt;

/// Between a subblock's segment header and the copy of its entry.
const SIZES: u64 = 16;
/// The first bytes of a segment, as far as an entry can reach.
const HEAD: u64 = SEGMENT_HEADER + SIZES + (ENTRY_BYTES + MAX_DIMENSIONS * DIMENSION_BYTES) as u64;
/// Segments that are looked at.
const MOST_SEGMENTS: usize = 1 << 21;

/// What was found from the file's beginning to its end, or to what is no segment.
#[derive(Default)]
pub(super) struct Found {
    pub entries: Vec<Entry>,
    /// Where the metadata is.
    pub metadata: Option<u64>,
}

/// Walks through `source`.
///
/// # Errors
/// `Io`.
pub(super) fn walk(source: &dyn ReadAt) -> Result<Found> {
    let (mut found, mut at) = (Found::default(), 0);
    for _ in 0..MOST_SEGMENTS {
        let length = HEAD.min(source.size().saturating_sub(at));
        if length < SEGMENT_HEADER {
            break;
        }
        let head = fetch(source, at, length, "a segment")?;
        let record = Record(&head);
        if record.has_id("ZISRAWMETADATA") {
            found.metadata.get_or_insert(at);
        } else if record.has_id("ZISRAWSUBBLOCK") {
            let copy = head.get((SEGMENT_HEADER + SIZES) as usize..).unwrap_or_default();
            if let Ok(entry) = parse_copy(source, copy) {
                let number = found.entries.len();
                found.entries.push(Entry { number, id: number, position: at, ..entry });
            }
        } else if !head.starts_with(b"ZISRAW") && !record.has_id("DELETED") {
            // Segments begin at multiples of 32, but for some writers.
            let aligned = at.next_multiple_of(SEGMENT_HEADER);
            if aligned == at {
                break;
            }
            at = aligned;
            continue;
        }
        let allocated = u64::try_from(record.i64(16)).unwrap_or(0);
        let Some(next) = allocated.checked_add(SEGMENT_HEADER).and_then(|bytes| at.checked_add(bytes)) else {
            break;
        };
        at = next;
    }
    Ok(found)
}
