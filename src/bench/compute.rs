//! How many voxels go through one iteration in a second, by size and backend, beside what the memory allows.

use std::time::Instant;

use super::copies::{COPY_BYTES, Copies, DeviceCopies};
use super::machine::Machine;
use super::{Better, Cell, Column, Results, Row, Runs, Table};
use crate::dataset::FieldSamples;
use crate::decon::{
    Backend, ChannelSetup, Course, CpuBackend, Field, GpuBackend, Method, Overlap, Precision, Setup, Start,
    iterate,
};
use crate::error::{Error, Result};
use crate::job::{Chosen, Gpu};
use crate::pixels::{PixelType, SampleType, Samples};
use crate::plan::{Layer, Tile};
use crate::psf::Psf;
use crate::space::{Rect, Zyx};

/// What to compute on, and how often.
pub struct ComputeBench {
    /// Backends, side by side.
    pub backends: Vec<Chosen>,
    /// How a device stores spectra.
    pub precision: Precision,
    /// Shapes of the transform.
    pub sizes: Vec<Zyx<u32>>,
    /// Runs of each measurement.
    pub runs: u32,
    /// Seconds of iterations in a run, at least.
    pub least_secs: f64,
    /// Called with a line for each thing that is done.
    pub say: fn(&str),
}

/// Bytes that one iteration of SHB on one pair moves through memory for each voxel of the transform, as counted in `kernels`:
/// those beside the spectrum.
const BYTES_BESIDE: u64 = 24;
/// Lanes of the pair that is deconvolved.
const LANES: u32 = 2;

impl ComputeBench {
    /// Measures everything.
    ///
    /// # Errors
    /// `Gpu`, and `Limit` when a size does not fit a backend.
    pub fn run(&self) -> Result<Results> {
        let mut tables = Vec::new();
        for backend in &self.backends {
            let (memory, bandwidth) = self.memory(backend)?;
            tables.push(memory);
            let mut rows = Vec::new();
            let precision = if backend.is_cpu() { Precision::F32 } else { self.precision };
            for &size in &self.sizes {
                rows.push(self.iterations(backend, &Work::new(size, precision), bandwidth)?);
                (self.say)(&format!("{size} on {}", backend.name()));
            }
            tables.push(Table {
                title: match precision {
                    Precision::F32 => format!("Iterations on {}", backend.name()),
                    Precision::F16 => format!("Iterations on {}, spectra in f16", backend.name()),
                },
                measured: Column::new("rate", "million voxels · iterations / s"),
                better: Better::More,
                mark: Some("at copy speed".into()),
                columns: vec![Column::new("of copy speed", "%"), Column::new("iterations", "in a run")],
                rows,
            });
        }
        Ok(Results {
            bench: "compute".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            machine: Machine::here(),
            input: None,
            notes: vec![
                "Voxels of the transform, two tiles together, scaled heavy ball. At copy speed: an iteration that moves \
                 56 (2D) or 88 (3D) bytes a voxel (40 and 56 where spectra are f16) as fast as memory is copied, read and \
                 written bytes both counted. A cache that holds the volumes can be faster than that."
                    .into(),
            ],
            tables,
        })
    }

    /// Copies within the backend's memory, and to it and from it; and the bytes a second of the first, both ways.
    fn memory(&self, backend: &Chosen) -> Result<(Table, f64)> {
        let bytes = match backend {
            Chosen::Gpu(Gpu { device, .. }) => DeviceCopies::bytes(device),
            _ => COPY_BYTES,
        };
        let mut rows = Vec::new();
        let mut row = |name: &str, factor: f64, measure: &mut dyn FnMut() -> Result<f64>| -> Result<f64> {
            measure()?;
            let runs = (0..self.runs).map(|_| Ok(factor * bytes as f64 / measure()? / 1e9));
            let runs = Runs::new(runs.collect::<Result<Vec<_>>>()?);
            let median = runs.median();
            rows.push(Row { name: name.to_owned(), runs, mark: None, cells: Vec::new() });
            Ok(median)
        };
        let copied = match backend {
            Chosen::Gpu(Gpu { device, .. }) => {
                let mut copies = DeviceCopies::new(device)?;
                row("upload", 1.0, &mut || copies.upload())?;
                row("download", 1.0, &mut || copies.download())?;
                row("copy, read and written", 2.0, &mut || copies.copy())?
            }
            Chosen::Cpu { threads } => {
                let mut copies = Copies::new(*threads)?;
                row("copy, read and written", 2.0, &mut || Ok(copies.copy()))?
            }
            Chosen::Null(_) => return Err(Error::option("--backend", "computes nothing")),
        };
        let table = Table {
            title: format!("Memory of {}, copies of {} MiB", backend.name(), bytes >> 20),
            measured: Column::new("rate", "GB/s"),
            better: Better::More,
            mark: None,
            columns: Vec::new(),
            rows,
        };
        Ok((table, copied * 1e9))
    }

    fn iterations(&self, backend: &Chosen, work: &Work, bandwidth: f64) -> Result<Row> {
        match backend {
            Chosen::Cpu { threads } => self.on(CpuBackend::new(&work.setup, *threads)?, work, bandwidth),
            Chosen::Gpu(gpu) => self.on(GpuBackend::new(gpu.device.clone(), &work.setup)?, work, bandwidth),
            Chosen::Null(_) => Err(Error::option("--backend", "computes nothing")),
        }
    }

    fn on<B: Backend>(&self, mut backend: B, work: &Work, bandwidth: f64) -> Result<Row> {
        let mut secs = |iterations| work.seconds(&mut backend, iterations);
        // What is made once: plans, shaders, pages touched.
        secs(1)?;
        let mut iterations = 1;
        while secs(iterations)? < self.least_secs {
            iterations *= 2;
        }
        let voxels = work.setup.fft.count() as f64 * f64::from(LANES);
        let rate = |_| {
            // What begins and ends a group drops out of the difference.
            let more = secs(2 * iterations)? - secs(iterations)?;
            Ok(voxels * f64::from(iterations) / more.max(1e-9) / 1e6)
        };
        let runs = Runs::new((0..self.runs).map(rate).collect::<Result<Vec<_>>>()?);
        let mark = bandwidth / work.iteration_bytes() as f64 / 1e6;
        let cells = vec![Cell::Number(100.0 * runs.median() / mark), Cell::Number(f64::from(iterations))];
        Ok(Row { name: name_of(work.setup.fft), runs, mark: Some(mark), cells })
    }
}

fn name_of(size: Zyx<u32>) -> String {
    let Zyx { z, y, x } = size;
    if z > 1 { format!("3D {z} × {y} × {x}") } else { format!("2D {y} × {x}") }
}

/// A pair of tiles that fill their transform.
struct Work {
    setup: Setup,
    tile: Tile,
}

impl Work {
    fn new(fft: Zyx<u32>, precision: Precision) -> Self {
        // Odd, as wide as light spreads: an eighth of a tile, at most 33 pixels.
        let psf = fft.map(|n| (n / 8).min(32) / 2 * 2 + 1);
        let data = fft.zip(psf).map(|(n, p)| n - p + 1);
        let core = Rect::new(0, 0, data.x, data.y);
        let layer = |plane| Layer { field: 0, rect: Rect::new(0, 0, data.x, data.y), plane };
        let tile = Tile::alone(core, data.z, (0..data.z).map(layer).collect());
        let setup = Setup {
            fft,
            lanes: LANES,
            method: Method::Shb,
            scale: 1,
            output: SampleType::F32,
            fill: vec![0.0],
            core: data,
            field_slots: 1,
            field_bytes: u64::from(data.y) * u64::from(data.x) * 2,
            channels: vec![ChannelSetup { psf: gaussian(psf), background: 10.0 }],
            overlap: Overlap::default(),
            precision,
            shading: Vec::new(),
            camera: Vec::new(),
        };
        Self { setup, tile }
    }

    /// Of a voxel: each pass takes the spectrum in and gives it out, half a complex number each time.
    fn iteration_bytes(&self) -> u64 {
        let passes = if self.setup.fft.z > 1 { 8 } else { 4 };
        passes * self.setup.precision.spectrum_bytes() + BYTES_BESIDE
    }

    /// Seconds of a group from its pixels to its result, with `iterations`.
    fn seconds<B: Backend>(&self, backend: &mut B, iterations: u32) -> Result<f64> {
        let field = backend.upload(self.field())?;
        let fields: Vec<_> = self.tile.layers.iter().map(|_| &field).collect();
        for lane in 0..LANES as usize {
            backend.stitch(lane, &self.tile, &fields)?;
        }
        backend.begin(0, LANES as usize, Start::Observed)?;
        let start = Instant::now();
        iterate(backend, Method::Shb, &Course::of(iterations))?;
        // A device has finished when its result is here.
        let finished = backend.download(0, self.tile.clone())?;
        let rest = std::iter::from_fn(|| backend.drain().transpose()).collect::<Result<Vec<_>>>()?;
        let secs = start.elapsed().as_secs_f64();
        finished.into_iter().chain(rest).for_each(|tile| tile.samples.recycle());
        backend.release(field);
        Ok(secs)
    }

    fn field(&self) -> Field {
        let (width, height) = (self.tile.core.width, self.tile.core.height);
        // Bright and dark, nowhere zero.
        let pixel = |i: u32| 50 + (i.wrapping_mul(2_654_435_761) >> 22) as u16;
        let samples = Samples::U16((0..width * height).map(pixel).collect());
        Field {
            pixel_type: PixelType::Gray16,
            width,
            height,
            shown: None,
            samples: FieldSamples::Decoded(samples),
        }
    }
}

fn gaussian(shape: Zyx<u32>) -> Psf {
    let along = |n: u32| {
        let (centre, sigma) = (f64::from(n / 2), f64::from(n) / 6.0);
        (0..n).map(move |i| (-((f64::from(i) - centre) / sigma).powi(2) / 2.0).exp()).collect::<Vec<_>>()
    };
    let (z, y, x) = (along(shape.z), along(shape.y), along(shape.x));
    let light: Vec<f64> = z
        .iter()
        .flat_map(|z| {
            y.iter().flat_map({
                let x = &x;
                move |y| x.iter().map(move |x| z * y * x)
            })
        })
        .collect();
    let sum: f64 = light.iter().sum();
    let data = light.iter().map(|v| (v / sum) as f32).collect();
    Psf { data, shape, voxel_um: Zyx::new(0.3, 0.1, 0.1), notes: Vec::new() }
}

/// Reads shapes such as `1024x1024` or `64x256x256`.
///
/// # Errors
/// `Option` when it is none, or an axis has no fast transform.
pub fn size(flag: &str, text: &str) -> Result<Zyx<u32>> {
    let sides: Option<Vec<u32>> = text.split('x').map(|side| side.trim().parse().ok()).collect();
    let size = match sides.as_deref() {
        Some(&[y, x]) => Zyx::new(1, y, x),
        Some(&[z, y, x]) => Zyx::new(z, y, x),
        _ => return Err(Error::option(flag, format!("{text} is not of the form 1024x1024 or 64x256x256"))),
    };
    for side in [size.z, size.y, size.x] {
        let fast = crate::plan::fast_length(side.clamp(1, 1 << 20));
        if fast != side || side > 1 && side < 8 {
            let reason = format!(
                "{side} is no length of a transform: such are 8 to {} without factors above 7",
                1 << 20
            );
            return Err(Error::option(flag, reason));
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_and_others_refused() {
        assert_eq!(size("--sizes", "64x32").unwrap(), Zyx::new(1, 64, 32));
        assert_eq!(size("--sizes", "16x64x32").unwrap(), Zyx::new(16, 64, 32));
        for wrong in ["", "64", "0x64", "64x11", "4x64x64", "1x2x3x4", "axb", "64x4294967295"] {
            assert!(size("--sizes", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_iteration_moves_what_the_shaders_are_counted_to_move() {
        let bytes = |fft, precision| Work::new(fft, precision).iteration_bytes();
        let (image, volume) = (Zyx::new(1, 32, 48), Zyx::new(8, 16, 32));
        assert_eq!([bytes(image, Precision::F32), bytes(volume, Precision::F32)], [56, 88]);
        assert_eq!([bytes(image, Precision::F16), bytes(volume, Precision::F16)], [40, 56]);
    }

    #[test]
    fn a_pair_fills_its_transform_and_comes_out_whole() {
        for fft in [Zyx::new(1, 32, 48), Zyx::new(8, 16, 32)] {
            let work = Work::new(fft, Precision::F32);
            let psf = &work.setup.channels[0].psf;
            let sum: f64 = psf.data.iter().map(|&v| f64::from(v)).sum();
            assert!((sum - 1.0).abs() < 1e-6, "light is kept: {sum}");
            assert_eq!(work.setup.core.zip(psf.shape).map(|(data, psf)| data + psf - 1), fft);
            let mut backend = CpuBackend::new(&work.setup, 1).unwrap();
            assert!(work.seconds(&mut backend, 2).unwrap() > 0.0);
        }
    }
}
