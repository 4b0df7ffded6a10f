//! From a PSF to its OTF, for both backends.

use rustfft::FftPlanner;
use rustfft::num_complex::{Complex32, Complex64};

use crate::error::{Error, Result};
use crate::psf::Psf;
use crate::space::Zyx;

/// The transform of `psf` with its centre at index 0, over N, the voxels of `fft`; `[z, y, x]` of `fft`.
///
/// Transformed in f64 and rounded once. One axis after another, so that rows and planes of zeros around the PSF
/// cost neither time nor memory.
///
/// # Errors
/// `Limit` when the PSF is larger than the transform.
pub fn otf(psf: &Psf, fft: Zyx<u32>) -> Result<Vec<Complex32>> {
    let (small, large) = (psf.shape.map(|n| n as usize), fft.map(|n| n as usize));
    if small.z > large.z || small.y > large.y || small.x > large.x {
        return Err(Error::Limit {
            what: "PSF larger than the Fourier transform".into(),
            needed: psf.shape.to_string(),
            available: fft.to_string(),
        });
    }
    let light: Vec<_> = psf.data.iter().map(|&v| Complex64::from(f64::from(v))).collect();
    let mut rows = vec![Complex64::default(); small.z * small.y * large.x];
    Axis { outer: small.z * small.y, from: small.x, to: large.x, inner: 1 }
        .transform(&light, |i, value| rows[i] = value);
    let mut planes = vec![Complex64::default(); small.z * large.y * large.x];
    Axis { outer: small.z, from: small.y, to: large.y, inner: large.x }
        .transform(&rows, |i, value| planes[i] = value);
    let mut volume = vec![Complex32::default(); fft.count()];
    let scale = 1.0 / fft.count() as f64;
    Axis { outer: 1, from: small.z, to: large.z, inner: large.y * large.x }.transform(&planes, |i, value| {
        volume[i] = Complex32::new((value.re * scale) as f32, (value.im * scale) as f32);
    });
    Ok(volume)
}

/// The middle axis of `[outer, from, inner]`, which grows to `to`.
struct Axis {
    outer: usize,
    from: usize,
    to: usize,
    inner: usize,
}

impl Axis {
    /// Puts the axis' centre at index 0, transforms along it, and hands each value of `[outer, to, inner]` and its
    /// index to `emit`.
    fn transform(&self, input: &[Complex64], mut emit: impl FnMut(usize, Complex64)) {
        let &Self { outer, from, to, inner } = self;
        let fourier = FftPlanner::new().plan_fft_forward(to);
        let mut scratch = vec![Complex64::default(); fourier.get_inplace_scratch_len()];
        let mut line = vec![Complex64::default(); to];
        let centre = (from - 1) / 2;
        for o in 0..outer {
            for i in 0..inner {
                line.fill(Complex64::default());
                for k in 0..from {
                    line[(k + to - centre) % to] = input[(o * from + k) * inner + i];
                }
                fourier.process_with_scratch(&mut line, &mut scratch);
                for (k, value) in line.iter().enumerate() {
                    emit((o * to + k) * inner + i, *value);
                }
            }
        }
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
