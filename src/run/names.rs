//! What the timeline calls the items of each stage. Batches and shards are numbered in the order of work.

use super::{Loaded, RawBatch, Stored};
use crate::decon::FinishedTile;
use crate::engine::DecodedBatch;
use crate::plan::Batch;
use crate::timeline::{Item, Named};
use crate::zarr::Shard;

impl Named for FinishedTile {
    fn item(&self, _: u64) -> Option<Item> {
        Some(Item { what: "tile", number: self.tile.index.into(), group: 0 })
    }
}

macro_rules! numbered { ($($item:ty => $what:literal),* $(,)?) => {$(
    impl Named for $item {
        fn item(&self, nth: u64) -> Option<Item> {
            Some(Item { what: $what, number: nth, group: 0 })
        }
    }
)*}}
numbered! {
    &Batch => "batch",
    (usize, &Batch) => "batch",
    Loaded => "batch",
    RawBatch<'_> => "batch",
    DecodedBatch => "batch",
    Shard => "shard",
    Stored => "shard",
}
