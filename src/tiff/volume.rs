//! A whole stack in memory as f32, for PSF files: any number type, one axis beside y and x.

use std::path::Path;

use super::TiffStack;
use super::planes::planes_of;
use crate::dataset::Input;
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

/// Reads the TIFF stack `path` as one volume. A stack that was saved as times or as channels is taken as a z stack: many
/// programs label a stack's planes so. Values of f64 and 32-bit integers lose digits past the seventh.
///
/// # Errors
/// `Io`; `Format` when the file is broken or planes are missing; `Unsupported` for stacks along more than
/// one axis, for colours, and for pages of different sizes.
pub fn read_volume(path: &Path) -> Result<Volume> {
    let stack = TiffStack::open(path)?;
    let dataset = stack.dataset();
    let (c, z, t) = (dataset.channels.len(), dataset.scenes[0].slices, dataset.scenes[0].times);
    let longest = z.max(t).max(c as u32);
    if u64::from(longest) != c as u64 * u64::from(z) * u64::from(t) {
        let what = format!("a volume of {c} channels, {z} slices and {t} times: one stack is needed");
        return Err(Error::unsupported(path, what));
    }
    let scene = &dataset.scenes[0];
    if scene.fields.iter().any(|field| field.pixel_type.samples() > 1) {
        return Err(Error::unsupported(path, "a volume of coloured pixels"));
    }
    let shape = Zyx::new(longest, scene.rect.height, scene.rect.width);
    let planes = planes_of(&stack)?;
    if planes.len() != shape.z as usize {
        let what = format!("{} of {} planes are there", planes.len(), shape.z);
        return Err(Error::format(path, what, None));
    }
    Ok(Volume { data: planes.concat(), shape, voxel_um: dataset.voxel_um })
}
