//! Makes a small widefield stack for the book's second tutorial: `cargo run --release --example stack` writes stack.czi,
//! what the camera saw, and truth.czi, what is there. Fibres that wind through the depth, and beads; one channel, always the
//! same bytes.

use std::error::Error;

use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Channel, Compression, Optics, Plane};
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::psf::{Psf, WidefieldOptics};
use decon_gpu::space::{Rect, Zyx};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson};

const SHAPE: Zyx<usize> = Zyx { z: 32, y: 200, x: 200 };
const VOXEL_UM: Zyx<f64> = Zyx { z: 0.3, y: 0.1, x: 0.1 };
const OPTICS: WidefieldOptics = WidefieldOptics { na: 1.2, refractive_index: 1.333, emission_nm: 520.0 };
/// Voxels of the PSF: what a point in one corner of the stack sends to the other, in depth.
const PSF_SHAPE: Zyx<u32> = Zyx { z: 63, y: 97, x: 97 };
/// Counts of the camera without light.
const OFFSET: f32 = 100.0;
/// Photons a voxel that come from elsewhere.
const HAZE: f32 = 10.0;

/// A point that shines: voxels from the first one, and photons.
struct Point {
    at: Zyx<f64>,
    photons: f32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = StdRng::seed_from_u64(3);
    let points = specimen(&mut rng);
    let mut truth = vec![0.0; SHAPE.z * SHAPE.y * SHAPE.x];
    spread(&points, &[1.0], Zyx::new(1, 1, 1), &mut truth);
    let psf = Psf::born_wolf(OPTICS, VOXEL_UM, PSF_SHAPE)?;
    let mut light = vec![HAZE; truth.len()];
    spread(&points, &psf.data, psf.shape, &mut light);
    let mut seen = Vec::with_capacity(light.len());
    for mean in light {
        seen.push(OFFSET + Poisson::new(mean)?.sample(&mut rng));
    }
    write("truth.czi", &truth)?;
    write("stack.czi", &seen)?;
    Ok(())
}

fn specimen(rng: &mut StdRng) -> Vec<Point> {
    let mut points = Vec::new();
    for _ in 0..5 {
        let centre = (rng.random_range(50.0..150.0), rng.random_range(50.0..150.0));
        let (radius, turns, phase) =
            (rng.random_range(15.0..45.0), rng.random_range(0.5..1.5), rng.random_range(0.0..6.0));
        for i in 0..700 {
            let along = f64::from(i) / 700.0;
            let angle: f64 = phase + along * turns * std::f64::consts::TAU;
            let at = Zyx::new(
                3.0 + 26.0 * along,
                centre.0 + radius * angle.sin(),
                centre.1 + radius * angle.cos(),
            );
            points.push(Point { at, photons: 3000.0 });
        }
    }
    for _ in 0..60 {
        let at =
            Zyx::new(rng.random_range(2.0..30.0), rng.random_range(5.0..195.0), rng.random_range(5.0..195.0));
        points.push(Point { at, photons: 60_000.0 });
    }
    points
}

/// Adds `kernel` at each point, its centre at the voxel nearest to it.
fn spread(points: &[Point], kernel: &[f32], shape: Zyx<u32>, volume: &mut [f32]) {
    let voxel = |at: f64, offset: u32, side: u32, size: usize| {
        let i = at.round() as i64 + i64::from(offset) - i64::from(side / 2);
        usize::try_from(i).ok().filter(|&i| i < size)
    };
    for point in points {
        let mut rows = kernel.chunks(shape.x as usize);
        for dz in 0..shape.z {
            for dy in 0..shape.y {
                let weights = rows.next().expect("the kernel has its shape");
                let z = voxel(point.at.z, dz, shape.z, SHAPE.z);
                let y = voxel(point.at.y, dy, shape.y, SHAPE.y);
                let (Some(z), Some(y)) = (z, y) else { continue };
                for (dx, weight) in (0..).zip(weights) {
                    if let Some(x) = voxel(point.at.x, dx, shape.x, SHAPE.x) {
                        volume[(z * SHAPE.y + y) * SHAPE.x + x] += weight * point.photons;
                    }
                }
            }
        }
    }
}

fn write(path: &str, volume: &[f32]) -> Result<(), Box<dyn Error>> {
    let mut czi = CziWriter::create(path)?;
    let rect = Rect::new(0, 0, SHAPE.x as u32, SHAPE.y as u32);
    for (z, slice) in (0..).zip(volume.chunks(SHAPE.y * SHAPE.x)) {
        let counts = slice.iter().map(|&count| count.min(65535.0) as u16).collect();
        let plane = NewSubblock::new(Plane { z, ..Plane::default() }, rect, PixelType::Gray16);
        czi.add(&NewSubblock { compression: Compression::Zstd1, ..plane }, &Samples::U16(counts))?;
    }
    let channel = Channel {
        name: Some("GFP".to_owned()),
        color: Some([0, 255, 0]),
        emission_nm: Some(OPTICS.emission_nm),
        acquisition_mode: Some("WideField".to_owned()),
        ..Channel::default()
    };
    let optics = Optics {
        objective: Some("synthetic 63x/1.2 water".to_owned()),
        na: Some(OPTICS.na),
        refractive_index: Some(OPTICS.refractive_index),
        ..Optics::default()
    };
    let voxel_um = VOXEL_UM.map(Some);
    czi.finish(&Metadata { voxel_um, channels: vec![channel], optics })?;
    Ok(())
}
