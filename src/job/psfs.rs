//! A PSF for each output channel: measured, or computed from what the file and the user say of the optics.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dataset::{Dataset, RawSubblock};
use crate::error::{Error, Result};
use crate::job::open_input;
use crate::options::{Options, PsfSource};
use crate::pixels::Samples;
use crate::plan::OutputChannel;
use crate::psf::{Objective, Psf, WidefieldOptics};
use crate::space::Zyx;

/// One PSF for each of `channels`, on the output's voxels; what was assumed or changed goes to `notes`.
///
/// # Errors
/// `Option` naming the flag for what the file does not say; those of the PSF's file.
pub fn for_channels(
    options: &Options,
    dataset: &Dataset,
    channels: &[OutputChannel],
    voxel_um: Zyx<Option<f64>>,
    volumes: bool,
    notes: &mut Vec<String>,
) -> Result<Vec<Psf>> {
    let maker = Maker { options, dataset, voxel_um, slices: if volumes { dataset.slices } else { 1 } };
    let mut made: BTreeMap<u32, Psf> = BTreeMap::new();
    let mut psfs = Vec::new();
    for channel in channels {
        if !made.contains_key(&channel.source) {
            let psf = maker.make(channel)?;
            let who = if dataset.channels.len() > 1 { format!("channel {}: ", channel.source) } else { String::new() };
            notes.extend(psf.notes.iter().map(|note| format!("{who}{note}")));
            made.insert(channel.source, psf);
        }
        psfs.push(made[&channel.source].clone());
    }
    Ok(psfs)
}

struct Maker<'a> {
    options: &'a Options,
    dataset: &'a Dataset,
    voxel_um: Zyx<Option<f64>>,
    slices: u32,
}

impl Maker<'_> {
    fn make(&self, channel: &OutputChannel) -> Result<Psf> {
        let psf = match self.options.psf.get(channel.source).unwrap_or(&PsfSource::Auto) {
            PsfSource::Auto => self.model(None, channel)?,
            PsfSource::Objective(name) => self.model(Some(Objective::named(name)?), channel)?,
            PsfSource::File(path) if path.extension().is_some_and(|e| e == "toml") => {
                self.model(Some(Objective::load(path)?), channel)?
            }
            PsfSource::File(path) => self.measured(path)?,
        };
        let psf = if self.slices == 1 { psf.collapse() } else { psf };
        Ok(match self.options.psf_size {
            Some(largest) => psf.cropped(largest),
            None => psf,
        })
    }

    fn model(&self, objective: Option<Objective>, channel: &OutputChannel) -> Result<Psf> {
        let known = &self.dataset.optics;
        let (na, index, wavelength) = match &objective {
            Some(objective) => (Some(objective.na), Some(objective.refractive_index), objective.emission_nm),
            None => (known.na, known.refractive_index, None),
        };
        let emission = self.options.emission_nm.get(channel.source).copied();
        let optics = WidefieldOptics {
            na: needed("--na", "numerical aperture", self.options.na.or(na))?,
            refractive_index: needed(
                "--immersion-index",
                "refractive index of the immersion",
                self.options.immersion_index.or(index),
            )?,
            emission_nm: needed(
                "--emission-nm",
                &format!("emission wavelength of channel {} ({})", channel.source, channel.name),
                emission.or(channel.emission_nm).or(wavelength),
            )?,
        };
        let lateral = |axis| needed("--voxel-um", "distance between samples", axis);
        let (y, x) = (lateral(self.voxel_um.y)?, lateral(self.voxel_um.x)?);
        if self.slices == 1 {
            return Psf::born_wolf_plane(optics, (y, x));
        }
        let voxel_um = Zyx::new(lateral(self.voxel_um.z)?, y, x);
        Psf::born_wolf(optics, voxel_um, optics.default_shape(voxel_um, self.slices))
    }

    /// A PSF from a file. Where the image's voxel is unknown the PSF's is taken to be the same.
    fn measured(&self, path: &Path) -> Result<Psf> {
        let volume = volume(path)?;
        let image = self.voxel_um.zip(volume.voxel_um).map(|(image, psf)| image.or(psf).unwrap_or(1.0));
        let image = if self.slices == 1 { Zyx { z: volume.voxel_um.z.unwrap_or(image.z), ..image } } else { image };
        Psf::from_volume(path, volume.data, volume.shape, volume.voxel_um, image)
    }
}

fn needed(flag: &str, what: &str, value: Option<f64>) -> Result<f64> {
    value.ok_or_else(|| Error::option(flag, format!("needed: the file does not say the {what}")))
}

/// A stack of one channel as f32.
fn volume(path: &Path) -> Result<crate::tiff::Volume> {
    let input = open_input(path, &BTreeMap::new())?;
    let dataset = input.dataset();
    let scene = &dataset.scenes[0];
    let gray = scene.fields.iter().all(|field| field.pixel_type.samples() == 1);
    let whole = scene.fields.iter().all(|field| field.rect == scene.rect);
    if dataset.scenes.len() > 1 || dataset.channels.len() > 1 || dataset.times > 1 || !gray || !whole {
        let what = "a PSF is one stack: one scene, channel and time, one gray field a plane";
        return Err(Error::unsupported(path, what));
    }
    if scene.fields.len() != dataset.slices as usize {
        let what = format!("{} fields for {} planes", scene.fields.len(), dataset.slices);
        return Err(Error::format(path, what, None));
    }
    let shape = Zyx::new(dataset.slices, scene.rect.height, scene.rect.width);
    let plane = shape.y as usize * shape.x as usize;
    let mut data = vec![0.0; shape.count()];
    let all: Vec<usize> = (0..scene.fields.len()).collect();
    for raw in input.read(scene, &all)? {
        let RawSubblock { field, .. } = raw;
        let subblock = &scene.fields[field];
        let target = &mut data[subblock.plane.z as usize * plane..][..plane];
        fill(target, &input.decode(subblock, &raw)?);
    }
    Ok(crate::tiff::Volume { data, shape, voxel_um: dataset.voxel_um })
}

fn fill(target: &mut [f32], samples: &Samples) {
    match samples {
        Samples::U8(values) => target.iter_mut().zip(values).for_each(|(t, &v)| *t = f32::from(v)),
        Samples::U16(values) => target.iter_mut().zip(values).for_each(|(t, &v)| *t = f32::from(v)),
        Samples::F32(values) => target.copy_from_slice(values),
    }
}
