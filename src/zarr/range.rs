//! The range that viewers show a channel in, measured while its pixels pass.

use super::sample::{Sample, Window};
use crate::pixels::Samples;

/// The share of the smallest level's pixels below `low`, and above `high`.
const TAIL: f64 = 0.001;

/// Values of one channel over all planes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelRange {
    /// Smallest at level 0.
    pub min: f64,
    /// Largest at level 0.
    pub max: f64,
    /// A thousandth of the smallest level's pixels are darker. At f32, to within 1 %.
    pub low: f64,
    /// A thousandth of the smallest level's pixels are brighter. At f32, to within 1 %.
    pub high: f64,
}

/// Measures one channel.
#[derive(Debug)]
pub(super) struct RangeMeter {
    min: f64,
    max: f64,
    /// Pixels of the smallest level by [`Sample::bin`].
    histogram: Vec<u64>,
    of_bin: fn(u16) -> f64,
}

impl RangeMeter {
    pub fn new() -> Self {
        let histogram = vec![0; 1 << 16];
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, histogram, of_bin: u16::of_bin }
    }

    /// Values of level 0 lie in `range`, and reach its ends.
    pub fn widen(&mut self, [low, high]: [f64; 2]) {
        self.min = self.min.min(low);
        self.max = self.max.max(high);
    }

    /// Pixels of the smallest level.
    pub fn see_small(&mut self, samples: &Samples, window: Window) {
        match samples {
            Samples::U8(samples) => self.count(samples, window),
            Samples::U16(samples) => self.count(samples, window),
            Samples::F32(samples) => self.count(samples, window),
        }
    }

    fn count<T: Sample>(&mut self, samples: &[T], window: Window) {
        self.of_bin = T::of_bin;
        for sample in window.rows(samples).flatten() {
            self.histogram[usize::from(sample.bin())] += 1;
        }
    }

    pub fn range(&self) -> ChannelRange {
        // Zeros of both signs are one value, whichever came first.
        let (min, max) = (self.min + 0.0, self.max + 0.0);
        let tail = (self.histogram.iter().sum::<u64>() as f64 * TAIL) as u64;
        let bins = self.histogram.iter().zip(0..=u16::MAX);
        let value = |bin: Option<u16>| bin.map_or(0.0, |bin| (self.of_bin)(bin).clamp(min, max));
        ChannelRange { min, max, low: value(past(bins.clone(), tail)), high: value(past(bins.rev(), tail)) }
    }
}

/// The first bin with more than `tail` pixels up to and in it.
fn past<'a>(bins: impl Iterator<Item = (&'a u64, u16)>, tail: u64) -> Option<u16> {
    let mut seen = 0;
    bins.into_iter().find_map(|(&count, bin)| {
        seen += count;
        (seen > tail).then_some(bin)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range_of(samples: &Samples) -> ChannelRange {
        let window = Window { start: 0, stride: samples.len(), height: 1, width: samples.len() };
        let mut meter = RangeMeter::new();
        meter.widen(window.range(samples));
        meter.see_small(samples, window);
        meter.range()
    }

    #[test]
    fn outliers_do_not_set_the_display_range() {
        let mut values = (0..10_000).map(|i| 100 + (i % 251) as u16).collect::<Vec<_>>();
        values[17] = 65535;
        values[9000] = 0;
        let want = ChannelRange { min: 0.0, max: 65535.0, low: 100.0, high: 350.0 };
        assert_eq!(range_of(&Samples::U16(values)), want);
    }

    #[test]
    fn a_constant_image_has_an_empty_range() {
        let want = ChannelRange { min: 7.0, max: 7.0, low: 7.0, high: 7.0 };
        assert_eq!(range_of(&Samples::U8(vec![7; 5])), want);
        assert_eq!(range_of(&Samples::F32(vec![7.0; 5])), want);
    }

    #[test]
    fn float_percentiles_are_within_a_bin() {
        let values = (0..10_000).map(|i| i as f32 / 10.0 - 100.0).collect::<Vec<_>>();
        let ChannelRange { min, max, low, high } = range_of(&Samples::F32(values));
        assert_eq!((min, max), (-100.0, 899.9_f32.into()));
        // The exact percentiles are -99 and 898.9; a bin is at most 1/128 of its value wide.
        assert!((low + 99.0).abs() <= 1.0 && (high - 898.9).abs() <= 8.0, "{low} {high}");
    }
}
