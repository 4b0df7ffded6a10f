//! What makes the two lanes of a pair as bright as each other in a spectrum.
//!
//! s ← the power of two nearest to rms(lane 0) / rms(lane 1), 1 where one has no data; the root mean square is that of
//! observed − background. What a transform rounds is in proportion to the brighter one of its two lanes. So that a dim lane is
//! not drowned, the spectrum of a point holds lane 1 times s, which as a power of two rounds nothing itself.

use super::{Complex32, is_no_data, lane_of};
use crate::constants::START_FLOOR;

/// Voxels that are looked at, at most: enough to know a root mean square within far less than a factor of two.
pub const SAMPLES: u32 = 1 << 14;
/// Spreads the samples: 2³² over the golden ratio, whose multiples fall evenly (Knuth, The Art of Computer Programming,
/// volume 3, section 6.4).
pub const SPREAD: u32 = 2_654_435_769;
/// More light than this counts as this: its squares can be summed.
pub const BRIGHTEST: f32 = 1e15;

/// s for one pair's `observed`.
pub fn balance_lanes(observed: &[Complex32], background: f32) -> f32 {
    let [even, odd] = [0, 1].map(|lane| mean_square(observed, background, lane));
    match (even, odd) {
        (Some(even), Some(odd)) => (0.5 * (even / odd).log2()).round().exp2() as f32,
        _ => 1.0,
    }
}

/// Of one lane's light; `None` when it has no data.
fn mean_square(observed: &[Complex32], background: f32, lane: u32) -> Option<f64> {
    let seen = sampled(observed.len()).map(|voxel| lane_of(observed[voxel], lane));
    let light = seen.filter(|&seen| !is_no_data(seen)).map(|seen| {
        let light = f64::from((seen - background).clamp(START_FLOOR, BRIGHTEST));
        light * light
    });
    let (sum, count) = light.fold((0.0, 0.0), |(sum, count), square| (sum + square, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// One of each [`SAMPLES`]-th part of `voxels`: anywhere within its part, as samples at equal distances may all meet the same
/// column.
fn sampled(voxels: usize) -> impl Iterator<Item = usize> {
    let part = voxels.div_ceil(SAMPLES as usize).max(1);
    let within = move |i: u32| (i.wrapping_mul(SPREAD) >> 16) as usize % part;
    (0..SAMPLES).map(move |i| i as usize * part + within(i)).filter(move |&voxel| voxel < voxels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::NO_DATA;

    fn pair(even: impl Fn(usize) -> f32, odd: impl Fn(usize) -> f32, count: usize) -> Vec<Complex32> {
        (0..count).map(|i| Complex32::new(even(i), odd(i))).collect()
    }

    #[test]
    fn the_power_of_two_is_the_nearest_to_the_quotient_of_the_root_mean_squares() {
        for (times, expected) in [(1.0, 1.0), (1.4, 1.0), (1.43, 0.5), (20.0, 1.0 / 16.0), (0.01, 128.0)] {
            for count in [1, 100, 16_384, 16_385, 100_000] {
                let dim = |i: usize| 100.0 + (i * 7 % 50) as f32;
                let lanes = pair(dim, |i| 100.0 + times * (i * 7 % 50) as f32, count);
                // One voxel without light is as dim as the other.
                let expected = if count == 1 { 1.0 } else { expected };
                assert_eq!(balance_lanes(&lanes, 100.0), expected, "{times} times as bright, {count} voxels");
            }
        }
    }

    #[test]
    fn only_what_has_data_counts() {
        let gaps = |i: usize| if i.is_multiple_of(3) { 800.0 } else { NO_DATA };
        assert_eq!(balance_lanes(&pair(gaps, |_| 100.0, 300), 0.0), 8.0);
        assert_eq!(balance_lanes(&pair(gaps, |_| NO_DATA, 300), 0.0), 1.0);
        assert_eq!(balance_lanes(&pair(|_| NO_DATA, gaps, 300), 0.0), 1.0);
    }

    #[test]
    fn nothing_is_too_bright_or_too_dark() {
        for [even, odd] in [[0.0, f32::MAX], [f32::MAX, -f32::MAX / 8.0], [1e30, 3e38], [-5.0, 1e-30]] {
            let s = balance_lanes(&pair(|_| even, |_| odd, 300), 100.0);
            assert!(s.is_normal() && (1.0 / s).is_normal(), "{even} and {odd}: {s}");
        }
    }

    /// Ones that lie a whole number of rows apart would all be of one column.
    #[test]
    fn samples_meet_each_voxel_of_a_small_volume_and_every_column_of_a_large_one() {
        assert!(sampled(16_384).eq(0..16_384));
        assert!(sampled(5).eq(0..5));
        for (columns, rows) in [(16, 16_384), (512, 512), (1000, 1024), (2048, 2048)] {
            let mut met = vec![0; columns];
            sampled(columns * rows).for_each(|voxel| met[voxel % columns] += 1);
            let expected = met.iter().sum::<usize>() / columns;
            assert!(met.iter().all(|&n| n >= expected / 4), "of {columns} columns: {met:?}");
        }
    }
}
