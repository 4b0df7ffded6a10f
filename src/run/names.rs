//! What the timeline calls the items of each stage. Batches and shards are numbered in the order of work.

use super::Order;
use super::stages::{BatchNumber, Decoded, Raw, Stored};
use crate::decon::FinishedTile;
use crate::output::Shard;
use crate::timeline::{Item, Named};

impl Named for FinishedTile {
    fn item(&self, _: u64) -> Option<Item> {
        Some(Item { what: "tile", number: self.tile.index.into(), group: 0 })
    }
}

impl Named for (usize, Order<'_>) {
    fn item(&self, _: u64) -> Option<Item> {
        Some(Item { what: "file", number: self.0 as u64, group: 0 })
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
    BatchNumber => "batch",
    Raw => "batch",
    Decoded => "batch",
    Shard => "shard",
    Stored => "shard",
}
