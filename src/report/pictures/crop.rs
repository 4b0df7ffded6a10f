//! A part of one field in full resolution, where there is structure.

use super::paint::{Raster, images};
use super::{FieldPixels, Pair};
use crate::plan::OutputChannel;
use crate::space::{Output, Rect};

/// Sides that are tried, in output pixels: the first with a part that no other field covers.
const SIDES: [u32; 3] = [256, 128, 64];
/// Pixels between two that are looked at for structure.
const STEP: usize = 8;

/// A part, before and as far as it is finished.
#[derive(Clone, Debug)]
pub(super) struct Crop {
    rect: Rect<Output>,
    score: f64,
    /// Output channels that the field has.
    channels: Vec<usize>,
    before: Raster,
    after: Raster,
}

impl Crop {
    /// The part of a field with the highest score above `best`; `samples` are its output channels and their samples.
    pub fn find(
        pixels: &FieldPixels<'_>,
        samples: Vec<(usize, u32)>,
        best: f64,
        is_hidden: &dyn Fn(Rect<Output>) -> bool,
    ) -> Option<Self> {
        let whole = pixels.output_rect();
        let (score, rect) = SIDES.into_iter().find_map(|side| {
            let scored = parts(whole, side).map(|rect| (structure(pixels, rect, samples[0].1), rect));
            let mut scored: Vec<_> = scored.collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0));
            scored.into_iter().find(|&(_, rect)| !is_hidden(rect))
        })?;
        if score <= best {
            return None;
        }
        let values = |sample: u32| {
            let rows = rect.y..rect.bottom();
            let value = |(x, y)| pixels.mean(x, y, sample, 1).unwrap_or(f32::NAN);
            rows.flat_map(|y| (rect.x..rect.right()).map(move |x| (x, y))).map(value).collect()
        };
        let before: Vec<Vec<f32>> = samples.iter().map(|&(_, sample)| values(sample)).collect();
        let empty = vec![vec![f32::NAN; rect.area() as usize]; samples.len()];
        let raster = |channels| Raster { width: rect.width, height: rect.height, channels };
        Some(Self {
            rect,
            score,
            channels: samples.into_iter().map(|(channel, _)| channel).collect(),
            before: raster(before),
            after: raster(empty),
        })
    }

    pub fn score(&self) -> f64 {
        self.score
    }

    /// Takes what a finished tile has of it.
    pub fn finish(&mut self, channel: usize, core: Rect<Output>, value: impl Fn(i64, i64) -> Option<f32>) {
        let Some(place) = self.channels.iter().position(|&own| own == channel) else { return };
        let Some(part) = core.intersect(self.rect) else { return };
        for y in part.y..part.bottom() {
            for x in part.x..part.right() {
                let at = (y - self.rect.y) as usize * self.rect.width as usize + (x - self.rect.x) as usize;
                if let Some(value) = value(x, y) {
                    self.after.channels[place][at] = value;
                }
            }
        }
    }

    /// Both, `None` before anything of it is finished; `pixel_um` is the width of an output pixel.
    pub fn pair(&self, channels: &[OutputChannel], pixel_um: Option<f64>) -> Option<Pair> {
        if self.after.channels.iter().flatten().all(|value| value.is_nan()) {
            return None;
        }
        let own: Vec<OutputChannel> =
            self.channels.iter().map(|&channel| channels[channel].clone()).collect();
        let names: Vec<&str> = own.iter().map(|channel| &*channel.name).collect();
        let Rect { x, y, width, height, .. } = self.rect;
        Some(Pair {
            caption: format!("{width} × {height} pixels at ({x}, {y}): {}", names.join(", ")),
            width,
            height,
            pixel_um,
            images: images(&self.before, &self.after, &own),
        })
    }
}

/// Squares of `side` side by side on `whole`.
fn parts(whole: Rect<Output>, side: u32) -> impl Iterator<Item = Rect<Output>> {
    let along = move |from: i64, to: i64| (from..=to - i64::from(side)).step_by(side as usize);
    let columns = move || along(whole.x, whole.right());
    along(whole.y, whole.bottom()).flat_map(move |y| columns().map(move |x| Rect::new(x, y, side, side)))
}

/// Variance over mean: 1 for photon noise alone, more where there is structure, and 0 without light.
fn structure(pixels: &FieldPixels<'_>, rect: Rect<Output>, sample: u32) -> f64 {
    let rows = (rect.y..rect.bottom()).step_by(STEP);
    let places = rows.flat_map(|y| (rect.x..rect.right()).step_by(STEP).map(move |x| (x, y)));
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in places.filter_map(|(x, y)| pixels.mean(x, y, sample, STEP)) {
        let value = f64::from(value);
        (count, sum, squares) = (count + 1.0, sum + value, squares + value * value);
    }
    let mean: f64 = sum / count;
    let variance = squares / count - mean * mean;
    if mean > 0.0 && variance > 0.0 { variance / mean } else { 0.0 }
}
