//! Which requests fetch which ranges: neighbours that lie close together are asked for at once.
//!
//! Pure. The reader asks in this way and the plan counts in this way, so both say the same.

use std::ops::Range;

use serde::Serialize;

/// How ranges become requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Merging {
    /// Bytes between two ranges that are read and thrown away rather than asked for around, at most.
    pub gap: u64,
    /// Bytes of a request that is made of several ranges, at most. A single range is never split.
    pub most: u64,
}

impl Merging {
    /// Every range is a request of its own.
    pub const NONE: Self = Self { gap: 0, most: 0 };
}

impl Default for Merging {
    /// 64 KiB take less time than another request on any disk or network; 8 MiB are 80 ms at 100 MB/s, beside which
    /// the 10 ms until a request is answered hardly count, and few enough to stay in a processor's cache.
    fn default() -> Self {
        Self { gap: 64 << 10, most: 8 << 20 }
    }
}

/// One request to a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bytes of the source.
    pub bytes: Range<u64>,
    /// Which of the ranges they serve.
    pub serves: Range<usize>,
}

impl Request {
    /// Bytes that it fetches.
    pub fn length(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }
}

/// The requests for `ranges`, which are sorted by their starts.
///
/// # Panics
/// When they are not sorted.
pub fn merge(ranges: &[Range<u64>], merging: Merging) -> Vec<Request> {
    assert!(ranges.is_sorted_by_key(|range| range.start), "requests go through the file from front to back");
    let mut requests: Vec<Request> = Vec::new();
    for (i, range) in ranges.iter().enumerate() {
        if let Some(last) = requests.last_mut() {
            let end = last.bytes.end.max(range.end);
            let is_near = range.start <= last.bytes.end.saturating_add(merging.gap);
            if is_near && end - last.bytes.start <= merging.most {
                (last.bytes.end, last.serves.end) = (end, i + 1);
                continue;
            }
        }
        requests.push(Request { bytes: range.clone(), serves: i..i + 1 });
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(ranges: &[Range<u64>], gap: u64, most: u64) -> Vec<(Range<u64>, usize)> {
        let requests = merge(ranges, Merging { gap, most });
        let served: Vec<usize> = requests.iter().flat_map(|request| request.serves.clone()).collect();
        assert_eq!(served, (0..ranges.len()).collect::<Vec<_>>(), "each range once, in order");
        for request in &requests {
            for range in &ranges[request.serves.clone()] {
                assert!(request.bytes.start <= range.start && range.end <= request.bytes.end);
            }
        }
        requests.into_iter().map(|request| (request.bytes, request.serves.len())).collect()
    }

    #[test]
    fn neighbours_are_merged_across_the_gap_and_no_further() {
        let ranges = [0..10, 10..20, 25..30, 36..40];
        assert_eq!(merged(&ranges, 0, 100), [(0..20, 2), (25..30, 1), (36..40, 1)]);
        assert_eq!(merged(&ranges, 5, 100), [(0..30, 3), (36..40, 1)]);
        assert_eq!(merged(&ranges, 6, 100), [(0..40, 4)]);
        assert_eq!(merged(&[], 6, 100), []);
    }

    #[test]
    fn a_request_is_split_between_ranges_at_the_most_bytes() {
        let ranges = [0..10, 10..20, 20..30, 30..40];
        assert_eq!(merged(&ranges, 0, 20), [(0..20, 2), (20..40, 2)]);
        assert_eq!(merged(&ranges, 0, 29), [(0..20, 2), (20..40, 2)]);
        assert_eq!(merged(&ranges, 0, 30), [(0..30, 3), (30..40, 1)]);
        let long = [0..1000, 1000..1001];
        assert_eq!(merged(&long, 0, 50), [(0..1000, 1), (1000..1001, 1)]);
        assert_eq!(merge(&ranges, Merging::NONE).len(), 4);
    }

    #[test]
    fn ranges_that_overlap_are_served_by_one_request() {
        assert_eq!(merged(&[0..100, 10..20, 10..120], 0, 1000), [(0..120, 3)]);
        assert_eq!(merged(&[0..100, 0..100], 0, 10), [(0..100, 1), (0..100, 1)]);
    }
}
