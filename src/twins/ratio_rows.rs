//! From the blurred point to the ratio, row by row: inverse transform along x, ratio, forward transform.
//!
//! ratio = d / max(h ⊗ p + b, [`FLOOR`]) with d the observed image and b the background, 0 where there is no data
//! (Bertero and Boccacci 2005, doi 10.1051/0004-6361:20052717). Transforms are unscaled.

use super::{Complex32, Direction, Fourier, is_no_data};
use crate::constants::FLOOR;

/// What a camera is expected to count of a blurred point.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Counts that do not come from the object.
    pub background: f32,
    /// What lane 1 is multiplied with in the spectrum (`balance_lanes`).
    pub balance: f32,
}

impl Model {
    /// h ⊗ p + b, not yet at least [`FLOOR`], of what comes out of a spectrum.
    #[inline]
    pub fn expected(self, blurred: Complex32) -> Complex32 {
        Complex32::new(blurred.re + self.background, blurred.im * (1.0 / self.balance) + self.background)
    }
}

/// spectrum of h ⊗ p → spectrum of the ratio, both along x; any number of rows, `observed` alike.
pub fn ratio_rows(spectrum: &mut [Complex32], observed: &[Complex32], model: Model, fourier: &Fourier) {
    let ratio = |expected: f32, observed: f32| {
        let ratio = observed / expected.max(FLOOR);
        if is_no_data(observed) { 0.0 } else { ratio }
    };
    fourier.each_row(spectrum, |i, row, scratch| {
        fourier.transform(Direction::Inverse, row, scratch);
        let observed = &observed[i * row.len()..][..row.len()];
        for (s, d) in row.iter_mut().zip(observed) {
            let expected = model.expected(*s);
            *s = Complex32::new(ratio(expected.re, d.re), ratio(expected.im, d.im));
        }
        fourier.transform(Direction::Forward, row, scratch);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::NO_DATA;
    use crate::twins::fourier::tests::{assert_close, by_definition, pattern};

    #[test]
    fn each_row_is_the_transform_of_the_ratio() {
        for (length, rows) in [(1, 1), (9, 4), (16, 33)] {
            let mut observed = pattern(length * rows);
            observed.iter_mut().skip(3).step_by(5).for_each(|d| d.im = NO_DATA);
            observed.iter_mut().skip(4).step_by(7).for_each(|d| d.re = 0.0);
            // Blurred is not below 1 here, so that a rounding of the transform stays one of the ratio.
            let blurred: Vec<_> =
                pattern(length * rows).iter().map(|v| v + Complex32::new(101.0, 21.0)).collect();
            // Lane 1 lies in the spectrum a quarter as bright as it is.
            let mut spectrum: Vec<_> = blurred.iter().map(|v| Complex32::new(v.re, v.im * 0.25)).collect();
            for row in spectrum.chunks_mut(length) {
                let transformed = by_definition(Direction::Forward, row);
                row.iter_mut().zip(transformed).for_each(|(to, from)| *to = from / length as f32);
            }
            let model = Model { background: 10.0, balance: 0.25 };
            ratio_rows(&mut spectrum, &observed, model, &Fourier::new(length));
            let ratio = |d: f32, v: f32| if d == NO_DATA { 0.0 } else { d / (v + 10.0).max(1e-6) };
            let expected = observed.iter().zip(&blurred);
            let expected: Vec<_> =
                expected.map(|(d, v)| Complex32::new(ratio(d.re, v.re), ratio(d.im, v.im))).collect();
            for (row, expected) in spectrum.chunks(length).zip(expected.chunks(length)) {
                // Transforms of 350 to 1e-7 in a divisor of 11 or more.
                assert_close(row, &by_definition(Direction::Forward, expected), 1e-5);
            }
        }
    }

    #[test]
    fn a_divisor_of_nothing_stays_finite() {
        let mut spectrum = vec![Complex32::default(); 4];
        let model = Model { background: 0.0, balance: 1.0 };
        ratio_rows(&mut spectrum, &[Complex32::new(65535.0, 0.0); 4], model, &Fourier::new(4));
        assert_close(
            &spectrum,
            &[Complex32::new(4.0 * 65535.0 / 1e-6, 0.0), 0.0.into(), 0.0.into(), 0.0.into()],
            1e-6,
        );
    }
}
