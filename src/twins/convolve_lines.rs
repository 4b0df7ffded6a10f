//! Along the last axis that is transformed (y of images, z of volumes): forward transform · OTF · inverse transform.
//!
//! s ← F⁻¹(F(s) · h), or with the complex conjugate of h, which correlates instead of convolving (hᵀ). Both
//! transforms are unscaled; h carries the 1/N of the whole volume.

use super::columns::each_line;
use super::{Complex32, Direction, Fourier};

/// Which of the two projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// With the PSF: from the object to the image.
    Forward,
    /// With the mirrored PSF: back.
    Back,
}

/// Convolves the lines of `spectrum`, `[outer, n, inner]`, along its middle axis; n is `fourier`'s length.
///
/// `otf` is the OTF with its lines along that axis contiguous, `[inner, n]`: see [`otf_lines`].
pub fn convolve_lines(
    spectrum: &mut [Complex32],
    inner: usize,
    fourier: &Fourier,
    otf: &[Complex32],
    projection: Projection,
) {
    let length = fourier.length();
    let scratch = || fourier.scratch();
    each_line(spectrum, length, inner, scratch, |column, line, scratch| {
        fourier.transform(Direction::Forward, line, scratch);
        let otf = &otf[column * length..][..length];
        match projection {
            Projection::Forward => line.iter_mut().zip(otf).for_each(|(s, h)| *s *= h),
            Projection::Back => line.iter_mut().zip(otf).for_each(|(s, h)| *s *= h.conj()),
        }
        fourier.transform(Direction::Inverse, line, scratch);
    });
}

/// An OTF `[n, inner]` as `[inner, n]`.
pub fn otf_lines(otf: &[Complex32], inner: usize) -> Vec<Complex32> {
    (0..inner).flat_map(|column| otf[column..].iter().step_by(inner).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::fourier::tests::{assert_close, by_definition, pattern};

    #[test]
    fn every_line_is_multiplied_by_its_own_part_of_the_otf() {
        for (pairs, length, inner) in [(1, 1, 1), (1, 12, 15), (2, 10, 17), (3, 7, 33)] {
            let before = pattern(pairs * length * inner);
            let otf: Vec<_> = pattern(length * inner).iter().map(|h| h * 0.01).collect();
            for projection in [Projection::Forward, Projection::Back] {
                let mut after = before.clone();
                convolve_lines(&mut after, inner, &Fourier::new(length), &otf_lines(&otf, inner), projection);
                let mut expected = before.clone();
                for first in (0..before.len()).filter(|i| i / inner % length == 0) {
                    let line: Vec<_> = (0..length).map(|k| before[first + k * inner]).collect();
                    let mut line = by_definition(Direction::Forward, &line);
                    for (k, value) in line.iter_mut().enumerate() {
                        let h = otf[first % inner + k * inner];
                        *value *= if projection == Projection::Back { h.conj() } else { h };
                    }
                    for (k, value) in by_definition(Direction::Inverse, &line).into_iter().enumerate() {
                        expected[first + k * inner] = value;
                    }
                }
                // Two transforms and a product of f32.
                assert_close(&after, &expected, 2e-6);
            }
        }
    }
}
