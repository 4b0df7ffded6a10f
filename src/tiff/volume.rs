//! A whole stack in memory as f32, for PSF files: any number type, one axis beside y and x.

use std::collections::BTreeSet;
use std::path::Path;

use super::TiffStack;
use super::planes::planes_of;
use crate::dataset::{Input, Plane};
use crate::error::{Error, Result};
use crate::space::Zyx;

/// One stack of gray planes.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Values in the file's own scale, `[z, y, x]`, x fastest.
    pub data: Vec<f32>,
    /// Voxels along each axis.
    pub shape: Zyx<u32>,
    /// Distance between samples in micrometres; `None` where the file does not say.
    pub voxel_um: Zyx<Option<f64>>,
}

/// A stack that is one volume, open; its pixels are not read.
pub struct VolumeFile {
    stack: TiffStack,
    shape: Zyx<u32>,
}

/// Reads the TIFF stack `path` as one volume, whatever that takes: see [`VolumeFile`].
///
/// # Errors
/// Those of [`VolumeFile::open`] and [`VolumeFile::read`].
pub fn read_volume(path: &Path) -> Result<Volume> {
    VolumeFile::open(path)?.read()
}

impl VolumeFile {
    /// Opens the TIFF stack `path`. A stack that was saved as times or as channels is taken as a z stack: many programs label
    /// a stack's planes so.
    ///
    /// # Errors
    /// `Io`; `Format` when the file is broken or planes are missing; `Unsupported` for stacks along more than
    /// one axis, for colours, and for pages of different sizes.
    pub fn open(path: &Path) -> Result<Self> {
        let stack = TiffStack::open(path)?;
        let dataset = stack.dataset();
        let scene = &dataset.scenes[0];
        let (c, z, t) = (scene.channels.len(), scene.slices, scene.times);
        let longest = z.max(t).max(c as u32);
        if u64::from(longest) != c as u64 * u64::from(z) * u64::from(t) {
            let what = format!("a volume of {c} channels, {z} slices and {t} times: one stack is needed");
            return Err(Error::unsupported(path, what));
        }
        if scene.fields.iter().any(|field| field.pixel_type.samples() > 1) {
            return Err(Error::unsupported(path, "a volume of coloured pixels"));
        }
        let planes: BTreeSet<Plane> = scene.fields.iter().map(|field| field.plane).collect();
        if planes.len() != longest as usize {
            let what = format!("{} of {longest} planes are there", planes.len());
            return Err(Error::format(path, what, None));
        }
        let shape = Zyx::new(longest, scene.rect.height, scene.rect.width);
        Ok(Self { stack, shape })
    }

    /// Voxels along each axis.
    pub fn shape(&self) -> Zyx<u32> {
        self.shape
    }

    /// Distance between samples in micrometres; `None` where the file does not say.
    pub fn voxel_um(&self) -> Zyx<Option<f64>> {
        self.stack.dataset().voxel_um
    }

    /// Decodes all of it. Values of f64 and 32-bit integers lose digits past the seventh.
    ///
    /// # Errors
    /// `Io`; `Format` when a page is broken.
    pub fn read(&self) -> Result<Volume> {
        let data = planes_of(&self.stack)?.concat();
        Ok(Volume { data, shape: self.shape, voxel_um: self.voxel_um() })
    }
}
