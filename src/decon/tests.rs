//! The algorithms on the processor's backend, against the f64 oracle and against what must come out.

mod measured;

use std::path::Path;

use super::oracle::{Image, Job, assert_close, finish_on, lopsided_psf, pattern};
use super::*;
use crate::pixels::Samples;
use crate::tiff::{Volume, read_volume};
use crate::twins::is_no_data;

const FILL: f32 = -7.0;
const METHODS: [Method; 3] = [Method::Rl, Method::Shb, Method::Ba];

/// Of one image of 40 × 48 for `channels`.
pub(super) fn setup_of(channels: &[ChannelSetup]) -> Setup {
    let fft = Zyx::new(1, 40, 48);
    Setup {
        fft,
        lanes: 2,
        method: Method::Shb,
        scale: 1,
        overlap: Overlap::Paint,
        precision: Precision::F32,
        shading: Vec::new(),
        camera: Vec::new(),
        output: SampleType::F32,
        fill: vec![FILL],
        core: fft,
        field_slots: 16,
        field_bytes: 1 << 20,
        channels: channels.to_vec(),
    }
}

fn setup(job: &Job, lanes: u32) -> Setup {
    let channel = ChannelSetup { psf: job.psf.clone(), background: job.background };
    let other = ChannelSetup { psf: lopsided_psf(Zyx::new(1, 3, 3)), background: 3.0 };
    let Job { fft, method, .. } = *job;
    Setup { fft, lanes, method, core: fft, ..setup_of(&[other, channel]) }
}

/// By the backend, which computed something else before: a brighter group in all lanes and of all of the volume.
fn by_cpu(job: &Job, images: &[&Image]) -> Vec<Samples> {
    and_weights_by_cpu(job, images).0
}

fn and_weights_by_cpu(job: &Job, images: &[&Image]) -> (Vec<Samples>, Option<Vec<f32>>) {
    let lanes = images.len() as u32 + 1;
    let mut backend = CpuBackend::new(&setup(job, lanes), 2).unwrap();
    let other = Image { shape: job.fft, data: pattern(job.fft.count(), 5e3, 6e4, 5) };
    Job { iterations: 2, ..job.clone() }.by_backend(&mut backend, 0, &vec![&other; lanes as usize]);
    job.and_weights_by_backend(&mut backend, 1, images)
}

fn image(shape: Zyx<u32>, low: f32, high: f32, seed: usize) -> Image {
    Image { shape, data: pattern(shape.count(), low, high, seed) }
}

fn job_2d() -> Job {
    Job {
        fft: Zyx::new(1, 40, 48),
        psf: lopsided_psf(Zyx::new(1, 7, 9)),
        background: 20.0,
        method: Method::Rl,
        iterations: 20,
        start: Start::Observed,
    }
}

fn job_3d() -> Job {
    Job { fft: Zyx::new(12, 20, 25), psf: lopsided_psf(Zyx::new(5, 7, 5)), ..job_2d() }
}

/// Worst error relative to the oracle, or to the image's mean where that is larger: f32 rounds 4e-7 of the
/// brightest in an iteration, and 20 of them sharpen that like noise, to 7e-6.
fn assert_as_defined(job: &Job, images: &[&Image]) {
    let (all, weights) = and_weights_by_cpu(job, images);
    assert_eq!(all.len(), images.len());
    let expected = job.together(images, weights.as_deref()).estimates;
    for ((actual, image), mut expected) in all.iter().zip(images).zip(expected) {
        let data = || image.data.iter().copied().filter(|&v| !is_no_data(v)).map(f64::from);
        let mean = data().sum::<f64>() / data().count().max(1) as f64;
        for (expected, &observed) in expected.iter_mut().zip(&image.data) {
            if is_no_data(observed) {
                *expected = FILL.into();
            }
        }
        let tolerance = if job.iterations == 1 { 3e-6 } else { 1e-4 };
        assert_close(actual, &expected, mean.max(1e-3), tolerance);
    }
}

#[test]
fn all_methods_are_as_defined_in_2d_and_3d() {
    for job in [job_2d(), job_3d()] {
        let shape = Zyx::new(job.fft.z.min(8), job.fft.y - 6, job.fft.x - 8);
        let images =
            [image(shape, 30.0, 900.0, 1), image(shape, 100.0, 4000.0, 2), image(shape, 20.0, 60.0, 3)];
        for method in METHODS {
            for start in [Start::Observed, Start::Flat] {
                let job = Job { method, start, ..job.clone() };
                assert_as_defined(&job, &[&images[0], &images[1]]);
                assert_as_defined(&job, &[&images[0], &images[1], &images[2]]);
                assert_as_defined(&job, &[&images[1]]);
                assert_as_defined(&Job { iterations: 1, ..job }, &[&images[0], &images[1]]);
            }
        }
    }
}

#[test]
fn a_cameras_offset_is_no_light_and_its_noise_is_in_data_and_model() {
    // d' = d − 100 + 2.25, y = h ⊗ u + 20 + 2.25: some d' are negative, some pixels hold nothing.
    for job in [job_2d(), job_3d()] {
        let shape = Zyx::new(job.fft.z.min(8), job.fft.y - 6, job.fft.x - 8);
        let mut raw = image(shape, 90.0, 900.0, 1);
        raw.data.iter_mut().skip(5).step_by(17).for_each(|d| *d = NO_DATA);
        let without_camera = |d: &f32| if *d == NO_DATA { NO_DATA } else { d - 97.75 };
        let light = Image { shape, data: raw.data.iter().map(without_camera).collect() };
        for method in [Method::Rl, Method::Shb] {
            let job = Job { method, ..job.clone() };
            let mut expected = Job { background: 22.25, ..job.clone() }.by_definition(&light);
            let gaps = expected.iter_mut().zip(&raw.data).filter(|(_, d)| **d == NO_DATA);
            gaps.for_each(|(expected, _)| *expected = FILL.into());
            let camera = Camera { offset: 100.0, read_variance: 2.25 };
            let setup = Setup { camera: vec![camera; 2], ..setup(&job, 2) };
            let mut backend = CpuBackend::new(&setup, 2).unwrap();
            let actual = job.by_backend(&mut backend, 1, &[&raw]).remove(0);
            assert_close(&actual, &expected, 400.0, 1e-4);
        }
    }
}

#[test]
fn tiles_of_any_size_share_a_pair() {
    // From one voxel to all that the margin of PSF − 1 leaves, and odd lengths of transform.
    let job = Job { fft: Zyx::new(1, 21, 35), method: Method::Shb, ..job_2d() };
    for (height, width) in [(1, 1), (1, 27), (15, 1), (14, 26), (15, 27)] {
        assert_as_defined(
            &job,
            &[
                &image(Zyx::new(1, height, width), 25.0, 800.0, 4),
                &image(Zyx::new(1, 15, 27), 25.0, 800.0, 9),
            ],
        );
    }
    let job = Job { method: Method::Shb, ..job_3d() };
    for (depth, height, width) in [(1, 14, 21), (8, 1, 1), (7, 13, 20)] {
        assert_as_defined(
            &job,
            &[
                &image(Zyx::new(8, 14, 21), 25.0, 800.0, 4),
                &image(Zyx::new(depth, height, width), 25.0, 800.0, 9),
            ],
        );
    }
}

#[test]
fn a_dim_tile_beside_a_bright_one_is_as_defined() {
    for job in [job_2d(), job_3d()] {
        let shape = Zyx::new(job.fft.z.min(8), job.fft.y - 6, job.fft.x - 8);
        let (dim, bright) = (image(shape, 20.0, 30.0, 1), image(shape, 5e3, 65535.0, 6));
        for method in [Method::Rl, Method::Shb] {
            let job = Job { method, ..job.clone() };
            assert_as_defined(&job, &[&dim, &bright]);
            assert_as_defined(&job, &[&bright, &dim]);
        }
    }
}

#[test]
fn dark_saturated_and_missing_pixels_stay_finite_and_as_defined() {
    let shape = Zyx::new(1, 30, 36);
    let dark = image(shape, 0.0, 0.0, 1);
    let saturated = image(shape, 65535.0, 65535.0, 1);
    let mut mixed = image(shape, 0.0, 65535.0, 6);
    let mut gap = image(shape, 30.0, 900.0, 7);
    for i in 0..shape.count() {
        let (y, x) = (i / 36, i % 36);
        if (8..14).contains(&y) {
            mixed.data[i] = 0.0;
        }
        if (5..20).contains(&y) && x > 9 || x == 3 {
            gap.data[i] = NO_DATA;
        }
    }
    let nothing = image(shape, NO_DATA, NO_DATA, 1);
    for method in METHODS {
        let job = Job { method, ..job_2d() };
        assert_as_defined(&job, &[&mixed, &saturated]);
        assert_as_defined(&job, &[&gap, &mixed]);
        assert_as_defined(&Job { background: 0.0, ..job.clone() }, &[&mixed, &gap]);
        for samples in by_cpu(&job, &[&dark, &nothing, &saturated]) {
            let Samples::F32(values) = samples else { panic!("floats were asked for") };
            assert!(values.iter().all(|v| v.is_finite()));
        }
        assert_as_defined(&job, &[&nothing, &gap]);
    }
}

#[test]
fn a_dark_frame_becomes_darker_not_negative() {
    let dark = image(Zyx::new(1, 30, 36), 0.0, 0.0, 1);
    let Samples::F32(values) = &by_cpu(&job_2d(), &[&dark])[0] else { panic!("floats were asked for") };
    let worst = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    assert!(values.iter().all(|&v| v >= FLOOR) && worst <= START_FLOOR, "up to {worst}");
}

#[test]
fn a_point_as_psf_changes_nothing_but_the_background() {
    let mut psf = lopsided_psf(Zyx::new(1, 7, 9));
    psf.data.fill(0.0);
    psf.data[31] = 1.0;
    let shape = Zyx::new(1, 34, 40);
    let observed = image(shape, 30.0, 900.0, 1);
    for method in METHODS {
        let job = Job { psf: psf.clone(), method, ..job_2d() };
        let expected: Vec<_> = observed.data.iter().map(|&v| f64::from(v) - 20.0).collect();
        assert_close(&by_cpu(&job, &[&observed])[0], &expected, 1.0, 1e-4);
    }
    let job = Job { psf, background: 0.0, start: Start::Flat, iterations: 3, ..job_2d() };
    let expected: Vec<_> = observed.data.iter().map(|&v| f64::from(v)).collect();
    assert_close(&by_cpu(&job, &[&observed])[0], &expected, 1.0, 1e-5);
}

#[test]
fn a_tile_that_is_alone_is_as_defined_whatever_its_halves_hold() {
    // Odd and even lengths of the axis that is folded; tiles that end before, at and behind the middle.
    for length in [20, 21] {
        let job = Job { fft: Zyx::new(1, length, 35), method: Method::Shb, ..job_2d() };
        for height in [1, 9, 10, 11, 13] {
            assert_as_defined(&job, &[&image(Zyx::new(1, height, 27), 25.0, 800.0, 4)]);
        }
    }
    for length in [11, 12] {
        let job = Job { fft: Zyx::new(length, 15, 25), method: Method::Shb, ..job_3d() };
        for depth in [1, 5, 6, 7] {
            assert_as_defined(&job, &[&image(Zyx::new(depth, 9, 21), 25.0, 800.0, 4)]);
        }
    }
}

/// A few spots in the middle of a dark image, so that no light is lost beyond its edges.
fn spots(shape: Zyx<u32>, shift: usize) -> Image {
    let mut data = vec![0.0; shape.count()];
    for (i, value) in data.iter_mut().enumerate() {
        let (y, x) = (i / shape.x as usize % shape.y as usize, i % shape.x as usize);
        if (12..18).contains(&y) && (14 + shift..22 + shift).contains(&x) {
            *value = (100 + (7 * y + 11 * (x - shift)) % 251) as f32;
        }
    }
    Image { shape, data }
}

#[test]
fn light_is_kept() {
    // Σ u · (hᵀ ⊗ mask) = Σ d after every iteration of Richardson–Lucy without background, and hᵀ ⊗ mask is 1
    // where the spots are.
    let observed = spots(Zyx::new(1, 32, 40), 0);
    for start in [Start::Observed, Start::Flat] {
        let job = Job { background: 0.0, start, ..job_2d() };
        let Samples::F32(estimate) = &by_cpu(&job, &[&observed])[0] else { panic!("floats were asked for") };
        let sum = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>();
        let error = (sum(estimate) / sum(&observed.data) - 1.0).abs();
        assert!(error < 1e-4, "off by {error:.1e}");
    }
}

#[test]
fn a_shifted_image_gives_the_shifted_estimate() {
    let shape = Zyx::new(1, 32, 40);
    let (here, there) = (spots(shape, 0), spots(shape, 3));
    let all = by_cpu(&Job { background: 0.0, method: Method::Shb, ..job_2d() }, &[&here, &there]);
    let [Samples::F32(here), Samples::F32(there)] = &all[..] else { panic!("floats were asked for") };
    let brightest = here.iter().copied().fold(0.0, f32::max);
    for (i, &expected) in here.iter().enumerate().filter(|(i, _)| (8..30).contains(&(i % 40))) {
        let error = (there[i + 3] - expected).abs() / brightest;
        assert!(error < 1e-5, "at {i}: {} instead of {expected}", there[i + 3]);
    }
}

#[test]
fn threads_change_nothing() {
    let observed = image(Zyx::new(8, 14, 21), 25.0, 800.0, 4);
    let other = image(Zyx::new(8, 14, 20), 5.0, 900.0, 4);
    for job in [Method::Shb, Method::Ba].map(|method| Job { method, ..job_3d() }) {
        for images in [&[&observed, &other][..], &[&observed]] {
            let lanes = images.len() as u32;
            let run = |threads| {
                job.by_backend(&mut CpuBackend::new(&setup(&job, lanes), threads).unwrap(), 1, images)
            };
            assert_eq!(run(1), run(3));
        }
    }
}

/// A kernel of even sizes n, centred at n / 2, without its first plane, row and column.
fn odd_part(kernel: &Volume) -> Psf {
    let full = kernel.shape;
    let shape = full.map(|n| n - 1);
    let sum: f32 = kernel.data.iter().sum();
    let value = |i: usize| {
        let i = i as u32;
        let (z, y, x) = (1 + i / (shape.y * shape.x), 1 + i / shape.x % shape.y, 1 + i % shape.x);
        kernel.data[((z * full.y + y) * full.x + x) as usize] / sum
    };
    let data = (0..shape.count()).map(value).collect();
    Psf { data, shape, voxel_um: Zyx::new(1.0, 1.0, 1.0), notes: Vec::new() }
}

/// Root mean square difference between `estimate`, brought to the same sum, and `truth`, over that of `truth` and 0.
fn error_of(estimate: &[f32], truth: &[f32]) -> f64 {
    let sum = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>();
    let gain = sum(truth) / sum(estimate);
    let difference = |(&u, &t): (&f32, &f32)| (f64::from(u) * gain - f64::from(t)).powi(2);
    let squares: f64 = truth.iter().map(|&t| f64::from(t).powi(2)).sum();
    (estimate.iter().zip(truth).map(difference).sum::<f64>() / squares).sqrt()
}

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn the_bars_of_real_files_come_closer_to_the_truth_with_every_iteration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/decon/flowdec");
    let load = |name: &str| read_volume(&folder.join(name)).unwrap();
    let (data, truth) = (load("bars-25pct_data.tif"), load("bars-25pct_actual.tif"));
    let psf = odd_part(&load("bars-25pct_kernel.tif"));
    let observed = Image { shape: data.shape, data: data.data };
    let fft = data.shape.zip(psf.shape).map(|(data, psf)| (data + psf - 1).next_multiple_of(16));
    eprintln!("iterations  error of rl  of shb  of ba, against the truth");
    let mut last = [f64::INFINITY; 3];
    for iterations in [1, 5, 10, 20, 40] {
        for (method, last) in METHODS.into_iter().zip(&mut last) {
            let job =
                Job { fft, psf: psf.clone(), background: 0.0, method, iterations, start: Start::Observed };
            let Samples::F32(estimate) = &by_cpu(&job, &[&observed])[0] else {
                panic!("floats were asked for")
            };
            let error = error_of(estimate, &truth.data);
            assert!(error < *last, "{error} after {iterations}, {last} before");
            *last = error;
        }
        eprintln!("{iterations:>10}  {:>11.4}  {:.4}  {:.4}", last[0], last[1], last[2]);
    }
}
