//! Fourier transform of every line along y, in place; only volumes need it, images go straight to `convolve_lines`.
//!
//! forward: s\[k\] ← Σₙ s\[n\] exp(−2πi k n / Y); inverse: the same with +; both unscaled.

use super::columns::each_line;
use super::{Complex32, Direction, Fourier};

/// Transforms the lines of `spectrum`, `[outer, y, inner]`, along its middle axis; the length is `fourier`'s.
pub fn transform_lines(spectrum: &mut [Complex32], inner: usize, fourier: &Fourier, direction: Direction) {
    let scratch = || fourier.scratch();
    each_line(spectrum, fourier.length(), inner, scratch, |_, line, scratch| {
        fourier.transform(direction, line, scratch);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::fourier::tests::{assert_close, by_definition, pattern};

    #[test]
    fn every_line_is_transformed_by_definition() {
        // Around the 16 lines that are gathered together; one line, one value, several volumes.
        for (outer, length, inner) in
            [(1, 1, 1), (3, 7, 1), (1, 12, 15), (2, 10, 16), (2, 9, 17), (1, 25, 130)]
        {
            for direction in [Direction::Forward, Direction::Inverse] {
                let before = pattern(outer * length * inner);
                let mut after = before.clone();
                transform_lines(&mut after, inner, &Fourier::new(length), direction);
                let mut expected = before.clone();
                for first in (0..before.len()).filter(|i| i / inner % length == 0) {
                    let line: Vec<_> = (0..length).map(|k| before[first + k * inner]).collect();
                    for (k, value) in by_definition(direction, &line).into_iter().enumerate() {
                        expected[first + k * inner] = value;
                    }
                }
                assert_close(&after, &expected, 1e-6);
            }
        }
    }
}
