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
/// cost neither time nor memory; and one half of x, as the other half of a real PSF's transform is conjugate to it:
/// H(−k) = H(k)*.
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
    let half = large.x / 2 + 1;
    let rows = along_x(psf, large, half);
    let planes = if large.z == 1 { rows } else { along_y(&rows, small, Zyx { x: half, ..large }) };

    let (outer, last) = match large.z {
        1 => (1, Axis::new(small.y, large.y)),
        _ => (large.y, Axis::new(small.z, large.z)),
    };
    let mut otf = vec![Complex32::default(); fft.count()];
    let blocks = otf.chunks_mut(large.x * last.to).map(|block| block.split_at_mut(half * last.to));
    let (mut computed, conjugate): (Vec<_>, Vec<_>) = blocks.unzip();
    computed.par_iter_mut().enumerate().for_each(|(block, lines)| {
        lines.par_chunks_mut(COLUMNS * last.to).enumerate().for_each_init(Vec::new, |values, (i, lines)| {
            values.resize(lines.len(), Complex64::default());
            last.lines(&planes[block * half + i * COLUMNS..], outer * half, values);
            let rounded = values.iter().map(|v| Complex32::new(v.re as f32, v.im as f32));
            lines.iter_mut().zip(rounded).for_each(|(to, from)| *to = from);
        });
    });
    conjugate.into_par_iter().enumerate().for_each(|(block, lines)| {
        let opposite = &computed[(outer - block) % outer];
        for (line, x) in lines.chunks_exact_mut(last.to).zip(half..) {
            let from = &opposite[(large.x - x) * last.to..][..last.to];
            line[0] = from[0].conj();
            line[1..].iter_mut().zip(from[1..].iter().rev()).for_each(|(to, from)| *to = from.conj());
        }
    });
    Ok(otf)
}

/// Values of a line along the last axis.
fn last_length(fft: Zyx<u32>) -> usize {
    (if fft.z == 1 { fft.y } else { fft.z }) as usize
}

/// The first `half` values of each row of `psf`, over the voxels of `large`, transformed: `[small z, small y, half]`.
fn along_x(psf: &Psf, large: Zyx<usize>, half: usize) -> Vec<Complex64> {
    let [small_y, small_x] = [psf.shape.y, psf.shape.x].map(|n| n as usize);
    let (scale, x) = (1.0 / (large.z * large.y * large.x) as f64, Axis::new(small_x, large.x));
    let light: Vec<_> = psf.data.iter().map(|&v| Complex64::from(f64::from(v) * scale)).collect();
    let mut rows = vec![Complex64::default(); psf.shape.z as usize * small_y * half];
    rows.par_chunks_mut(half).zip(light.par_chunks(small_x)).for_each_init(
        || vec![Complex64::default(); large.x],
        |row, (to, from)| {
            x.lines(from, 1, row);
            to.copy_from_slice(&row[..half]);
        },
    );
    rows
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
        for (shape, fft) in [
            (Zyx::new(3_u32, 1, 5), Zyx::new(5_u32, 2, 6)),
            (Zyx::new(2, 3, 4), Zyx::new(4, 5, 7)),
            (Zyx::new(1, 3, 3), Zyx::new(1, 4, 5)),
            (Zyx::new(1, 3, 1), Zyx::new(1, 5, 8)),
            (Zyx::new(1, 2, 1), Zyx::new(3, 3, 1)),
            (Zyx::new(1, 1, 2), Zyx::new(1, 1, 2)),
        ] {
            let psf = psf(shape, |i| (i * 37 % 251) as f32);
            for (at, actual) in otf(&psf, fft).unwrap().iter().enumerate() {
                let expected = by_sum(&psf, fft, at);
                // One rounding to f32 (6e-8) of values up to 1e3.
                let error = (expected - Complex64::new(actual.re.into(), actual.im.into())).norm();
                assert!(error < 1e-4, "at {at} of {fft}: {actual} instead of {expected}");
            }
        }
    }

    /// Value `at` of the transform over its voxels.
    fn by_sum(psf: &Psf, fft: Zyx<u32>, at: usize) -> Complex64 {
        let position = |at: usize, n: Zyx<u32>| {
            let [at, y, x] = [at as u32, n.y, n.x];
            Zyx::new(at / (y * x), at / x % y, at % x)
        };
        let k = position(at, fft);
        let terms = psf.data.iter().enumerate().map(|(i, &light)| {
            let centred =
                position(i, psf.shape).zip(psf.shape).map(|(i, n)| f64::from(i) - f64::from((n - 1) / 2));
            let turns = k.zip(fft).zip(centred).map(|((k, n), i)| f64::from(k) * i / f64::from(n));
            f64::from(light) * Complex64::cis(-std::f64::consts::TAU * (turns.z + turns.y + turns.x))
        });
        terms.sum::<Complex64>() / fft.count() as f64
    }

    #[test]
    fn a_psf_larger_than_the_transform_is_a_limit() {
        let wide = psf(Zyx::new(1, 3, 9), |_| 1.0);
        assert!(matches!(otf(&wide, Zyx::new(1, 8, 8)), Err(Error::Limit { .. })));
        assert!(otf(&wide, Zyx::new(1, 3, 9)).is_ok());
    }
}
