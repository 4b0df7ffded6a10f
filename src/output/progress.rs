//! How far one image has come: which shards an earlier run finished, and which are stored by now.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{ImageLayout, Level};
use super::range::ShardRange;
use super::stored::StoredLengths;
use super::unfinished::Stored;
use crate::error::{Error, Result};
use crate::space::{Output, Rect, Tczyx};

/// A shard of an image: level, position in its grid.
pub type ShardKey = (usize, Tczyx<u64>);

/// What a record says of the shards of one image.
pub(super) type Finished = HashMap<ShardKey, Stored>;

/// See the module. Shared by the threads that store.
#[derive(Debug)]
pub struct Progress {
    layout: ImageLayout,
    /// By an earlier run.
    finished: HashSet<ShardKey>,
    /// Of those on level 0, with their channels.
    finished_ranges: Vec<(u64, ShardRange)>,
    stored: StoredLengths,
    /// Shards that are not made.
    left_out: AtomicU64,
}

impl Progress {
    /// Nothing is stored yet.
    pub fn new(layout: &ImageLayout) -> Self {
        Self {
            layout: layout.clone(),
            finished: HashSet::new(),
            finished_ranges: Vec::new(),
            stored: StoredLengths::new(layout),
            left_out: AtomicU64::new(0),
        }
    }

    /// Takes a shard for finished, as `stored` says of it.
    pub(super) fn take_over(&mut self, key: ShardKey, stored: &Stored) {
        self.finished.insert(key);
        self.set_stored(key, stored.bytes);
        self.finished_ranges.extend(stored.range.clone().map(|range| (key.1.c, range)));
    }

    /// Whether the image has such a shard.
    pub(super) fn has(&self, (level, index): ShardKey) -> bool {
        let Some(shards) = self.layout.levels().get(level).map(Level::shards) else { return false };
        index.to_array().into_iter().zip(shards.to_array()).all(|(at, count)| at < count)
    }

    /// A shard is stored, in so many bytes; 0 where all of it is zero.
    pub(super) fn set_stored(&self, (level, index): ShardKey, bytes: u64) {
        self.stored.set(level, index, bytes);
    }

    /// Those that are stored, and their bytes.
    pub(super) fn stored_shards(&self) -> impl Iterator<Item = (ShardKey, u64)> {
        self.stored.iter().map(|(level, index, bytes)| ((level, index), bytes))
    }

    /// How the image is cut.
    pub fn layout(&self) -> &ImageLayout {
        &self.layout
    }

    /// What an earlier run finished.
    pub fn finished(&self) -> &HashSet<ShardKey> {
        &self.finished
    }

    /// What the display range needs of it, with the channel of each.
    pub fn finished_ranges(&self) -> impl Iterator<Item = (u64, &ShardRange)> {
        self.finished_ranges.iter().map(|(channel, range)| (*channel, range))
    }

    /// Shards that an earlier run finished.
    pub fn finished_count(&self) -> u64 {
        self.finished.len() as u64
    }

    /// Whether a pixel of `rect`, on `planes` planes from `z`, lies in a level-0 shard that is not finished.
    pub fn is_wanted(&self, (t, c, z): (u64, u64, u64), planes: u64, rect: Rect<Output>) -> bool {
        if self.finished.is_empty() {
            return true;
        }
        let level = &self.layout.levels()[0];
        let pitch = level.pitch;
        let cuts = |from: i64, to: i64| from as u64 / pitch..(to as u64).div_ceil(pitch);
        (z..z + planes).any(|z| {
            cuts(rect.y, rect.bottom()).any(|y| {
                cuts(rect.x, rect.right())
                    .any(|x| !self.finished.contains(&(0, level.shard_of(Tczyx::new(t, c, z, y, x)).0)))
            })
        })
    }

    /// So many shards will not come, as all of each is zero and the output takes that for granted.
    pub fn leave_out(&self, shards: u64) {
        self.left_out.fetch_add(shards, Ordering::Relaxed);
    }

    /// Shards that there will be, of all levels.
    pub fn shard_count(&self) -> u64 {
        self.layout.shard_count() - self.left_out.load(Ordering::Relaxed)
    }

    /// Refuses an image, number `image` of `target`, of which a shard was never stored.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn check_complete(&self, image: usize, target: &Path) -> Result<()> {
        let (stored, expected) = (self.stored(), self.shard_count());
        if stored == expected {
            return Ok(());
        }
        let what = format!("incomplete: {stored} of {expected} shards of image {image} were stored");
        Err(Error::io(target, io::Error::other(what)))
    }

    /// Shards stored so far, those of an earlier run counted.
    pub fn stored(&self) -> u64 {
        self.stored.count()
    }
}
