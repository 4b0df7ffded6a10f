//! A row of 4 × 4 blocks, stored so that a step is the same for a run of neighbouring blocks: all values of one
//! position within their blocks lie together, `values[position × blocks + block]`.

use std::num::Wrapping;

use super::lifting::{self, Value};

/// Blocks that are transformed together.
const LANES: usize = 16;

/// Where the value 4 v + u stands in a block before the transform.
pub(super) const PLACES: [usize; 16] = [0, 2, 1, 7, 8, 15, 12, 11, 4, 3, 5, 6, 13, 14, 9, 10];

type Lanes = [[Value; LANES]; 16];

/// One row of blocks.
#[derive(Clone)]
pub(super) struct BlockRow {
    values: Vec<Value>,
    blocks: usize,
}

impl BlockRow {
    pub fn new(blocks: usize) -> Self {
        Self { values: vec![Wrapping(0); 16 * blocks], blocks }
    }

    /// The values at `position`, 4 y + x, of all blocks.
    pub fn at(&self, position: usize) -> &[Value] {
        &self.values[position * self.blocks..][..self.blocks]
    }

    pub fn at_mut(&mut self, position: usize) -> &mut [Value] {
        &mut self.values[position * self.blocks..][..self.blocks]
    }

    /// Makes `count` blocks from `block` on zero.
    pub fn clear(&mut self, block: usize, count: usize) {
        for values in self.values.chunks_exact_mut(self.blocks) {
            values[block..][..count].fill(Wrapping(0));
        }
    }

    /// Takes four neighbouring blocks' values, at 4 v + u.
    pub fn set(&mut self, four: [&[i32; 16]; 4], block: usize) {
        let [a, b, c, d] = four;
        for k in 0..16 {
            let target = &mut self.values[PLACES[k] * self.blocks + block..][..4];
            target.copy_from_slice(&[Wrapping(a[k]), Wrapping(b[k]), Wrapping(c[k]), Wrapping(d[k])]);
        }
    }

    fn value(&mut self, position: usize, block: usize) -> &mut Value {
        &mut self.values[position * self.blocks + block]
    }

    fn load(&self, lanes: &mut [Value; LANES], position: usize, block: usize, count: usize) {
        let values = &self.values[position * self.blocks + block..];
        match values.first_chunk::<LANES>() {
            Some(chunk) if count == LANES => *lanes = *chunk,
            _ => lanes[..count].copy_from_slice(&values[..count]),
        }
    }

    fn store(&mut self, lanes: &[Value; LANES], position: usize, block: usize, count: usize) {
        let values = &mut self.values[position * self.blocks + block..];
        match values.first_chunk_mut::<LANES>() {
            Some(chunk) if count == LANES => *chunk = *lanes,
            _ => values[..count].copy_from_slice(&lanes[..count]),
        }
    }

    /// Transforms every block back.
    pub fn inverse(&mut self) {
        let mut lanes: Lanes = [[Wrapping(0); LANES]; 16];
        for block in (0..self.blocks).step_by(LANES) {
            let count = LANES.min(self.blocks - block);
            for (position, lanes) in lanes.iter_mut().enumerate() {
                self.load(lanes, position, block, count);
            }
            each_lane(&mut lanes, lifting::inverse);
            for (position, lanes) in lanes.iter().enumerate() {
                self.store(lanes, position, block, count);
            }
        }
    }
}

#[inline(always)]
fn each_lane(lanes: &mut Lanes, step: impl Fn(&mut [Value; 16])) {
    for lane in 0..LANES {
        let mut values: [Value; 16] = std::array::from_fn(|position| lanes[position][lane]);
        step(&mut values);
        for (lanes, value) in lanes.iter_mut().zip(values) {
            lanes[lane] = value;
        }
    }
}

/// Which row, position and next block each value of a corner's 4 × 4 is: the lower right 2 × 2 of the block above at
/// the left, and so on.
const fn corner(index: usize) -> (bool, usize, usize) {
    let (y, x) = (index / 4, index % 4);
    (y >= 2, 4 * ((y + 2) % 4) + (x + 2) % 4, x / 2)
}

/// Filters between two rows of blocks, from edge to edge.
pub(super) fn smooth_between<const LOW: bool>(above: &mut BlockRow, below: &mut BlockRow) {
    let last = above.blocks - 1;
    for position in [0, 1] {
        smooth_down(above, below, 0, position);
        smooth_down(above, below, last, position + 2);
    }
    let mut lanes: Lanes = [[Wrapping(0); LANES]; 16];
    for block in (0..last).step_by(LANES) {
        let count = LANES.min(last - block);
        for (index, lanes) in lanes.iter_mut().enumerate() {
            let (lower, position, right) = corner(index);
            if lower { &*below } else { &*above }.load(lanes, position, block + right, count);
        }
        each_lane(&mut lanes, lifting::smooth_corner::<LOW>);
        for (index, lanes) in lanes.iter().enumerate() {
            let (lower, position, right) = corner(index);
            if lower { &mut *below } else { &mut *above }.store(lanes, position, block + right, count);
        }
    }
}

/// Filters the column `x` at an edge, across two rows of blocks.
fn smooth_down(above: &mut BlockRow, below: &mut BlockRow, block: usize, x: usize) {
    let values = [
        *above.value(8 + x, block),
        *above.value(12 + x, block),
        *below.value(x, block),
        *below.value(4 + x, block),
    ];
    let [a, b, c, d] = lifting::smooth_line(values);
    (*above.value(8 + x, block), *above.value(12 + x, block)) = (a, b);
    (*below.value(x, block), *below.value(4 + x, block)) = (c, d);
}

/// Filters the two lines of pixels at the upper edge of the image, or the lower one.
pub(super) fn smooth_edge(row: &mut BlockRow, lower: bool) {
    let last = row.blocks - 1;
    let first = if lower { 8 } else { 0 };
    for y in [first, first + 4] {
        for block in 0..last {
            let places = [(y + 2, block), (y + 3, block), (y, block + 1), (y + 1, block + 1)];
            smooth_places(row, places);
        }
    }
    for (block, x) in [(0, 0), (last, 2)] {
        smooth_places(
            row,
            [first + x, first + x + 1, first + x + 4, first + x + 5].map(|position| (position, block)),
        );
    }
}

fn smooth_places(row: &mut BlockRow, places: [(usize, usize); 4]) {
    let values = lifting::smooth_line(places.map(|(position, block)| *row.value(position, block)));
    for ((position, block), value) in places.into_iter().zip(values) {
        *row.value(position, block) = value;
    }
}
