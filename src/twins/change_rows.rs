//! How an iteration changes its point, beside how the one before did, row by row.
//!
//! g = u′ − p with the next estimate u′ = max(p · w · c, [`FLOOR`](crate::constants::FLOOR)), c = hᵀ ⊗ ratio and the point p of
//! `update_rows`, which makes that step; Σ g g₋₁ and Σ g₋₁² over both lanes. Their quotient is the weight of the last change in
//! the next point (Biggs and Andrews 1997, doi 10.1364/AO.36.001766). Transforms are unscaled.

use std::iter::Sum;

use rayon::prelude::*;

use super::update_rows::{beyond, product};
use super::{Complex32, Direction, Fourier};

/// What [`change_rows`] reads and writes beside the spectrum; any number of rows.
pub struct Step<'a> {
    /// 1 / (hᵀ ⊗ data), or 0.
    pub weight: &'a [Complex32],
    /// u.
    pub estimate: &'a [Complex32],
    /// u₋₁.
    pub previous: &'a [Complex32],
    /// g₋₁; becomes g.
    pub change: &'a mut [Complex32],
    /// Weight of the last change in the point, α.
    pub alpha: f32,
    /// Whether there is no iteration before: then g₋₁ is 0, whatever lies in its place.
    pub is_first: bool,
}

/// Sums over voxels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Changes {
    /// Σ g g₋₁.
    pub with_last: f64,
    /// Σ g₋₁².
    pub last: f64,
}

impl Sum for Changes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self { with_last: a.with_last + b.with_last, last: a.last + b.last })
    }
}

/// The sums of each row. `spectrum` is hᵀ ⊗ ratio along x and stays as it is.
pub fn change_rows(spectrum: &[Complex32], step: Step, fourier: &Fourier) -> Vec<Changes> {
    let Step { weight, estimate, previous, change, alpha, is_first } = step;
    let length = fourier.length();
    let volumes = weight.par_chunks(length).zip(estimate.par_chunks(length));
    let volumes = volumes.zip(previous.par_chunks(length)).zip(change.par_chunks_mut(length));
    let sums = spectrum.par_chunks(length).zip(volumes).map_init(
        || (vec![Complex32::default(); length], fourier.scratch()),
        |(correction, scratch), (spectrum, (((weight, estimate), previous), change))| {
            correction.copy_from_slice(spectrum);
            fourier.transform(Direction::Inverse, correction, scratch);
            change_row(correction, Step { weight, estimate, previous, change, alpha, is_first })
        },
    );
    sums.collect()
}

fn change_row(correction: &[Complex32], step: Step) -> Changes {
    let Step { weight, estimate, previous, change, alpha, is_first } = step;
    let volumes = weight.iter().zip(estimate).zip(previous).zip(change);
    let sums = correction.iter().zip(volumes).map(|(c, (((w, u), before), change))| {
        let point = if alpha == 0.0 { *u } else { beyond(*u, *before, alpha) };
        let last = if is_first { Complex32::default() } else { *change };
        *change = product(point, *w, *c) - point;
        let dot = |a: Complex32, b: Complex32| {
            f64::from(a.re) * f64::from(b.re) + f64::from(a.im) * f64::from(b.im)
        };
        Changes { with_last: dot(*change, last), last: dot(last, last) }
    });
    sums.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::fourier::tests::{assert_close, by_definition, pattern};

    #[test]
    fn the_change_and_its_products_are_as_defined_and_the_spectrum_stays() {
        for (length, rows) in [(1, 1), (9, 4), (16, 33)] {
            for (alpha, is_first) in [(0.0, true), (0.0, false), (0.75, false)] {
                let count = length * rows;
                let lifted = |by: f32| -> Vec<_> {
                    pattern(count).iter().map(|v| v + Complex32::new(by, 21.0)).collect()
                };
                let correction: Vec<_> = pattern(count).iter().map(|v| v * 0.01).collect();
                let weight: Vec<_> =
                    pattern(count).iter().map(|v| Complex32::new(v.im.max(0.0), 1.0)).collect();
                let estimate: Vec<_> = lifted(101.0).into_iter().rev().collect();
                let nothing = vec![Complex32::new(f32::NAN, f32::NAN); count];
                let previous = if alpha == 0.0 { nothing.clone() } else { lifted(99.0) };
                let before = if is_first { nothing } else { pattern(count) };
                let mut spectrum = correction.clone();
                for row in spectrum.chunks_mut(length) {
                    let transformed = by_definition(Direction::Forward, row);
                    row.iter_mut().zip(transformed).for_each(|(to, from)| *to = from / length as f32);
                }
                let (unchanged, mut change) = (spectrum.clone(), before.clone());
                let step = Step {
                    weight: &weight,
                    estimate: &estimate,
                    previous: &previous,
                    change: &mut change,
                    alpha,
                    is_first,
                };
                let sums = change_rows(&spectrum, step, &Fourier::new(length));
                assert_eq!(spectrum, unchanged);

                let lane = |u: f32, before: f32, w: f32, c: f32| {
                    let point = if alpha == 0.0 { u } else { (u + alpha * (u - before)).max(1e-6) };
                    (point * w * c).max(1e-6) - point
                };
                let expected: Vec<_> = (0..count)
                    .map(|i| {
                        let (u, b, w, c) = (estimate[i], previous[i], weight[i], correction[i]);
                        Complex32::new(lane(u.re, b.re, w.re, c.re), lane(u.im, b.im, w.im, c.im))
                    })
                    .collect();
                assert_close(&change, &expected, 1e-6);
                assert_eq!(sums.len(), rows);
                for (i, sum) in sums.iter().enumerate() {
                    let at = i * length..(i + 1) * length;
                    let dot = |a: &[Complex32], b: &[Complex32]| -> f64 {
                        let lanes = a.iter().zip(b).flat_map(|(a, b)| [(a.re, b.re), (a.im, b.im)]);
                        lanes.map(|(a, b)| f64::from(a) * f64::from(b)).sum()
                    };
                    let (own, last) = (&expected[at.clone()], &before[at]);
                    let expected = if is_first { [0.0; 2] } else { [dot(own, last), dot(last, last)] };
                    let scale = 1.0 + dot(own, own) + expected[1];
                    assert!((sum.with_last - expected[0]).abs() < 1e-5 * scale, "{sum:?}: {expected:?}");
                    assert!((sum.last - expected[1]).abs() < 1e-5 * scale, "{sum:?}: {expected:?}");
                }
            }
        }
    }
}
