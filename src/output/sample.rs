//! Work on rectangles of samples, row by row: copy, the 2 × 2 mean, and what a display range needs of a sample.

use crate::pixels::Samples;

/// A rectangle inside a buffer of samples, x fastest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Position of its first sample.
    pub start: usize,
    /// Samples from one row to the next.
    pub stride: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Window {
    fn row(self, y: usize) -> std::ops::Range<usize> {
        let start = self.start + y * self.stride;
        start..start + self.width
    }

    /// Its rows in `samples`.
    pub fn rows<T>(self, samples: &[T]) -> impl Iterator<Item = &[T]> {
        (0..self.height).map(move |y| &samples[self.row(y)])
    }

    /// The smallest and the largest of its samples that are finite.
    pub fn ends<T: Sample>(self, samples: &[T]) -> (T, T) {
        self.rows(samples).flatten().fold(T::NO_ENDS, |(low, high), &sample| {
            let is_finite = sample.is_finite();
            (
                if sample < low && is_finite { sample } else { low },
                if sample > high && is_finite { sample } else { high },
            )
        })
    }
}

/// A number of a pixel.
pub(super) trait Sample: Copy + PartialOrd {
    /// Of no samples: any one is below the first and above the second, or is one of them.
    const NO_ENDS: (Self, Self);
    /// Whether it is a number.
    fn is_finite(self) -> bool;
    /// The mean of four, correctly rounded, ties to even.
    fn mean(a: Self, b: Self, c: Self, d: Self) -> Self;
    /// As a number.
    fn value(self) -> f64;
    /// Position among 65536 bins, ascending with the value.
    fn bin(self) -> u16;
    /// The lowest value of a bin.
    fn of_bin(bin: u16) -> f64;
}

macro_rules! integer {
    ($type:ty) => {
        impl Sample for $type {
            const NO_ENDS: (Self, Self) = (Self::MAX, Self::MIN);
            fn is_finite(self) -> bool {
                true
            }
            fn mean(a: Self, b: Self, c: Self, d: Self) -> Self {
                let sum = u32::from(a) + u32::from(b) + u32::from(c) + u32::from(d);
                // Half to even: adding 2 would round every tie up, and brighten each level by 1/8 on average.
                ((sum + 1 + (sum >> 2 & 1)) >> 2) as Self
            }
            fn value(self) -> f64 {
                self.into()
            }
            fn bin(self) -> u16 {
                self.into()
            }
            fn of_bin(bin: u16) -> f64 {
                bin.into()
            }
        }
    };
}
integer!(u8);
integer!(u16);

impl Sample for f32 {
    const NO_ENDS: (Self, Self) = (Self::INFINITY, Self::NEG_INFINITY);
    fn is_finite(self) -> bool {
        Self::is_finite(self)
    }
    fn mean(a: Self, b: Self, c: Self, d: Self) -> Self {
        // In f64, where neither the order of the sum nor large samples matter.
        ((f64::from(a) + f64::from(b) + (f64::from(c) + f64::from(d))) * 0.25) as Self
    }
    fn value(self) -> f64 {
        self.into()
    }
    /// Sign, exponent and seven bits of the fraction: bins are at most 1/128 of their value wide.
    fn bin(self) -> u16 {
        // Zeros of both signs are one value.
        let bits = ((self + 0.0).to_bits() >> 16) as u16;
        if bits >> 15 == 1 { !bits } else { bits | 1 << 15 }
    }
    fn of_bin(bin: u16) -> f64 {
        let bits = if bin >> 15 == 1 { bin & 0x7fff } else { !bin };
        Self::from_bits(u32::from(bits) << 16).into()
    }
}

/// Copies a rectangle of the same size and sample type.
pub(super) fn copy(target: &mut Samples, to: Window, source: &Samples, from: Window) {
    let size = source.kind().bytes();
    let bytes = |row: std::ops::Range<usize>| row.start * size..row.end * size;
    let (target, source) = (target.as_bytes_mut(), source.as_bytes());
    for y in 0..to.height {
        target[bytes(to.row(y))].copy_from_slice(&source[bytes(from.row(y))]);
    }
}

/// Fills `to` with the means of 2 × 2 samples of `from`, each side half as long, rounded up; at an odd edge, the mean
/// of the samples that exist.
pub(super) fn halve(target: &mut Samples, to: Window, source: &Samples, from: Window) {
    match (target, source) {
        (Samples::U8(target), Samples::U8(source)) => halve_rows(target, to, source, from),
        (Samples::U16(target), Samples::U16(source)) => halve_rows(target, to, source, from),
        (Samples::F32(target), Samples::F32(source)) => halve_rows(target, to, source, from),
        _ => unreachable!("all levels of an image have one sample type"),
    }
}

fn halve_rows<T: Sample>(target: &mut [T], to: Window, source: &[T], from: Window) {
    for y in 0..to.height {
        let top = &source[from.row(2 * y)];
        // A missing row or column counts the one beside it twice, which leaves the mean of what exists.
        let bottom = &source[from.row((2 * y + 1).min(from.height - 1))];
        let row = &mut target[to.row(y)];
        let (top, bottom) = (top.chunks(2), bottom.chunks(2));
        for ((mean, top), bottom) in row.iter_mut().zip(top).zip(bottom) {
            let last = top.len() - 1;
            *mean = T::mean(top[0], top[last], bottom[0], bottom[last]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_means_round_half_to_even() {
        // All residues of the sum, against f64.
        for sum in 0..=1020_u32 {
            let parts = [sum, sum + 1, sum + 2, sum + 3].map(|sum| sum / 4);
            let want = (f64::from(sum) / 4.0).round_ties_even();
            let [a, b, c, d] = parts.map(|part| part as u8);
            assert_eq!(u8::mean(a, b, c, d).value(), want, "sum {sum}");
            let [a, b, c, d] = parts.map(|part| part as u16);
            assert_eq!(u16::mean(a, b, c, d).value(), want, "sum {sum}");
        }
        assert_eq!(u16::mean(65535, 65535, 65535, 65535), 65535);
    }

    #[test]
    fn float_means_neither_overflow_nor_cancel() {
        assert_eq!(f32::mean(f32::MAX, f32::MAX, f32::MAX, f32::MAX), f32::MAX);
        assert_eq!(f32::mean(1e12, 1.0, -1e12, 3.0), 1.0);
    }

    #[test]
    fn bins_ascend_and_hold_their_lowest_value() {
        let values =
            [f32::MIN, -1e9, -2.0, -1.0, -1e-30, 0.0, 1e-30, 0.5, 1.0, 100.0, 101.0, 65535.0, f32::MAX];
        for pair in values.windows(2) {
            assert!(pair[0].bin() < pair[1].bin(), "{pair:?}");
        }
        for value in values.into_iter().filter(|&value| value >= 0.0) {
            let low = f32::of_bin(value.bin());
            assert!(low <= value.value() && value.value() - low <= value.value() / 128.0, "{value} in {low}");
        }
    }
}
