//! A whole scene, small.

use super::Pair;
use super::paint::{Raster, images};
use crate::plan::OutputChannel;
use crate::space::{Output, Rect};

/// The longer side, in pixels, at most.
const SIDE: u32 = 640;
/// Output pixels that are averaged for one, along each axis, at most: more do not show.
const SAMPLES: u32 = 4;

/// Sums for each pixel and channel.
#[derive(Clone, Debug)]
pub(super) struct Overview {
    whole: Rect<Output>,
    /// Output pixels across one.
    factor: u32,
    width: u32,
    height: u32,
    /// `[channel][y, x]`.
    channels: Vec<Vec<Pixel>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pixel {
    sum: f32,
    count: u32,
    height: usize,
}

impl Overview {
    pub fn new(whole: Rect<Output>, channels: usize) -> Self {
        let factor = whole.width.max(whole.height).div_ceil(SIDE).max(1);
        let (width, height) = (whole.width.div_ceil(factor), whole.height.div_ceil(factor));
        let pixels = vec![Pixel::default(); width as usize * height as usize];
        Self { whole, factor, width, height, channels: vec![pixels; channels] }
    }

    /// Takes the values in `rect`; what was painted lower than `height` is covered.
    pub fn paint(
        &mut self,
        channel: usize,
        height: usize,
        rect: Rect<Output>,
        value: impl Fn(i64, i64) -> Option<f32>,
    ) {
        let Some(rect) = rect.intersect(self.whole) else { return };
        let step = self.factor.div_ceil(SAMPLES);
        let on_lattice = |from: i64, to: i64| {
            let step = i64::from(step);
            ((from + step - 1).div_euclid(step) * step..to).step_by(step as usize)
        };
        for y in on_lattice(rect.y, rect.bottom()) {
            for x in on_lattice(rect.x, rect.right()) {
                let Some(value) = value(x, y) else { continue };
                let (column, row) = (x as usize / self.factor as usize, y as usize / self.factor as usize);
                let pixel = &mut self.channels[channel][row * self.width as usize + column];
                if pixel.count == 0 || pixel.height < height {
                    *pixel = Pixel { sum: value, count: 1, height };
                } else if pixel.height == height {
                    pixel.sum += value;
                    pixel.count += 1;
                }
            }
        }
    }

    fn raster(&self) -> Raster {
        let mean = |pixel: &Pixel| if pixel.count > 0 { pixel.sum / pixel.count as f32 } else { f32::NAN };
        let channels = self.channels.iter().map(|pixels| pixels.iter().map(mean).collect()).collect();
        Raster { width: self.width, height: self.height, channels }
    }
}

/// Both; `pixel_um` is the width of an output pixel.
pub(super) fn pair(
    before: &Overview,
    after: &Overview,
    channels: &[OutputChannel],
    pixel_um: Option<f64>,
) -> Pair {
    let (mut before_raster, mut after_raster) = (before.raster(), after.raster());
    // Where nothing was acquired there is no after either, whatever fills it.
    for (before, after) in before_raster.channels.iter_mut().zip(&mut after_raster.channels) {
        before
            .iter()
            .zip(after)
            .filter(|(before, _)| before.is_nan())
            .for_each(|(_, after)| *after = f32::NAN);
    }
    let caption = match before.factor {
        1 => format!("The whole scene, {} × {} pixels", before.whole.width, before.whole.height),
        factor => format!(
            "The whole scene, {} × {} pixels, 1 of {factor} along each axis",
            before.whole.width, before.whole.height
        ),
    };
    Pair {
        caption,
        width: before.width,
        height: before.height,
        pixel_um: pixel_um.map(|um| um * f64::from(before.factor)),
        images: images(&before_raster, &after_raster, channels),
    }
}
