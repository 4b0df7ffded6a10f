//! Pictures kept from what passes: the first scene as a whole, and a part of it in full resolution, before and after; so
//! that nothing is read or computed a second time.
//!
//! *Before* is stitched and not deconvolved, *after* is what is written. Both are of the first time and the middle slice.

mod crop;
mod overview;
mod paint;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::decon::{Field, FinishedTile, NO_DATA_LIMIT, Overlap, fill_of};
use crate::job::Job;
use crate::pixels::SampleType;
use crate::plan::OutputChannel;
use crate::psf::Psf;
use crate::space::{Local, Mosaic, Output, Rect, Shift, Stored};
use crop::Crop;
use overview::Overview;

/// Keeps pictures of one file. Takes fields and tiles from any thread.
#[derive(Debug)]
pub struct Pictures {
    channels: Vec<OutputChannel>,
    psfs: Vec<Psf>,
    scale: u32,
    slice: u32,
    /// Which slice and time this is in the file, where there are several.
    plane: String,
    /// Width of an output pixel.
    pixel_um: Option<f64>,
    /// Whether overlaps are blended: then only what one field alone covers is as it was stored.
    blends: bool,
    /// Where no field lies.
    fill: Vec<f32>,
    fields: HashMap<usize, Placed>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    before: Overview,
    after: Overview,
    crop: Option<Crop>,
}

/// A field of the slice that is shown.
#[derive(Clone, Copy, Debug)]
struct Placed {
    rect: Rect<Mosaic>,
    channel: u32,
    /// The highest is painted on top.
    height: usize,
}

/// What the report shows.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Pictures of the whole scene and of a part of it.
    pub pairs: Vec<Pair>,
    /// One for each channel that was deconvolved.
    pub psfs: Vec<PsfPicture>,
}

/// One place, before and after.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// What is shown.
    pub caption: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Width of a pixel of the pictures in µm, where known.
    pub pixel_um: Option<f64>,
    /// As it was acquired, and as it is written.
    #[serde(flatten)]
    pub images: Images,
}

/// PNGs as data URIs.
#[derive(Clone, Debug, Serialize)]
pub struct Images {
    /// As acquired, with a brightness of its own.
    pub before: String,
    /// As written, with a brightness of its own.
    pub after: String,
    /// Both with one brightness; `None` where that is no other.
    pub with_one_brightness: Option<[String; 2]>,
}

/// Two planes through the centre of a PSF.
#[derive(Clone, Debug, Serialize)]
pub struct PsfPicture {
    /// Channel, and size.
    pub caption: String,
    /// Pixels across, down and in depth.
    pub shape_xyz: [u32; 3],
    /// The plane of focus: a PNG as a data URI.
    pub xy: String,
    /// Along the axis; `None` for one plane.
    pub xz: Option<String>,
}

impl Pictures {
    /// For the first scene of `job`, with nothing seen yet.
    pub fn of(job: &Job) -> Self {
        let image = &job.images[0];
        let plan = &image.plan;
        let mosaic_from_stored = Shift::<Mosaic, Stored>::to_origin_of(image.scene.rect);
        let slice = plan.shape.z as u32 / 2;
        let fields = image.scene.fields.iter().enumerate();
        let shown = fields.filter(|(_, field)| (field.plane.t, field.plane.z) == (0, slice));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by_key(|(_, field)| field.m);
        let placed = shown.into_iter().enumerate().map(|(height, (index, field))| {
            let rect = mosaic_from_stored.rect(field.rect);
            (index, Placed { rect, channel: field.plane.c, height })
        });
        let output = Rect::<Mosaic>::new(0, 0, image.scene.rect.width, image.scene.rect.height);
        let output = output.to_output(plan.scale);
        let overview = Overview::new(output, plan.channels.len());
        Self {
            channels: plan.channels.clone(),
            psfs: image.setup.channels.iter().map(|channel| channel.psf.clone()).collect(),
            scale: plan.scale,
            slice,
            plane: plane_shown(job, slice),
            pixel_um: job.voxel_um.x,
            blends: job.options.overlap == Overlap::Feather,
            fill: image.setup.fill.clone(),
            fields: placed.collect(),
            state: Mutex::new(State { before: overview.clone(), after: overview, crop: None }),
        }
    }

    /// A field of the first scene was decoded.
    pub fn decoded(&self, index: usize, field: &Field) {
        let Some(&placed) = self.fields.get(&index).filter(|_| !self.psfs.is_empty()) else { return };
        let pixels = FieldPixels { field, placed, scale: self.scale };
        let first = self.channels[0].source;
        let best = self.lock().crop.as_ref().map_or(0.0, Crop::score);
        let found = if placed.channel == first { self.find_crop(&pixels, best) } else { None };
        let mut state = self.lock();
        for (channel, output) in self.channels.iter().enumerate().filter(|(_, c)| c.source == placed.channel)
        {
            state.before.paint(channel, placed.height, pixels.output_rect(), |x, y| {
                pixels.mean(x, y, output.sample, 1)
            });
        }
        if let Some(found) = found
            && state.crop.as_ref().is_none_or(|crop| crop.score() < found.score())
        {
            state.crop = Some(found);
        }
    }

    /// A tile of the first scene is finished.
    pub fn finished(&self, finished: &FinishedTile) {
        let tile = &finished.tile;
        if tile.t != 0 || !(tile.z..tile.z + tile.planes).contains(&self.slice) {
            return;
        }
        let plane = (self.slice - tile.z) as usize * tile.core.area() as usize;
        let value = |x: i64, y: i64| {
            let at = (y - tile.core.y) as usize * tile.core.width as usize + (x - tile.core.x) as usize;
            Some(if finished.is_bare() {
                fill_of(&self.fill, tile.channel)
            } else {
                finished.samples.value(plane + at)
            })
        };
        let mut state = self.lock();
        let channel = tile.channel as usize;
        state.after.paint(channel, 0, tile.core, value);
        if let Some(crop) = &mut state.crop {
            crop.finish(channel, tile.core, value);
        }
    }

    /// As PNGs.
    pub fn shown(&self) -> Shown {
        let state = self.lock();
        // Where nothing is deconvolved, no field may have been seen as a whole: it is written as it is stitched.
        let before = if self.psfs.is_empty() { &state.after } else { &state.before };
        let mut pairs = vec![overview::pair(before, &state.after, &self.channels, self.pixel_um)];
        pairs.extend(state.crop.as_ref().and_then(|crop| crop.pair(&self.channels, self.pixel_um)));
        pairs.iter_mut().for_each(|pair| pair.caption += &self.plane);
        let psfs = self.channels.iter().zip(&self.psfs);
        Shown { pairs, psfs: psfs.map(|(channel, psf)| paint::psf(&channel.name, psf)).collect() }
    }

    /// The part of a field with the most structure, where it beats `best`.
    fn find_crop(&self, pixels: &FieldPixels<'_>, best: f64) -> Option<Crop> {
        let is_hidden = |rect: Rect<Output>| {
            let rect = rect.to_mosaic(self.scale, Rect::new(0, 0, u32::MAX, u32::MAX));
            let Placed { channel, height, .. } = pixels.placed;
            let covers = |other: &Placed| other.height > height || self.blends && other.height < height;
            let others = self.fields.values().filter(|other| other.channel == channel && covers(other));
            others.into_iter().any(|other| other.rect.intersect(rect).is_some())
        };
        let channels = (0..self.channels.len()).filter(|&i| self.channels[i].source == pixels.placed.channel);
        let samples = channels.map(|i| (i, self.channels[i].sample)).collect();
        Crop::find(pixels, samples, best, &is_hidden)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Such as `, slice 20 of the file (from 0)`; nothing where there is one only.
fn plane_shown(job: &Job, slice: u32) -> String {
    let shape = job.images[0].plan.shape;
    let of = |name: &str, index: u32, count: u64| match count {
        1 => String::new(),
        _ => format!(", {name} {index} of the file (from 0)"),
    };
    of("slice", job.origin.z + slice, shape.z) + &of("time", job.origin.t, shape.t)
}

/// A decoded field in the output's pixels.
struct FieldPixels<'a> {
    field: &'a Field,
    placed: Placed,
    scale: u32,
}

impl FieldPixels<'_> {
    /// The output pixels that lie on it as a whole.
    fn output_rect(&self) -> Rect<Output> {
        let (rect, scale) = (self.placed.rect, i64::from(self.scale));
        let up = |n: i64| (n + scale - 1).div_euclid(scale);
        let corner = (up(rect.x), up(rect.y));
        let end = (rect.right().div_euclid(scale), rect.bottom().div_euclid(scale));
        Rect::between(corner, end).unwrap_or(Rect::new(corner.0, corner.1, 0, 0))
    }

    /// Mean over the stored pixels of the output pixel at (`x`, `y`) that are shown and have data: all of them, or every
    /// `step`-th along each axis.
    fn mean(&self, x: i64, y: i64, sample: u32, step: usize) -> Option<f32> {
        let scale = i64::from(self.scale);
        let (left, top) = (x * scale - self.placed.rect.x, y * scale - self.placed.rect.y);
        let (mut sum, mut count) = (0.0, 0_u32);
        for y in (top..top + scale).step_by(step) {
            for x in (left..left + scale).step_by(step) {
                if let Some(value) = self.stored(x, y, sample) {
                    sum += value;
                    count += 1;
                }
            }
        }
        (count > 0).then(|| sum / count as f32)
    }

    /// A stored pixel, if it is there, is shown and has data.
    fn stored(&self, x: i64, y: i64, sample: u32) -> Option<f32> {
        let Field { width, height, pixel_type, shown, samples } = self.field;
        let inside = (0..i64::from(*width)).contains(&x) && (0..i64::from(*height)).contains(&y);
        let holds =
            |part: &Rect<Local>| (part.x..part.right()).contains(&x) && (part.y..part.bottom()).contains(&y);
        if !inside || shown.as_ref().is_some_and(|parts| !parts.iter().any(holds)) {
            return None;
        }
        let pixel = y as usize * *width as usize + x as usize;
        let index = pixel * pixel_type.samples() as usize + sample as usize;
        let at = |bytes: usize| &samples.as_bytes()[index * bytes..][..bytes];
        let value = match samples.kind() {
            SampleType::U8 => at(1)[0].into(),
            SampleType::U16 => u16::from_ne_bytes([at(2)[0], at(2)[1]]).into(),
            SampleType::F32 => f32::from_ne_bytes([at(4)[0], at(4)[1], at(4)[2], at(4)[3]]),
        };
        Some(value).filter(|&value| value > NO_DATA_LIMIT)
    }
}
