//! Tiles against what painting, averaging and correcting are defined to be.

use super::*;
use crate::decon::oracle::lopsided_psf;
use crate::decon::{Backend, ChannelSetup, Course, CpuBackend, Method, Precision, Setup, Start, iterate};
use crate::pixels::PixelType;
use crate::source::SharedBytes;
use crate::tile::Layer;

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
        let on_top = tile
            .layers
            .iter()
            .rfind(|layer| layer.plane == plane && layer.rect.intersect(Rect::new(x, y, 1, 1)).is_some())?;
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
            let block = (0..scale).flat_map(|dy| (0..scale).map(move |dx| (x * scale + dx, y * scale + dy)));
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
        method: Method::Shb,
        scale,
        overlap: Overlap::Paint,
        precision: Precision::F32,
        shading: Vec::new(),
        camera: Vec::new(),
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
        iterate(backend, Method::Rl, &Course::of(2)).unwrap();
    }
    backend.download(lane, tile.clone()).unwrap().unwrap()
}

#[test]
fn a_tile_is_converted_as_its_layers_and_means_are_defined() {
    for scale in [1, 2, 4, 8] {
        for pixel_type in [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr48] {
            let fields = fields(pixel_type);
            let tile = tile(pixel_type.samples() - 1, scale);
            let expected = by_definition(&tile, &fields, scale, 5.0);
            let convert =
                |output| finish(&mut CpuBackend::new(&setup(scale, output), 2).unwrap(), 1, &tile, &fields);
            let floats = convert(SampleType::F32);
            assert_eq!(floats.samples, Samples::F32(expected.clone()), "{pixel_type:?} at scale {scale}");
            let rounded = expected.iter().map(|v| v.round_ties_even().clamp(0.0, 255.0) as u8).collect();
            let bytes = convert(SampleType::U8);
            assert_eq!(bytes.samples, Samples::U8(rounded), "{pixel_type:?} at scale {scale}");
            let words = expected.iter().map(|v| v.round_ties_even() as u16).collect();
            assert_eq!(convert(SampleType::U16).samples, Samples::U16(words), "{pixel_type:?}");
            let too_bright = expected.iter().filter(|v| v.round_ties_even() > 255.0).count();
            assert_eq!(bytes.clamped.values, too_bright as u64);
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
                assert!((actual - expected).abs() < 0.1, "at {i} of lane {lane}: {actual}, not {expected}");
            }
        }
    }
}
