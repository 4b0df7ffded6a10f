//! From the back projection to the next point, row by row: inverse transform along x, update, forward transform.
//!
//! u′ = max(p · w · c, [`FLOOR`]) with c = hᵀ ⊗ ratio and the point p = max(u + α (u − u₋₁), [`FLOOR`]), and the next
//! point p′ = max(u′ + α′ (u′ − u), [`FLOOR`]): Richardson–Lucy for α = 0, scaled heavy ball else (Wang 2014, doi
//! 10.1109/TIP.2013.2291324). Where the weight is 0, too little of the PSF falls on data, and the estimate is
//! [`FLOOR`]. No volume holds the point: it is cheaper to compute than to read. Transforms are unscaled.

use rayon::prelude::*;

use super::{Complex32, Direction, Fourier};
use crate::constants::FLOOR;

/// What [`update_rows`] reads and writes beside the spectrum; any number of rows.
pub struct Update<'a> {
    /// 1 / (hᵀ ⊗ data), or 0.
    pub weight: &'a [Complex32],
    /// u; becomes u′ when α′ is 0: nothing needs u then.
    pub estimate: &'a mut [Complex32],
    /// u₋₁; becomes u′ when α′ is not 0: it has the estimate's role from then on.
    pub previous: &'a mut [Complex32],
    /// Weight of the last change in the point, α.
    pub alpha: f32,
    /// The same in the next point, α′.
    pub next_alpha: f32,
    /// What lane 1 is multiplied with in the spectrum of the next point (`balance_lanes`).
    pub balance: f32,
}

/// spectrum of hᵀ ⊗ ratio → spectrum of the next point, both along x; any number of rows.
pub fn update_rows(spectrum: &mut [Complex32], update: Update, fourier: &Fourier) {
    let Update { weight, estimate, previous, alpha, next_alpha, balance } = update;
    let (at_once, length) = (fourier.rows_at_once(), fourier.length());
    spectrum
        .par_chunks_mut(at_once)
        .zip(weight.par_chunks(at_once))
        .zip(estimate.par_chunks_mut(at_once))
        .zip(previous.par_chunks_mut(at_once))
        .for_each_init(
            || fourier.scratch(),
            |scratch, (((spectrum, weight), estimate), previous)| {
                let volumes =
                    weight.chunks(length).zip(estimate.chunks_mut(length)).zip(previous.chunks_mut(length));
                for (row, ((weight, estimate), previous)) in spectrum.chunks_mut(length).zip(volumes) {
                    fourier.transform(Direction::Inverse, row, scratch);
                    update_row(row, Update { weight, estimate, previous, alpha, next_alpha, balance });
                    fourier.transform(Direction::Forward, row, scratch);
                }
            },
        );
}

/// From correction to next point in `row`.
fn update_row(row: &mut [Complex32], update: Update) {
    let Update { weight, estimate, previous, alpha, next_alpha, balance } = update;
    let volumes = weight.iter().zip(estimate).zip(previous);
    let balanced = |point: Complex32| Complex32::new(point.re, point.im * balance);
    if alpha == 0.0 && next_alpha == 0.0 {
        for (s, ((w, u), _)) in row.iter_mut().zip(volumes) {
            *u = product(*u, *w, *s);
            *s = balanced(*u);
        }
        return;
    }
    for (s, ((w, u), before)) in row.iter_mut().zip(volumes) {
        // At α = 0 what was before may be anything: NaN from another group.
        let point = if alpha == 0.0 { *u } else { beyond(*u, *before, alpha) };
        let next = product(point, *w, *s);
        if next_alpha == 0.0 {
            (*s, *u) = (balanced(next), next);
        } else {
            (*s, *before) = (balanced(beyond(next, *u, next_alpha)), next);
        }
    }
}

/// max(p · w · c, [`FLOOR`]) in both lanes.
pub(super) fn product(point: Complex32, weight: Complex32, correction: Complex32) -> Complex32 {
    let lane = |p: f32, w: f32, c: f32| (p * w * c).max(FLOOR);
    Complex32::new(lane(point.re, weight.re, correction.re), lane(point.im, weight.im, correction.im))
}

/// max(u + α (u − u₋₁), [`FLOOR`]) in both lanes.
pub(super) fn beyond(estimate: Complex32, previous: Complex32, alpha: f32) -> Complex32 {
    let lane = |u: f32, before: f32| (u + alpha * (u - before)).max(FLOOR);
    Complex32::new(lane(estimate.re, previous.re), lane(estimate.im, previous.im))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::fourier::tests::{assert_close, by_definition, pattern};

    /// max(u + α (u − u₋₁), floor), typed again.
    fn points(estimate: &[Complex32], previous: &[Complex32], alpha: f32) -> Vec<Complex32> {
        let lane = |u: f32, before: f32| (u + alpha * (u - before)).max(1e-6);
        let pairs = estimate.iter().zip(previous);
        pairs.map(|(u, b)| Complex32::new(lane(u.re, b.re), lane(u.im, b.im))).collect()
    }

    #[test]
    fn the_estimate_is_updated_and_the_next_point_transformed() {
        for (length, rows) in [(1, 1), (9, 4), (16, 33)] {
            for (alpha, next_alpha) in [(0.0, 0.0), (0.0, 0.25), (0.75, 0.8), (0.75, 0.0)] {
                let count = length * rows;
                let lift = |v: &Complex32| v + Complex32::new(101.0, 21.0);
                let correction: Vec<_> = pattern(count).iter().map(|v| v * 0.01).collect();
                let weight: Vec<_> =
                    pattern(count).iter().map(|v| Complex32::new(v.im.max(0.0), 1.0)).collect();
                let estimate_before: Vec<_> = pattern(count).iter().rev().map(lift).collect();
                let previous_before: Vec<_> = match alpha == 0.0 {
                    true => vec![Complex32::new(f32::NAN, f32::NAN); count],
                    false => pattern(count).iter().map(lift).collect(),
                };
                let mut spectrum = correction.clone();
                for row in spectrum.chunks_mut(length) {
                    let transformed = by_definition(Direction::Forward, row);
                    row.iter_mut().zip(transformed).for_each(|(to, from)| *to = from / length as f32);
                }
                let (mut estimate, mut previous) = (estimate_before.clone(), previous_before.clone());
                let update = Update {
                    weight: &weight,
                    estimate: &mut estimate,
                    previous: &mut previous,
                    alpha,
                    next_alpha,
                    balance: 4.0,
                };
                update_rows(&mut spectrum, update, &Fourier::new(length));
                let (new, kept) = if next_alpha == 0.0 { (estimate, previous) } else { (previous, estimate) };
                let point = match alpha == 0.0 {
                    true => estimate_before.clone(),
                    false => points(&estimate_before, &previous_before, alpha),
                };
                let next = |p: f32, w: f32, c: f32| (p * w * c).max(1e-6);
                let expected: Vec<_> = (0..count)
                    .map(|i| {
                        let (p, w, c) = (point[i], weight[i], correction[i]);
                        Complex32::new(next(p.re, w.re, c.re), next(p.im, w.im, c.im))
                    })
                    .collect();
                // The correction is up to 3 and known to 1e-7 of that.
                assert_close(&new, &expected, 1e-6);
                if next_alpha != 0.0 {
                    assert_eq!(kept, estimate_before);
                }
                let point = points(&new, &estimate_before, next_alpha);
                let point: Vec<_> = point.iter().map(|v| Complex32::new(v.re, v.im * 4.0)).collect();
                for (row, point) in spectrum.chunks(length).zip(point.chunks(length)) {
                    assert_close(row, &by_definition(Direction::Forward, point), 1e-6);
                }
            }
        }
    }

    #[test]
    fn where_the_weight_is_nothing_the_estimate_is_the_floor() {
        let ones = || vec![Complex32::new(1.0, 1.0); 4];
        let (mut estimate, mut previous, mut spectrum) = (ones(), ones(), ones());
        let update = Update {
            weight: &[Complex32::default(); 4],
            estimate: &mut estimate,
            previous: &mut previous,
            alpha: 0.9,
            next_alpha: 0.9,
            balance: 1.0,
        };
        update_rows(&mut spectrum, update, &Fourier::new(4));
        assert_eq!(previous, [Complex32::new(FLOOR, FLOOR); 4]);
        assert_eq!(estimate, ones());
    }
}
