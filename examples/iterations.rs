//! Richardson–Lucy on the processor's backend alone, as `benches/decon.py` times it: no reading and no writing counts.
//!
//!     iterations IMAGE.tif PSF.tif [--fft Z,Y,X] [--tiles 1] [--iterations 20] [--threads 1]
//!
//! `--fft` is the shape of the transform: the image's own for periodic boundaries, as plain programs have them, or at
//! least image + PSF − 1 for Bertero's. Prints wall and CPU seconds of everything from the PSF to the finished tile, and
//! of the iterations alone, and writes the last tile's values to `--output` (f32, as they lie in memory).

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use decon_gpu::decon::{
    Backend, ChannelSetup, Course, CpuBackend, Field, Method, Overlap, Precision, Setup, Start, iterate,
};
use decon_gpu::pixels::{PixelType, SampleType, Samples};
use decon_gpu::plan::{Layer, Tile};
use decon_gpu::psf::Psf;
use decon_gpu::space::{Rect, Zyx};
use decon_gpu::tiff::{Volume, read_volume};

#[derive(Parser)]
struct Flags {
    image: PathBuf,
    psf: PathBuf,
    #[arg(long, value_delimiter = ',')]
    fft: Vec<u32>,
    /// Copies of the image that are deconvolved together.
    #[arg(long, default_value_t = 1)]
    tiles: u32,
    #[arg(long, default_value_t = 20)]
    iterations: u32,
    #[arg(long, value_enum, default_value_t = Method::Rl)]
    method: Method,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long)]
    output: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let (image, psf) = (read_volume(&flags.image)?, read_volume(&flags.psf)?);
    let fft = if let [z, y, x] = flags.fft[..] { Zyx::new(z, y, x) } else { image.shape };
    let whole = Clock::start()?;
    let mut backend = CpuBackend::new(&setup(&flags, &image, psf, fft), flags.threads)?;
    for lane in 0..flags.tiles as usize {
        let fields = fields(&image).map(|field| backend.upload(field)).collect::<Result<Vec<_>, _>>()?;
        backend.stitch(lane, &tile(&image), &fields.iter().collect::<Vec<_>>())?;
    }
    backend.begin(0, flags.tiles as usize, Start::Observed)?;
    let iterations = Clock::start()?;
    iterate(&mut backend, flags.method, &Course::of(flags.iterations))?;
    let [iterations_wall, iterations_cpu] = iterations.seconds()?;
    let finished = backend.download(0, tile(&image))?.ok_or("the processor's tiles are there at once")?;
    let [wall, cpu] = whole.seconds()?;
    println!(
        "{{\"wall\": {wall}, \"cpu\": {cpu}, \"iterations_wall\": {iterations_wall}, \"iterations_cpu\": {iterations_cpu}}}"
    );
    if let (Some(path), Samples::F32(values)) = (flags.output, &finished.samples) {
        std::fs::write(path, bytemuck::cast_slice::<f32, u8>(values))?;
    }
    Ok(())
}

fn setup(flags: &Flags, image: &Volume, psf: Volume, fft: Zyx<u32>) -> Setup {
    let light: f64 = psf.data.iter().map(|&v| f64::from(v)).sum();
    let psf = Psf {
        data: psf.data.iter().map(|&v| (f64::from(v) / light) as f32).collect(),
        shape: psf.shape,
        voxel_um: Zyx::new(1.0, 1.0, 1.0),
        notes: Vec::new(),
    };
    Setup {
        fft,
        lanes: flags.tiles,
        method: flags.method,
        scale: 1,
        output: SampleType::F32,
        fill: vec![0.0],
        core: image.shape,
        field_slots: image.shape.z,
        field_bytes: u64::from(image.shape.y) * u64::from(image.shape.x) * 4,
        overlap: Overlap::Paint,
        precision: Precision::F32,
        shading: Vec::new(),
        camera: Vec::new(),
        channels: vec![ChannelSetup { psf, background: 0.0 }],
    }
}

fn fields(image: &Volume) -> impl Iterator<Item = Field> {
    let Zyx { y: height, x: width, .. } = image.shape;
    image.data.chunks_exact(height as usize * width as usize).map(move |plane| Field {
        pixel_type: PixelType::Gray32Float,
        width,
        height,
        shown: None,
        samples: Samples::F32(plane.to_vec()).into(),
    })
}

/// The whole image, each of its planes a field.
fn tile(image: &Volume) -> Tile {
    let rect = Rect::new(0, 0, image.shape.x, image.shape.y);
    let layers = (0..image.shape.z).map(|z| Layer { field: z as usize, rect, plane: z }).collect();
    Tile::alone(Rect::new(0, 0, image.shape.x, image.shape.y), image.shape.z, layers)
}

/// Wall time and the processor's, of all threads.
struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Result<Self, Box<dyn Error>> {
        Ok(Self { wall: Instant::now(), cpu: cpu_seconds()? })
    }

    fn seconds(&self) -> Result<[f64; 2], Box<dyn Error>> {
        Ok([self.wall.elapsed().as_secs_f64(), cpu_seconds()? - self.cpu])
    }
}

/// Of this process so far, to a hundredth of a second, as Linux tells it.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().ok_or("a line with the name in brackets")?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}
