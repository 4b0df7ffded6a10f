//! Where the tiles of an image are in its file: 16 bytes for each.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::shape::Shape;

/// Where a tile is in the file. No bytes: all of it is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub offset: u64,
    pub bytes: u64,
}

/// See the module. Shared by the threads that store.
#[derive(Debug)]
pub(super) struct Table(Vec<Mutex<Vec<Extent>>>);

impl Table {
    /// All of it is zero.
    pub fn new(shape: &Shape) -> Self {
        let level = |k| vec![Extent::default(); shape.pages() as usize * shape.tiles_per_page(k)];
        Self((0..shape.level_count()).map(|k| Mutex::new(level(k))).collect())
    }

    /// The tiles of `level`, page by page.
    pub fn level(&self, level: usize) -> MutexGuard<'_, Vec<Extent>> {
        self.0[level].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any tile is all zero.
    pub fn has_zeros(&self) -> bool {
        (0..self.0.len()).any(|level| self.level(level).iter().any(|extent| extent.bytes == 0))
    }
}
