//! From fields to observed pixels: a few rows of a tile at a time, so that what is painted is still in the cache
//! when it is averaged.

use bytemuck::Pod;
use rayon::prelude::*;

use super::copy::{self, Placed, without};
use crate::dataset::{FieldSamples, Pixels};
use crate::decon::{Field, FinishedTile, Overlap, Shading, Worked};
use crate::pixels::{SampleType, Samples};
use crate::plan::Tile;
use crate::space::{Mosaic, Output, Rect, Zyx};
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
                let params = Downsample { width, height, scale: self.scale, columns: fft.x, lane };
                downsample(&level0.pixels, &params, observed);
            });
        });
    }

    /// The core as it is written, not deconvolved.
    pub fn convert(&self, output: SampleType, no_data: f32) -> FinishedTile {
        let core = self.tile.core;
        let mut samples = Samples::unset(output, core.area() as usize * self.tile.planes as usize);
        let is_copied = self.scale == 1 && self.overlap == Overlap::Paint && self.shading.is_none();
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
    fn copy_to<T: Packed + Pod>(&self, out: &mut [T], no_data: f32) -> u64 {
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
        0
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
        }
        bare.into_iter().for_each(|part| canvas.fill(part, no_data));
    }

    fn convert_to<T: Packed>(&self, out: &mut [T], no_data: f32) -> u64 {
        let (core, rows) = (self.tile.core, self.rows_at_once());
        let columns = core.width as usize;
        let planes = out.par_chunks_mut(columns * core.height as usize).enumerate();
        let convert_band = |buffers: &mut (Level0, Vec<Complex32>), plane: usize, i: usize, out: &mut [T]| {
            let (level0, observed) = buffers;
            let area = band(core, i, rows);
            let (width, height) = self.paint(plane as u32, area, level0);
            observed.resize(out.len(), Complex32::default());
            let params = Downsample { width, height, scale: self.scale, columns: core.width, lane: 0 };
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
                    .sum::<u64>()
            })
            .sum()
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
mod tests {
    use super::*;
    use crate::decon::oracle::lopsided_psf;
    use crate::decon::{Backend, ChannelSetup, CpuBackend, Method, Precision, Setup, Start, deconvolve};
    use crate::pixels::PixelType;
    use crate::plan::Layer;
    use crate::source::SharedBytes;

    const MOSAIC: (u32, u32) = (101, 77);

    /// Fields that overlap, stick out of the tile, and leave a gap; on two planes.
    fn layers() -> Vec<Layer> {
        let at = [(0, 0, 0), (40, -5, 0), (30, 30, 0), (70, 50, 0), (0, 20, 1), (60, 20, 1)];
        let layer = |(field, &(x, y, plane))| Layer { field, rect: Rect::new(x, y, 45, 40), plane };
        at.iter().enumerate().map(layer).collect()
    }

    fn fields(pixel_type: PixelType) -> Vec<Field> {
        let count = 45 * 40 * pixel_type.samples() as usize;
        let field = |seed: usize| {
            let value = |i: usize| ((i + 1) * (i + 31 * seed)) % 251;
            let samples = match pixel_type.sample_type() {
                SampleType::U8 => Samples::U8((0..count).map(|i| value(i) as u8).collect()),
                SampleType::U16 => Samples::U16((0..count).map(|i| value(i) as u16 * 200).collect()),
                SampleType::F32 => Samples::F32((0..count).map(|i| value(i) as f32 * 0.7).collect()),
            };
            let samples = if seed.is_multiple_of(2) { samples.into() } else { as_stored(&samples) };
            Field { pixel_type, width: 45, height: 40, shown: None, samples }
        };
        (0..6).map(field).collect()
    }

    /// At an odd address, as in a file.
    fn as_stored(samples: &Samples) -> FieldSamples {
        let mut bytes = vec![9];
        bytes.extend(samples.as_bytes());
        let bytes = SharedBytes::from(bytes);
        let range = bytes.len() - samples.as_bytes().len()..bytes.len();
        FieldSamples::Stored { bytes: bytes.into_part(range), kind: samples.kind() }
    }

    fn tile(sample: u32, scale: u32) -> Tile {
        let whole = Rect::<Mosaic>::new(0, 0, MOSAIC.0, MOSAIC.1).to_output(scale);
        let padded = Rect::new(1, 2, whole.width - 1, whole.height - 2);
        let core = Rect::new(3, 2, whole.width - 4, whole.height - 5);
        Tile { sample, core, ..Tile::alone(padded, 2, layers()) }
    }

    /// The mean of the pixels that the last layer at each place has, or the fill value.
    fn by_definition(tile: &Tile, fields: &[Field], scale: u32, no_data: f32) -> Vec<f32> {
        let pixel = |plane: u32, x: i64, y: i64| {
            let on_top = tile.layers.iter().rfind(|layer| {
                layer.plane == plane && layer.rect.intersect(Rect::new(x, y, 1, 1)).is_some()
            })?;
            let field = &fields[on_top.field];
            let at = ((y - on_top.rect.y) * 45 + x - on_top.rect.x) as usize;
            let at = at * field.pixel_type.samples() as usize + tile.sample as usize;
            let bytes = field.samples.as_bytes();
            Some(match field.samples.kind() {
                SampleType::U8 => f32::from(bytes[at]),
                SampleType::U16 => f32::from(u16::from_ne_bytes(bytes.as_chunks().0[at])),
                SampleType::F32 => f32::from_ne_bytes(bytes.as_chunks().0[at]),
            })
        };
        let (core, scale) = (tile.core, i64::from(scale));
        let mut means = Vec::new();
        for plane in 0..tile.planes {
            for (y, x) in (core.y..core.bottom()).flat_map(|y| (core.x..core.right()).map(move |x| (y, x))) {
                let block =
                    (0..scale).flat_map(|dy| (0..scale).map(move |dx| (x * scale + dx, y * scale + dy)));
                let block: Vec<_> = block.filter_map(|(x, y)| pixel(plane, x, y)).collect();
                let mean = block.iter().sum::<f32>() / block.len() as f32;
                means.push(if block.is_empty() { no_data } else { mean });
            }
        }
        means
    }

    fn setup(scale: u32, output: SampleType) -> Setup {
        Setup {
            fft: Zyx::new(4, 90, 108),
            lanes: 3,
            scale,
            overlap: Overlap::Paint,
            precision: Precision::F32,
            shading: Vec::new(),
            output,
            fill: vec![5.0],
            core: Zyx::new(2, 90, 108),
            field_slots: 6,
            field_bytes: 1 << 20,
            channels: Vec::new(),
        }
    }

    fn finish(backend: &mut CpuBackend, lane: usize, tile: &Tile, fields: &[Field]) -> FinishedTile {
        backend.stitch(lane, tile, &fields.iter().collect::<Vec<_>>()).unwrap();
        if backend.volumes.is_some() {
            backend.begin(0, lane + 1, Start::Observed).unwrap();
            deconvolve(backend, Method::Rl, 2).unwrap();
        }
        backend.download(lane, tile.clone()).unwrap().unwrap()
    }

    #[test]
    fn a_tile_is_converted_as_its_layers_and_means_are_defined() {
        for scale in [1, 2, 4, 8] {
            for pixel_type in [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr48]
            {
                let fields = fields(pixel_type);
                let tile = tile(pixel_type.samples() - 1, scale);
                let expected = by_definition(&tile, &fields, scale, 5.0);
                let convert = |output| {
                    finish(&mut CpuBackend::new(&setup(scale, output), 2).unwrap(), 1, &tile, &fields)
                };
                let floats = convert(SampleType::F32);
                assert_eq!(floats.samples, Samples::F32(expected.clone()), "{pixel_type:?} at scale {scale}");
                let rounded = expected.iter().map(|v| v.round_ties_even().clamp(0.0, 255.0) as u8).collect();
                let bytes = convert(SampleType::U8);
                assert_eq!(bytes.samples, Samples::U8(rounded), "{pixel_type:?} at scale {scale}");
                let words = expected.iter().map(|v| v.round_ties_even() as u16).collect();
                assert_eq!(convert(SampleType::U16).samples, Samples::U16(words), "{pixel_type:?}");
                let too_bright = expected.iter().filter(|v| v.round_ties_even() > 255.0).count();
                assert_eq!(bytes.clamped, too_bright as u64);
            }
        }
    }

    #[test]
    fn deconvolved_with_a_point_a_tile_comes_out_as_converted() {
        let mut psf = lopsided_psf(Zyx::new(3, 5, 7));
        psf.data.fill(0.0);
        psf.data[52] = 1.0;
        for scale in [1, 4] {
            let fields = fields(PixelType::Gray16);
            let (first, second) = (tile(0, scale), Tile { core: Rect::new(5, 4, 9, 7), ..tile(0, scale) });
            let channels = vec![ChannelSetup { psf: psf.clone(), background: 0.0 }];
            let setup = Setup { channels, ..setup(scale, SampleType::F32) };
            let mut backend = CpuBackend::new(&setup, 2).unwrap();
            for (lane, tile) in [(2, &second), (0, &first), (1, &second)] {
                let FinishedTile { samples: Samples::F32(actual), .. } =
                    finish(&mut backend, lane, tile, &fields)
                else {
                    panic!("floats were asked for")
                };
                let expected = by_definition(tile, &fields, scale, 5.0);
                for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                    // Transforms of up to 5e4 round by 1e-7 of that; a dark pixel starts at 1e-3.
                    assert!(
                        (actual - expected).abs() < 0.1,
                        "at {i} of lane {lane}: {actual}, not {expected}"
                    );
                }
            }
        }
    }
}
