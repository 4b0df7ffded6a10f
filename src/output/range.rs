//! The range that viewers show a channel in, measured on level 0 while its pixels pass.
//!
//! Means of a smaller level would be cheaper, but one hot pixel brightens many of them, and a sparse specimen darkens.

use super::sample::{Sample, Window};
use crate::pixels::{SampleType, Samples};
use crate::space::Tczyx;

/// The share of the counted pixels below `low`, and above `high`: hot pixels are fewer.
const TAIL: f64 = 0.001;
/// Pixels of a channel that are counted, about: 4096 of them are a thousandth.
const COUNTED_PX: u64 = 1 << 22;

/// Values of one channel over all planes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelRange {
    /// Smallest at level 0.
    pub min: f64,
    /// Largest at level 0.
    pub max: f64,
    /// A thousandth of the counted pixels of level 0 are darker. At f32, to within 1 %.
    pub low: f64,
    /// A thousandth of the counted pixels of level 0 are brighter. At f32, to within 1 %.
    pub high: f64,
}

/// What one shard of level 0 holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardRange {
    /// Smallest and largest value of the image.
    pub ends: [f64; 2],
    /// How many of the counted pixels lie in which of 65536 bins, ascending with the value.
    pub counts: Vec<(u16, u32)>,
}

/// Which rows of level 0 are counted: every nth over all planes of a channel, whatever the order in which they come.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountedRows {
    every: u64,
    slices: u64,
    height: u64,
}

impl CountedRows {
    /// Of an image of `shape`: all rows where they are few.
    pub fn of(shape: Tczyx<u64>) -> Self {
        Self::up_to(COUNTED_PX, shape)
    }

    fn up_to(most_px: u64, Tczyx { t, z, y, x, .. }: Tczyx<u64>) -> Self {
        // An odd number meets the even periods of cameras, tiles and chunks at each of their rows in turn.
        let every = if t * z * y * x <= most_px { 1 } else { (t * z * y * x).div_ceil(most_px) | 1 };
        Self { every, slices: z, height: y }
    }

    /// Rows from row `y` of plane `t`, `z` to the next that is counted.
    fn ahead(&self, t: u64, z: u64, y: u64) -> usize {
        let row = (t * self.slices + z) * self.height + y;
        (row.next_multiple_of(self.every) - row) as usize
    }
}

/// Looks at one shard after the other.
#[derive(Debug)]
pub(super) struct RangeFinder {
    rows: CountedRows,
    /// The bin of 0.
    zero: u16,
    /// All zero between two shards.
    histogram: Vec<u32>,
}

impl RangeFinder {
    pub fn new(rows: CountedRows, sample: SampleType) -> Self {
        let zero = match sample {
            SampleType::U8 => 0_u8.bin(),
            SampleType::U16 => 0_u16.bin(),
            SampleType::F32 => 0_f32.bin(),
        };
        Self { rows, zero, histogram: vec![0; bins(sample)] }
    }

    /// The range of some windows of `samples`: of each plane that they hold one, with the `t`, `z` and `y` of level 0 that its
    /// first row has.
    pub fn find(&mut self, samples: &Samples, planes: &[(Window, (u64, u64, u64))]) -> ShardRange {
        match samples {
            Samples::U8(samples) => self.find_in(samples, planes),
            Samples::U16(samples) => self.find_in(samples, planes),
            Samples::F32(samples) => self.find_in(samples, planes),
        }
    }

    /// As [`Self::find`] of windows that are all zero.
    pub fn of_zeros(&self, planes: &[(Window, (u64, u64, u64))]) -> ShardRange {
        let counted = |&(Window { height, width, .. }, (t, z, y)): &(Window, (u64, u64, u64))| {
            height.saturating_sub(self.rows.ahead(t, z, y)).div_ceil(self.rows.every as usize) * width
        };
        let count: usize = planes.iter().map(counted).sum();
        let counts = if count > 0 { vec![(self.zero, count as u32)] } else { Vec::new() };
        ShardRange { ends: [0.0; 2], counts }
    }

    fn find_in<T: Sample>(&mut self, samples: &[T], planes: &[(Window, (u64, u64, u64))]) -> ShardRange {
        for &(window, (t, z, y)) in planes {
            let ahead = self.rows.ahead(t, z, y);
            for row in window.rows(samples).skip(ahead).step_by(self.rows.every as usize) {
                for sample in row.iter().filter(|sample| sample.is_finite()) {
                    self.histogram[usize::from(sample.bin())] += 1;
                }
            }
        }
        let ends = planes.iter().map(|(window, _)| window.ends(samples));
        let (low, high) = ends.fold(T::NO_ENDS, |(low, high), (lower, higher)| {
            (if lower < low { lower } else { low }, if higher > high { higher } else { high })
        });
        let mut counts = Vec::new();
        for bin in low.bin()..=high.bin() {
            let count = std::mem::take(&mut self.histogram[usize::from(bin)]);
            if count > 0 {
                counts.push((bin, count));
            }
        }
        ShardRange { ends: [low.value(), high.value()], counts }
    }
}

/// Measures one channel.
#[derive(Clone, Debug)]
pub(super) struct RangeMeter {
    min: f64,
    max: f64,
    histogram: Vec<u32>,
    of_bin: fn(u16) -> f64,
}

impl RangeMeter {
    /// Of a channel with samples of this type.
    pub fn new(sample: SampleType) -> Self {
        let of_bin = match sample {
            SampleType::U8 => u8::of_bin,
            SampleType::U16 => u16::of_bin,
            SampleType::F32 => f32::of_bin,
        };
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, histogram: vec![0; bins(sample)], of_bin }
    }

    /// Takes a shard of the channel in.
    pub fn add(&mut self, shard: &ShardRange) {
        let [low, high] = shard.ends;
        (self.min, self.max) = (self.min.min(low), self.max.max(high));
        for &(bin, count) in &shard.counts {
            // Of a damaged record, perhaps.
            if let Some(counted) = self.histogram.get_mut(usize::from(bin)) {
                *counted = counted.saturating_add(count);
            }
        }
    }

    /// Over all shards that were added.
    pub fn range(&self) -> ChannelRange {
        if self.min > self.max {
            return ChannelRange { min: 0.0, max: 0.0, low: 0.0, high: 0.0 };
        }
        // Zeros of both signs are one value, whichever came first.
        let (min, max) = (self.min + 0.0, self.max + 0.0);
        let tail = (self.histogram.iter().map(|&count| u64::from(count)).sum::<u64>() as f64 * TAIL) as u64;
        let bins = self.histogram.iter().zip(0..=u16::MAX);
        let value = |bin: Option<u16>, none: f64| bin.map_or(none, |bin| (self.of_bin)(bin).clamp(min, max));
        let (low, high) = (past(bins.clone(), tail), past(bins.rev(), tail));
        ChannelRange { min, max, low: value(low, min), high: value(high, max) }
    }
}

fn bins(sample: SampleType) -> usize {
    match sample {
        SampleType::U8 => 1 << 8,
        SampleType::U16 | SampleType::F32 => 1 << 16,
    }
}

/// The first bin with more than `tail` pixels up to and in it.
fn past<'a>(bins: impl Iterator<Item = (&'a u32, u16)>, tail: u64) -> Option<u16> {
    let mut seen = 0;
    bins.into_iter().find_map(|(&count, bin)| {
        seen += u64::from(count);
        (seen > tail).then_some(bin)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range_of(samples: &Samples) -> ChannelRange {
        let window = Window { start: 0, stride: samples.len(), height: 1, width: samples.len() };
        let rows = CountedRows::of(Tczyx::new(1, 1, 1, 1, samples.len() as u64));
        let mut meter = RangeMeter::new(samples.kind());
        meter.add(&RangeFinder::new(rows, samples.kind()).find(samples, &[(window, (0, 0, 0))]));
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

    #[test]
    fn undefined_values_are_passed_over() {
        let mut values = vec![f32::NAN; 100];
        let none = ChannelRange { min: 0.0, max: 0.0, low: 0.0, high: 0.0 };
        assert_eq!(range_of(&Samples::F32(values.clone())), none);
        values[50] = 4.0;
        values[60] = -2.0;
        values[70] = f32::INFINITY;
        let want = ChannelRange { min: -2.0, max: 4.0, low: -2.0, high: 4.0 };
        assert_eq!(range_of(&Samples::F32(values)), want);
    }

    /// 3 planes of 20 × 10, rows of one value each: 0 to 59 over the planes.
    #[test]
    fn of_a_large_image_the_same_rows_are_counted_however_it_is_cut() {
        let shape = Tczyx::new(1, 1, 3, 20, 10);
        let rows = CountedRows::up_to(210, shape);
        let counts = |cuts: &[u64]| {
            let mut finder = RangeFinder::new(rows, SampleType::U8);
            let mut meter = RangeMeter::new(SampleType::U8);
            for (z, cut) in (0..3).rev().flat_map(|z| cuts.windows(2).map(move |cut| (z, cut))) {
                let values = (cut[0]..cut[1]).flat_map(|y| [(20 * z + y) as u8; 10]);
                let height = (cut[1] - cut[0]) as usize;
                let window = Window { start: 0, stride: 10, height, width: 10 };
                meter.add(&finder.find(&Samples::U8(values.collect()), &[(window, (0, z, cut[0]))]));
            }
            assert!(finder.histogram.iter().all(|&count| count == 0));
            (meter.histogram, meter.min, meter.max)
        };
        let whole = counts(&[0, 20]);
        // 600 pixels, a third of the rows.
        let counted: Vec<_> = (0..60).filter(|&row| whole.0[row] == 10).collect();
        assert_eq!(counted, (0..60).step_by(3).collect::<Vec<_>>());
        assert_eq!((whole.1, whole.2), (0.0, 59.0), "the ends are those of all pixels");
        assert_eq!(counts(&[0, 1, 7, 8, 20]), whole);
        assert_eq!(counts(&[0, 13, 20]), whole);
    }
}
