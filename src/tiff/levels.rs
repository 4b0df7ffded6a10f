//! Whether the levels of a stored pyramid are means of the pixels below them. A TIFF does not say it: some programs take
//! every second pixel, others smooth, others compress again.

use std::collections::BTreeSet;

use super::TiffStack;
use super::read::read_one;
use crate::dataset::{Scene, Subblock};
use crate::error::Result;
use crate::pixels::Samples;
use crate::space::{Rect, Stored};

/// Level-0 pixels down and across that are compared, at most, unless eight pixels of a level are more.
const COMPARED_PX: u32 = 1024;
/// Of whole numbers: that of the level may be rounded, and be a mean of means.
const TOLERANCE: f32 = 1.0;
/// Of floats, as a share of the brightest.
const TOLERANCE_OF_FLOATS: f32 = 1e-5;

/// Why the pyramid of `scene` cannot stand for means of its fields; `None` where a look at each level finds none but
/// means.
///
/// # Errors
/// Those of reading.
pub(super) fn why_not_means(stack: &TiffStack, scene: &Scene) -> Result<Option<String>> {
    let ratios: BTreeSet<u32> = scene.pyramid.iter().map(ratio).collect();
    for ratio_here in ratios {
        // The most detail takes the most bytes.
        let of_level = scene.pyramid.iter().filter(|subblock| ratio(subblock) == ratio_here);
        let Some(level) = of_level.max_by_key(|subblock| subblock.extent) else { continue };
        let found = compare(stack, scene, level, ratio_here)?;
        if found != Found::Means {
            let what = match found {
                Found::Others => "does not hold means of the fields' pixels",
                _ => "has too little detail where it was compared to tell whether it holds means",
            };
            return Ok(Some(format!("its level 1/{ratio_here} {what}")));
        }
    }
    Ok(None)
}

fn ratio(subblock: &Subblock) -> u32 {
    subblock.rect.width / subblock.stored_width
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Means,
    Others,
    /// All pixels below a pixel of the level are alike, wherever one looks.
    NoDetail,
}

/// Compares the middle of `level` with the fields of `scene` below it.
fn compare(stack: &TiffStack, scene: &Scene, level: &Subblock, ratio: u32) -> Result<Found> {
    let most = (COMPARED_PX / ratio).max(8);
    let (width, height) = (level.stored_width.min(most), level.stored_height.min(most));
    let (left, top) = ((level.stored_width - width) / 2, (level.stored_height - height) / 2);
    let step = i64::from(ratio);
    let below = Rect::<Stored>::new(
        level.rect.x + i64::from(left) * step,
        level.rect.y + i64::from(top) * step,
        width * ratio,
        height * ratio,
    );
    let samples = level.pixel_type.samples() as usize;
    let small = Window { samples, values: read_one(stack, level)?, width: level.stored_width as usize };
    let mut blocks = vec![Block::default(); (width * height) as usize * samples];
    for field in scene.fields.iter().filter(|field| field.plane == level.plane) {
        let Some(part) = field.rect.intersect(below) else { continue };
        let large = Window { samples, values: read_one(stack, field)?, width: field.stored_width as usize };
        for y in part.y..part.y + i64::from(part.height) {
            for x in part.x..part.x + i64::from(part.width) {
                let of = ((y - below.y) / step) as usize * width as usize + ((x - below.x) / step) as usize;
                for sample in 0..samples {
                    let value = large.value((x - field.rect.x) as usize, (y - field.rect.y) as usize, sample);
                    blocks[of * samples + sample].add(value);
                }
            }
        }
    }
    let whole = ratio * ratio;
    let (mut brightest, mut worst, mut detail) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (i, block) in blocks.iter().enumerate().filter(|(_, block)| block.count == whole) {
        let (pixel, sample) = (i / samples, i % samples);
        let (x, y) = (pixel % width as usize + left as usize, pixel / width as usize + top as usize);
        let off = (block.sum / f64::from(whole)) as f32 - small.value(x, y, sample);
        worst = worst.max(off.abs());
        detail = detail.max(block.highest - block.lowest);
        brightest = brightest.max(block.highest.abs());
    }
    let tolerance = match &small.values {
        Samples::F32(_) => TOLERANCE_OF_FLOATS * brightest,
        _ => TOLERANCE,
    };
    Ok(match () {
        () if worst > tolerance => Found::Others,
        () if detail <= 4.0 * tolerance => Found::NoDetail,
        () => Found::Means,
    })
}

/// The samples of a subblock.
struct Window {
    samples: usize,
    values: Samples,
    width: usize,
}

impl Window {
    fn value(&self, x: usize, y: usize, sample: usize) -> f32 {
        self.values.value((y * self.width + x) * self.samples + sample)
    }
}

/// What lies below one sample of a level.
#[derive(Clone, Copy)]
struct Block {
    sum: f64,
    count: u32,
    lowest: f32,
    highest: f32,
}

impl Default for Block {
    fn default() -> Self {
        Self { sum: 0.0, count: 0, lowest: f32::INFINITY, highest: f32::NEG_INFINITY }
    }
}

impl Block {
    fn add(&mut self, value: f32) {
        self.sum += f64::from(value);
        self.count += 1;
        self.lowest = self.lowest.min(value);
        self.highest = self.highest.max(value);
    }
}
