//! From the back-projected mask to the weight, row by row: inverse transform along x, then the reciprocal.
//!
//! w = 1 / v where v = hᵀ ⊗ mask is above [`WEIGHT_LIMIT`], else 0; 1 within [`WEIGHT_ROUNDING`] of 1 (Bertero and Boccacci 2005,
//! doi 10.1051/0004-6361:20052717). The transform is unscaled.

use rayon::prelude::*;

use super::{Complex32, Direction, Fourier};
use crate::constants::{WEIGHT_LIMIT, WEIGHT_ROUNDING};

/// spectrum of hᵀ ⊗ mask along x → `weight`; any number of rows. The spectrum is used up.
pub fn weight_rows(spectrum: &mut [Complex32], weight: &mut [Complex32], fourier: &Fourier) {
    let reciprocal = |v: f32| match v {
        v if (v - 1.0).abs() < WEIGHT_ROUNDING => 1.0,
        v if v > WEIGHT_LIMIT => 1.0 / v,
        _ => 0.0,
    };
    let at_once = fourier.rows_at_once();
    spectrum.par_chunks_mut(at_once).zip(weight.par_chunks_mut(at_once)).for_each_init(
        || fourier.scratch(),
        |scratch, (spectrum, weight)| {
            for row in spectrum.chunks_mut(fourier.length()) {
                fourier.transform(Direction::Inverse, row, scratch);
            }
            for (w, v) in weight.iter_mut().zip(&*spectrum) {
                *w = Complex32::new(reciprocal(v.re), reciprocal(v.im));
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::fourier::tests::by_definition;

    #[test]
    fn the_weight_is_the_reciprocal_unless_too_little_of_the_psf_is_left() {
        let (length, rows) = (8, 9);
        let covered: Vec<_> = (0..length * rows)
            .map(|i| Complex32::new((i % 11) as f32 / 10.0, if i % 2 == 0 { 0.009 } else { 0.011 }))
            .collect();
        let mut spectrum: Vec<_> =
            covered.chunks(length).flat_map(|row| by_definition(Direction::Forward, row)).collect();
        spectrum.iter_mut().for_each(|v| *v /= length as f32);
        let mut weight = vec![Complex32::new(7.0, 7.0); length * rows];
        weight_rows(&mut spectrum, &mut weight, &Fourier::new(length));
        for (i, (actual, v)) in weight.iter().zip(&covered).enumerate() {
            for (actual, v) in [(actual.re, v.re), (actual.im, v.im)] {
                let expected = if v > 0.01 { 1.0 / v } else { 0.0 };
                // The transform of values up to 1 rounds by 1e-7, a hundredth of it stands for 100.
                assert!(
                    (actual - expected).abs() <= 2e-5 * expected,
                    "at {i}: {actual} instead of {expected}"
                );
            }
        }
    }
}
