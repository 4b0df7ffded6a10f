//! Which chunks of a page are one field: a tile, or some strips.

use std::ops::Range;

use super::outline::Meaning;
use super::page::{Chunk, Page, STRIP_BYTES};
use crate::space::{Rect, Stored};

/// Tiles smaller than this are taken several at once.
const TILE_BYTES: u64 = 64 << 10;
/// Bytes between two chunks of a field that are read and thrown away.
const GAP: u64 = 4096;

/// One field: chunks that follow each other, down the page for strips, along a row for tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which page of the stack.
    pub page: u32,
    /// Which of the channels that the page makes.
    pub channel: u32,
    /// Position of the first chunk among those of one sample.
    pub first: u32,
    count: u32,
}

impl Place {
    /// The area of `page` that it covers.
    pub fn rect(&self, page: &Page) -> Rect<Stored> {
        let grid = &page.grid;
        let (x, y) = (self.first % grid.across * grid.width, self.first / grid.across * grid.height);
        let (across, down) = if grid.is_tiled { (self.count, 1) } else { (1, self.count) };
        let width = u64::from(grid.width) * u64::from(across);
        let height = u64::from(grid.height) * u64::from(down);
        let within = |length: u64, rest: u32| length.min(u64::from(rest)) as u32;
        Rect::new(i64::from(x), i64::from(y), within(width, page.width - x), within(height, page.height - y))
    }

    /// For each sample of `page` that is stored apart and belongs to the field, or for all together: positions of chunks.
    pub fn chunks(&self, page: &Page) -> Vec<Range<usize>> {
        let from = |sample: u32| {
            let first = sample as usize * page.grid.chunks() as usize + self.first as usize;
            first..first + self.count as usize
        };
        match (page.is_planar, page.pixels.meaning) {
            (false, _) => vec![from(0)],
            (true, Meaning::Channels(_)) => vec![from(self.channel)],
            (true, Meaning::Colours) => (0..3).map(from).collect(),
        }
    }

    /// What of the file it is made of, one range for each of [`Place::chunks`]; an empty one where nothing is stored.
    pub fn ranges(&self, page: &Page) -> Vec<Range<u64>> {
        self.chunks(page).into_iter().map(|chunks| range(&page.chunks[chunks])).collect()
    }
}

/// From the first byte of `chunks` to their last.
fn range(chunks: &[Chunk]) -> Range<u64> {
    let stored = || chunks.iter().filter(|chunk| chunk.length > 0);
    let first = stored().map(|chunk| chunk.offset).min().unwrap_or(0);
    first..stored().map(Chunk::end).max().unwrap_or(0)
}

/// The fields of `page`, which has this number in the stack.
pub(super) fn places(number: u32, page: &Page) -> Vec<Place> {
    let grid = &page.grid;
    let bytes = page.chunk_bytes(0).max(1);
    let (most, in_line) = match grid.is_tiled {
        true => (TILE_BYTES / bytes, grid.across),
        false => (STRIP_BYTES / bytes, grid.down),
    };
    let most = most.clamp(1, u64::from(in_line)) as u32;
    let all = grid.chunks() as u32;
    let mut places = Vec::new();
    for channel in 0..page.pixels.channels() {
        let mut first = 0;
        while first < all {
            let end = all.min(first + most).min((first / in_line + 1) * in_line);
            let lines = Place { page: number, channel, first, count: end - first }.chunks(page);
            let joined = lines.into_iter().map(|chunks| joined(&page.chunks[chunks])).min();
            let count = joined.unwrap_or(1) as u32;
            places.push(Place { page: number, channel, first, count });
            first += count;
        }
    }
    places
}

/// How many of `chunks`, from the first on, lie behind each other in the file.
fn joined(chunks: &[Chunk]) -> usize {
    let mut end = None;
    let follows = |chunk: &&Chunk| {
        let is_next =
            chunk.length == 0 || end.is_none_or(|end| chunk.offset >= end && chunk.offset - end <= GAP);
        if chunk.length > 0 {
            end = Some(chunk.end());
        }
        is_next
    };
    chunks.iter().take_while(follows).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(offset: u64, length: u64) -> Chunk {
        Chunk { offset, length }
    }

    #[test]
    fn chunks_that_lie_behind_each_other_are_joined() {
        assert_eq!(joined(&[chunk(8, 10), chunk(18, 10), chunk(30, 10)]), 3);
        assert_eq!(joined(&[chunk(8, 10), chunk(18 + GAP, 10), chunk(0, 10)]), 2, "the third lies before");
        assert_eq!(joined(&[chunk(8, 10), chunk(19 + GAP, 10)]), 1, "too far");
        assert_eq!(joined(&[chunk(8, 10), chunk(8, 10)]), 1, "the same twice");
        assert_eq!(joined(&[chunk(0, 0), chunk(8, 10), chunk(0, 0), chunk(18, 1)]), 4, "what is not stored");
        assert_eq!(range(&[chunk(0, 0), chunk(8, 10), chunk(0, 0), chunk(18, 1)]), 8..19);
        assert_eq!(range(&[chunk(0, 0)]), 0..0);
    }
}
