//! The parts of the compute stage on the processor: `cargo bench --bench compute`, a minute. On a device whole iterations
//! are measured by `decon-gpu bench compute`.
//!
//! Lines of transforms, each step of an iteration, and whole iterations; all cores, as a run has them. Elements are real
//! voxels: a pair has two for each complex number, so a line's figure can be held against the iteration's.

use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use decon_gpu::decon::{Backend, ChannelSetup, CpuBackend, Field, Method, Overlap, Precision, Setup, Start};
use decon_gpu::pixels::{PixelType, SampleType, Samples};
use decon_gpu::plan::{Layer, Tile};
use decon_gpu::psf::Psf;
use decon_gpu::space::{Rect, Zyx};
use decon_gpu::twins::balance_lanes::balance_lanes;
use decon_gpu::twins::begin_rows::{BeginRows, Begun, begin_rows, mask_rows};
use decon_gpu::twins::convolve_lines::{Projection, convolve_lines, convolve_lines_of_halves};
use decon_gpu::twins::downsample::{Downsample, downsample};
use decon_gpu::twins::fill::fill;
use decon_gpu::twins::pack::{Pack, pack};
use decon_gpu::twins::ratio_rows::{Model, ratio_rows};
use decon_gpu::twins::stitch::{Stitch, stitch};
use decon_gpu::twins::transform_lines::transform_lines;
use decon_gpu::twins::update_rows::{Update, update_rows};
use decon_gpu::twins::weight_rows::weight_rows;
use decon_gpu::twins::{Complex32, Direction, Fourier};

/// An image and a stack that pass a core's cache but not the bench's patience.
const IMAGE: Zyx<u32> = Zyx::new(1, 1024, 1024);
const STACK: Zyx<u32> = Zyx::new(48, 160, 160);

fn group<'a>(criterion: &'a mut Criterion, name: &str, values: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(values as u64));
    group
}

/// Counts around 100, both lanes different.
fn volume(count: usize) -> Vec<Complex32> {
    let value = |i: usize| 50.0 + (i * 31 % 251) as f32 * 0.4;
    (0..count).map(|i| Complex32::new(value(i), value(i + 97))).collect()
}

fn lines(criterion: &mut Criterion) {
    for length in [128_usize, 160, 256, 360, 512, 1024, 1080, 2048, 2160] {
        let rows = (1 << 18) / length;
        let fourier = Fourier::new(length);
        let (mut values, mut scratch) = (volume(rows * length), fourier.scratch());
        let mut group = group(criterion, "line", 2 * rows * length);
        // There and back, and to scale: what is not scaled grows without bound.
        group.bench_function(length.to_string(), |bencher| {
            bencher.iter(|| {
                for row in values.chunks_exact_mut(length) {
                    fourier.transform(Direction::Forward, row, &mut scratch);
                    fourier.transform(Direction::Inverse, row, &mut scratch);
                    row.iter_mut().for_each(|v| *v *= 1.0 / length as f32);
                }
            });
        });
    }
}

fn columns(criterion: &mut Criterion) {
    let n = STACK.map(|n| n as usize);
    let mut values = volume(STACK.count());
    let mut group_3d = group(criterion, "transform_lines", 2 * STACK.count());
    let along_y = Fourier::new(n.y);
    group_3d.bench_function("y of a stack", |bencher| {
        bencher.iter(|| {
            transform_lines(&mut values, n.x, &along_y, Direction::Forward);
            values.iter_mut().for_each(|v| *v *= 0.01);
        });
    });
    drop(group_3d);
    for (what, shape) in [("y of an image", IMAGE), ("z of a stack", STACK)] {
        let n = shape.map(|n| n as usize);
        let (length, inner) = if shape.z == 1 { (n.y, [1, n.x]) } else { (n.z, [n.y, n.x]) };
        let fourier = Fourier::new(length);
        let otf = vec![Complex32::from(1.0 / length as f32); shape.count()];
        let mut values = volume(shape.count());
        let mut pair = group(criterion, "convolve_lines", 2 * shape.count());
        pair.bench_function(format!("{what}, pair"), |bencher| {
            let columns = inner[0] * inner[1];
            bencher.iter(|| convolve_lines(&mut values, columns, &fourier, &otf, Projection::Forward));
        });
        drop(pair);
        let mut alone = group(criterion, "convolve_lines", shape.count());
        alone.bench_function(format!("{what}, halves of one tile"), |bencher| {
            let halves = &mut values[..shape.count() / 2];
            bencher.iter(|| convolve_lines_of_halves(halves, inner, &fourier, &otf, Projection::Back));
        });
    }
}

fn rows(criterion: &mut Criterion) {
    let count = IMAGE.count();
    let fourier = Fourier::new(IMAGE.x as usize);
    let observed = volume(count);
    let mut volumes: [Vec<Complex32>; 4] = [(); 4].map(|()| volume(count));
    let [spectrum, weight, estimate, previous] = &mut volumes;
    let mut group = group(criterion, "rows", 2 * count);
    let params = BeginRows {
        fft: IMAGE,
        extents: [IMAGE; 2],
        background: 10.0,
        balance: 0.5,
        flat: false,
        half_rows: None,
    };
    group.bench_function("balance_lanes", |bencher| bencher.iter(|| balance_lanes(&observed, 10.0)));
    group.bench_function("begin_rows", |bencher| {
        bencher.iter(|| {
            let begun = Begun { estimate, spectrum };
            begin_rows(&observed, &params, &fourier, begun);
        });
    });
    group.bench_function("mask_rows", |bencher| bencher.iter(|| mask_rows(&observed, &fourier, spectrum)));
    group.bench_function("weight_rows", |bencher| {
        bencher.iter(|| weight_rows(spectrum, weight, &fourier));
    });
    weight.fill(Complex32::new(1.0, 1.0));
    // What comes out is made to go in again: ratios of about 1, corrections of about 1.
    let fresh = volume(count);
    group.bench_function("ratio_rows, and a copy", |bencher| {
        bencher.iter(|| {
            spectrum.copy_from_slice(&fresh);
            ratio_rows(spectrum, &observed, Model { background: 10.0, balance: 1.0 }, &fourier);
        });
    });
    for (name, alpha) in [("rl", 0.0), ("shb", 0.5)] {
        group.bench_function(format!("update_rows of {name}, and a copy"), |bencher| {
            bencher.iter(|| {
                spectrum.copy_from_slice(&fresh);
                update_rows(
                    spectrum,
                    Update { weight, estimate, previous, alpha, next_alpha: alpha, balance: 1.0 },
                    &fourier,
                );
            });
        });
    }
}

fn pixels(criterion: &mut Criterion) {
    let count = IMAGE.count();
    let (width, height) = (IMAGE.x, IMAGE.y);
    let mut plane = vec![0.0; count];
    let field = Samples::U16((0..count).map(|i| (i * 31 % 4096) as u16).collect());
    let shown = Rect::new(0, 0, width, height);
    let params = Stitch { left: 0, top: 0, field_width: width, shown, samples: 1, sample: 0, width, height };
    let mut observed = volume(count);
    let estimate = volume(count);
    let mut group = group(criterion, "pixels", count);
    group.bench_function("fill", |bencher| bencher.iter(|| fill(&mut plane)));
    group.bench_function("stitch u16", |bencher| bencher.iter(|| stitch(&field, &params, None, &mut plane)));
    for scale in [1, 2] {
        group.bench_function(format!("downsample by {scale}"), |bencher| {
            let params =
                Downsample { width, height, scale, columns: width / scale, lane: 0, subtracted: 0.0 };
            let rows = &mut observed[..count / (scale * scale) as usize];
            bencher.iter(|| downsample(&plane, &params, rows));
        });
    }
    let mut packed = vec![0_u16; count];
    group.bench_function("pack to u16", |bencher| {
        let params = Pack { fft: IMAGE, first: Zyx::default(), core: IMAGE, lane: 1, fill: 0.0 };
        bencher.iter(|| pack(&estimate, &observed, &params, &mut packed));
    });
}

fn setup(shape: Zyx<u32>, tiles: usize) -> Setup {
    let side = Zyx::new(shape.z.min(9), 15, 15);
    let light = vec![1.0 / side.count() as f32; side.count()];
    let psf = Psf { data: light, shape: side, voxel_um: Zyx::new(1.0, 1.0, 1.0), notes: Vec::new() };
    Setup {
        fft: shape,
        lanes: tiles as u32,
        method: Method::Shb,
        scale: 1,
        output: SampleType::F32,
        fill: vec![0.0],
        core: shape,
        field_slots: shape.z,
        field_bytes: u64::from(shape.y) * u64::from(shape.x) * 4,
        overlap: Overlap::Paint,
        precision: Precision::F32,
        shading: Vec::new(),
        camera: Vec::new(),
        channels: vec![ChannelSetup { psf, background: 10.0 }],
    }
}

/// `backend` with the same tile in every lane, begun.
fn begin(backend: &mut CpuBackend, shape: Zyx<u32>, tiles: usize) {
    let plane: Vec<f32> = volume((shape.y * shape.x) as usize).iter().map(|v| v.re).collect();
    let rect = Rect::new(0, 0, shape.x, shape.y);
    let layers = (0..shape.z).map(|z| Layer { field: z as usize, rect, plane: z }).collect();
    let tile = Tile::alone(Rect::new(0, 0, shape.x, shape.y), shape.z, layers);
    let field = || Field {
        pixel_type: PixelType::Gray32Float,
        width: shape.x,
        height: shape.y,
        shown: None,
        samples: Samples::F32(plane.clone()).into(),
    };
    let fields: Vec<_> = (0..shape.z).map(|_| backend.upload(field()).expect("fields are kept")).collect();
    for lane in 0..tiles {
        backend.stitch(lane, &tile, &fields.iter().collect::<Vec<_>>()).expect("fields are there");
    }
    backend.begin(0, tiles, Start::Observed).expect("tiles are there");
}

fn iterations(criterion: &mut Criterion) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for (what, shape) in [("2D", IMAGE), ("3D", STACK)] {
        for tiles in [1, 2] {
            let mut backend = CpuBackend::new(&setup(shape, tiles), threads).expect("the volumes fit");
            begin(&mut backend, shape, tiles);
            let mut group = group(criterion, "iteration", tiles * shape.count());
            for (name, alpha) in [("rl", 0.0), ("shb", 0.5)] {
                group.bench_function(format!("{what} {name}, tiles: {tiles}"), |bencher| {
                    bencher.iter(|| {
                        backend.project().expect("the processor fails nowhere");
                        backend.back_project().expect("the processor fails nowhere");
                        backend.update(alpha).expect("the processor fails nowhere");
                    });
                });
            }
        }
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(1000))
}

criterion_group! {
    name = compute;
    config = short();
    targets = lines, columns, rows, pixels, iterations
}
criterion_main!(compute);
