//! How far the blurred point is from the observed image, row by row: Csiszár's I-divergence.
//!
//! Σ d ln(d / y) − d + y over the pixels that have data, d the observed image, y = max(h ⊗ p + b, [`FLOOR`]); the term of
//! d = 0 is y. It is what Richardson–Lucy makes smaller (Snyder, Schulz and O'Sullivan 1992, doi 10.1109/78.134448). With
//! t = (d − y) / y a term is y ((1 + t) ln(1 + t) − t); near t = 0, where that loses its digits, its series.

use rayon::prelude::*;

use super::ratio_rows::Model;
use super::{Complex32, Direction, Fourier, is_no_data};
use crate::constants::FLOOR;

/// Below this |t| the series is taken; its next term is 2e-7 of the sum.
const SERIES_BELOW: f32 = 0.1;

/// The sum of each row's terms, of both lanes. `spectrum` is h ⊗ p along x and stays as it is; any number of rows,
/// `observed` alike.
pub fn divergence_rows(
    spectrum: &[Complex32],
    observed: &[Complex32],
    model: Model,
    fourier: &Fourier,
) -> Vec<f64> {
    let length = fourier.length();
    let rows = spectrum.par_chunks(length).zip(observed.par_chunks(length));
    let sums = rows.map_init(
        || (vec![Complex32::default(); length], fourier.scratch()),
        |(blurred, scratch), (spectrum, observed)| {
            blurred.copy_from_slice(spectrum);
            fourier.transform(Direction::Inverse, blurred, scratch);
            let terms = blurred.iter().zip(observed).map(|(v, d)| {
                let expected = model.expected(*v);
                f64::from(term(d.re, expected.re)) + f64::from(term(d.im, expected.im))
            });
            terms.sum()
        },
    );
    sums.collect()
}

fn term(observed: f32, expected: f32) -> f32 {
    if is_no_data(observed) {
        return 0.0;
    }
    let y = expected.max(FLOOR);
    let t = (observed - y) / y;
    if t.abs() < SERIES_BELOW {
        let series = 1.0 / 2.0 + t * (-1.0 / 6.0 + t * (1.0 / 12.0 + t * (-1.0 / 20.0 + t * (1.0 / 30.0))));
        return y * t * t * series;
    }
    // A negative count of a float image has no logarithm: it is as far away as 0 and its own distance from it.
    let logarithm = if observed > 0.0 { observed * (observed / y).ln() } else { 0.0 };
    logarithm - observed + y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::NO_DATA;
    use crate::twins::fourier::tests::{by_definition, pattern};

    /// The definition in f64.
    fn by_sum(observed: f32, blurred: f32, background: f32) -> f64 {
        if observed == NO_DATA {
            return 0.0;
        }
        let (d, y) = (f64::from(observed), (f64::from(blurred) + f64::from(background)).max(1e-6));
        (if d > 0.0 { d * (d / y).ln() } else { 0.0 }) - d + y
    }

    #[test]
    fn every_term_is_as_defined() {
        for observed in [0.0, 1e-3, 0.5, 1.0, 99.0, 100.0, 109.9, 110.1, 1000.0, 65535.0, -3.0, NO_DATA] {
            for expected in [0.0_f32, 1e-6, 0.3, 1.0, 99.5, 100.0, 100.001, 120.0, 65000.0] {
                let (actual, expected_term) =
                    (f64::from(term(observed, expected)), by_sum(observed, expected, 0.0));
                // Of the value itself where it is small beside d and y, by the series; else of what is subtracted.
                let near = (f64::from(observed) / f64::from(expected) - 1.0).abs() < 0.1;
                let scale =
                    if near { expected_term } else { f64::from(observed.abs().max(expected)).max(1e-6) };
                let scale = if observed == NO_DATA {
                    1.0
                } else {
                    scale * (1.0 + f64::from((observed.max(1e-6) / expected.max(1e-6)).ln().abs()))
                };
                // Near t = 0 the f32 difference d − y is exact, and t² twice its rounding.
                let error = (actual - expected_term).abs();
                assert!(
                    error <= 2e-6 * scale,
                    "{observed} and {expected}: {actual} instead of {expected_term}"
                );
            }
        }
    }

    #[test]
    fn rows_are_summed_and_the_spectrum_stays() {
        for (length, rows) in [(1, 1), (9, 4), (16, 33)] {
            let mut observed = pattern(length * rows);
            observed.iter_mut().for_each(|d| *d = Complex32::new(d.re.abs(), d.im.abs()));
            observed.iter_mut().skip(3).step_by(5).for_each(|d| d.im = NO_DATA);
            let blurred: Vec<_> =
                pattern(length * rows).iter().map(|v| v + Complex32::new(101.0, 21.0)).collect();
            // Lane 1 lies in the spectrum a quarter as bright as it is.
            let mut spectrum: Vec<_> = blurred.iter().map(|v| Complex32::new(v.re, v.im * 0.25)).collect();
            for row in spectrum.chunks_mut(length) {
                let transformed = by_definition(Direction::Forward, row);
                row.iter_mut().zip(transformed).for_each(|(to, from)| *to = from / length as f32);
            }
            let before = spectrum.clone();
            let model = Model { background: 10.0, balance: 0.25 };
            let sums = divergence_rows(&spectrum, &observed, model, &Fourier::new(length));
            assert_eq!(spectrum, before);
            assert_eq!(sums.len(), rows);
            for (i, sum) in sums.iter().enumerate() {
                let at = i * length..(i + 1) * length;
                let terms = observed[at.clone()].iter().zip(&blurred[at]);
                let expected: f64 =
                    terms.map(|(d, v)| by_sum(d.re, v.re, 10.0) + by_sum(d.im, v.im, 10.0)).sum();
                // Transforms of 350 to 1e-7 in a y of 11 or more.
                assert!((sum - expected).abs() <= 1e-5 * expected, "row {i}: {sum} instead of {expected}");
            }
        }
    }
}
