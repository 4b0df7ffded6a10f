//! From the back projection to the next point, row by row: inverse transform along x, update, forward transform.
//!
//! u′ = max(p · w · c, [`FLOOR`]) with c = hᵀ ⊗ ratio, and the next point p′ = max(u′ + α (u′ − u), [`FLOOR`]):
//! Richardson–Lucy for α = 0, scaled heavy ball else (Wang 2014, doi 10.1109/TIP.2013.2291324). Where the weight is
//! 0, too little of the PSF falls on data, and the estimate is [`FLOOR`]. Transforms are unscaled.

use rayon::prelude::*;

use super::{Complex32, Direction, Fourier};
use crate::decon::FLOOR;

/// What [`update_rows`] reads and writes beside the spectrum; any number of rows.
pub struct Update<'a> {
    /// 1 / (hᵀ ⊗ data), or 0.
    pub weight: &'a [Complex32],
    /// u, becomes u′.
    pub estimate: &'a mut [Complex32],
    /// p, becomes p′.
    pub point: &'a mut [Complex32],
    /// Weight of the last change.
    pub alpha: f32,
}

/// spectrum of hᵀ ⊗ ratio → spectrum of the next point, both along x; any number of rows.
pub fn update_rows(spectrum: &mut [Complex32], update: Update, fourier: &Fourier) {
    let Update { weight, estimate, point, alpha } = update;
    let (at_once, length) = (fourier.rows_at_once(), fourier.length());
    spectrum
        .par_chunks_mut(at_once)
        .zip(weight.par_chunks(at_once))
        .zip(estimate.par_chunks_mut(at_once))
        .zip(point.par_chunks_mut(at_once))
        .for_each_init(
            || fourier.scratch(),
            |scratch, (((spectrum, weight), estimate), point)| {
                let volumes =
                    weight.chunks(length).zip(estimate.chunks_mut(length)).zip(point.chunks_mut(length));
                for (row, ((weight, estimate), point)) in spectrum.chunks_mut(length).zip(volumes) {
                    fourier.transform(Direction::Inverse, row, scratch);
                    update_row(row, weight, estimate, point, alpha);
                    fourier.transform(Direction::Forward, row, scratch);
                }
            },
        );
}

/// From correction to next point in `row`.
fn update_row(
    row: &mut [Complex32],
    weight: &[Complex32],
    estimate: &mut [Complex32],
    point: &mut [Complex32],
    alpha: f32,
) {
    let updated = |correction: f32, weight: f32, point: f32| (point * weight * correction).max(FLOOR);
    let beyond = |updated: f32, estimate: f32| (updated + alpha * (updated - estimate)).max(FLOOR);
    for (((s, w), u), p) in row.iter_mut().zip(weight).zip(estimate).zip(point) {
        let next = Complex32::new(updated(s.re, w.re, p.re), updated(s.im, w.im, p.im));
        *p = Complex32::new(beyond(next.re, u.re), beyond(next.im, u.im));
        *u = next;
        *s = *p;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::fourier::tests::{assert_close, by_definition, pattern};

    #[test]
    fn estimate_and_point_are_updated_and_the_point_is_transformed() {
        for (length, rows) in [(1, 1), (9, 4), (16, 33)] {
            for alpha in [0.0, 0.75] {
                let count = length * rows;
                let lift = |v: &Complex32| v + Complex32::new(101.0, 21.0);
                let correction: Vec<_> = pattern(count).iter().map(|v| v * 0.01).collect();
                let weight: Vec<_> =
                    pattern(count).iter().map(|v| Complex32::new(v.im.max(0.0), 1.0)).collect();
                let (mut estimate, mut point): (Vec<_>, Vec<_>) = (
                    pattern(count).iter().rev().map(lift).collect(),
                    pattern(count).iter().map(lift).collect(),
                );
                let (before, point_before) = (estimate.clone(), point.clone());
                let mut spectrum = correction.clone();
                for row in spectrum.chunks_mut(length) {
                    let transformed = by_definition(Direction::Forward, row);
                    row.iter_mut().zip(transformed).for_each(|(to, from)| *to = from / length as f32);
                }
                let update = Update { weight: &weight, estimate: &mut estimate, point: &mut point, alpha };
                update_rows(&mut spectrum, update, &Fourier::new(length));
                let next = |p: f32, w: f32, c: f32| (p * w * c).max(1e-6);
                let beyond = |next: f32, before: f32| (next + alpha * (next - before)).max(1e-6);
                let parts = point_before.iter().zip(&weight).zip(&correction);
                let expected: Vec<_> = parts
                    .map(|((p, w), c)| Complex32::new(next(p.re, w.re, c.re), next(p.im, w.im, c.im)))
                    .collect();
                let expected_point: Vec<_> = expected
                    .iter()
                    .zip(&before)
                    .map(|(next, before)| {
                        Complex32::new(beyond(next.re, before.re), beyond(next.im, before.im))
                    })
                    .collect();
                // The correction is up to 3 and known to 1e-7 of that.
                assert_close(&estimate, &expected, 1e-6);
                assert_close(&point, &expected_point, 1e-6);
                for (row, point) in spectrum.chunks(length).zip(point.chunks(length)) {
                    assert_close(row, &by_definition(Direction::Forward, point), 1e-6);
                }
            }
        }
    }

    #[test]
    fn where_the_weight_is_nothing_the_estimate_is_the_floor() {
        let ones = || vec![Complex32::new(1.0, 1.0); 4];
        let (mut estimate, mut point, mut spectrum) = (ones(), ones(), ones());
        let update = Update {
            weight: &[Complex32::default(); 4],
            estimate: &mut estimate,
            point: &mut point,
            alpha: 0.9,
        };
        update_rows(&mut spectrum, update, &Fourier::new(4));
        assert_eq!(estimate, [Complex32::new(FLOOR, FLOOR); 4]);
        assert_eq!(point, [Complex32::new(FLOOR, FLOOR); 4]);
    }
}
