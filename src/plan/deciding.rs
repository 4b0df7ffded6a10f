//! The tiles on which is decided how an image is deconvolved (`--until`, `--method ba`), and what it takes to read them: beside
//! the batches, and before the first.

use serde::Serialize;

use super::cost::cost_of;
use super::{Batch, Plan, Tile, fields_of};
use crate::dataset::Scene;
use crate::source::Merging;

/// Tiles of a channel that are looked at, at most, evenly over the image and all times: what they cost to read is
/// little beside the iterations.
const CANDIDATES: usize = 16;
/// Tiles of the candidates that are deconvolved to decide, at most.
const SAMPLE: usize = 4;

/// What is read to decide. Which of the tiles that are looked at are read again, to be deconvolved, only their pixels say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deciding {
    /// Tiles that are looked at, of all channels.
    pub tiles: u64,
    /// If the smallest are read again.
    pub least: Reads,
    /// If the largest are.
    pub most: Reads,
}

/// From the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Reads {
    /// Neighbours merged.
    pub requests: u64,
    /// Of these requests.
    pub read_bytes: u64,
}

impl Plan {
    /// Tiles of output channel `channel` that are looked at, and how many there are in all.
    pub fn candidates(&self, channel: usize) -> (Vec<&Tile>, usize) {
        let groups = self.batches.iter().flat_map(|batch| &batch.groups);
        let tiles = groups.flat_map(|group| &group.tiles).filter(|tile| tile.channel as usize == channel);
        let tiles: Vec<&Tile> = tiles.collect();
        let every = tiles.len().div_ceil(CANDIDATES).max(1);
        (tiles.iter().copied().step_by(every).collect(), tiles.len())
    }

    /// How many of the candidates are deconvolved. Where there are no more, they are not looked at before.
    pub fn sample_tiles(&self) -> usize {
        SAMPLE.min(self.lanes as usize)
    }

    /// Whether output channel `channel` is decided on a sample: where iterations stop by themselves, and where their weights are
    /// measured, unless the channel is one group, which measures its own.
    pub fn needs_sample(&self, channel: usize, stops: bool, is_measured: bool) -> bool {
        let groups = self.batches.iter().flat_map(|batch| &batch.groups);
        let own = groups.filter(|group| group.tiles[0].channel as usize == channel);
        stops || is_measured && own.take(2).count() > 1
    }

    /// What it takes to decide how `channels` are deconvolved; `None` where there are none.
    pub fn deciding(&self, scene: &Scene, merging: Merging, channels: &[usize]) -> Option<Deciding> {
        let reads = |tile: &&Tile| {
            let cost = cost_of(&[Batch { reads: fields_of([*tile]), ..Batch::default() }], scene, merging);
            (cost.requests, cost.read_bytes)
        };
        let mut deciding = Deciding { tiles: 0, least: Reads::default(), most: Reads::default() };
        for &channel in channels {
            let (candidates, _) = self.candidates(channel);
            deciding.tiles += candidates.len() as u64;
            let (requests, bytes): (Vec<u64>, Vec<u64>) = candidates.iter().map(reads).unzip();
            let again = if candidates.len() > self.sample_tiles() { self.sample_tiles() } else { 0 };
            for (bounds, read) in [
                ([&mut deciding.least.requests, &mut deciding.most.requests], requests),
                ([&mut deciding.least.read_bytes, &mut deciding.most.read_bytes], bytes),
            ] {
                let all: u64 = read.iter().sum();
                for (bound, again) in bounds.into_iter().zip(extremes(read, again)) {
                    *bound += all + again;
                }
            }
        }
        (!channels.is_empty()).then_some(deciding)
    }
}

/// The sums of the `count` smallest and of the `count` largest.
fn extremes(mut values: Vec<u64>, count: usize) -> [u64; 2] {
    values.sort_unstable();
    [values[..count].iter().sum(), values[values.len() - count..].iter().sum()]
}
