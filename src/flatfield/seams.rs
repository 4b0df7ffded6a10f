//! How far neighbouring fields are apart where both saw the same: what a flat-field should make small; its estimate
//! compares no neighbours.

use std::ops::Add;

use rayon::prelude::*;

use super::camera::{Camera, Taken};
use crate::decon::Shading;
use crate::error::Result;
use crate::space::{Local, Rect, Stored};

/// Side of the blocks that are compared, in pixels: photon noise averages out, a shift of a few pixels matters little.
const BLOCK: i64 = 16;
/// Overlaps thinner than this are not compared.
const THINNEST: u32 = 4;
/// Fields of which the overlaps are measured, at most.
const MOST_FIELDS: usize = 100;

/// The difference between neighbouring fields over the overlaps that were compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps {
    difference: f64,
    brightness: f64,
    blocks: u64,
}

impl Steps {
    /// Mean absolute difference in counts; `None` when nothing overlaps.
    pub fn counts(self) -> Option<f64> {
        (self.blocks > 0).then(|| self.difference / self.blocks as f64)
    }

    /// The same as a share of the mean brightness there.
    pub fn share(self) -> Option<f64> {
        (self.brightness > 0.0).then(|| self.difference / self.brightness)
    }

    fn of(a: f64, b: f64) -> Self {
        Self { difference: (a - b).abs(), brightness: (a + b) / 2.0, blocks: 1 }
    }
}

impl Add for Steps {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            difference: self.difference + other.difference,
            brightness: self.brightness + other.brightness,
            blocks: self.blocks + other.blocks,
        }
    }
}

/// The overlaps to compare.
pub struct Seams {
    pairs: Vec<(usize, usize, Rect<Stored>)>,
}

impl Seams {
    /// Some of the overlaps, spread over all fields.
    pub fn of(camera: &Camera<'_>) -> Self {
        Self { pairs: camera.pairs(MOST_FIELDS, THINNEST) }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.pairs.len()
    }

    /// The steps of each sample without and with its shading: `[sample][without, with]`. Calls `done` after each pair.
    ///
    /// # Errors
    /// Those of the input.
    pub fn measure(
        &self,
        camera: &Camera<'_>,
        shadings: &[(u32, Option<&Shading>)],
        done: impl Fn() + Sync,
    ) -> Result<Vec<[Steps; 2]>> {
        let zero = || vec![[Steps::default(); 2]; shadings.len()];
        let pairs = self.pairs.par_iter().map(|&(first, second, shared)| {
            let place = |index: usize| (camera.take(index), camera.rect(index));
            let ((a, at_a), (b, at_b)) = (place(first), place(second));
            let pair = Pair { a: a?, b: b?, at_a, at_b, shared };
            done();
            Ok(shadings
                .iter()
                .map(|&(sample, shading)| [None, shading].map(|s| pair.steps(sample, s)))
                .collect())
        });
        pairs.try_reduce(zero, |a: Vec<[Steps; 2]>, b| {
            Ok(a.into_iter().zip(b).map(|([a0, a1], [b0, b1])| [a0 + b0, a1 + b1]).collect())
        })
    }
}

struct Pair {
    a: Taken,
    b: Taken,
    at_a: Rect<Stored>,
    at_b: Rect<Stored>,
    shared: Rect<Stored>,
}

impl Pair {
    fn steps(&self, sample: u32, shading: Option<&Shading>) -> Steps {
        let (a, b) = (self.a.pixels(sample, shading), self.b.pixels(sample, shading));
        let Rect { x, y, width, height, .. } = self.shared;
        let starts = |first: i64, count: u32| (first..first + i64::from(count)).step_by(BLOCK as usize);
        let blocks = starts(y, height).flat_map(|y| starts(x, width).map(move |x| (x, y)));
        let step = |(x, y)| {
            let block = Rect::<Stored>::new(x, y, BLOCK as u32, BLOCK as u32).intersect(self.shared)?;
            let inside = |field: Rect<Stored>| {
                Rect::<Local>::new(block.x - field.x, block.y - field.y, block.width, block.height)
            };
            let mean = |(sum, count): (f64, u64)| (count == block.area()).then(|| sum / count as f64);
            let (a, b) = (mean(a.sum(inside(self.at_a)))?, mean(b.sum(inside(self.at_b)))?);
            Some(Steps::of(a, b))
        };
        blocks.filter_map(step).fold(Steps::default(), Add::add)
    }
}
