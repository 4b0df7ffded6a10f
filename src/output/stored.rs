//! Which shards of an image are stored, and how long their files are: eight bytes for each.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::layout::ImageLayout;
use crate::space::Tczyx;

/// No file is as long.
const NOT_STORED: u64 = u64::MAX;

/// See the module. Shared by the threads that store.
#[derive(Debug)]
pub(super) struct StoredLengths {
    /// Shards along each axis, and the bytes of each one's file.
    levels: Vec<(Tczyx<u64>, Vec<AtomicU64>)>,
    count: AtomicU64,
}

impl StoredLengths {
    /// Nothing is stored.
    pub fn new(layout: &ImageLayout) -> Self {
        let levels = layout.levels().iter().map(|level| {
            let shards = level.shards();
            let count = shards.to_array().iter().product::<u64>();
            (shards, (0..count).map(|_| AtomicU64::new(NOT_STORED)).collect())
        });
        Self { levels: levels.collect(), count: AtomicU64::new(0) }
    }

    /// The shard `index` of `level` is stored in a file of `bytes`; 0: it holds zeros only and has none.
    pub fn set(&self, level: usize, index: Tczyx<u64>, bytes: u64) {
        let (shards, lengths) = &self.levels[level];
        let along = index.to_array().into_iter().zip(shards.to_array());
        let position = along.fold(0, |position, (at, count)| position * count + at);
        if lengths[position as usize].swap(bytes, Relaxed) == NOT_STORED {
            self.count.fetch_add(1, Relaxed);
        }
    }

    /// How many are stored.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Those that are stored: level, index, bytes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Tczyx<u64>, u64)> {
        self.levels.iter().enumerate().flat_map(|(level, (shards, lengths))| {
            let stored = lengths.iter().enumerate().filter_map(|(position, bytes)| {
                let bytes = bytes.load(Relaxed);
                (bytes != NOT_STORED).then_some((position as u64, bytes))
            });
            stored.map(move |(position, bytes)| (level, index(position, *shards), bytes))
        })
    }
}

/// The inverse of counting x fastest.
fn index(mut position: u64, shards: Tczyx<u64>) -> Tczyx<u64> {
    let mut along = |count: u64| {
        let at = position % count;
        position /= count;
        at
    };
    let (x, y, z) = (along(shards.x), along(shards.y), along(shards.z));
    let (c, t) = (along(shards.c), along(shards.t));
    Tczyx::new(t, c, z, y, x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Cut;
    use crate::pixels::SampleType;

    #[test]
    fn every_shard_has_a_place_of_its_own() {
        let cut = Cut { chunk_px: 16, shard_px: 32, ..Cut::default() };
        let layout = ImageLayout::new(Tczyx::new(2, 3, 4, 300, 520), SampleType::U8, cut).unwrap();
        let lengths = StoredLengths::new(&layout);
        let mut expected = Vec::new();
        for (level, cut) in layout.levels().iter().enumerate() {
            let Tczyx { t, c, z, y, x } = cut.shards();
            for t in 0..t {
                for c in 0..c {
                    for z in 0..z {
                        for y in 0..y {
                            expected.extend((0..x).map(|x| (level, Tczyx::new(t, c, z, y, x))));
                        }
                    }
                }
            }
        }
        assert_eq!(lengths.count() + lengths.iter().count() as u64, 0);
        for (number, (level, index)) in expected.iter().enumerate() {
            lengths.set(*level, *index, number as u64);
            lengths.set(*level, *index, number as u64);
        }
        assert_eq!(lengths.count(), layout.shard_count());
        let numbered = expected.into_iter().zip(0..).map(|((level, index), bytes)| (level, index, bytes));
        assert!(lengths.iter().eq(numbered));
    }
}
