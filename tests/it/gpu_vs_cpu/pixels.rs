//! The kernels of single pixels, one dispatch each, against their twins, bit for bit.

use decon_gpu::decon::NO_DATA;
use decon_gpu::kernels::{NO_SHADING, downsample, feather, fill, pack, sample_code, stitch};
use decon_gpu::pixels::{PixelType, SampleType, Samples};
use decon_gpu::space::{Rect, Zyx};
use decon_gpu::twins::downsample::Downsample;
use decon_gpu::twins::feather::Feather;
use decon_gpu::twins::pack::Pack;
use decon_gpu::twins::stitch::Stitch;
use decon_gpu::twins::{self, Complex32};

use crate::gpu_vs_cpu::bench::{Bench, POISON, assert_close_f32, ramp};

#[track_caller]
fn assert_same(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let wrong = (0..found.len()).find(|&i| found[i].to_bits() != expected[i].to_bits());
    let wrong = wrong.map(|i| format!("{} instead of {} at {i}", found[i], expected[i]));
    assert_eq!(wrong, None, "{what}");
}

#[test]
fn fill_covers_every_pixel_and_no_more() {
    let bench = Bench::open();
    // The last is more than one row of workgroups.
    for count in [1, 255, 256, 257, 65_535 * 256 + 3] {
        let plane = bench.buffer(&vec![1.0_f32; count + 2]);
        bench.run(&fill::shader(), &[&plane], &fill::Params { count: count as u32 });
        let mut expected = vec![1.0; count + 2];
        twins::fill::fill(&mut expected[..count]);
        assert_same(&format!("{count} pixels"), &bench.read::<f32>(&plane), &expected);
    }
}

/// `count` samples of a type, repeating after 251.
fn samples(kind: SampleType, count: usize) -> Samples {
    let values = (0..count).map(|i| (i * 89 % 251) as u32);
    match kind {
        SampleType::U8 => Samples::U8(values.map(|v| v as u8 + 4).collect()),
        SampleType::U16 => Samples::U16(values.map(|v| (v * 261) as u16).collect()),
        SampleType::F32 => Samples::F32(values.map(|v| v as f32 * 1.25 - 20.0).collect()),
    }
}

/// Dark counts and gains of a field, behind `first` pixels of another's.
fn shading(first: u32, pixels: u32) -> Vec<[f32; 2]> {
    (0..first + pixels).map(|i| [(i * 37 % 101) as f32 * 0.3, 0.5 + (i * 53 % 97) as f32 * 0.01]).collect()
}

#[test]
fn stitch_paints_as_its_twin() {
    let bench = Bench::open();
    let types =
        [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24, PixelType::Bgr48];
    let (width, height, field_width, field_height) = (37_u32, 29_u32, 23_u32, 19_u32);
    let shading = shading(50, field_width * field_height);
    let shading_buffer = bench.buffer(&shading);
    for (pixel_type, has_shading) in types.into_iter().flat_map(|t| [(t, false), (t, true)]) {
        let count = (field_width * field_height * pixel_type.samples()) as usize;
        let field = samples(pixel_type.sample_type(), count);
        let mut bytes = field.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), 0xAA);
        let field_buffer = bench.buffer(&bytes);
        // Inside, over each edge, over all four, and one pixel only.
        for (left, top) in [(5, 4), (-7, 3), (20, 15), (2, -18), (36, 28), (-22, -18)] {
            let sample = pixel_type.samples() - 1;
            let plane = bench.buffer(&ramp((width * height) as usize, 1.0));
            let (x, y) = (left.max(0), top.max(0));
            let params = stitch::Params {
                width: ((left + field_width as i32).min(width as i32) - x) as u32,
                height: ((top + field_height as i32).min(height as i32) - y) as u32,
                plane_x: x as u32,
                plane_y: y as u32,
                field_x: (x - left) as u32,
                field_y: (y - top) as u32,
                plane_width: width,
                field_width,
                samples: pixel_type.samples(),
                sample,
                kind: sample_code(pixel_type.sample_type()),
                first_shading: if has_shading { 50 } else { NO_SHADING },
            };
            bench.run(&stitch::shader(), &[&field_buffer, &shading_buffer, &plane], &params);
            let mut twin = ramp((width * height) as usize, 1.0);
            let samples = pixel_type.samples();
            let shown = Rect::new(0, 0, field_width, field_height);
            let params = Stitch { left, top, field_width, shown, samples, sample, width, height };
            let shading = has_shading.then_some(&shading[50..]);
            twins::stitch::stitch(&field, &params, shading, &mut twin);
            assert_same(
                &format!("{pixel_type:?}, shading {has_shading}, at ({left}, {top})"),
                &bench.read::<f32>(&plane),
                &twin,
            );
        }
    }
}

#[test]
fn feather_blends_as_its_twin() {
    let bench = Bench::open();
    let types =
        [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24, PixelType::Bgr48];
    let (width, height, field_width, field_height) = (37_u32, 29_u32, 23_u32, 19_u32);
    let count = (width * height) as usize;
    let shading = shading(50, field_width * field_height);
    let shading_buffer = bench.buffer(&shading);
    for (pixel_type, has_shading) in types.into_iter().flat_map(|t| [(t, false), (t, true)]) {
        let mut field =
            samples(pixel_type.sample_type(), (field_width * field_height * pixel_type.samples()) as usize);
        if let Samples::F32(values) = &mut field {
            values.iter_mut().step_by(7).for_each(|value| *value = NO_DATA);
            values.iter_mut().step_by(11).for_each(|value| *value = f32::NAN);
        }
        let mut bytes = field.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), 0xAA);
        let field_buffer = bench.buffer(&bytes);
        for (left, top) in [(5, 4), (-7, 3), (20, 15), (2, -18), (36, 28), (-22, -18)] {
            // Nothing yet at every fifth pixel: its weight may be anything.
            let mut plane = ramp(count, 1.0);
            plane.iter_mut().step_by(5).for_each(|value| *value = NO_DATA);
            let mut weights = ramp(count, 0.7);
            weights.iter_mut().for_each(|weight| *weight += 0.25);
            weights.iter_mut().step_by(5).for_each(|weight| *weight = POISON);
            let (samples, sample) = (pixel_type.samples(), pixel_type.samples() - 1);
            let (shown, bounds) = (Rect::new(1, 2, field_width - 3, 9), Rect::new(0, 1, field_width, 17));
            let (x, y) = ((left + 1).max(0), (top + 2).max(0));
            let params = feather::Params {
                width: ((left + 1 + shown.width as i32).min(width as i32) - x).max(0) as u32,
                height: ((top + 2 + shown.height as i32).min(height as i32) - y).max(0) as u32,
                plane_x: x as u32,
                plane_y: y as u32,
                field_x: (x - left) as u32,
                field_y: (y - top) as u32,
                plane_width: width,
                field_width,
                samples,
                sample,
                kind: sample_code(pixel_type.sample_type()),
                first_shading: if has_shading { 50 } else { NO_SHADING },
                left: 1,
                right: shown.right() as u32,
                top: 1,
                bottom: 18,
            };
            let (on_device, weights_there) = (bench.buffer(&plane), bench.buffer(&weights));
            bench.run(
                &feather::shader(),
                &[&field_buffer, &shading_buffer, &on_device, &weights_there],
                &params,
            );
            let stitch = Stitch { left, top, field_width, shown, samples, sample, width, height };
            let shading = has_shading.then_some(&shading[50..]);
            let params = Feather { stitch, bounds };
            twins::feather::feather(&field, &params, shading, &mut plane, &mut weights);
            let what = format!("{pixel_type:?}, shading {has_shading}, at ({left}, {top})");
            let found: Vec<f32> = bench.read(&on_device);
            let is_data = |value: &f32| *value != NO_DATA;
            assert!(found.iter().map(is_data).eq(plane.iter().map(is_data)), "{what}: other gaps");
            let data = |values: &[f32]| values.iter().copied().filter(is_data).collect::<Vec<_>>();
            // A division on a device may be off by 2.5 units in the last place, 1.5e-7.
            assert_close_f32(&what, &data(&found), &data(&plane), 5e-7);
            let known = |values: Vec<f32>| values.into_iter().filter(|v| !v.is_nan()).collect::<Vec<_>>();
            assert_same(&format!("{what}, weights"), &known(bench.read(&weights_there)), &known(weights));
        }
    }
}

#[test]
fn a_float_that_is_no_number_is_no_data() {
    let bench = Bench::open();
    let field = [1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -0.0, f32::MIN_POSITIVE, -3.5];
    let plane = bench.buffer(&[0.0_f32; 8]);
    let params = stitch::Params {
        width: 8,
        height: 1,
        plane_x: 0,
        plane_y: 0,
        field_x: 0,
        field_y: 0,
        plane_width: 8,
        field_width: 8,
        samples: 1,
        sample: 0,
        kind: sample_code(SampleType::F32),
        first_shading: NO_SHADING,
    };
    let nothing = bench.buffer(&[[0.0_f32; 2]]);
    bench.run(&stitch::shader(), &[&bench.buffer(&field), &nothing, &plane], &params);
    let expected = [1.0, NO_DATA, NO_DATA, NO_DATA, f32::MAX, -0.0, f32::MIN_POSITIVE, -3.5];
    assert_same("floats", &bench.read::<f32>(&plane), &expected);
}

#[test]
fn downsample_averages_as_its_twin() {
    let bench = Bench::open();
    let fft = Zyx::new(4_u32, 9, 14);
    for scale in [1, 2, 4, 8] {
        for (width, height) in [(14, 9), (13, 8), (1, 1), (0, 0)] {
            // Blocks without data, with some, and with all.
            let pixels = (width * height * scale * scale) as usize;
            let mut plane = ramp(pixels, 3.0);
            plane.iter_mut().enumerate().filter(|(i, _)| i / 5 % 3 == 0).for_each(|(_, v)| *v = NO_DATA);
            let observed = bench.buffer(&vec![POISON; 4 * fft.count()]);
            let params = downsample::Params {
                lane: 3,
                first_plane: 1,
                planes: 2,
                width,
                height,
                scale,
                fft_z: fft.z,
                fft_y: fft.y,
                fft_x: fft.x,
                subtracted: 97.75,
            };
            bench.run(
                &downsample::shader(),
                &[&bench.buffer(&[&plane[..], &[POISON]].concat()), &observed],
                &params,
            );
            let poison = Complex32::new(POISON, POISON);
            let mut twin = vec![poison; 2 * fft.count()];
            let area = (fft.y * fft.x) as usize;
            let first = fft.count() + area;
            let params = Downsample {
                width: width * scale,
                height: height * scale,
                scale,
                columns: fft.x,
                lane: 1,
                subtracted: 97.75,
            };
            twins::downsample::downsample(&plane, &params, &mut twin[first..first + area]);
            twin[first + area..first + 2 * area].iter_mut().for_each(|pair| pair.im = NO_DATA);
            let twin: Vec<_> = twin.iter().flat_map(|v| [v.re, v.im]).collect();
            let what = format!("scale {scale}, {width} × {height}");
            assert_same(&what, &bench.read::<f32>(&observed), &twin);
        }
    }
}

#[test]
fn pack_rounds_clamps_and_counts_as_its_twin() {
    let bench = Bench::open();
    let edges = [
        -1.0, -0.51, -0.5, -0.49, 0.0, 0.5, 1.5, 2.5, 254.5, 255.0, 255.49, 255.5, 256.0, 32767.5, 65534.5,
        65535.0, 65535.4, 65535.6, 1e9, -1e9,
    ];
    let fft = Zyx::new(3_u32, 11, 12);
    let image: Vec<f32> = (0..4 * fft.count()).map(|i| edges[i * 7 % 20]).collect();
    let observed: Vec<f32> = (0..4 * fft.count()).map(|i| if i % 11 == 4 { NO_DATA } else { 1.0 }).collect();
    let complex = |values: &[f32]| -> Vec<_> {
        values[2 * fft.count()..].chunks(2).map(|v| Complex32::new(v[0], v[1])).collect()
    };
    // A fill value that does not fit is clamped, and does not count.
    for (output, fill) in [(SampleType::U8, 300.0), (SampleType::U16, 65535.0), (SampleType::F32, -2.5)] {
        for core in [Zyx::new(1_u32, 1, 1), Zyx::new(2, 3, 5), Zyx::new(3, 9, 9), Zyx::new(3, 10, 8)] {
            let z = (fft.z - core.z).min(1);
            let bytes = core.count() * output.bytes();
            let result = bench.buffer(&vec![0_u32; 3 + bytes.div_ceil(4)]);
            let params = pack::Params {
                lane: 2,
                width: core.x,
                height: core.y,
                planes: core.z,
                x: 3,
                y: 1,
                z,
                fft_z: fft.z,
                fft_y: fft.y,
                fft_x: fft.x,
                kind: sample_code(output),
                fill,
            };
            bench.run(&pack::shader(), &[&bench.buffer(&image), &bench.buffer(&observed), &result], &params);
            let found: Vec<u8> = bench.read(&result);
            let params = Pack { fft, first: Zyx::new(z, 1, 3), core, lane: 0, fill };
            let mut twin = Samples::zeros(output, core.count());
            let (image, observed) = (complex(&image), complex(&observed));
            let clamped = match &mut twin {
                Samples::U8(out) => twins::pack::pack(&image, &observed, &params, out),
                Samples::U16(out) => twins::pack::pack(&image, &observed, &params, out),
                Samples::F32(out) => twins::pack::pack(&image, &observed, &params, out),
            };
            let [count, low, high] =
                [0, 4, 8].map(|at| u32::from_ne_bytes(found[at..at + 4].try_into().unwrap()));
            assert_eq!(u64::from(count), clamped.values, "clamped, {output:?}, {core}");
            let light = f64::from(low) + f64::from(high) * 2_f64.powi(32);
            // Each value is rounded first, and those of a word are summed in f32.
            let tolerance = 0.5 * f64::from(count) + 1e-7 * clamped.light;
            assert!((light - clamped.light).abs() <= tolerance, "{light}, not {}", clamped.light);
            assert_eq!(&found[12..12 + bytes], twin.as_bytes(), "{output:?}, {core}");
        }
    }
}
