//! Fetches the stored bytes of fields.

use std::ops::Range;

use super::TiffStack;
use crate::dataset::{Fetched, Input, RawSubblock, Scene, Subblock};
use crate::error::Result;
use crate::pixels::Samples;
use crate::source::{SharedBytes, merge};

/// The stored bytes of `fields` of `scene`, in as few requests as the stack's merging allows.
///
/// # Errors
/// `Io`; `Format` when the file has become shorter since it was opened.
pub(super) fn fetch(stack: &TiffStack, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
    let mut in_file_order = fields.to_vec();
    in_file_order.sort_by_key(|&field| scene.fields[field].offset);
    // The range, and which field of these it is a part of.
    let mut parts: Vec<(Range<u64>, usize)> = Vec::new();
    for (i, &field) in in_file_order.iter().enumerate() {
        let (page, place) = stack.find(&scene.fields[field]);
        let stored = place.ranges(page).into_iter().filter(|range| !range.is_empty());
        parts.extend(stored.map(|range| (range, i)));
    }
    parts.sort_by_key(|(range, _)| (range.start, range.end));
    let ranges: Vec<_> = parts.iter().map(|(range, _)| range.clone()).collect();
    let mut fetched: Vec<Vec<(u64, SharedBytes)>> = vec![Vec::new(); in_file_order.len()];
    let (mut requests, mut bytes) = (0, 0);
    for request in merge(&ranges, stack.merging) {
        (requests, bytes) = (requests + 1, bytes + request.length());
        let first = request.bytes.start;
        let all = SharedBytes::fetch(&stack.source, request.bytes)?;
        for (range, i) in &parts[request.serves] {
            let part = all.part((range.start - first) as usize..(range.end - first) as usize);
            fetched[*i].push((range.start, part));
        }
    }
    let subblocks = in_file_order.iter().zip(fetched).map(|(&field, parts)| {
        let (page, place) = stack.find(&scene.fields[field]);
        RawSubblock { field, bytes: joined(parts, &place.ranges(page)) }
    });
    Ok(Fetched { subblocks: subblocks.collect(), requests, bytes, ..Fetched::default() })
}

/// The samples of `subblock` alone.
///
/// # Errors
/// As [`fetch`], and those of decoding.
pub(super) fn read_one(stack: &TiffStack, subblock: &Subblock) -> Result<Samples> {
    let (page, place) = stack.find(subblock);
    let mut bytes = Vec::new();
    for range in place.ranges(page).into_iter().filter(|range| !range.is_empty()) {
        bytes.extend_from_slice(&SharedBytes::fetch(&stack.source, range)?);
    }
    stack.decode(subblock, &RawSubblock { field: 0, bytes: bytes.into() })
}

/// The bytes of a field: `parts` by where they begin, in the order of its `ranges`.
fn joined(mut parts: Vec<(u64, SharedBytes)>, ranges: &[Range<u64>]) -> SharedBytes {
    if parts.len() == 1
        && let Some((_, bytes)) = parts.pop()
    {
        return bytes;
    }
    let part = |range: &Range<u64>| {
        parts
            .iter()
            .find(|(start, bytes)| *start == range.start && bytes.len() as u64 == range.end - range.start)
    };
    let stored = ranges.iter().filter(|range| !range.is_empty());
    stored.filter_map(part).flat_map(|(_, bytes)| bytes[..].to_vec()).collect::<Vec<u8>>().into()
}
