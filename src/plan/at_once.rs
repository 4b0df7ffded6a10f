//! Fields painted as soon as they are decoded, where nothing else has to happen to them. No field is held: what is held
//! are the tiles that wait for more fields, and each pixel goes to its tile while it is still in the processor's cache.

use std::collections::HashMap;
use std::ops::Range;

use crate::dataset::Scene;
use crate::tile::{Batch, Group, Tile};

/// Fields of a tile, at most: each of them is compared with each other.
pub(super) const MOST_LAYERS: usize = 1 << 11;

/// How many stored bytes a batch has.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchSizes {
    /// At most, so that a request is not longer than is worth it.
    pub most: u64,
    /// Threads that take one after the other.
    pub loaders: u32,
}

impl BatchSizes {
    /// Less is not worth a request.
    const LEAST: u64 = 64 << 10;

    /// The largest batch is so many times the first: later ones spread the wait for an answer over more bytes.
    const GROWS: u64 = 8;

    /// The batch after the first `done` bytes, where `left` are to come: so small a part of these that the threads end
    /// together, as the last batches are of one field; and where they share a line, none waits long for its first field.
    fn next(self, done: u64, left: u64) -> u64 {
        let loaders = u64::from(self.loaders);
        let begin = self.most / Self::GROWS + done / loaders;
        self.most.min(begin).min(left / (2 * loaders)).max(Self::LEAST)
    }
}

/// The order in which fields are read, and what it leads to.
pub(super) struct Order<'a> {
    scene: &'a Scene,
    /// In the order of the walk over the mosaic.
    tiles: &'a [Tile],
    /// Fields, each batch in file order.
    batches: Vec<Vec<usize>>,
    /// For each tile, the batches from its first field to its last.
    spans: Vec<Range<usize>>,
}

impl<'a> Order<'a> {
    /// The file's own order, in batches of `sizes`.
    pub fn of_file(scene: &'a Scene, tiles: &'a [Tile], sizes: BatchSizes) -> Self {
        let mut is_needed = vec![false; scene.fields.len()];
        for layer in tiles.iter().flat_map(|tile| &tile.layers) {
            is_needed[layer.field] = true;
        }
        let fields = (0..scene.fields.len()).filter(|&field| is_needed[field]).collect();
        Self::new(scene, tiles, fields, sizes)
    }

    /// The order in which a walk over the tiles first needs the fields.
    pub fn of_walk(scene: &'a Scene, tiles: &'a [Tile], sizes: BatchSizes) -> Self {
        let mut is_read = vec![false; scene.fields.len()];
        let mut fields = Vec::new();
        for tile in tiles {
            let first = fields.len();
            let missing = tile.layers.iter().map(|layer| layer.field);
            fields.extend(missing.filter(|&field| !std::mem::replace(&mut is_read[field], true)));
            fields[first..].sort_unstable();
        }
        Self::new(scene, tiles, fields, sizes)
    }

    fn new(scene: &'a Scene, tiles: &'a [Tile], fields: Vec<usize>, sizes: BatchSizes) -> Self {
        let batches = cut(scene, fields, sizes);
        let mut batch_of = vec![0; scene.fields.len()];
        for (i, batch) in batches.iter().enumerate() {
            batch.iter().for_each(|&field| batch_of[field] = i);
        }
        let mut last = 0;
        let span = |tile: &Tile| {
            let batches = tile.layers.iter().map(|layer| batch_of[layer.field]);
            let ends = batches.clone().min().zip(batches.max());
            // A tile where no field lies is done with the tile before.
            let (first, end) = ends.unwrap_or((last, last));
            last = end;
            first..end + 1
        };
        let spans = tiles.iter().map(span).collect();
        Self { scene, tiles, batches, spans }
    }

    /// Stored bytes of the largest batch.
    pub fn largest_batch(&self) -> u64 {
        let bytes = |batch: &Vec<usize>| batch.iter().map(|&field| self.scene.fields[field].extent).sum();
        self.batches.iter().map(bytes).max().unwrap_or(0)
    }

    /// Pixels of the largest tile.
    pub fn largest_tile_px(&self) -> u64 {
        self.tiles.iter().map(|tile| tile.core.area()).max().unwrap_or(0)
    }

    /// Pixels of all tiles that are open or on their way out at once, at most, when `ahead` batches are on their way.
    pub fn most_open_px(&self, ahead: usize) -> u64 {
        let open = self.tiles.iter().zip(&self.spans);
        most(open.map(|(tile, span)| (span.start..span.end + ahead, tile.core.area())))
    }

    /// Shards of `side` pixels that are begun and not complete at once, at most.
    pub fn most_open_shards(&self, side: u32) -> u64 {
        let mut shards: HashMap<_, Range<usize>> = HashMap::new();
        for (tile, span) in self.tiles.iter().zip(&self.spans) {
            let of = |pixels: Range<i64>| pixels.start / i64::from(side)..=(pixels.end - 1) / i64::from(side);
            for y in of(tile.core.y..tile.core.bottom()) {
                for x in of(tile.core.x..tile.core.right()) {
                    let done = span.end - 1..span.end;
                    let shard = shards.entry((tile.t, tile.channel, tile.z, y, x)).or_insert(done.clone());
                    *shard = shard.start.min(done.start)..shard.end.max(done.end);
                }
            }
        }
        most(shards.into_values().map(|span| (span, 1)))
    }

    /// Batches with their tiles, which are numbered in the order in which they are complete.
    pub fn into_batches(self) -> Vec<Batch> {
        let mut done: Vec<usize> = (0..self.tiles.len()).collect();
        done.sort_by_key(|&tile| self.spans[tile].end);
        let mut under: Vec<Vec<u32>> = vec![Vec::new(); self.scene.fields.len()];
        // At least one, for tiles where no field lies.
        let mut batches: Vec<Batch> = vec![Batch::default(); self.batches.len().max(1)];
        for (index, tile) in (0..).zip(done) {
            let mut complete = self.tiles[tile].clone();
            complete.index = index;
            complete.layers.iter().for_each(|layer| under[layer.field].push(index));
            let batch = &mut batches[self.spans[tile].end - 1];
            batch.groups.push(Group { tiles: vec![complete], releases: Vec::new() });
        }
        for (batch, reads) in batches.iter_mut().zip(self.batches) {
            batch.paints = reads.iter().map(|&field| std::mem::take(&mut under[field])).collect();
            batch.reads = reads;
        }
        batches
    }
}

/// Batches of `sizes`, each in file order.
fn cut(scene: &Scene, fields: Vec<usize>, sizes: BatchSizes) -> Vec<Vec<usize>> {
    let stored = |field: &usize| scene.fields[*field].extent;
    let (mut done, mut left): (u64, u64) = (0, fields.iter().map(stored).sum());
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for field in fields {
        let bytes = stored(&field);
        match batches.last_mut().filter(|_| bytes <= room) {
            Some(batch) => batch.push(field),
            None => {
                batches.push(vec![field]);
                room = sizes.next(done, left);
            }
        }
        room = room.saturating_sub(bytes);
        done += bytes;
        left -= bytes;
    }
    batches.iter_mut().for_each(|batch| batch.sort_unstable());
    batches
}

/// The largest sum of sizes over any moment; each is there for its span of moments.
fn most(spans: impl Iterator<Item = (Range<usize>, u64)>) -> u64 {
    let mut changes: Vec<(usize, i64)> =
        spans.flat_map(|(span, size)| [(span.start, size as i64), (span.end, -(size as i64))]).collect();
    // What ends makes room for what begins.
    changes.sort_unstable();
    let running = changes.iter().scan(0, |sum, (_, change)| {
        *sum += change;
        Some(*sum)
    });
    running.max().unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Subblock;
    use crate::plan::tests::{field, scene_of};

    #[test]
    fn batches_are_as_large_as_a_request_but_where_the_threads_begin_and_end() {
        let bytes = 1 << 20;
        let field = |m| Subblock { extent: bytes, ..field(m, i64::from(m) * 90, 0) };
        let scene = scene_of((0..100).map(field).collect());
        let sizes = |most: u64, loaders| {
            let batches = cut(&scene, (0..100).collect(), BatchSizes { most: most * bytes, loaders });
            assert_eq!(batches.concat(), (0..100).collect::<Vec<_>>());
            batches.iter().map(Vec::len).collect::<Vec<_>>()
        };
        let two = sizes(8, 2);
        assert!(two.starts_with(&[1, 1, 2, 3, 4, 6, 8, 8]) && two.ends_with(&[1, 1]), "{two:?}");
        assert!(two[6..].is_sorted_by(|a, b| a >= b), "{two:?}");
        // Whoever takes the next batch when he is free has at most a field more to do than the others.
        let mut busy = [0, 0];
        for size in two {
            *busy.iter_mut().min().unwrap() += size;
        }
        assert!(busy[0].abs_diff(busy[1]) <= 1, "{busy:?}");
        assert_eq!(sizes(1, 2), [1; 100]);
    }
}
