//! Whole deconvolutions on the device against sums in f64 and against the processor's backend.

use decon_gpu::decon::{
    Backend, ChannelSetup, Course, CpuBackend, Field, FinishedTile, GpuBackend, Method, Overlap, Precision,
    Setup, Start, iterate,
};
use decon_gpu::pixels::{PixelType, SampleType, Samples};
use decon_gpu::plan::{Layer, Tile};
use decon_gpu::psf::Psf;
use decon_gpu::space::{Rect, Zyx};

use crate::gpu_vs_cpu::bench::{Bench, assert_close, assert_close_f32};
use crate::gpu_vs_cpu::reference::Reference;

const BACKGROUND: f32 = 10.0;

/// A group of tiles side by side, each made of fields of `data`.
#[derive(Clone)]
pub struct Case {
    pub fft: Zyx<u32>,
    pub psf: Psf,
    /// Of each lane's tile.
    pub extents: Vec<Zyx<u32>>,
    /// Planes of halo above the core.
    pub above: u32,
}

/// Not symmetric: a transposed or shifted PSF shows.
pub fn psf(shape: Zyx<u32>) -> Psf {
    let centre = shape.map(|n| (n as f32 - 1.0) / 2.0);
    let mut data = Vec::new();
    for (z, y, x) in
        (0..shape.z).flat_map(|z| (0..shape.y).flat_map(move |y| (0..shape.x).map(move |x| (z, y, x))))
    {
        let [dz, dy, dx] = [z as f32 - centre.z, y as f32 - centre.y, x as f32 - centre.x];
        data.push(
            (-0.4 * dz * dz - 0.5 * dy * dy - 0.3 * dx * dx + 0.2 * dx * dy).exp()
                * (1.0 + 0.2 * dx + 0.1 * dz),
        );
    }
    let sum: f32 = data.iter().sum();
    data.iter_mut().for_each(|v| *v /= sum);
    Psf { data, shape, voxel_um: Zyx::new(1.0, 1.0, 1.0), notes: Vec::new() }
}

/// Dim ground, a few bright points, and noise; of lane `lane`, the second far brighter than the others.
fn data(lane: usize, extents: Zyx<u32>) -> Vec<f32> {
    let count = extents.count();
    let value = |i: usize| {
        let point = if (i + 31 * lane) % 97 == 13 { 900.0 } else { 0.0 };
        let times = if lane == 1 { 60.0 } else { 1.0 };
        (BACKGROUND + times * (20.0 + (i * 89 % 251) as f32 / 10.0 + point)).floor()
    };
    (0..count).map(value).collect()
}

/// A hole that no field covers: a rectangle of the first plane.
fn has_data(extents: Zyx<u32>, i: usize) -> bool {
    let (x, y) = (i as u32 % extents.x, i as u32 / extents.x);
    !(y < extents.y && (4..9).contains(&x) && (3..6).contains(&y))
}

impl Case {
    pub fn setup(&self) -> Setup {
        let channel = ChannelSetup { psf: self.psf.clone(), background: BACKGROUND };
        Setup {
            fft: self.fft,
            lanes: self.extents.len() as u32,
            method: Method::Shb,
            scale: 1,
            overlap: Overlap::Paint,
            precision: Precision::F32,
            shading: Vec::new(),
            camera: Vec::new(),
            output: SampleType::F32,
            fill: vec![0.0],
            core: self.fft,
            field_slots: 4 * self.fft.z,
            field_bytes: 2 * u64::from(self.fft.y) * u64::from(self.fft.x),
            channels: vec![channel.clone(), channel],
        }
    }

    /// The fields of a lane's tile, cut from `data` around the hole, and the tile.
    fn tile(&self, lane: usize) -> (Tile, Vec<Field>) {
        let extents = self.extents[lane];
        let pixels = data(lane, extents);
        let padded = Rect::new(100, 50, extents.x, extents.y);
        let mut fields = Vec::new();
        let mut layers = Vec::new();
        for plane in 0..extents.z {
            // Left of, right of, above and below the hole; in planes behind the first everything.
            let all = [(0, 0, extents.x, extents.y)];
            let around = [
                (0, 0, 4, extents.y),
                (9, 0, extents.x - 9, extents.y),
                (4, 0, 5, 3),
                (4, 6, 5, extents.y - 6),
            ];
            for &(x, y, width, height) in if plane == 0 { &around[..] } else { &all[..] } {
                let pixel =
                    |x: u32, y: u32| pixels[((plane * extents.y + y) * extents.x + x) as usize] as u16;
                let samples = (y..y + height).flat_map(|y| (x..x + width).map(move |x| (x, y)));
                let samples = Samples::U16(samples.map(|(x, y)| pixel(x, y)).collect());
                let rect = Rect::new(100 + i64::from(x), 50 + i64::from(y), width, height);
                layers.push(Layer { field: fields.len(), rect, plane });
                let samples = samples.into();
                fields.push(Field { pixel_type: PixelType::Gray16, width, height, shown: None, samples });
            }
        }
        let core = Rect::new(102, 51, extents.x - 3, extents.y - 2);
        let index = lane as u32;
        (
            Tile {
                index,
                channel: 1,
                z: self.above,
                planes: extents.z - self.above,
                core,
                ..Tile::alone(padded, extents.z, layers)
            },
            fields,
        )
    }

    pub fn run(
        &self,
        backend: &mut impl Backend,
        method: Method,
        iterations: u32,
        start: Start,
    ) -> Vec<FinishedTile> {
        self.begin(backend, start);
        iterate(backend, method, &Course::of(iterations)).unwrap();
        self.finish(backend)
    }

    pub fn begin(&self, backend: &mut impl Backend, start: Start) {
        for lane in 0..self.extents.len() {
            let (tile, fields) = self.tile(lane);
            let held: Vec<_> = fields.into_iter().map(|field| backend.upload(field).unwrap()).collect();
            backend.stitch(lane, &tile, &held.iter().collect::<Vec<_>>()).unwrap();
            held.into_iter().for_each(|field| backend.release(field));
        }
        backend.begin(1, self.extents.len(), start).unwrap();
    }

    pub fn finish(&self, backend: &mut impl Backend) -> Vec<FinishedTile> {
        let mut finished = Vec::new();
        for lane in 0..self.extents.len() {
            finished.extend(backend.download(lane, self.tile(lane).0).unwrap());
        }
        while let Some(tile) = backend.drain().unwrap() {
            finished.push(tile);
        }
        finished
    }

    /// The core of lane's tile in f64; 0, the fill value, where there is no data.
    fn expected(&self, lane: usize, method: Method, iterations: u32, start: Start) -> Vec<f64> {
        self.by_definition(lane, |reference| reference.deconvolve(method, iterations, start))
    }

    /// The core of what `deconvolve` makes of lane's tile.
    pub fn by_definition(&self, lane: usize, deconvolve: impl FnOnce(&Reference) -> Vec<f64>) -> Vec<f64> {
        let extents = self.extents[lane];
        let data: Vec<_> = data(lane, extents)
            .into_iter()
            .enumerate()
            .map(|(i, v)| has_data(extents, i).then_some(f64::from(v)))
            .collect();
        let (psf, background) = (&self.psf, f64::from(BACKGROUND));
        let reference = Reference { psf, fft: self.fft, extents, data: &data, background };
        let estimate = deconvolve(&reference);
        let mut core = Vec::new();
        for z in self.above..extents.z {
            for y in 1..extents.y - 1 {
                for x in 2..extents.x - 1 {
                    let value = estimate[((z * self.fft.y + y) * self.fft.x + x) as usize];
                    let data = data[((z * extents.y + y) * extents.x + x) as usize];
                    core.push(if data.is_some() { value } else { 0.0 });
                }
            }
        }
        core
    }

    /// Ten iterations each way. The tolerance: less than a count at 65535, seen: 2.3e-6; in f16 a few roundings of a spectrum
    /// (5e-4 at most each), seen: 7e-4, and 4e-3 where a flat start makes the first ratios of a tile 60 times those of the other.
    fn check(&self, bench: &Bench) {
        self.check_stored(bench, Precision::F32, [1e-5, 1e-5]);
        self.check_stored(bench, Precision::F16, [2e-3, 1e-2]);
    }

    fn check_stored(&self, bench: &Bench, precision: Precision, [tolerance, from_flat]: [f64; 2]) {
        let setup = Setup { precision, ..self.setup() };
        let mut gpu = GpuBackend::new(bench.device.clone(), &setup).unwrap();
        let mut cpu = CpuBackend::new(&setup, 1).unwrap();
        for (method, start) in
            [(Method::Rl, Start::Observed), (Method::Shb, Start::Observed), (Method::Shb, Start::Flat)]
        {
            let tolerance = if start == Start::Flat { from_flat } else { tolerance };
            let found = self.run(&mut gpu, method, 10, start);
            let twin = self.run(&mut cpu, method, 10, start);
            assert_eq!(found.len(), self.extents.len());
            for (lane, (found, twin)) in found.iter().zip(&twin).enumerate() {
                assert_eq!(found.tile, twin.tile);
                let what = format!(
                    "{precision:?}, {method:?} from {start:?}, lane {lane} of {}, {}",
                    found.tile.planes, self.fft
                );
                let (Samples::F32(found), Samples::F32(twin)) = (&found.samples, &twin.samples) else {
                    panic!()
                };
                assert_close_f32(&format!("{what}, processor"), found, twin, tolerance);
                assert_close(
                    &format!("{what}, f64"),
                    found,
                    &self.expected(lane, method, 10, start),
                    tolerance,
                );
            }
        }
    }
}

#[test]
fn images_are_deconvolved_as_defined() {
    let bench = Bench::open();
    let psf = psf(Zyx::new(1, 5, 7));
    // Mixed radices, and a tile that is smaller than the others.
    let extents = [Zyx::new(1, 31, 36), Zyx::new(1, 20, 34), Zyx::new(1, 31, 36)];
    for lanes in 1..=3 {
        Case { fft: Zyx::new(1, 35, 42), psf: psf.clone(), extents: extents[..lanes].to_vec(), above: 0 }
            .check(&bench);
    }
}

#[test]
fn volumes_are_deconvolved_as_defined() {
    let bench = Bench::open();
    let psf = psf(Zyx::new(3, 5, 5));
    let extents = vec![Zyx::new(6, 14, 16), Zyx::new(5, 12, 15)];
    for above in [0, 2] {
        let (psf, extents) = (psf.clone(), extents.clone());
        Case { fft: Zyx::new(8, 18, 20), psf, extents, above }.check(&bench);
    }
}

/// The processor's divergence is tested against its definition.
#[test]
fn the_divergence_is_the_processors_and_measuring_it_changes_nothing() {
    let bench = Bench::open();
    let flat = Case {
        fft: Zyx::new(1, 35, 42),
        psf: psf(Zyx::new(1, 5, 7)),
        extents: [Zyx::new(1, 31, 36), Zyx::new(1, 20, 34), Zyx::new(1, 31, 36)].to_vec(),
        above: 0,
    };
    let deep = Case {
        fft: Zyx::new(8, 18, 20),
        psf: psf(Zyx::new(3, 5, 5)),
        extents: vec![Zyx::new(6, 14, 16), Zyx::new(5, 12, 15)],
        above: 0,
    };
    let alone = Case { extents: flat.extents[..1].to_vec(), ..flat.clone() };
    for case in [flat, alone, deep] {
        let setup = case.setup();
        let mut gpu = GpuBackend::new(bench.device.clone(), &setup).unwrap();
        let mut cpu = CpuBackend::new(&setup, 1).unwrap();
        let plain = case.run(&mut gpu, Method::Shb, 6, Start::Flat);
        case.begin(&mut gpu, Start::Flat);
        case.begin(&mut cpu, Start::Flat);
        for k in 1..=6 {
            let (found, twin) = (gpu.project_and_measure().unwrap(), cpu.project_and_measure().unwrap());
            assert!((found / twin - 1.0).abs() < 1e-5, "iteration {k}: {found} instead of {twin}");
            gpu.back_project().unwrap();
            cpu.back_project().unwrap();
            let alpha = k as f32 / (k + 3) as f32;
            gpu.update(alpha).unwrap();
            cpu.update(alpha).unwrap();
        }
        for (measured, plain) in case.finish(&mut gpu).iter().zip(&plain) {
            assert!(measured.samples.as_bytes() == plain.samples.as_bytes(), "another image");
        }
    }
}

#[test]
fn an_iteration_takes_four_dispatches_for_images_and_eight_for_volumes() {
    let bench = Bench::open();
    for (planes, dispatches) in [(1, 4), (4, 8)] {
        let case = Case {
            fft: Zyx::new(planes, 20, 20),
            psf: psf(Zyx::new(1, 3, 3)),
            extents: vec![Zyx::new(1, 18, 18)],
            above: 0,
        };
        let mut backend = GpuBackend::new(bench.device.clone(), &case.setup()).unwrap();
        case.run(&mut backend, Method::Shb, 1, Start::Observed);
        let one = backend.dispatches();
        case.run(&mut backend, Method::Shb, 3, Start::Observed);
        assert_eq!(backend.dispatches() - one, one + 2 * dispatches);
    }
}

/// A backend that served one group must not show it in the next.
#[test]
fn nothing_of_an_earlier_group_stays() {
    let bench = Bench::open();
    let (fft, psf) = (Zyx::new(1, 35, 42), psf(Zyx::new(1, 5, 7)));
    let large = Case { fft, psf: psf.clone(), extents: vec![Zyx::new(1, 31, 36); 2], above: 0 };
    let small = Case { fft, psf, extents: vec![Zyx::new(1, 12, 14)], above: 0 };
    let mut used = GpuBackend::new(bench.device.clone(), &large.setup()).unwrap();
    large.run(&mut used, Method::Rl, 3, Start::Observed);
    let found = small.run(&mut used, Method::Shb, 3, Start::Observed);
    let mut fresh = GpuBackend::new(bench.device.clone(), &large.setup()).unwrap();
    let expected = small.run(&mut fresh, Method::Shb, 3, Start::Observed);
    assert_eq!(found[0].samples, expected[0].samples);
}

/// House rule: zeros, saturation and dark frames give finite values.
#[test]
fn dark_and_saturated_tiles_stay_finite() {
    let bench = Bench::open();
    let case = Case {
        fft: Zyx::new(1, 35, 42),
        psf: psf(Zyx::new(1, 5, 7)),
        extents: vec![Zyx::new(1, 31, 36); 2],
        above: 0,
    };
    let mut backend = GpuBackend::new(bench.device.clone(), &case.setup()).unwrap();
    let (tile, _) = case.tile(0);
    for (lane, value) in [(0, 0_u16), (1, u16::MAX)] {
        let rect = tile.layers[0].rect;
        let samples = Samples::U16(vec![value; rect.area() as usize]);
        let field = Field {
            pixel_type: PixelType::Gray16,
            width: rect.width,
            height: rect.height,
            shown: None,
            samples: samples.into(),
        };
        let field = backend.upload(field).unwrap();
        let tile = Tile { layers: tile.layers[..1].to_vec(), ..tile.clone() };
        backend.stitch(lane, &tile, &[&field]).unwrap();
        backend.release(field);
    }
    backend.begin(0, 2, Start::Observed).unwrap();
    iterate(&mut backend, Method::Shb, &Course::of(10)).unwrap();
    for lane in 0..2 {
        assert!(backend.download(lane, tile.clone()).unwrap().is_none());
    }
    for lane in 0..2 {
        let Samples::F32(values) = backend.drain().unwrap().unwrap().samples else { panic!() };
        let wrong = values.iter().position(|v| !v.is_finite() || *v < 0.0);
        assert_eq!(wrong.map(|i| values[i]), None, "lane {lane}, at {wrong:?}");
    }
}
