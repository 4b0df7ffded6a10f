//! Stitching without deconvolution: exact, in every pixel type, at every scale, in M order; and the limits.

use std::sync::Arc;

use decon_gpu::decon::{
    Backend, CpuBackend, Field, FinishedTile, GpuBackend, Method, Overlap, Precision, Setup, Shading,
};
use decon_gpu::error::Error;
use decon_gpu::pixels::{PixelType, SampleType, Samples};
use decon_gpu::plan::{Layer, Tile};
use decon_gpu::space::{Mosaic, Rect, Zyx};

use crate::gpu_vs_cpu::bench::Bench;

const FILL: f32 = 9.0;

/// Three fields that overlap and leave gaps, on each of two planes; the last is on top. The mosaic is 77 × 51.
fn fields() -> [Rect<Mosaic>; 3] {
    [Rect::new(0, 0, 40, 30), Rect::new(31, 4, 46, 26), Rect::new(10, 25, 50, 26)]
}

/// Sample `sample` of pixel (x, y) of field `field`.
fn value(kind: SampleType, field: usize, (x, y): (u32, u32), sample: u32) -> f32 {
    let i = (field * 50 + (x + y * 67 + sample * 131) as usize) * 89 % 251;
    match kind {
        SampleType::U8 => i as f32,
        SampleType::U16 => (i * 261) as f32,
        SampleType::F32 => i as f32 * 3.25 - 100.0,
    }
}

fn field(pixel_type: PixelType, number: usize) -> Field {
    let Rect { width, height, .. } = fields()[number % 3];
    let mut values = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        values.extend((0..pixel_type.samples()).map(|s| value(pixel_type.sample_type(), number, (x, y), s)));
    }
    let samples = match pixel_type.sample_type() {
        SampleType::U8 => Samples::U8(values.iter().map(|&v| v as u8).collect()),
        SampleType::U16 => Samples::U16(values.iter().map(|&v| v as u16).collect()),
        SampleType::F32 => Samples::F32(values),
    };
    Field { pixel_type, width, height, shown: None, samples: samples.into() }
}

fn setup(pixel_type: PixelType, scale: u32) -> Setup {
    let output = Rect::<Mosaic>::new(0, 0, 77, 51).to_output(scale);
    let fft = Zyx::new(2, output.height, output.width);
    Setup {
        fft,
        lanes: 2,
        method: Method::Shb,
        scale,
        overlap: Overlap::Paint,
        precision: Precision::F32,
        shading: Vec::new(),
        camera: Vec::new(),
        output: pixel_type.sample_type(),
        fill: vec![FILL],
        core: fft,
        field_slots: 6,
        field_bytes: 50 * 30 * pixel_type.bytes() as u64,
        channels: Vec::new(),
    }
}

fn tile(sample: u32, scale: u32) -> Tile {
    let padded = Rect::<Mosaic>::new(0, 0, 77, 51).to_output(scale);
    let core = Rect::new(1, 1, padded.width - 2, padded.height - 1);
    let layers =
        (0..6).map(|field| Layer { field, rect: fields()[field % 3], plane: field as u32 / 3 }).collect();
    Tile { index: sample, sample, core, ..Tile::alone(padded, 2, layers) }
}

/// Each output pixel by its definition.
fn expected(kind: SampleType, tile: &Tile, scale: u32) -> Samples {
    let mosaic = |plane: usize, x: i64, y: i64| {
        let top = (0..3).rev().find(|&i| {
            let r = fields()[i];
            (r.x..r.right()).contains(&x) && (r.y..r.bottom()).contains(&y)
        })?;
        let r = fields()[top];
        Some(value(kind, plane * 3 + top, ((x - r.x) as u32, (y - r.y) as u32), tile.sample))
    };
    let mut values = Vec::new();
    let s = i64::from(scale);
    for plane in 0..2 {
        for (y, x) in (tile.core.y..tile.core.bottom())
            .flat_map(|y| (tile.core.x..tile.core.right()).map(move |x| (y, x)))
        {
            let block = (y * s..(y + 1) * s).flat_map(|y| (x * s..(x + 1) * s).map(move |x| (y, x)));
            let found: Vec<_> = block.filter_map(|(y, x)| mosaic(plane, x, y)).collect();
            let sum: f64 = found.iter().map(|&v| f64::from(v)).sum();
            values.push(if found.is_empty() { FILL } else { (sum / found.len() as f64) as f32 });
        }
    }
    match kind {
        SampleType::U8 => Samples::U8(values.iter().map(|v| v.round_ties_even() as u8).collect()),
        SampleType::U16 => Samples::U16(values.iter().map(|v| v.round_ties_even() as u16).collect()),
        SampleType::F32 => Samples::F32(values),
    }
}

/// As [`expected`], of fields that are feathered and not yet rounded.
fn expected_feathered(kind: SampleType, tile: &Tile, scale: u32) -> Vec<f64> {
    let tent = |i: i64, length: u32| (i as f64 + 0.5).min(f64::from(length) - i as f64 - 0.5);
    let mosaic = |plane: usize, x: i64, y: i64| {
        let (mut sum, mut total) = (0.0, 0.0);
        for (number, r) in fields().into_iter().enumerate() {
            if r.intersect(Rect::new(x, y, 1, 1)).is_some() {
                let (x, y) = (x - r.x, y - r.y);
                let weight = tent(x, r.width) * tent(y, r.height);
                let value = value(kind, plane * 3 + number, (x as u32, y as u32), tile.sample);
                sum += weight * f64::from(value);
                total += weight;
            }
        }
        (total > 0.0).then(|| sum / total)
    };
    let (core, s) = (tile.core, i64::from(scale));
    let pixels = (0..2).flat_map(|plane| (core.y..core.bottom()).map(move |y| (plane, y)));
    let pixels = pixels.flat_map(|(plane, y)| (core.x..core.right()).map(move |x| (plane, y, x)));
    let mean = |(plane, y, x)| {
        let block = (y * s..(y + 1) * s).flat_map(|y| (x * s..(x + 1) * s).map(move |x| (y, x)));
        let found: Vec<f64> = block.filter_map(|(y, x)| mosaic(plane, x, y)).collect();
        if found.is_empty() { f64::from(FILL) } else { found.iter().sum::<f64>() / found.len() as f64 }
    };
    pixels.map(mean).collect()
}

/// Every sample as a tile of its own, two lanes at a time.
fn convert(backend: &mut impl Backend, pixel_type: PixelType, scale: u32) -> Vec<FinishedTile> {
    let held: Vec<_> = (0..6).map(|i| backend.upload(field(pixel_type, i)).unwrap()).collect();
    let mut finished = Vec::new();
    for sample in 0..pixel_type.samples() {
        let (lane, tile) = (sample as usize % 2, tile(sample, scale));
        backend.stitch(lane, &tile, &held.iter().collect::<Vec<_>>()).unwrap();
        finished.extend(backend.download(lane, tile).unwrap());
    }
    held.into_iter().for_each(|field| backend.release(field));
    while let Some(tile) = backend.drain().unwrap() {
        finished.push(tile);
    }
    finished
}

#[test]
fn every_pixel_type_and_scale_is_stitched_exactly() {
    let bench = Bench::open();
    let types =
        [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24, PixelType::Bgr48];
    for pixel_type in types {
        for scale in [1, 2, 4, 8] {
            let setup = setup(pixel_type, scale);
            let found =
                convert(&mut GpuBackend::new(bench.device.clone(), &setup).unwrap(), pixel_type, scale);
            let cpu = convert(&mut CpuBackend::new(&setup, 1).unwrap(), pixel_type, scale);
            assert_eq!(found.len(), pixel_type.samples() as usize);
            for (found, cpu) in found.iter().zip(&cpu) {
                let what = format!("{pixel_type:?}, sample {}, scale {scale}", found.tile.sample);
                assert_eq!(found.tile, cpu.tile, "{what}");
                // Sums of at most 64 values of 16 bits are exact in f32, and the floats are multiples of a quarter.
                assert!(found.samples == expected(pixel_type.sample_type(), &found.tile, scale), "{what}");
                assert!(found.samples == cpu.samples, "{what}: another result than the processor's");
                assert_eq!((found.clamped.values, cpu.clamped.values), (0, 0), "{what}");
            }
        }
    }
}

#[test]
fn every_pixel_type_and_scale_is_feathered_as_defined() {
    let bench = Bench::open();
    let types =
        [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24, PixelType::Bgr48];
    for pixel_type in types {
        for scale in [1, 2, 8] {
            let setup = Setup { overlap: Overlap::Feather, ..setup(pixel_type, scale) };
            let found =
                convert(&mut GpuBackend::new(bench.device.clone(), &setup).unwrap(), pixel_type, scale);
            let cpu = convert(&mut CpuBackend::new(&setup, 1).unwrap(), pixel_type, scale);
            for finished in found.iter().chain(&cpu) {
                let kind = pixel_type.sample_type();
                let expected = expected_feathered(kind, &finished.tile, scale);
                let values: Vec<f64> = match &finished.samples {
                    Samples::U8(values) => values.iter().map(|&v| v.into()).collect(),
                    Samples::U16(values) => values.iter().map(|&v| v.into()).collect(),
                    Samples::F32(values) => values.iter().map(|&v| v.into()).collect(),
                };
                assert_eq!(values.len(), expected.len());
                // A mean of three fields is rounded some ten times by 6e-8 of up to 65535; then, once, to an integer.
                let tolerance = if kind == SampleType::F32 { 1e-3 } else { 0.5 + 0.05 };
                let worst = values.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                let what = format!("{pixel_type:?}, sample {}, scale {scale}", finished.tile.sample);
                assert!(worst <= tolerance, "{what}: off by {worst}");
            }
        }
    }
}

/// A shading for each sample; fields of one size, so that it fits.
#[test]
fn what_is_shaded_is_observed_alike_on_both_backends() {
    let bench = Bench::open();
    let (width, height) = (50, 26);
    let shading = |channel: u32| {
        let pixel =
            |i: u32| [(i * 7 % 11 + channel) as f32 * 0.5, 0.75 + ((i + 3 * channel) % 5) as f32 * 0.25];
        Arc::new(Shading { width, height, pixels: (0..width * height).map(pixel).collect() })
    };
    for (pixel_type, overlap) in [
        (PixelType::Gray16, Overlap::Paint),
        (PixelType::Bgr24, Overlap::Paint),
        (PixelType::Gray32Float, Overlap::Feather),
    ] {
        let shared = shading(2);
        let all = vec![Some(shading(0)), None, Some(shared.clone()), Some(shared)];
        let setup = Setup { overlap, shading: all, output: SampleType::F32, ..setup(pixel_type, 2) };
        let mut found = Vec::new();
        let mut gpu = GpuBackend::new(bench.device.clone(), &setup).unwrap();
        let mut cpu = CpuBackend::new(&setup, 1).unwrap();
        for channel in 0..4 {
            // Only the third field of each plane has this size.
            let tile = Tile { channel, ..tile(0, 2) };
            let layers = tile.layers.into_iter().filter(|layer| layer.field % 3 == 2).collect();
            let tile = Tile { layers, ..tile };
            found.push((one(&mut gpu, pixel_type, &tile), one(&mut cpu, pixel_type, &tile)));
        }
        for (channel, (gpu, cpu)) in found.iter().enumerate() {
            // Multiples of an eighth below 2¹⁷, and a mean of four: exact in f32.
            assert!(gpu.samples == cpu.samples, "{pixel_type:?}, channel {channel}");
            let is_same = channel == 1 || found[channel].1.samples != found[1].1.samples;
            assert!(is_same, "{pixel_type:?}: channel {channel} has no shading");
        }
        assert!(found[2].1.samples == found[3].1.samples, "a shading that two channels share");
    }
}

fn one(backend: &mut impl Backend, pixel_type: PixelType, tile: &Tile) -> FinishedTile {
    let held: Vec<_> =
        tile.layers.iter().map(|layer| backend.upload(field(pixel_type, layer.field)).unwrap()).collect();
    backend.stitch(0, tile, &held.iter().collect::<Vec<_>>()).unwrap();
    let finished = backend.download(0, tile.clone()).unwrap();
    held.into_iter().for_each(|field| backend.release(field));
    finished.or_else(|| backend.drain().unwrap()).unwrap()
}

/// More tiles than places for read-back, and a field's place taken again before anything was submitted.
#[test]
fn tiles_come_home_in_order_and_places_are_used_again() {
    let bench = Bench::open();
    let setup = Setup { field_slots: 1, ..setup(PixelType::Gray16, 1) };
    let mut backend = GpuBackend::new(bench.device.clone(), &setup).unwrap();
    let mut finished = Vec::new();
    for number in 0..8 {
        let place = backend.upload(field(PixelType::Gray16, number)).unwrap();
        let tile = tile_of(number);
        backend.stitch(number % 2, &tile, &[&place]).unwrap();
        backend.release(place);
        if number % 2 == 1 {
            // Both lanes only now: the place was taken again while its first field was still to be painted.
            finished.extend(backend.download(0, tile_of(number - 1)).unwrap());
            finished.extend(backend.download(1, tile).unwrap());
        }
    }
    while let Some(tile) = backend.drain().unwrap() {
        finished.push(tile);
    }
    for (number, tile) in finished.iter().enumerate() {
        assert_eq!(tile.tile.index, number as u32);
        assert!(
            tile.samples.as_bytes() == field(PixelType::Gray16, number).samples.as_bytes(),
            "tile {number}"
        );
    }
    assert_eq!(finished.len(), 8);
}

/// The tile of field `number` alone.
fn tile_of(number: usize) -> Tile {
    let rect = fields()[number % 3];
    let padded = Rect::new(rect.x, rect.y, rect.width, rect.height);
    let layers = vec![Layer { field: 0, rect, plane: 0 }];
    Tile { index: number as u32, ..Tile::alone(padded, 1, layers) }
}

#[test]
fn what_does_not_fit_is_a_limit_with_numbers() {
    let bench = Bench::open();
    let available = bench.device.limits().max_field_bytes;
    let large = Setup { field_bytes: available + 1, ..setup(PixelType::Gray8, 1) };
    let error = GpuBackend::new(bench.device.clone(), &large).unwrap_err();
    assert!(matches!(&error, Error::Limit { what, .. } if what.contains("field")), "{error}");
    let small = Setup { field_slots: 1, field_bytes: 40 * 30, ..setup(PixelType::Gray8, 1) };
    let mut backend = GpuBackend::new(bench.device.clone(), &small).unwrap();
    let error = backend.upload(field(PixelType::Gray8, 2)).unwrap_err();
    assert!(matches!(&error, Error::Limit { .. }), "a field larger than its place: {error}");
    let held = backend.upload(field(PixelType::Gray8, 0)).unwrap();
    let error = backend.upload(field(PixelType::Gray8, 0)).unwrap_err();
    assert!(matches!(&error, Error::Limit { .. }), "one field too many: {error}");
    backend.release(held);
    backend.upload(field(PixelType::Gray8, 0)).unwrap();
    bench.device.check().unwrap();
}
