//! All planes of a small TIFF in memory as f32, for flat-fields; and the writing of such a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use tiff::decoder::Decoder;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

use super::TiffStack;
use crate::dataset::{Input, Plane, Subblock};
use crate::error::{Error, Result};
use crate::pixels::Samples;
use crate::source::ReadAt;
use crate::space::Rect;
use crate::written::write_whole;

/// Says in each page who wrote it.
const SOFTWARE: &str = "decon-gpu";

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

/// Reads every plane of `path`, in the order of time, channel and slice, whatever that takes.
///
/// # Errors
/// Those of [`TiffStack::open`], and `Format` when a page is broken.
pub fn read_planes(path: &Path) -> Result<Planes> {
    Planes::of(&TiffStack::open(path)?)
}

impl Planes {
    /// Reads every plane of `stack`, in the order of time, channel and slice.
    ///
    /// # Errors
    /// `Io`; `Format` when a page is broken.
    pub fn of(stack: &TiffStack) -> Result<Self> {
        let Rect { width, height, .. } = stack.dataset().scenes[0].rect;
        Ok(Self { width, height, planes: planes_of(stack)? })
    }
}

/// The planes of `stack`, each in one piece.
///
/// # Errors
/// Those of reading and decoding; `Unsupported` where a chunk is not stored, which could stand for any size.
pub(super) fn planes_of(stack: &TiffStack) -> Result<Vec<Vec<f32>>> {
    let scene = &stack.dataset().scenes[0];
    let mut fields: BTreeMap<Plane, Vec<usize>> = BTreeMap::new();
    for (i, field) in scene.fields.iter().enumerate() {
        fields.entry(field.plane).or_default().push(i);
    }
    if scene.fields.iter().any(|field| field.extent == 0) {
        let what = "a PSF or a flat-field of which a part is not stored";
        return Err(Error::unsupported(stack.source.path(), what));
    }
    let pixels = scene.rect.width as usize * scene.rect.height as usize;
    let mut planes = Vec::new();
    for fields in fields.into_values() {
        let samples = scene.fields[fields[0]].pixel_type.samples() as usize;
        let mut plane = vec![vec![0.0; pixels]; samples];
        for field in fields {
            let subblock = &scene.fields[field];
            for raw in stack.read(scene, &[field])? {
                place(subblock, &stack.decode(subblock, &raw)?, scene.rect.width as usize, &mut plane);
            }
        }
        planes.extend(plane);
    }
    Ok(planes)
}

/// The `pixels` of `subblock` to where they belong on planes that are `width` pixels wide: red, green, blue where it has
/// colours.
fn place(subblock: &Subblock, pixels: &Samples, width: usize, planes: &mut [Vec<f32>]) {
    let Rect { x, y, width: across, .. } = subblock.rect;
    let (across, samples) = (across as usize, planes.len());
    for i in 0..pixels.len() / samples {
        let at = (y as usize + i / across) * width + x as usize + i % across;
        for (colour, plane) in planes.iter_mut().enumerate() {
            // Stored as blue, green, red.
            plane[at] = pixels.value(i * samples + samples - 1 - colour);
        }
    }
}

/// Writes one page of 32-bit floats for each plane.
///
/// # Errors
/// `Io`.
pub fn write_planes(path: &Path, planes: &Planes) -> Result<()> {
    let failed = |error: tiff::TiffError| match error {
        tiff::TiffError::IoError(error) => error,
        other => io::Error::other(other),
    };
    write_whole(path, |file| {
        let mut encoder = TiffEncoder::new(file).map_err(failed)?;
        for plane in &planes.planes {
            let page = encoder.new_image::<colortype::Gray32Float>(planes.width, planes.height);
            let mut page = page.map_err(failed)?;
            page.encoder().write_tag(Tag::Software, SOFTWARE).map_err(failed)?;
            page.write_data(plane).map_err(failed)?;
        }
        Ok(())
    })
}

/// Whether [`write_planes`] wrote the file `path`.
///
/// # Errors
/// The system's.
pub fn is_written_here(path: &Path) -> io::Result<bool> {
    let file = BufReader::new(File::open(path)?);
    let software = Decoder::new(file).and_then(|mut pages| pages.get_tag_ascii_string(Tag::Software));
    Ok(software.is_ok_and(|software| software == SOFTWARE))
}
