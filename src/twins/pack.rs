//! Brings the core of one lane into the output type.
//!
//! out ← fill where `observed` has no data, else the value; for integers rounded half to even, then clamped to the
//! type's range. Counts the values that rounding took out of the range; a fill value never counts.

use std::iter::Sum;

use rayon::prelude::*;

use super::{Complex32, is_no_data, lane_of};
use crate::space::Zyx;

/// Rows that one core takes at a time.
const ROWS_AT_ONCE: usize = 16;

/// Shapes of [`pack`].
#[derive(Clone, Copy, Debug)]
pub struct Pack {
    /// Shape of the volumes.
    pub fft: Zyx<u32>,
    /// First voxel of the core.
    pub first: Zyx<u32>,
    /// Voxels of the core.
    pub core: Zyx<u32>,
    /// Which lane of the pair, 0 or 1.
    pub lane: u32,
    /// What stands where there is no data.
    pub fill: f32,
}

/// Values that an output type could not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clamped {
    /// How many.
    pub values: u64,
    /// By how many counts they were changed, all together.
    pub light: f64,
}

impl Sum for Clamped {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self { values: a.values + b.values, light: a.light + b.light })
    }
}

/// A type that an output can have.
pub trait Packed: Copy + Send + Into<f32> {
    /// The nearest value of this type, and 1 if `value` is out of its range.
    fn from_f32(value: f32) -> (Self, u32);
}

impl Packed for u8 {
    fn from_f32(value: f32) -> (Self, u32) {
        let (rounded, clamped) = round(value, 255.0);
        (rounded as u8, clamped)
    }
}

impl Packed for u16 {
    fn from_f32(value: f32) -> (Self, u32) {
        let (rounded, clamped) = round(value, 65535.0);
        (rounded as u16, clamped)
    }
}

impl Packed for f32 {
    fn from_f32(value: f32) -> (Self, u32) {
        (value, 0)
    }
}

/// Writes the core of `values`, `[z, y, x]` of one pair as `observed`, to `out`, which has room for just the core.
/// Returns what was clamped.
pub fn pack<T: Packed>(
    values: &[Complex32],
    observed: &[Complex32],
    params: &Pack,
    out: &mut [T],
) -> Clamped {
    let [fft, first, core] = [params.fft, params.first, params.core].map(|shape| shape.map(|n| n as usize));
    let pack_row = |(row, out): (usize, &mut [T])| {
        let (z, y) = (first.z + row / core.y, first.y + row % core.y);
        let start = (z * fft.y + y) * fft.x + first.x;
        let pairs = || values[start..start + core.x].iter().zip(&observed[start..start + core.x]);
        let mut clamped_in_row = 0;
        for (out, (value, observed)) in out.iter_mut().zip(pairs()) {
            let gap = is_no_data(lane_of(*observed, params.lane));
            let (packed, clamped) = T::from_f32(if gap { params.fill } else { lane_of(*value, params.lane) });
            *out = packed;
            clamped_in_row += if gap { 0 } else { clamped };
        }
        if clamped_in_row == 0 {
            return Clamped::default();
        }
        let seen =
            pairs().zip(&*out).filter(|((_, observed), _)| !is_no_data(lane_of(**observed, params.lane)));
        let light = seen.map(|((value, _), out)| change(lane_of(*value, params.lane), *out)).sum();
        Clamped { values: clamped_in_row.into(), light }
    };
    out.par_chunks_mut(core.x).with_min_len(ROWS_AT_ONCE).enumerate().map(pack_row).sum()
}

/// Counts by which clamping made `packed` of `value`; what rounding alone changes is none.
fn change<T: Packed>(value: f32, packed: T) -> f64 {
    let change = (f64::from(value) - f64::from(packed.into())).abs();
    if T::from_f32(value).1 == 0 || !change.is_finite() { 0.0 } else { change }
}

/// `value` rounded half to even and clamped to 0..=`max`, and 1 if it had to be clamped. A NaN is clamped to 0.
fn round(value: f32, max: f32) -> (f32, u32) {
    /// Between 2²³ and 2²⁴ floats are the integers, so that adding this rounds, and to even: unlike the library's
    /// function, on processors of any age and on several values at once.
    const INTEGERS: f32 = 12_582_912.0;
    let rounded = (value.max(-1.0).min(max + 1.0) + INTEGERS) - INTEGERS;
    let clamped = rounded.max(0.0).min(max);
    (clamped, u32::from(rounded != clamped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::NO_DATA;

    #[test]
    fn values_are_rounded_half_to_even_and_clamped() {
        let expected_u8: [(f32, u8, u32); 14] = [
            (0.5, 0, 0),
            (1.5, 2, 0),
            (2.5, 2, 0),
            (2.500_001, 3, 0),
            (254.499_98, 254, 0),
            (255.4, 255, 0),
            (255.5, 255, 1),
            (256.0, 255, 1),
            (1e30, 255, 1),
            (f32::INFINITY, 255, 1),
            (-0.5, 0, 0),
            (-0.51, 0, 1),
            (-1e30, 0, 1),
            (f32::NAN, 0, 1),
        ];
        for (value, rounded, clamped) in expected_u8 {
            assert_eq!(u8::from_f32(value), (rounded, clamped), "{value}");
        }
        let expected_u16 = [
            (65535.49, 65535, 0),
            (65535.5, 65535, 1),
            (32768.5, 32768, 0),
            (32769.5, 32770, 0),
            (-3.0, 0, 1),
        ];
        for (value, rounded, clamped) in expected_u16 {
            assert_eq!(u16::from_f32(value), (rounded, clamped), "{value}");
        }
        for value in 0..=u16::MAX {
            assert_eq!(u16::from_f32(f32::from(value)), (value, 0));
        }
        assert_eq!(f32::from_f32(-1e30), (-1e30, 0));
    }

    #[test]
    fn the_core_is_cropped_and_gaps_are_filled_and_not_counted() {
        let fft = Zyx::new(3_u32, 40, 7);
        let values: Vec<_> =
            (0..fft.count()).map(|i| Complex32::new((i % 251) as f32 + 10.0, -1.0)).collect();
        let gap = |i: usize| i % 6 == 1;
        let observed: Vec<_> =
            (0..fft.count()).map(|i| Complex32::new(if gap(i) { NO_DATA } else { 1.0 }, 1.0)).collect();
        for (first, core) in [
            (Zyx::new(0, 0, 0), fft),
            (Zyx::new(1, 2, 3), Zyx::new(2, 37, 4)),
            (Zyx::new(2, 39, 6), Zyx::new(1, 1, 1)),
        ] {
            let params = Pack { fft, first, core, lane: 0, fill: 300.0 };
            let mut out = vec![9_u8; core.count()];
            let clamped = pack(&values, &observed, &params, &mut out);
            let (mut too_bright, mut light) = (0, 0.0);
            for (i, &actual) in out.iter().enumerate() {
                let i = i as u32;
                let (z, y, x) =
                    (i / (core.x * core.y) + first.z, i / core.x % core.y + first.y, i % core.x + first.x);
                let at = ((z * fft.y + y) * fft.x + x) as usize;
                too_bright += u64::from(!gap(at) && at % 251 + 10 > 255);
                light += if gap(at) { 0.0 } else { (at % 251 + 10).saturating_sub(255) as f64 };
                let expected = if gap(at) { 255 } else { (at % 251 + 10).min(255) as u8 };
                assert_eq!(actual, expected, "at {z}, {y}, {x} of {params:?}");
            }
            assert_eq!(clamped, Clamped { values: too_bright, light });
            let mut out = vec![9.0_f32; core.count()];
            assert_eq!(pack(&values, &observed, &Pack { lane: 1, ..params }, &mut out), Clamped::default());
            assert!(out.iter().all(|&v| v == -1.0));
        }
    }
}
