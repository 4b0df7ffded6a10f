//! Fourier transforms of one line, and how rows are shared among the cores.

use std::sync::Arc;

use rayon::prelude::*;
pub use rustfft::FftDirection as Direction;
use rustfft::{Fft, FftPlanner};

use super::Complex32;

/// Values that one core takes at a time from a volume of rows: 512 KiB, a good part of its cache.
const ROWS_AT_ONCE: usize = 1 << 16;

/// The transforms of lines of one length, both unscaled: forward and inverse multiply by the length.
pub struct Fourier {
    length: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

impl Fourier {
    /// For lines of `length` values.
    pub fn new(length: usize) -> Self {
        let mut planner = FftPlanner::new();
        Self { length, forward: planner.plan_fft_forward(length), inverse: planner.plan_fft_inverse(length) }
    }

    /// Values in a line.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Room that one core needs for [`Fourier::transform`].
    pub fn scratch(&self) -> Vec<Complex32> {
        let length = self.forward.get_inplace_scratch_len().max(self.inverse.get_inplace_scratch_len());
        vec![Complex32::default(); length]
    }

    /// Transforms one line in place.
    pub fn transform(&self, direction: Direction, line: &mut [Complex32], scratch: &mut [Complex32]) {
        match direction {
            Direction::Forward => self.forward.process_with_scratch(line, scratch),
            Direction::Inverse => self.inverse.process_with_scratch(line, scratch),
        }
    }

    /// Values that one core takes at a time: whole rows.
    pub(super) fn rows_at_once(&self) -> usize {
        (ROWS_AT_ONCE / self.length).max(1) * self.length
    }

    /// Runs `work` on each row of `spectrum` and its number, on all cores.
    pub(super) fn each_row(
        &self,
        spectrum: &mut [Complex32],
        work: impl Fn(usize, &mut [Complex32], &mut [Complex32]) + Sync,
    ) {
        let rows = self.rows_at_once() / self.length;
        spectrum.par_chunks_mut(self.rows_at_once()).enumerate().for_each_init(
            || self.scratch(),
            |scratch, (i, part)| {
                for (j, row) in part.chunks_mut(self.length).enumerate() {
                    work(i * rows + j, row, scratch);
                }
            },
        );
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rustfft::num_complex::Complex64;

    use super::*;

    /// The sum that defines the transform, in f64.
    pub fn by_definition(direction: Direction, line: &[Complex32]) -> Vec<Complex32> {
        let sign = if direction == Direction::Forward { -1.0 } else { 1.0 };
        let n = line.len();
        let term = |k: usize, i: usize| {
            let value = Complex64::new(line[i].re.into(), line[i].im.into());
            value * Complex64::cis(sign * std::f64::consts::TAU * (k * i % n) as f64 / n as f64)
        };
        let sums = (0..n).map(|k| (0..n).map(|i| term(k, i)).sum::<Complex64>());
        sums.map(|sum| Complex32::new(sum.re as f32, sum.im as f32)).collect()
    }

    /// Values that repeat only after 251, both parts different.
    pub fn pattern(count: usize) -> Vec<Complex32> {
        (0..count)
            .map(|i| Complex32::new((i * 31 % 251) as f32 - 100.0, (i * 57 % 251) as f32 - 20.0))
            .collect()
    }

    /// Fails with the place of the worst value unless all are within `tolerance` of the largest expected one.
    pub fn assert_close(actual: &[Complex32], expected: &[Complex32], tolerance: f32) {
        assert_eq!(actual.len(), expected.len());
        let largest = expected.iter().map(|v| v.norm()).fold(f32::MIN_POSITIVE, f32::max);
        for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
            let error = (actual - expected).norm() / largest;
            assert!(
                error <= tolerance,
                "at {i}: {actual} instead of {expected}, error {error:.1e} of the largest"
            );
        }
    }

    #[test]
    fn rows_of_any_number_are_transformed_each_with_its_own_number() {
        for (length, rows) in [(1, 3), (6, 1), (35, 4), (1 << 15, 5)] {
            let fourier = Fourier::new(length);
            let mut seen = pattern(length * rows);
            fourier.each_row(&mut seen, |i, row, _| row.fill(Complex32::from(i as f32)));
            assert!(
                seen.iter().enumerate().all(|(i, v)| v.re == (i / length) as f32),
                "{rows} rows of {length}"
            );
        }
        let fourier = Fourier::new(35);
        let mut line = pattern(35);
        let expected = by_definition(Direction::Inverse, &line);
        fourier.transform(Direction::Inverse, &mut line, &mut fourier.scratch());
        // 35 sums of values that are rounded to 6e-8.
        assert_close(&line, &expected, 1e-6);
    }
}
