//! What the camera adds beside light: the offset of each output channel, said or found, and its read noise.

use std::sync::Arc;

use crate::dataset::{Input, Scene};
use crate::decon::{Camera, Shading};
use crate::error::{Error, Result};
use crate::options::{Offset, Options, PerChannel};
use crate::pixels::Samples;
use crate::plan::OutputChannel;

/// Pixels that are looked at for `--offset auto`, about; of at least, and of at most so many fields.
const PIXELS: u64 = 1 << 24;
const LEAST_FIELDS: u64 = 16;
const MOST_FIELDS: u64 = 256;
/// Side of a block in pixels: its mean has an eighth of a pixel's noise.
const BLOCK: usize = 8;
/// Share of the blocks that are darker than the level: what is cut, dead or vignetted does not count.
const DARKER: f64 = 0.01;
/// Standard deviations below the mean of a Gaussian that [`DARKER`] of it lies.
const DEVIATIONS: f32 = 2.326;
/// Standard deviations of a Gaussian from its first quartile to its third.
const QUARTILES: f32 = 1.349;
/// Standard deviation in counts that is taken for pixels of which more than half are the same.
const LEAST: f32 = 0.3;

/// What the camera adds in each of `channels`; an empty list where nothing is known of it. `scenes` are those that are read.
///
/// # Errors
/// `Option` where two flags say the same, or one has nothing to do; those of the input for `--offset auto`.
pub(super) fn for_channels(
    options: &Options,
    input: &dyn Input,
    scenes: &[&Scene],
    channels: &[OutputChannel],
    notes: &mut Vec<String>,
) -> Result<Vec<Camera>> {
    let mut cameras = Vec::new();
    for channel in channels {
        let source = channel.source;
        let offset = options.offset.of(source);
        let has_dark = options.darkfield.of(source).is_some();
        let noise = options.read_noise.of(source).copied();
        if offset.is_some() && has_dark {
            let reason = format!(
                "channel {source} has a --darkfield, which is the offset of each pixel: give one of both"
            );
            return Err(Error::option("--offset", reason));
        }
        let is_known = offset.is_some() || has_dark && noise.is_some();
        let read_noise = if is_known && options.iterations > 0 { noise.unwrap_or(0.0) } else { 0.0 };
        let offset = match offset {
            None => 0.0,
            Some(Offset::Counts(counts)) => *counts,
            Some(Offset::Auto) => found(options, input, scenes, channel, notes)?,
        };
        if is_known {
            notes.push(said(channel, offset, read_noise));
        }
        cameras.push(Camera { offset, read_variance: read_noise * read_noise });
    }
    if cameras.iter().all(|camera| *camera == Camera::default()) {
        cameras.clear();
    }
    Ok(cameras)
}

/// A flat-field multiplies what is left once the offset is gone: so the offset of a channel that has one is made part of its
/// shading.
pub(super) fn before_gain(cameras: &mut [Camera], shadings: &mut [Option<Arc<Shading>>]) {
    for (camera, shading) in cameras.iter_mut().zip(shadings) {
        let Some(shading) = shading.as_mut().filter(|_| camera.offset != 0.0) else { continue };
        let offset = std::mem::take(&mut camera.offset);
        Arc::make_mut(shading).pixels.iter_mut().for_each(|[dark, _]| *dark += offset);
    }
}

fn said(channel: &OutputChannel, offset: f32, read_noise: f32) -> String {
    let subtracted = match offset {
        0.0 => "no constant offset is subtracted".to_owned(),
        _ => format!("a camera offset of {offset} counts is subtracted"),
    };
    let noise = match read_noise {
        0.0 => String::new(),
        _ => format!(
            "; data and model both hold the variance of {read_noise} counts of read noise (--read-noise)"
        ),
    };
    format!("{}: {subtracted}{noise}", channel.name)
}

fn found(
    options: &Options,
    input: &dyn Input,
    scenes: &[&Scene],
    channel: &OutputChannel,
    notes: &mut Vec<String>,
) -> Result<f32> {
    let all = scenes.iter().flat_map(|&scene| (0..scene.fields.len()).map(move |field| (scene, field)));
    let all: Vec<_> = all.filter(|(scene, field)| scene.fields[*field].plane.c == channel.source).collect();
    let pixels = all.iter().map(|(scene, field)| scene.fields[*field].decoded_bytes()).max().unwrap_or(1);
    let pixels = pixels / channel.pixel_type.bytes() as u64;
    let count = all.len().min((PIXELS / pixels.max(1)).clamp(LEAST_FIELDS, MOST_FIELDS) as usize);
    let mut blocks = Blocks::default();
    for &(scene, field) in (0..count).map(|i| &all[(2 * i + 1) * all.len() / (2 * count)]) {
        match samples(input, scene, field) {
            Ok(samples) => blocks.add(&samples, scene.fields[field].stored_width as usize, channel),
            Err(_) if options.skip_damaged => {}
            Err(error) => return Err(error),
        }
    }
    let level = blocks.level().ok_or_else(|| {
        let reason = format!("auto: the fields of channel {} do not tell a darkest level", channel.source);
        Error::option("--offset", reason)
    })?;
    // A tenth of a count is more than is known of it.
    let level = (level.max(0.0) * 10.0).round() / 10.0;
    notes.push(format!(
        "{}: --offset auto is {level} counts: the level of the darkest blocks of {BLOCK} × {BLOCK} pixels in \
         {count} of {} fields. Light that is everywhere counts as offset, too",
        channel.name,
        all.len()
    ));
    Ok(level)
}

fn samples(input: &dyn Input, scene: &Scene, field: usize) -> Result<Samples> {
    let raw = input.read(scene, &[field])?.remove(0);
    input.decode(&scene.fields[field], &raw)
}

/// A block of pixels.
#[derive(Clone, Copy)]
struct Block {
    /// Of the middle half of its pixels: dead and hot ones do not count.
    mean: f32,
    /// What noise makes of such a mean: the standard deviation of a pixel over √pixels.
    error: f32,
}

/// The blocks that were looked at.
#[derive(Default)]
struct Blocks {
    /// Those whose pixels differ.
    varied: Vec<Block>,
    /// Those that hold one value: filled, cut off, or without noise.
    even: Vec<Block>,
}

impl Blocks {
    fn add(&mut self, samples: &Samples, width: usize, channel: &OutputChannel) {
        let (of, sample) = (channel.pixel_type.samples() as usize, channel.sample as usize);
        match samples {
            Samples::U8(values) => self.cut(values.len() / of, width, |i| values[i * of + sample].into()),
            Samples::U16(values) => self.cut(values.len() / of, width, |i| values[i * of + sample].into()),
            Samples::F32(values) => self.cut(values.len() / of, width, |i| values[i * of + sample]),
        }
    }

    fn cut(&mut self, pixels: usize, width: usize, value: impl Fn(usize) -> f32) {
        let (columns, rows) = (width.min(BLOCK), (pixels / width).min(BLOCK));
        for y in (0..=pixels / width - rows).step_by(BLOCK) {
            for x in (0..=width - columns).step_by(BLOCK) {
                let block = (y..y + rows).flat_map(|y| (x..x + columns).map(move |x| y * width + x));
                let block = block_of(block.map(&value), rows * columns);
                if block.mean.is_finite() && block.error.is_finite() {
                    let blocks = if block.error > 0.0 { &mut self.varied } else { &mut self.even };
                    blocks.push(block);
                }
            }
        }
    }

    /// The level of the darkest blocks. [`DARKER`] of all lie below it by what noise takes away from the lowest of them; as much
    /// is allowed above it, and the level is the median of these.
    fn level(self) -> Option<f32> {
        let mut blocks = if self.varied.is_empty() { self.even } else { self.varied };
        blocks.sort_unstable_by(|a, b| a.mean.total_cmp(&b.mean));
        let rank = (blocks.len().checked_sub(1)? as f64 * DARKER) as usize;
        let lowest = blocks[rank].mean;
        let mut errors: Vec<_> = blocks[..=rank].iter().map(|block| block.error).collect();
        let middle = errors.len() / 2;
        let error = *errors.select_nth_unstable_by(middle, f32::total_cmp).1;
        let highest = lowest + 2.0 * DEVIATIONS * error;
        let count = blocks[rank..].iter().take_while(|block| block.mean <= highest).count();
        Some(blocks[rank + (count - 1) / 2].mean)
    }
}

fn block_of(values: impl Iterator<Item = f32>, count: usize) -> Block {
    let mut values: Vec<f32> = values.collect();
    values.sort_unstable_by(f32::total_cmp);
    let quarter = count / 4;
    let inner = &values[quarter..count - quarter];
    let mean = inner.iter().sum::<f32>() / inner.len() as f32;
    let spread = inner[inner.len() - 1] - inner[0];
    let is_varied = values[0] < values[count - 1];
    // Noise far below a count shows in few pixels.
    let deviation = if spread > 0.0 { spread / QUARTILES } else { f32::from(u8::from(is_varied)) * LEAST };
    Block { mean, error: deviation / (count as f32).sqrt() }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use rand_distr::{Distribution, Normal, Poisson};

    use super::*;
    use crate::plan::output_channels;
    use crate::plan::tests::dataset_of;

    /// Offset 100.4, read noise 1.5, light on the left half; some dead pixels and a part that is filled with 0.
    fn field(light: f64) -> Samples {
        let mut rng = StdRng::seed_from_u64(7);
        let noise = Normal::new(100.4, 1.5).unwrap();
        let value = |i: usize| {
            let (y, x) = (i / 200, i % 200);
            let light = if x < 100 { Poisson::new(light).unwrap().sample(&mut rng) } else { 0.0 };
            let seen: f64 = light + noise.sample(&mut rng);
            if y < 16 || i.is_multiple_of(997) { 0 } else { seen.round() as u16 }
        };
        Samples::U16((0..200 * 120).map(value).collect())
    }

    #[test]
    fn the_darkest_level_is_the_offset_where_part_of_the_field_is_dark() {
        let channel = &output_channels(&dataset_of(Vec::new()))[0];
        for light in [5.0, 500.0] {
            let mut blocks = Blocks::default();
            blocks.add(&field(light), 200, channel);
            let level = blocks.level().unwrap();
            // Means have a noise of 1.5 / 8 and more, half of the blocks have no light.
            assert!((level - 100.4).abs() < 0.3, "{level}");
        }
        let mut blocks = Blocks::default();
        blocks.add(&Samples::U16(vec![7; 40]), 5, channel);
        assert_eq!(blocks.level(), Some(7.0), "a field smaller than a block, of one value");
        assert_eq!(Blocks::default().level(), None);
    }
}
