//! A PSF for each output channel: measured, or computed from what the file and the user say of the optics.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use crate::czi::Czi;
use crate::dataset::{Dataset, Input};
use crate::error::{Error, Result};
use crate::job::input::{Format, format_of};
use crate::job::system;
use crate::job::taken_by::{check_widefield, emission_note, shear_note};
use crate::options::{ForChannel, Options, PerChannel, PsfSource};
use crate::pixels::Samples;
use crate::plan::OutputChannel;
use crate::psf::{Measured, Objective, Psf, Treatment, WidefieldOptics};
use crate::source::FileSource;
use crate::space::Zyx;
use crate::tiff::{Volume, VolumeFile};

/// One PSF for each of `channels`, on the output's voxels, for a stack of `slices` or for planes of their own (1); what was
/// assumed or changed goes to `notes`, each once.
///
/// # Errors
/// `Option` naming the flag for what the file does not say; those of the PSF's file.
pub fn for_channels(
    options: &Options,
    dataset: &Dataset,
    channels: &[OutputChannel],
    (voxel_um, slices): (Zyx<Option<f64>>, u32),
    notes: &mut Vec<String>,
) -> Result<Vec<Psf>> {
    let maker = Maker { options, dataset, voxel_um, slices };
    let mut made: BTreeMap<u32, Psf> = BTreeMap::new();
    let mut psfs = Vec::new();
    for channel in channels {
        let psf = match made.entry(channel.source) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                let psf = maker.make(channel)?;
                let who = who(channel, dataset);
                for note in psf.notes.iter().map(|note| format!("{who}{note}")) {
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
                place.insert(psf).clone()
            }
        };
        psfs.push(psf);
    }
    Ok(psfs)
}

fn who(channel: &OutputChannel, dataset: &Dataset) -> String {
    if dataset.channels.len() > 1 { format!("channel {}: ", channel.source) } else { String::new() }
}

struct Maker<'a> {
    options: &'a Options,
    dataset: &'a Dataset,
    voxel_um: Zyx<Option<f64>>,
    slices: u32,
}

impl Maker<'_> {
    fn make(&self, channel: &OutputChannel) -> Result<Psf> {
        let psf = match self.options.psf.of(channel.source).unwrap_or(&PsfSource::Auto) {
            PsfSource::Auto => self.model(None, channel)?,
            PsfSource::Objective(name) => self.model(Some(Objective::named(name)?), channel)?,
            PsfSource::File(path) if path.extension().is_some_and(|e| e == "toml") => {
                self.model(Some(Objective::load(path)?), channel)?
            }
            PsfSource::File(path) => self.measured(path, channel)?,
        };
        let psf = if self.slices == 1 { psf.collapse() } else { psf };
        Ok(match self.options.psf_size {
            Some(largest) => psf.cropped(largest),
            None => psf,
        })
    }

    fn is_volume(&self) -> bool {
        self.slices > 1
    }

    fn model(&self, objective: Option<Objective>, channel: &OutputChannel) -> Result<Psf> {
        let mut notes = check_widefield(self.options, self.dataset, channel, self.is_volume())?;
        let known = &self.dataset.optics;
        let (na, index, wavelength) = match &objective {
            Some(objective) => (Some(objective.na), Some(objective.refractive_index), objective.emission_nm),
            None => (known.na, known.refractive_index, None),
        };
        let given = |number: &[ForChannel<f64>]| number.of(channel.source).copied();
        let emission = given(&self.options.emission_nm);
        if emission.is_none() {
            notes.extend(emission_note(self.dataset, channel));
        }
        let emission_of = format!("emission wavelength of channel {} ({})", channel.source, channel.name);
        let mut missing = Missing::default();
        let optics = WidefieldOptics {
            na: missing.or("--na", "numerical aperture", given(&self.options.na).or(na)),
            refractive_index: missing.or(
                "--immersion-index",
                "refractive index of the immersion",
                given(&self.options.immersion_index).or(index),
            ),
            emission_nm: missing.or(
                "--emission-nm",
                &emission_of,
                emission.or(channel.emission_nm).or(wavelength),
            ),
        };
        // A single plane is computed at depths of its own.
        let Zyx { z, y, x } =
            if self.slices == 1 { Zyx { z: Some(1.0), ..self.voxel_um } } else { self.voxel_um };
        let voxel_um = z.zip(y).zip(x).map(|((z, y), x)| Zyx::new(z, y, x));
        let voxel_um = missing.or("--voxel-um", "distance between samples", voxel_um);
        missing.check()?;
        let mut psf = match self.is_volume() {
            false => Psf::born_wolf_plane(optics, (voxel_um.y, voxel_um.x)),
            true => Psf::born_wolf_stack(optics, voxel_um, self.slices, self.options.psf_size),
        }?;
        psf.notes.extend(notes);
        Ok(psf)
    }

    /// A PSF from a file. Where the image's voxel is unknown the PSF's is taken to be the same.
    fn measured(&self, path: &Path, channel: &OutputChannel) -> Result<Psf> {
        let file = PsfFile::open(path)?;
        self.check_memory(path, &file)?;
        let volume = file.read()?;
        let image = self.voxel_um.zip(volume.voxel_um).map(|(image, psf)| image.or(psf).unwrap_or(1.0));
        let image =
            if self.slices == 1 { Zyx { z: volume.voxel_um.z.unwrap_or(image.z), ..image } } else { image };
        let background = self.options.psf_background.of(channel.source).copied();
        let treatment = Treatment { background, centre: self.options.psf_centre };
        let Volume { data, shape, voxel_um } = volume;
        let mut psf = Psf::from_volume(Measured { name: path, data, shape, voxel_um }, image, treatment)?;
        psf.notes.extend(shear_note(self.dataset, self.is_volume()));
        if self.is_volume() && psf.shape.z == 1 {
            psf.notes.push("the PSF is one plane: each plane of the stack is restored as if no light came from the others".into());
        }
        Ok(psf)
    }

    /// Before it is decoded: a few kilobytes may stand for gigabytes.
    fn check_memory(&self, path: &Path, file: &PsfFile) -> Result<()> {
        /// Of a voxel as it lies in the file: in f32, in f64, and what it was decoded to.
        const READ: f64 = 4.0 + 8.0 + 4.0;
        /// Of a voxel on the image's grid, and on the way there.
        const PLACED: f64 = 8.0 + 8.0 + 4.0;
        let (shape, voxel_um) = (file.shape().map(f64::from), file.voxel_um());
        let step = voxel_um.zip(self.voxel_um).map(|(psf, image)| psf.zip(image).map_or(1.0, |(a, b)| a / b));
        let placed = shape.zip(step).map(|(n, step)| if n > 1.0 { n * step } else { n });
        let volume = |shape: Zyx<f64>| shape.z * shape.y * shape.x;
        let needed = READ * volume(shape) + PLACED * volume(placed);
        let memory = self.options.memory_bytes.unwrap_or_else(system::default_memory_bytes);
        system::check_memory(&format!("--psf: {}", path.display()), needed as u64, memory)
    }
}

/// The flags for what the file does not say, gathered so that one message names them all.
#[derive(Default)]
struct Missing {
    flags: Vec<String>,
    what: Vec<String>,
}

impl Missing {
    /// The value; what stands in for a missing one is never used, as [`Self::check`] fails.
    fn or<T: Default>(&mut self, flag: &str, what: &str, value: Option<T>) -> T {
        if value.is_none() {
            self.flags.push(flag.to_owned());
            self.what.push(format!("the {what}"));
        }
        value.unwrap_or_default()
    }

    fn check(self) -> Result<()> {
        if self.flags.is_empty() {
            return Ok(());
        }
        let reason = format!("needed: the file does not say {}", self.what.join(", "));
        Err(Error::option(self.flags.join(", "), reason))
    }
}

/// A PSF's file, open.
enum PsfFile {
    Tiff(Box<VolumeFile>),
    /// And the voxels along each axis.
    Czi(Box<Czi>, Zyx<u32>),
}

impl PsfFile {
    fn open(path: &Path) -> Result<Self> {
        let source = FileSource::open(path)?;
        match format_of(&source)? {
            Format::Tiff => VolumeFile::open(path).map(|file| Self::Tiff(Box::new(file))),
            Format::Czi => {
                let input = Czi::open(Box::new(source), &BTreeMap::new())?;
                let shape = czi_shape(path, &input)?;
                Ok(Self::Czi(Box::new(input), shape))
            }
        }
    }

    fn shape(&self) -> Zyx<u32> {
        match self {
            Self::Tiff(file) => file.shape(),
            Self::Czi(_, shape) => *shape,
        }
    }

    fn voxel_um(&self) -> Zyx<Option<f64>> {
        match self {
            Self::Tiff(file) => file.voxel_um(),
            Self::Czi(input, _) => input.dataset().voxel_um,
        }
    }

    /// The stack in it.
    fn read(&self) -> Result<Volume> {
        match self {
            Self::Tiff(file) => file.read(),
            Self::Czi(input, shape) => czi_volume(input, *shape),
        }
    }
}

/// Voxels of the one stack that `input` must be.
fn czi_shape(path: &Path, input: &Czi) -> Result<Zyx<u32>> {
    let dataset = input.dataset();
    let scene = &dataset.scenes[0];
    if let Some(unreadable) = scene.unreadable.first() {
        return Err(unreadable.fault.to_error(path));
    }
    let gray = scene.fields.iter().all(|field| field.pixel_type.samples() == 1);
    let whole = scene.fields.iter().all(|field| field.rect == scene.rect);
    if dataset.scenes.len() > 1 || dataset.channels.len() > 1 || scene.times > 1 || !gray || !whole {
        let what = "a PSF is one stack: one scene, channel and time, one gray field a plane";
        return Err(Error::unsupported(path, what));
    }
    let shape = Zyx::new(scene.slices, scene.rect.height, scene.rect.width);
    if scene.fields.len() != shape.z as usize {
        return Err(Error::format(
            path,
            format!("{} fields for {} planes", scene.fields.len(), shape.z),
            None,
        ));
    }
    Ok(shape)
}

fn czi_volume(input: &Czi, shape: Zyx<u32>) -> Result<Volume> {
    let dataset = input.dataset();
    let scene = &dataset.scenes[0];
    let plane = shape.y as usize * shape.x as usize;
    let mut data = vec![0.0; shape.count()];
    for field in 0..scene.fields.len() {
        for raw in input.read(scene, &[field])? {
            let subblock = &scene.fields[raw.field];
            let target = &mut data[subblock.plane.z as usize * plane..][..plane];
            fill(target, &input.decode(subblock, &raw)?);
        }
    }
    Ok(Volume { data, shape, voxel_um: dataset.voxel_um })
}

fn fill(target: &mut [f32], samples: &Samples) {
    match samples {
        Samples::U8(values) => target.iter_mut().zip(values).for_each(|(t, &v)| *t = f32::from(v)),
        Samples::U16(values) => target.iter_mut().zip(values).for_each(|(t, &v)| *t = f32::from(v)),
        Samples::F32(values) => target.copy_from_slice(values),
    }
}
