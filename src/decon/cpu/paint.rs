//! From fields to observed pixels: a few rows of a tile at a time, so that what is painted is still in the cache
//! when it is averaged.

use bytemuck::Pod;
use rayon::prelude::*;

use super::copy::{self, Placed, without};
use crate::dataset::{FieldSamples, Pixels};
use crate::decon::{Clamped, Field, FinishedTile, Overlap, Shading, Worked};
use crate::pixels::{SampleType, Samples};
use crate::space::{Mosaic, Output, Rect, Zyx};
use crate::tile::Tile;
use crate::twins::Complex32;
use crate::twins::downsample::{Downsample, downsample};
use crate::twins::feather::{Feather, blend, feather};
use crate::twins::fill::fill;
use crate::twins::pack::{Pack, Packed, pack};
use crate::twins::stitch::{ShadingPixels, Stitch, paint, shade, stitch};

/// Level-0 rows that are painted at once: 128 KiB at 2048 columns.
const LEVEL0_ROWS: u32 = 16;
/// Rows that are copied at once: 256 KiB at 2048 columns of 16 bits, half of a core's cache.
const COPIED_ROWS: usize = 64;

/// A tile and the fields of its layers.
pub(super) struct Canvas<'a> {
    /// What to paint.
    pub tile: &'a Tile,
    /// `fields[i]` is the field of `tile.layers[i]`.
    pub fields: &'a [&'a Field],
    /// Mosaic pixels that one output pixel averages along each axis.
    pub scale: u32,
    /// What is observed where fields overlap.
    pub overlap: Overlap,
    /// Of the tile's channel.
    pub shading: Option<&'a Shading>,
    /// Taken from every pixel.
    pub subtracted: f32,
}

/// Level-0 pixels of a few rows.
#[derive(Default)]
struct Level0 {
    pixels: Vec<f32>,
    /// Of the fields that are blended there; unused where they are painted.
    weights: Vec<f32>,
}

impl Canvas<'_> {
    /// Paints core and halo into one lane, 0 or 1, of `observed`, which is `[z, y, x]` of `fft`. What the tile does
    /// not reach becomes no data.
    pub fn observe(&self, lane: u32, fft: Zyx<u32>, observed: &mut [Complex32]) {
        let (columns, rows) = (fft.x as usize, self.rows_at_once());
        observed.par_chunks_mut(columns * fft.y as usize).enumerate().for_each(|(plane, observed)| {
            let bands = observed.par_chunks_mut(columns * rows).enumerate();
            bands.for_each_init(Level0::default, |level0, (i, observed)| {
                let area = band(self.tile.padded, i, rows);
                let (width, height) = self.paint(plane as u32, area, level0);
                let params = self.downsample(width, height, fft.x, lane);
                downsample(&level0.pixels, &params, observed);
            });
        });
    }

    /// The core as it is written, not deconvolved.
    pub fn convert(&self, output: SampleType, no_data: f32) -> FinishedTile {
        let core = self.tile.core;
        let mut samples = Samples::unset(output, core.area() as usize * self.tile.planes as usize);
        let is_as_stored = self.shading.is_none() && self.subtracted == 0.0;
        let is_copied = self.scale == 1 && self.overlap == Overlap::Paint && is_as_stored;
        let is_same = is_copied && self.fields.iter().all(|field| field.samples.kind() == output);
        let clamped = match &mut samples {
            Samples::U8(out) if is_same => self.copy_to(out, no_data),
            Samples::U16(out) if is_same => self.copy_to(out, no_data),
            Samples::U8(out) => self.convert_to(out, no_data),
            Samples::U16(out) => self.convert_to(out, no_data),
            Samples::F32(out) => self.convert_to(out, no_data),
        };
        FinishedTile { tile: self.tile.clone(), samples, clamped, worked: Worked::default() }
    }

    /// As [`Self::convert_to`] where nothing is averaged and fields and output are integers of the same type: then
    /// every value comes out as it is, and every pixel is written once, from the field on top.
    fn copy_to<T: Packed + Pod>(&self, out: &mut [T], no_data: f32) -> Clamped {
        let core = self.tile.core;
        let columns = core.width as usize;
        let planes = out.par_chunks_mut(columns * core.height as usize).enumerate();
        planes.for_each(|(plane, out)| {
            let bands = out.par_chunks_mut(columns * COPIED_ROWS).enumerate();
            bands.for_each(|(i, pixels)| {
                let Rect { x, y, width, height, .. } = band(core, i, COPIED_ROWS);
                let area = Rect::<Mosaic>::new(x, y, width, height);
                self.copy_plane(plane as u32, copy::Canvas { area, pixels }, T::from_f32(no_data).0);
            });
        });
        Clamped::default()
    }

    /// Every pixel of `canvas` from the field on top.
    fn copy_plane<T: Pod>(&self, plane: u32, mut canvas: copy::Canvas<T>, no_data: T) {
        let mut bare = vec![canvas.area];
        let layers = self.tile.layers.iter().zip(self.fields).rev();
        for (layer, field) in layers.filter(|(layer, _)| layer.plane == plane) {
            let from = Placed {
                pixels: Pixels::Plain(field.samples.as_bytes()),
                rect: Rect::new(layer.rect.x, layer.rect.y, field.width, field.height),
                samples: field.pixel_type.samples(),
                sample: self.tile.sample,
            };
            for shown in field.shown() {
                let shown =
                    Rect::new(from.rect.x + shown.x, from.rect.y + shown.y, shown.width, shown.height);
                bare.iter().filter_map(|bare| bare.intersect(shown)).for_each(|part| canvas.copy(part, from));
                bare = without(bare, shown);
            }
            if bare.is_empty() {
                break;
            }
        }
        bare.into_iter().for_each(|part| canvas.fill(part, no_data));
    }

    fn convert_to<T: Packed>(&self, out: &mut [T], no_data: f32) -> Clamped {
        let (core, rows) = (self.tile.core, self.rows_at_once());
        let columns = core.width as usize;
        let planes = out.par_chunks_mut(columns * core.height as usize).enumerate();
        let convert_band = |buffers: &mut (Level0, Vec<Complex32>), plane: usize, i: usize, out: &mut [T]| {
            let (level0, observed) = buffers;
            let area = band(core, i, rows);
            let (width, height) = self.paint(plane as u32, area, level0);
            observed.resize(out.len(), Complex32::default());
            let params = self.downsample(width, height, core.width, 0);
            downsample(&level0.pixels, &params, observed);
            let shape = Zyx::new(1, area.height, area.width);
            let params = Pack { fft: shape, first: Zyx::default(), core: shape, lane: 0, fill: no_data };
            pack(observed, observed, &params, out)
        };
        planes
            .map(|(plane, out)| {
                let bands = out.par_chunks_mut(columns * rows).enumerate();
                bands
                    .map_init(Default::default, |buffers, (i, out)| convert_band(buffers, plane, i, out))
                    .sum::<Clamped>()
            })
            .sum()
    }

    /// From `width` × `height` level-0 pixels to rows of `columns`.
    fn downsample(&self, width: u32, height: u32, columns: u32, lane: u32) -> Downsample {
        Downsample { width, height, scale: self.scale, columns, lane, subtracted: self.subtracted }
    }

    /// Output rows that are painted at once.
    fn rows_at_once(&self) -> usize {
        (LEVEL0_ROWS / self.scale).max(1) as usize
    }

    /// Paints the level-0 pixels under `area` on one plane; returns their columns and rows.
    fn paint(&self, plane: u32, area: Rect<Output>, level0: &mut Level0) -> (u32, u32) {
        let scale = i64::from(self.scale);
        let rows = if plane < self.tile.padded_planes { area.height } else { 0 };
        let (width, height) = (area.width * self.scale, rows * self.scale);
        let Level0 { pixels, weights } = level0;
        pixels.resize(width as usize * height as usize, 0.0);
        fill(pixels);
        let area = Rect::<Mosaic>::new(area.x * scale, area.y * scale, width, height);
        let shading = self.shading.map(|shading| &shading.pixels[..]);
        match self.overlap {
            Overlap::Paint => {
                for (field, params) in self.layers_on(plane, area) {
                    stitch_field(field, &params, shading, pixels);
                }
            }
            Overlap::Feather => {
                weights.resize(pixels.len(), 0.0);
                for (field, stitch) in self.layers_on(plane, area) {
                    let params = Feather { stitch, bounds: field.bounds() };
                    feather_field(field, &params, shading, (pixels, weights));
                }
            }
        }
        (width, height)
    }

    /// The parts of fields that lie on `area` of one plane, the lowest first, and where.
    fn layers_on(&self, plane: u32, area: Rect<Mosaic>) -> impl Iterator<Item = (&Field, Stitch)> {
        let layers = self.tile.layers.iter().zip(self.fields);
        let layers =
            layers.filter(move |(layer, _)| layer.plane == plane && layer.rect.intersect(area).is_some());
        layers.flat_map(move |(layer, field)| {
            let params = move |shown| Stitch {
                left: (layer.rect.x - area.x) as i32,
                top: (layer.rect.y - area.y) as i32,
                field_width: field.width,
                shown,
                samples: field.pixel_type.samples(),
                sample: self.tile.sample,
                width: area.width,
                height: area.height,
            };
            field.shown().map(move |shown| (*field, params(shown)))
        })
    }
}

/// As the twin does with samples of their own.
fn stitch_field(field: &Field, params: &Stitch, shading: ShadingPixels<'_>, level0: &mut [f32]) {
    match &field.samples {
        FieldSamples::Decoded(samples) => return stitch(samples, params, shading, level0),
        FieldSamples::Stored { bytes, kind } => match kind {
            SampleType::U8 => paint(bytes, params, level0, f32::from),
            SampleType::U16 => {
                let words = bytes.as_chunks().0;
                paint(words, params, level0, |word| f32::from(u16::from_ne_bytes(word)))
            }
            SampleType::F32 => paint(bytes.as_chunks().0, params, level0, f32::from_ne_bytes),
        },
    }
    if let Some(shading) = shading {
        shade(params, shading, level0);
    }
}

/// As the twin does with samples of their own.
fn feather_field(
    field: &Field,
    params: &Feather,
    shading: ShadingPixels<'_>,
    (plane, weights): (&mut [f32], &mut [f32]),
) {
    let to = (&mut *plane, &mut *weights);
    match &field.samples {
        FieldSamples::Decoded(samples) => feather(samples, params, shading, plane, weights),
        FieldSamples::Stored { bytes, kind } => match kind {
            SampleType::U8 => blend(bytes, params, shading, to, f32::from),
            SampleType::U16 => {
                let words = bytes.as_chunks().0;
                blend(words, params, shading, to, |word| f32::from(u16::from_ne_bytes(word)))
            }
            SampleType::F32 => blend(bytes.as_chunks().0, params, shading, to, f32::from_ne_bytes),
        },
    }
}

/// The `i`th band of `rows` rows of `area`; empty below it.
fn band(area: Rect<Output>, i: usize, rows: usize) -> Rect<Output> {
    let first = (i * rows).min(area.height as usize);
    let height = rows.min(area.height as usize - first);
    Rect::new(area.x, area.y + first as i64, area.width, height as u32)
}

#[cfg(test)]
mod tests;
