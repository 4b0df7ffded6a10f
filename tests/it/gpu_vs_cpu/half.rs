//! What `--precision f16` makes of an image: as far from f32 as docs/book/src/explanation/benchmarks.md says, and no farther.
//!
//! The processor's backend stands for f32; it is held to f64 elsewhere, to 1e-5. The numbers of the document:
//! `cargo test --release --test it gpu_vs_cpu::half:: -- --nocapture`

use decon_gpu::decon::{
    Backend, ChannelSetup, Course, CpuBackend, Field, GpuBackend, Method, Overlap, Precision, Setup, Start,
    Until, iterate,
};
use decon_gpu::pixels::{PixelType, SampleType, Samples};
use decon_gpu::plan::{Layer, Tile};
use decon_gpu::psf::Psf;
use decon_gpu::space::{Rect, Zyx};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson};

use crate::gpu_vs_cpu::bench::Bench;

/// A pair of tiles of one size.
struct Pair {
    size: Zyx<u32>,
    psf: Psf,
    background: f32,
    images: [Vec<f32>; 2],
}

/// How far one image is from another.
#[derive(Debug)]
struct Distance {
    /// Largest difference over the largest value.
    worst: f64,
    /// Root of the sum of squared differences over that of squares.
    rms: f64,
    /// Relative difference that 99 % of the pixels stay below.
    usual: f64,
}

fn gaussian(shape: Zyx<u32>) -> Psf {
    let weight = |i: u32, n: u32| (-((f64::from(i) - f64::from(n / 2)) / 2.5).powi(2) / 2.0).exp();
    let mut light = Vec::new();
    for z in 0..shape.z {
        for y in 0..shape.y {
            light.extend((0..shape.x).map(|x| weight(z, shape.z) * weight(y, shape.y) * weight(x, shape.x)));
        }
    }
    let sum: f64 = light.iter().sum();
    let data = light.iter().map(|v| (v / sum) as f32).collect();
    Psf { data, shape, voxel_um: Zyx::new(1.0, 1.0, 1.0), notes: Vec::new() }
}

/// Haze, lines and bright points.
fn specimen(size: Zyx<u32>, random: &mut StdRng) -> Vec<f64> {
    let mut truth = Vec::new();
    for (_, y, x) in
        (0..size.z).flat_map(|z| (0..size.y).flat_map(move |y| (0..size.x).map(move |x| (z, y, x))))
    {
        let haze = 50.0 * (1.0 + (f64::from(x) / 40.0).sin() * (f64::from(y) / 60.0).cos());
        let lines = if x % 64 == 9 { 400.0 } else { 0.0 } + if y % 90 == 20 { 300.0 } else { 0.0 };
        truth.push(haze + lines);
    }
    for _ in 0..size.count() / 650 {
        truth[random.random_range(0..size.count())] += 20_000.0;
    }
    truth
}

impl Pair {
    /// A specimen seen through a microscope, and another.
    fn alike(size: Zyx<u32>, psf: Zyx<u32>) -> Self {
        let (psf, background) = (gaussian(psf), 100.0);
        let images = [1, 2].map(|seed| {
            let mut random = StdRng::seed_from_u64(seed);
            let blurred = blurred(&specimen(size, &mut random), size, &psf);
            let mut counted = |light: f64| Poisson::new(light).unwrap().sample(&mut random) as f32;
            blurred.into_iter().map(|light| counted(light + f64::from(background))).collect()
        });
        Self { size, psf, background, images }
    }

    /// The same, but random numbers, so many times as bright, in place of the other.
    fn unlike(size: Zyx<u32>, psf: Zyx<u32>, times: f32) -> Self {
        let mut random = StdRng::seed_from_u64(3);
        let noise = (0..size.count()).map(|_| times * random.random_range(6..250) as f32).collect();
        let Self { images: [seen, _], psf, background, .. } = Self::alike(size, psf);
        Self { size, psf, background, images: [seen, noise] }
    }

    fn scaled(self, by: f32) -> Self {
        let images = self.images.map(|image| image.into_iter().map(|v| v * by).collect());
        Self { images, background: self.background * by, ..self }
    }

    fn setup(&self, precision: Precision) -> Setup {
        let fft = self.size.zip(self.psf.shape).map(|(n, p)| decon_gpu::plan::fast_length(n + p - 1));
        Setup {
            fft,
            lanes: 2,
            method: Method::Shb,
            scale: 1,
            overlap: Overlap::Paint,
            precision,
            shading: Vec::new(),
            camera: Vec::new(),
            output: SampleType::F32,
            fill: vec![0.0],
            core: self.size,
            field_slots: 2 * self.size.z,
            field_bytes: 4 * u64::from(self.size.y) * u64::from(self.size.x),
            channels: vec![ChannelSetup { psf: self.psf.clone(), background: self.background }],
        }
    }

    fn tile(&self) -> Tile {
        let Zyx { z, y, x } = self.size;
        let rect = Rect::new(0, 0, x, y);
        let layer = |plane| Layer { field: plane as usize, rect, plane };
        Tile::alone(Rect::new(0, 0, x, y), z, (0..z).map(layer).collect())
    }

    fn begin(&self, backend: &mut impl Backend) {
        let (Zyx { y, x, .. }, tile) = (self.size, self.tile());
        for (lane, image) in self.images.iter().enumerate() {
            let field = |plane: &[f32]| Field {
                pixel_type: PixelType::Gray32Float,
                width: x,
                height: y,
                shown: None,
                samples: Samples::F32(plane.to_vec()).into(),
            };
            let planes = image.chunks((x * y) as usize);
            let fields: Vec<_> = planes.map(|plane| backend.upload(field(plane)).unwrap()).collect();
            backend.stitch(lane, &tile, &fields.iter().collect::<Vec<_>>()).unwrap();
            fields.into_iter().for_each(|field| backend.release(field));
        }
        backend.begin(0, 2, Start::Observed).unwrap();
    }

    fn deconvolved(&self, backend: &mut impl Backend, method: Method, iterations: u32) -> [Vec<f32>; 2] {
        self.begin(backend);
        iterate(backend, method, &Course::of(iterations)).unwrap();
        let tile = self.tile();
        let mut finished: Vec<_> =
            (0..2).filter_map(|lane| backend.download(lane, tile.clone()).unwrap()).collect();
        finished.extend(std::iter::from_fn(|| backend.drain().unwrap()));
        let images = finished.into_iter().map(|tile| match tile.samples {
            Samples::F32(values) => values,
            other => panic!("{} bytes that are no floats", other.as_bytes().len()),
        });
        images.collect::<Vec<_>>().try_into().unwrap()
    }

    /// How far f16 on the device is from f32, of each of the pair.
    fn distances(&self, bench: &Bench, method: Method, iterations: u32) -> [Distance; 2] {
        let mut gpu = GpuBackend::new(bench.device.clone(), &self.setup(Precision::F16)).unwrap();
        let mut cpu = CpuBackend::new(&self.setup(Precision::F32), 1).unwrap();
        let found = self.deconvolved(&mut gpu, method, iterations);
        let expected = self.deconvolved(&mut cpu, method, iterations);
        let distances = [0, 1].map(|lane| Distance::between(&found[lane], &expected[lane]));
        let [one, other] = &distances;
        eprintln!("{method:?}, {iterations} iterations, {}: {one}; the other {other}", self.size);
        distances
    }
}

impl std::fmt::Display for Distance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "worst {:.1e}, rms {:.1e}, 99 % {:.1e}", self.worst, self.rms, self.usual)
    }
}

impl Distance {
    fn between(found: &[f32], expected: &[f32]) -> Self {
        let of = |v: &f32| f64::from(*v);
        let largest = expected.iter().map(of).fold(0.0, f64::max);
        let errors: Vec<_> = found.iter().zip(expected).map(|(found, v)| (of(found) - of(v)).abs()).collect();
        assert!(errors.iter().all(|error| error.is_finite()));
        let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
        let mut relative: Vec<_> = errors.iter().zip(expected).map(|(error, v)| error / of(v)).collect();
        relative.sort_by(f64::total_cmp);
        Self {
            worst: errors.iter().copied().fold(0.0, f64::max) / largest,
            rms: (squares(&mut errors.iter().copied()) / squares(&mut expected.iter().map(of))).sqrt(),
            usual: relative[relative.len() * 99 / 100],
        }
    }
}

/// With the PSF, around the ends.
fn blurred(image: &[f64], size: Zyx<u32>, psf: &Psf) -> Vec<f64> {
    let mut sums = vec![0.0; image.len()];
    let [p, n] = [psf.shape, size].map(|shape| shape.map(|n| n as usize));
    for (tap, &h) in psf.data.iter().enumerate() {
        let [dz, dy, dx] = [tap / (p.y * p.x), tap / p.x % p.y, tap % p.x];
        let from = |i: usize, d: usize, p: usize, n: usize| (i + d + n - p / 2) % n;
        for z in 0..n.z {
            for y in 0..n.y {
                let row = (from(z, dz, p.z, n.z) * n.y + from(y, dy, p.y, n.y)) * n.x;
                let to = &mut sums[(z * n.y + y) * n.x..][..n.x];
                for (x, sum) in to.iter_mut().enumerate() {
                    *sum += f64::from(h) * image[row + from(x, dx, p.x, n.x)];
                }
            }
        }
    }
    sums
}

fn check(distances: &[Distance; 2], worst: f64) {
    for distance in distances {
        assert!(distance.worst < worst, "{distance:?}");
        assert!(distance.rms > 1e-5, "f32 is not farther than that, so f16 is not used: {distance:?}");
    }
}

/// Bounds here are twice what was seen.
#[test]
fn images_are_as_near_as_is_said() {
    let bench = Bench::open();
    let pair = Pair::alike(Zyx::new(1, 256, 256), Zyx::new(1, 17, 17));
    for (method, iterations) in
        [(Method::Rl, 10), (Method::Rl, 50), (Method::Shb, 10), (Method::Shb, 20), (Method::Shb, 50)]
    {
        check(&pair.distances(&bench, method, iterations), 5e-4);
    }
}

#[test]
fn volumes_are_as_near_as_is_said() {
    let bench = Bench::open();
    let pair = Pair::alike(Zyx::new(20, 72, 80), Zyx::new(9, 9, 9));
    for method in [Method::Rl, Method::Shb] {
        check(&pair.distances(&bench, method, 20), 5e-4);
    }
}

/// Both halves of a spectrum are rounded in proportion to the brighter one, so they are made as bright as each other.
#[test]
fn a_tile_does_not_suffer_from_a_much_brighter_one_beside_it() {
    let bench = Bench::open();
    for times in [16.0, 1000.0] {
        let pair = Pair::unlike(Zyx::new(1, 256, 256), Zyx::new(1, 17, 17), times);
        for (method, iterations) in [(Method::Rl, 50), (Method::Shb, 20)] {
            let distances = pair.distances(&bench, method, iterations);
            // Random numbers are never the image of anything: their ratios stay farther from 1.
            check(&distances, 1e-3);
            assert!(distances[0].worst < 3e-4, "the dim one: {:?}", distances[0]);
        }
    }
}

#[test]
fn as_many_iterations_are_decided_on_as_in_f32() {
    let bench = Bench::open();
    let pair = Pair::alike(Zyx::new(1, 256, 256), Zyx::new(1, 17, 17));
    let mut gpu = GpuBackend::new(bench.device.clone(), &pair.setup(Precision::F16)).unwrap();
    let mut cpu = CpuBackend::new(&pair.setup(Precision::F32), 1).unwrap();
    for (method, change) in [(Method::Rl, 1e-2), (Method::Rl, 3e-3), (Method::Shb, 1e-2), (Method::Shb, 3e-3)]
    {
        let course = Course { until: Some(Until { change, check_every: 5 }), ..Course::of(80) };
        pair.begin(&mut gpu);
        pair.begin(&mut cpu);
        let found = iterate(&mut gpu, method, &course).unwrap().map(|decided| decided.iterations);
        let expected = iterate(&mut cpu, method, &course).unwrap().map(|decided| decided.iterations);
        assert!(expected.is_some_and(|k| (6..80).contains(&k)), "nothing is decided: {expected:?}");
        assert_eq!(found, expected, "{method:?}, {change}");
    }
}

/// Half floats would end at 65504.
#[test]
fn neither_bright_nor_dim_images_are_farther() {
    let bench = Bench::open();
    // Dimmer, the floors of the algorithm are what is seen.
    for scale in [0.01, 1e6, 1e30] {
        let pair = Pair::alike(Zyx::new(1, 64, 64), Zyx::new(1, 9, 9)).scaled(scale);
        check(&pair.distances(&bench, Method::Shb, 10), 5e-4);
    }
}
