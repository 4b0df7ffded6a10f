//! What it takes to read batches.

use super::Batch;
use crate::dataset::Scene;
use crate::source::{Merging, merge};

/// What reading takes.
pub(super) struct Cost {
    pub requests: u64,
    pub read_bytes: u64,
    pub read_again: u64,
    pub amplification: f64,
}

/// Requests of all batches, and their bytes.
pub(super) fn cost_of(batches: &[Batch], scene: &Scene, merging: Merging) -> Cost {
    let requests = batches.iter().flat_map(|batch| {
        let mut ranges: Vec<_> = batch.reads.iter().map(|&field| scene.fields[field].range()).collect();
        ranges.sort_by_key(|range| range.start);
        merge(&ranges, merging)
    });
    let (requests, read_bytes) =
        requests.fold((0, 0), |(count, bytes), request| (count + 1, bytes + request.length()));
    let needed: u64 = scene.fields.iter().map(|field| field.extent).sum();
    let mut reads: Vec<_> = batches.iter().flat_map(|batch| batch.reads.iter().copied()).collect();
    let all = reads.len();
    reads.sort_unstable();
    reads.dedup();
    Cost {
        requests,
        read_bytes,
        read_again: (all - reads.len()) as u64,
        amplification: if needed == 0 { 1.0 } else { read_bytes as f64 / needed as f64 },
    }
}
