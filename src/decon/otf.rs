//! From a PSF to its OTF, for both backends.

use std::sync::Arc;

use rayon::prelude::*;
use rustfft::num_complex::{Complex32, Complex64};
use rustfft::{Fft, FftPlanner};

use crate::error::{Error, Result};
use crate::psf::Psf;
use crate::space::Zyx;

/// Values that are transformed together where lines do not lie along x: two cache lines of each row.
const COLUMNS: usize = 8;

/// The transform of `psf` with its centre at index 0, over N, the voxels of `fft`; `[z, y, x]` of `fft`.
///
/// # Errors
/// `Limit` when the PSF is larger than the transform.
pub fn otf(psf: &Psf, fft: Zyx<u32>) -> Result<Vec<Complex32>> {
    let lines = otf_lines(psf, fft)?;
    let length = last_length(fft);
    Ok((0..length).flat_map(|k| lines[k..].iter().step_by(length).copied()).collect())
}

/// The same with its lines along the last axis contiguous: `[y, x, z]`, or `[x, y]` of an image.
///
/// Transformed in f64 and rounded once. One axis after another, so that rows and planes of zeros around the PSF
/// cost neither time nor memory.
///
/// # Errors
/// `Limit` when the PSF is larger than the transform.
pub fn otf_lines(psf: &Psf, fft: Zyx<u32>) -> Result<Vec<Complex32>> {
    let (small, large) = (psf.shape.map(|n| n as usize), fft.map(|n| n as usize));
    if small.z > large.z || small.y > large.y || small.x > large.x {
        return Err(Error::Limit {
            what: "PSF larger than the Fourier transform".into(),
            needed: psf.shape.to_string(),
            available: fft.to_string(),
        });
    }
    let scale = 1.0 / fft.count() as f64;
    let light: Vec<_> = psf.data.iter().map(|&v| Complex64::from(f64::from(v) * scale)).collect();
    let mut rows = vec![Complex64::default(); small.z * small.y * large.x];
    let x = Axis::new(small.x, large.x);
    rows.par_chunks_mut(large.x).zip(light.par_chunks(small.x)).for_each(|(to, from)| x.lines(from, 1, to));
    let planes = if large.z == 1 { rows } else { along_y(&rows, small, large) };

    let last = if large.z == 1 { Axis::new(small.y, large.y) } else { Axis::new(small.z, large.z) };
    let inner = planes.len() / last.from;
    let mut otf = vec![Complex32::default(); fft.count()];
    let lines = |(block, otf): (usize, &mut [Complex32])| {
        let mut values = vec![Complex64::default(); otf.len()];
        last.lines(&planes[block * COLUMNS..], inner, &mut values);
        let rounded = values.iter().map(|v| Complex32::new(v.re as f32, v.im as f32));
        otf.iter_mut().zip(rounded).for_each(|(to, from)| *to = from);
    };
    otf.par_chunks_mut(COLUMNS * last.to).enumerate().for_each(lines);
    Ok(otf)
}

/// Values of a line along the last axis.
fn last_length(fft: Zyx<u32>) -> usize {
    (if fft.z == 1 { fft.y } else { fft.z }) as usize
}

/// Transforms `[small z, small y, large x]` along y: `[small z, large y, large x]`.
fn along_y(rows: &[Complex64], small: Zyx<usize>, large: Zyx<usize>) -> Vec<Complex64> {
    let y = Axis::new(small.y, large.y);
    let mut planes = vec![Complex64::default(); small.z * large.y * large.x];
    let plane = |(to, from): (&mut [Complex64], &[Complex64])| {
        let mut lines = vec![Complex64::default(); COLUMNS * y.to];
        for first in (0..large.x).step_by(COLUMNS) {
            let columns = COLUMNS.min(large.x - first);
            let lines = &mut lines[..columns * y.to];
            y.lines(&from[first..], large.x, lines);
            for (k, row) in to.chunks_exact_mut(large.x).enumerate() {
                let column = lines[k..].iter().step_by(y.to);
                row[first..first + columns].iter_mut().zip(column).for_each(|(to, from)| *to = *from);
            }
        }
    };
    planes.par_chunks_mut(large.y * large.x).zip(rows.par_chunks(small.y * large.x)).for_each(plane);
    planes
}

/// An axis of a PSF that grows to that of the transform.
struct Axis {
    from: usize,
    to: usize,
    fourier: Arc<dyn Fft<f64>>,
}

impl Axis {
    fn new(from: usize, to: usize) -> Self {
        Self { from, to, fourier: FftPlanner::new().plan_fft_forward(to) }
    }

    /// Fills `lines`, neighbours of `to` values each, with the transforms of as many neighbours of `input`, whose values
    /// are `stride` apart; the middle of each comes to index 0.
    fn lines(&self, input: &[Complex64], stride: usize, lines: &mut [Complex64]) {
        lines.fill(Complex64::default());
        let centre = (self.from - 1) / 2;
        for k in 0..self.from {
            let at = (k + self.to - centre) % self.to;
            let line = lines.chunks_exact_mut(self.to);
            line.zip(&input[k * stride..]).for_each(|(line, value)| line[at] = *value);
        }
        self.fourier.process(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn psf(shape: Zyx<u32>, value: impl Fn(usize) -> f32) -> Psf {
        let data = (0..shape.count()).map(value).collect();
        Psf { data, shape, voxel_um: Zyx::new(1.0, 1.0, 1.0), notes: Vec::new() }
    }

    #[test]
    fn a_point_at_the_centre_passes_everything() {
        let shape = Zyx::new(3, 5, 7);
        let point = psf(shape, |i| if i == shape.count() / 2 { 1.0 } else { 0.0 });
        let fft = Zyx::new(4, 6, 7);
        for (i, value) in otf(&point, fft).unwrap().iter().enumerate() {
            let error = (value - Complex32::from(1.0 / fft.count() as f32)).norm() * fft.count() as f32;
            assert!(error < 1e-6, "at {i}: {value}");
        }
    }

    #[test]
    fn lines_are_the_same_values() {
        for fft in [Zyx::new(1_u32, 6, 21), Zyx::new(4, 5, 19)] {
            let psf = psf(Zyx::new(fft.z.min(3), 5, 7), |i| (i * 37 % 251) as f32);
            let (values, lines) = (otf(&psf, fft).unwrap(), otf_lines(&psf, fft).unwrap());
            let length = last_length(fft);
            for (i, line) in lines.chunks(length).enumerate() {
                for (k, value) in line.iter().enumerate() {
                    assert_eq!(*value, values[k * (fft.count() / length) + i], "{k} of line {i} of {fft}");
                }
            }
        }
    }

    #[test]
    fn every_value_is_the_sum_of_its_definition() {
        let (shape, fft) = (Zyx::new(3_u32, 1, 5), Zyx::new(5_u32, 2, 6));
        let psf = psf(shape, |i| (i * 37 % 251) as f32);
        let actual = otf(&psf, fft).unwrap();
        for (at, actual) in actual.iter().enumerate() {
            let k = [at / 12, at / 6 % 2, at % 6].map(|k| k as f64);
            let mut expected = Complex64::default();
            for (i, &light) in psf.data.iter().enumerate() {
                let (z, y, x) = (i / 5, 0, i % 5);
                let turns =
                    k[0] * (z as f64 - 1.0) / 5.0 + k[1] * y as f64 / 2.0 + k[2] * (x as f64 - 2.0) / 6.0;
                expected += f64::from(light) * Complex64::cis(-std::f64::consts::TAU * turns);
            }
            expected /= 60.0;
            // One rounding to f32 (6e-8) of values up to 1e3 / 60.
            let error = (expected - Complex64::new(actual.re.into(), actual.im.into())).norm();
            assert!(error < 1e-5, "at {at}: {actual} instead of {expected}");
        }
    }

    #[test]
    fn a_psf_larger_than_the_transform_is_a_limit() {
        let wide = psf(Zyx::new(1, 3, 9), |_| 1.0);
        assert!(matches!(otf(&wide, Zyx::new(1, 8, 8)), Err(Error::Limit { .. })));
        assert!(otf(&wide, Zyx::new(1, 3, 9)).is_ok());
    }
}
