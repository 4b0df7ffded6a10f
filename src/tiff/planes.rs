//! All planes of a small TIFF in memory as f32, for flat-fields; and the writing of such a file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use tiff::encoder::{TiffEncoder, colortype};

use super::TiffStack;
use crate::dataset::Input;
use crate::error::{Error, Result};
use crate::pixels::Samples;

/// Planes of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// `[y, x]` each; a colour page makes three: red, green, blue.
    pub planes: Vec<Vec<f32>>,
}

/// Reads every plane of `path`, in the order of time, channel and slice.
///
/// # Errors
/// Those of [`TiffStack::open`], and `Format` when a page is broken.
pub fn read_planes(path: &Path) -> Result<Planes> {
    let stack = TiffStack::open(path)?;
    let scene = &stack.dataset().scenes[0];
    let mut order: Vec<usize> = (0..scene.fields.len()).collect();
    order.sort_by_key(|&field| scene.fields[field].plane);
    let mut planes = Vec::new();
    for field in order {
        let subblock = &scene.fields[field];
        for raw in stack.read(scene, &[field])? {
            let samples = subblock.pixel_type.samples() as usize;
            let pixels = stack.decode(subblock, &raw)?;
            // Stored as blue, green, red.
            planes.extend((0..samples).rev().map(|sample| every(&pixels, samples, sample)));
        }
    }
    Ok(Planes { width: scene.rect.width, height: scene.rect.height, planes })
}

fn every(pixels: &Samples, samples: usize, sample: usize) -> Vec<f32> {
    fn widened<T: Copy + Into<f32>>(values: &[T], samples: usize, sample: usize) -> Vec<f32> {
        values.chunks_exact(samples).map(|pixel| pixel[sample].into()).collect()
    }
    match pixels {
        Samples::U8(values) => widened(values, samples, sample),
        Samples::U16(values) => widened(values, samples, sample),
        Samples::F32(values) => widened(values, samples, sample),
    }
}

/// Writes one page of 32-bit floats for each plane.
///
/// # Errors
/// `Io`.
pub fn write_planes(path: &Path, planes: &Planes) -> Result<()> {
    let failed = |error: tiff::TiffError| match error {
        tiff::TiffError::IoError(error) => Error::io(path, error),
        other => Error::io(path, std::io::Error::other(other)),
    };
    let file = File::create(path).map_err(|error| Error::io(path, error))?;
    let mut encoder = TiffEncoder::new(BufWriter::new(file)).map_err(failed)?;
    for plane in &planes.planes {
        let written = encoder.write_image::<colortype::Gray32Float>(planes.width, planes.height, plane);
        written.map_err(failed)?;
    }
    Ok(())
}
