//! A whole stack in memory as f32, for PSF files: any number type, one axis beside y and x.

use std::path::Path;

use tiff::decoder::DecodingResult;

use super::page::{Page, from_tiff};
use super::{first_byte, open_pages};
use crate::error::{Error, Result};
use crate::source::{FileSource, ReadAt};
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
/// programs label a stack's planes so.
///
/// # Errors
/// `Io`; `Format` when the file is broken or planes are missing; `Unsupported` for stacks along more than
/// one axis, for colours, and for pages of different sizes.
pub fn read_volume(path: &Path) -> Result<Volume> {
    let source = FileSource::open(path)?;
    let (pages, description) = open_pages(&source, None)?;
    let (c, z, t) = (description.channels.len(), description.slices, description.times);
    let longest = z.max(t).max(c as u32);
    if u64::from(longest) != c as u64 * u64::from(z) * u64::from(t) {
        let what = format!("a volume of {c} channels, {z} slices and {t} times: one stack is needed");
        return Err(Error::unsupported(path, what));
    }
    let mut planes: Vec<_> = pages
        .iter()
        .zip(&description.planes)
        .filter_map(|(page, plane)| Some((plane.as_ref()?, page)))
        .collect();
    planes.sort_by_key(|(plane, _)| **plane);
    let shape = Zyx::new(longest, pages[0].height, pages[0].width);
    if planes.len() != shape.z as usize {
        let what = format!("{} of {} planes are there", planes.len(), shape.z);
        return Err(Error::format(path, what, None));
    }
    let mut data = Vec::new();
    for (_, page) in planes {
        if (page.width, page.height) != (shape.x, shape.y) {
            let what = format!("a page of {} × {} in a stack of {shape}", page.width, page.height);
            return Err(Error::unsupported(path, what));
        }
        append(&mut data, &source, page)?;
    }
    Ok(Volume { data, shape, voxel_um: description.voxel_um })
}

/// Values of f64 and 32-bit integers lose digits past the seventh.
fn append(data: &mut Vec<f32>, source: &dyn ReadAt, page: &Page) -> Result<()> {
    if !matches!(page.color, tiff::ColorType::Gray(8..)) {
        return Err(Error::unsupported(source.path(), format!("a volume of {:?} pixels", page.color)));
    }
    let raw = page.read(source)?;
    let (mut decoder, _) = page.decoder(source, &raw)?;
    let mut values = DecodingResult::U8(Vec::new());
    decoder.read_image_to_buffer(&mut values).map_err(|error| from_tiff(source, error))?;
    match values {
        DecodingResult::U8(v) => data.extend(v.iter().map(|&x| f32::from(x))),
        DecodingResult::U16(v) => data.extend(v.iter().map(|&x| f32::from(x))),
        DecodingResult::U32(v) => data.extend(v.iter().map(|&x| x as f32)),
        DecodingResult::U64(v) => data.extend(v.iter().map(|&x| x as f32)),
        DecodingResult::I8(v) => data.extend(v.iter().map(|&x| f32::from(x))),
        DecodingResult::I16(v) => data.extend(v.iter().map(|&x| f32::from(x))),
        DecodingResult::I32(v) => data.extend(v.iter().map(|&x| x as f32)),
        DecodingResult::I64(v) => data.extend(v.iter().map(|&x| x as f32)),
        DecodingResult::F16(v) => data.extend(v.iter().map(|&x| f32::from(x))),
        DecodingResult::F32(v) => data.extend(v),
        DecodingResult::F64(v) => data.extend(v.iter().map(|&x| x as f32)),
    }
    let expected = page.width as usize * page.height as usize;
    match data.len() % expected {
        0 => Ok(()),
        _ => Err(Error::format(
            source.path(),
            "a page of another size than its directory says",
            first_byte(page),
        )),
    }
}
