//! An image or a stack in memory, deconvolved in one call.

use crate::decon::{
    Backend, ChannelSetup, Course, CpuBackend, Field, Method, NO_DATA, Overlap, Precision, Setup, Start,
    iterate,
};
use crate::error::Result;
use crate::pixels::{PixelType, SampleType, Samples};
use crate::plan::fast_length;
use crate::psf::Psf;
use crate::space::{Rect, Zyx};
use crate::tile::{Layer, Tile};

/// How [`deconvolve`] does it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deconvolution {
    /// Algorithm.
    pub method: Method,
    /// Iterations.
    pub iterations: u32,
    /// First estimate.
    pub start: Start,
    /// Counts of light that does not come from the object.
    pub background: f32,
    /// Threads that compute.
    pub threads: usize,
}

impl Default for Deconvolution {
    /// As the program does: 20 iterations of the scaled heavy ball on all cores, without a background.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { method: Method::Shb, iterations: 20, start: Start::Observed, background: 0.0, threads }
    }
}

/// Deconvolves `image`, `[z, y, x]` of `shape`, on the CPU, as one tile: it has to fit the memory about ten times. Light from
/// beyond its edges is allowed for (Bertero and Boccacci, doi 10.1051/0004-6361:20052717). What is not finite is no data, and 0
/// in the result.
///
/// ```
/// use decon_gpu::psf::Psf;
/// use decon_gpu::space::Zyx;
/// use decon_gpu::{Deconvolution, deconvolve};
///
/// # fn main() -> decon_gpu::error::Result<()> {
/// // A point of 900 counts, blurred over 3 × 3 pixels.
/// let shape = Zyx::new(1, 16, 16);
/// let is_lit = |i: usize| (7..10).contains(&(i / 16)) && (7..10).contains(&(i % 16));
/// let image: Vec<f32> = (0..256).map(|i| if is_lit(i) { 100.0 } else { 0.0 }).collect();
/// let psf = Psf {
///     data: vec![1.0 / 9.0; 9],
///     shape: Zyx::new(1, 3, 3),
///     voxel_um: Zyx::new(1.0, 1.0, 1.0),
///     notes: Vec::new(),
/// };
/// let restored = deconvolve(&image, shape, &psf, &Deconvolution::default())?;
/// assert!(restored[8 * 16 + 8] > 450.0, "the point is {}", restored[8 * 16 + 8]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `Limit` when there is not enough memory, `Threads` when the system gives no threads.
///
/// # Panics
/// Where `image` has another length than `shape` says, or none.
pub fn deconvolve(image: &[f32], shape: Zyx<u32>, psf: &Psf, how: &Deconvolution) -> Result<Vec<f32>> {
    assert!(image.len() == shape.count() && !image.is_empty(), "{} values of {shape}", image.len());
    let mut backend = CpuBackend::new(&setup(shape, psf, how), how.threads.max(1))?;
    let (width, height) = (shape.x, shape.y);
    let planes = image.chunks(width as usize * height as usize).map(|plane| {
        let data = |value: &f32| if value.is_finite() { *value } else { NO_DATA };
        let samples = Samples::F32(plane.iter().map(data).collect()).into();
        backend.upload(Field { pixel_type: PixelType::Gray32Float, width, height, shown: None, samples })
    });
    let planes = planes.collect::<Result<Vec<_>>>()?;
    let rect = Rect::new(0, 0, width, height);
    let layers = (0..shape.z).map(|plane| Layer { field: plane as usize, rect, plane }).collect();
    let tile = Tile::alone(Rect::new(0, 0, width, height), shape.z, layers);
    backend.stitch(0, &tile, &planes.iter().collect::<Vec<_>>())?;
    planes.into_iter().for_each(|plane| backend.release(plane));
    backend.begin(0, 1, how.start)?;
    iterate(&mut backend, how.method, &Course::of(how.iterations))?;
    match backend.download(0, tile)?.map(|finished| finished.samples) {
        Some(Samples::F32(values)) => Ok(values),
        _ => unreachable!("the CPU's backend gives a tile at once, in the type of its setup"),
    }
}

fn setup(shape: Zyx<u32>, psf: &Psf, how: &Deconvolution) -> Setup {
    Setup {
        fft: shape.zip(psf.shape).map(|(data, psf)| fast_length(data + psf - 1)),
        lanes: 1,
        method: how.method,
        scale: 1,
        overlap: Overlap::Paint,
        precision: Precision::F32,
        shading: Vec::new(),
        camera: Vec::new(),
        output: SampleType::F32,
        fill: vec![0.0],
        core: shape,
        field_slots: shape.z,
        field_bytes: u64::from(shape.y) * u64::from(shape.x) * 4,
        channels: vec![ChannelSetup { psf: psf.clone(), background: how.background }],
    }
}
