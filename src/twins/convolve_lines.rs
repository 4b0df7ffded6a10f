//! Along the last axis that is transformed (y of images, z of volumes): forward transform · OTF · inverse transform.
//!
//! s ← F⁻¹(F(s) · h), or with the complex conjugate of h, which correlates instead of convolving (hᵀ). Both
//! transforms are unscaled; h carries the 1/N of the whole volume.

use super::columns::{each_line, each_line_of_halves};
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
/// `otf` is the OTF with its lines along that axis contiguous, `[inner, n]`.
pub fn convolve_lines(
    spectrum: &mut [Complex32],
    inner: usize,
    fourier: &Fourier,
    otf: &[Complex32],
    projection: Projection,
) {
    let work = filter(fourier, otf, projection);
    each_line(spectrum, fourier.length(), inner, || fourier.scratch(), work);
}

/// The same for one tile whose halves along the lines are the real and the imaginary part: `spectrum` is
/// `[⌈n / 2⌉, rows, columns]`, and `otf` `[rows, columns, n]`.
pub fn convolve_lines_of_halves(
    spectrum: &mut [Complex32],
    inner: [usize; 2],
    fourier: &Fourier,
    otf: &[Complex32],
    projection: Projection,
) {
    let work = filter(fourier, otf, projection);
    each_line_of_halves(spectrum, fourier.length(), inner, || fourier.scratch(), work);
}

/// What is done to the line of a column.
fn filter(
    fourier: &Fourier,
    otf: &[Complex32],
    projection: Projection,
) -> impl Fn(usize, &mut [Complex32], &mut [Complex32]) + Sync + Send {
    let length = fourier.length();
    move |column, line, scratch| {
        fourier.transform(Direction::Forward, line, scratch);
        let otf = &otf[column * length..][..length];
        match projection {
            Projection::Forward => line.iter_mut().zip(otf).for_each(|(s, h)| *s *= h),
            Projection::Back => line.iter_mut().zip(otf).for_each(|(s, h)| *s *= h.conj()),
        }
        fourier.transform(Direction::Inverse, line, scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::fourier::tests::{assert_close, by_definition, pattern};

    /// An OTF `[n, inner]` as `[inner, n]`.
    fn otf_lines(otf: &[Complex32], inner: usize) -> Vec<Complex32> {
        (0..inner).flat_map(|column| otf[column..].iter().step_by(inner).copied()).collect()
    }

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

    /// Forward along rows and columns of `[planes, rows, columns]`.
    fn transform_planes(volume: &mut [Complex32], [rows, columns]: [usize; 2]) {
        for plane in volume.chunks_mut(rows * columns) {
            for row in plane.chunks_mut(columns) {
                row.copy_from_slice(&by_definition(Direction::Forward, row));
            }
            for first in 0..columns {
                let line: Vec<_> = plane[first..].iter().step_by(columns).copied().collect();
                let line = by_definition(Direction::Forward, &line);
                plane[first..].iter_mut().step_by(columns).zip(line).for_each(|(to, from)| *to = from);
            }
        }
    }

    #[test]
    fn the_halves_of_a_tile_are_convolved_as_the_whole() {
        // Odd and even everything; around the 4 rows and 64 lines that are gathered together.
        let shapes = [
            (1_usize, 1, 1),
            (2, 1, 2),
            (7, 1, 150),
            (16, 1, 129),
            (9, 2, 3),
            (8, 5, 66),
            (6, 4, 1),
            (11, 6, 8),
        ];
        for (length, rows, columns) in shapes {
            let (inner, half) = (rows * columns, length.div_ceil(2));
            let real: Vec<_> = pattern(length * inner).iter().map(|v| Complex32::from(v.re)).collect();
            let mut otf: Vec<_> =
                pattern(length * inner).iter().map(|h| Complex32::from(h.im * 0.01)).collect();
            // The transform of something real.
            transform_planes(&mut otf, [rows, columns]);
            for column in 0..inner {
                let line: Vec<_> = otf[column..].iter().step_by(inner).copied().collect();
                let line = by_definition(Direction::Forward, &line);
                otf[column..].iter_mut().step_by(inner).zip(line).for_each(|(to, from)| *to = from);
            }
            let otf = otf_lines(&otf, inner);
            let value = |i: usize| real.get(i).map_or(7.0, |v| v.re);
            let mut halves: Vec<_> =
                (0..half * inner).map(|i| Complex32::new(value(i), value(i + half * inner))).collect();
            let mut whole = real.clone();
            transform_planes(&mut halves, [rows, columns]);
            transform_planes(&mut whole, [rows, columns]);
            let fourier = Fourier::new(length);
            for projection in [Projection::Forward, Projection::Back] {
                let (mut halves, mut whole) = (halves.clone(), whole.clone());
                convolve_lines_of_halves(&mut halves, [rows, columns], &fourier, &otf, projection);
                convolve_lines(&mut whole, inner, &fourier, &otf, projection);
                let i = Complex32::i();
                let lower = |at: usize| whole.get(at).copied().unwrap_or_default();
                let expected: Vec<_> =
                    (0..half * inner).map(|at| whole[at] + i * lower(at + half * inner)).collect();
                assert_close(&halves, &expected, 2e-6);
            }
        }
    }
}
