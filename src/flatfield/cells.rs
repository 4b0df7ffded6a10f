//! A field as the means of a thousand cells: what is kept of it while others are read.

use crate::dataset::FieldSamples;
use crate::pixels::SampleType;
use crate::space::{Local, Rect};

/// Cells along the longer side of a field, at most: shading is smooth, and 32 × 32 means of 200 fields take 1 MiB.
const MOST_CELLS: u32 = 32;

/// How a field is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// Pixels of the field across.
    pub width: u32,
    /// Pixels of the field down.
    pub height: u32,
    /// Pixels along a side of a cell.
    side: u32,
}

/// The pixels of a field, and which of them are known.
pub struct Pixels<'a> {
    /// As stored, `[y, x, sample]`.
    pub samples: &'a FieldSamples,
    /// Samples of a pixel, and the one that is wanted.
    pub of: (u32, u32),
    /// Pixels across.
    pub width: u32,
    /// The parts that a mask shows; `None` for all.
    pub shown: Option<&'a [Rect<Local>]>,
    /// `[y, x]`: counts without light, and what to multiply by; `None` leaves the pixels as they are.
    pub shading: Option<&'a [[f32; 2]]>,
}

impl Pixels<'_> {
    /// Counts of a mean from which on single pixels may be cut off.
    fn saturated(&self) -> f64 {
        match self.samples.kind() {
            SampleType::U8 => 253.0,
            SampleType::U16 => 65_000.0,
            SampleType::F32 => f64::INFINITY,
        }
    }

    /// Sum and number of the known pixels of `area`, which lies on the field.
    pub fn sum(&self, area: Rect<Local>) -> (f64, u64) {
        let whole = [area];
        let parts = self.shown.unwrap_or(&whole).iter().filter_map(|part| part.intersect(area));
        parts.fold((0.0, 0), |(mut sum, count), part| {
            for y in part.y..part.bottom() {
                let first = y as usize * self.width as usize + part.x as usize;
                sum += self.sum_of_run(first, part.width as usize);
            }
            (sum, count + part.area())
        })
    }

    fn sum_of_run(&self, first: usize, count: usize) -> f64 {
        let bytes = self.samples.as_bytes();
        match self.samples.kind() {
            SampleType::U8 => self.add(first, count, |i| f32::from(bytes[i])),
            SampleType::U16 => {
                let words = bytes.as_chunks().0;
                self.add(first, count, |i| f32::from(u16::from_ne_bytes(words[i])))
            }
            SampleType::F32 => {
                let words = bytes.as_chunks().0;
                self.add(first, count, |i| f32::from_ne_bytes(words[i]))
            }
        }
    }

    fn add(&self, first: usize, count: usize, value: impl Fn(usize) -> f32) -> f64 {
        let (samples, sample) = (self.of.0 as usize, self.of.1 as usize);
        let value = |i: usize| value(i * samples + sample);
        let run = first..first + count;
        match self.shading {
            None => run.map(|i| f64::from(value(i))).sum(),
            Some(shading) => run.map(|i| f64::from((value(i) - shading[i][0]) * shading[i][1])).sum(),
        }
    }
}

impl Cells {
    /// Cells for fields of this size.
    pub fn of(width: u32, height: u32) -> Self {
        Self { width, height, side: width.max(height).div_ceil(MOST_CELLS).max(1) }
    }

    /// The cells as parts of the field, row by row.
    pub fn rects(self) -> impl Iterator<Item = Rect<Local>> {
        let side = self.side;
        let starts = move |length: u32| (0..length).step_by(side as usize);
        starts(self.height).flat_map(move |y| {
            starts(self.width).map(move |x| {
                Rect::new(x.into(), y.into(), side.min(self.width - x), side.min(self.height - y))
            })
        })
    }

    /// Where the centre of a cell lies, −1 to 1 along the field's sides: x, y.
    pub fn centre(self, cell: Rect<Local>) -> (f64, f64) {
        let along = |first: i64, count: u32, length: u32| {
            (2.0 * first as f64 + f64::from(count)) / f64::from(length) - 1.0
        };
        (along(cell.x, cell.width, self.width), along(cell.y, cell.height, self.height))
    }

    /// The mean of each cell; NaN where not all of it is known, or it is too bright for its type to tell.
    pub fn means(self, pixels: &Pixels<'_>) -> Vec<f32> {
        let stored = Pixels { shading: None, ..*pixels };
        let mean = |cell: Rect<Local>| {
            let (sum, count) = pixels.sum(cell);
            let is_known = count == cell.area() && stored.sum(cell).0 < stored.saturated() * count as f64;
            if is_known { (sum / count as f64) as f32 } else { f32::NAN }
        };
        self.rects().map(mean).collect()
    }
}
