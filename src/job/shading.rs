//! The flat-field and the dark-field of each output channel: read, checked, and made one multiplication a pixel.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::{Input, Scene, Subblock};
use crate::decon::Shading;
use crate::error::{Error, Result};
use crate::job::system;
use crate::options::{Options, PerChannel};
use crate::plan::OutputChannel;
use crate::tiff::{Planes, TiffStack};

/// A flat-field pixel below this share of the mean is no measurement: its gain would be noise.
const DARKEST: f64 = 1e-3;

/// The shading of each of `channels`: `None` for those that stay as they are, an empty list when no flag was given.
/// `everything` are the output channels of the whole file, as the planes of a flat-field are counted; the fields of `scenes`
/// must have its size.
///
/// # Errors
/// `Option` when the number or the size of the planes does not fit, or a value is no gain; those of the TIFF.
pub fn for_channels(
    options: &Options,
    everything: Vec<OutputChannel>,
    channels: &[OutputChannel],
    scenes: &[&Scene],
    notes: &mut Vec<String>,
) -> Result<Vec<Option<Arc<Shading>>>> {
    if options.flatfield.is_empty() && options.darkfield.is_empty() {
        return Ok(Vec::new());
    }
    let memory_bytes = options.memory_bytes.unwrap_or_else(system::default_memory_bytes);
    let mut files = Files { everything, memory_bytes, read: BTreeMap::new() };
    let mut shadings = Vec::new();
    for channel in channels {
        let flat = options.flatfield.of(channel.source);
        let flat = flat.map(|path| files.plane("--flatfield", path, channel)).transpose()?;
        let dark = options.darkfield.of(channel.source);
        let dark = dark.map(|path| files.plane("--darkfield", path, channel)).transpose()?;
        let gain = flat.as_ref().map(Plane::gain).transpose()?;
        if let Some(dark) = &dark {
            dark.check_finite()?;
        }
        let planes: Vec<_> = flat.iter().chain(&dark).collect();
        let shading = combined(&planes, gain.as_deref(), dark.as_ref());
        if shading.is_some() {
            planes.iter().try_for_each(|plane| plane.check_size(channel, scenes))?;
            notes.extend(gain.map(|gain| said(&gain, channel)));
        }
        // The samples of a colour channel may share one.
        let known = shadings.iter().find(|known| **known == shading);
        shadings.push(known.cloned().unwrap_or(shading));
    }
    Ok(shadings)
}

/// `None` when it would change nothing. Of `planes` of different sizes the smallest is taken: one is wrong, and said to be.
fn combined(planes: &[&Plane], gain: Option<&[f32]>, dark: Option<&Plane>) -> Option<Arc<Shading>> {
    let smallest = planes.iter().min_by_key(|plane| plane.values.len())?;
    let value = |i: usize| [dark.map_or(0.0, |dark| dark.values[i]), gain.map_or(1.0, |gain| gain[i])];
    let pixels: Vec<_> = (0..smallest.values.len()).map(value).collect();
    let changes = pixels.iter().any(|pixel| *pixel != [0.0, 1.0]);
    changes.then(|| Arc::new(Shading { width: smallest.width, height: smallest.height, pixels }))
}

fn said(gain: &[f32], channel: &OutputChannel) -> String {
    let (low, high) = gain.iter().fold((f32::MAX, 0.0_f32), |(low, high), &g| (low.min(g), high.max(g)));
    format!("{}: the flat-field multiplies by {low:.3} to {high:.3}", channel.name)
}

/// One plane of a flat-field or dark-field.
struct Plane {
    flag: &'static str,
    path: PathBuf,
    width: u32,
    height: u32,
    values: Vec<f32>,
}

impl Plane {
    fn wrong(&self, reason: String) -> Error {
        Error::option(self.flag, format!("{}: {reason}", self.path.display()))
    }

    fn check_size(&self, channel: &OutputChannel, scenes: &[&Scene]) -> Result<()> {
        let fields = scenes.iter().flat_map(|scene| &scene.fields);
        let mut fields = fields.filter(|field| field.plane.c == channel.source);
        let size = (self.width, self.height);
        match fields.find(|field| (field.stored_width, field.stored_height) != size) {
            None => Ok(()),
            Some(field) => Err(self.wrong(format!(
                "{} × {} pixels; {field} has {} × {}",
                self.width, self.height, field.stored_width, field.stored_height
            ))),
        }
    }

    fn check_finite(&self) -> Result<()> {
        match self.values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(i) => Err(self.wrong(format!("the value {} at {}", self.values[i], self.place(i)))),
        }
    }

    /// Mean over value.
    fn gain(&self) -> Result<Vec<f32>> {
        self.check_finite()?;
        let mean = self.values.iter().map(|&v| f64::from(v)).sum::<f64>() / self.values.len() as f64;
        let too_dark = |&value: &f32| f64::from(value) <= 0.0 || f64::from(value) < DARKEST * mean;
        if let Some(i) = self.values.iter().position(too_dark) {
            let count = self.values.iter().filter(|value| too_dark(value)).count();
            return Err(self.wrong(format!(
                "the value {} at {} ({count} such) would have to be divided by; the mean is {mean}",
                self.values[i],
                self.place(i)
            )));
        }
        Ok(self.values.iter().map(|&value| (mean / f64::from(value)) as f32).collect())
    }

    fn place(&self, i: usize) -> String {
        format!("x {}, y {}", i % self.width as usize, i / self.width as usize)
    }
}

/// What was read.
struct Files {
    /// All output channels of the file.
    everything: Vec<OutputChannel>,
    /// Of the run.
    memory_bytes: u64,
    read: BTreeMap<PathBuf, Planes>,
}

impl Files {
    /// The plane for `channel`: the only one; or its own of one for each channel of the output; or of three for a colour
    /// channel, red, green, blue.
    fn plane(&mut self, flag: &'static str, path: &Path, channel: &OutputChannel) -> Result<Plane> {
        let planes = match self.read.entry(path.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(read(flag, path, self.memory_bytes)?),
        };
        let own = self.everything.iter().filter(|other| other.source == channel.source);
        let own: Vec<_> = own.collect();
        let all: Vec<_> = self.everything.iter().collect();
        let found = planes.planes.len();
        let index = match found {
            1 => Some(0),
            n if n == all.len() => position(&all, channel),
            n if n == own.len() => position(&own, channel),
            _ => None,
        };
        let index = index.ok_or_else(|| {
            let each = match all.len() {
                1 => String::new(),
                n => format!(", or {n}: one for each channel of the output"),
            };
            Error::option(flag, format!("{}: {found} planes; 1 is needed{each}", path.display()))
        })?;
        let Planes { width, height, .. } = *planes;
        Ok(Plane { flag, path: path.to_owned(), width, height, values: planes.planes[index].clone() })
    }
}

/// The planes of `path`, if these, and what is made of one, fit the memory of the run.
fn read(flag: &str, path: &Path, memory_bytes: u64) -> Result<Planes> {
    /// Of a pixel: a plane and its copy, the gain, the pair of dark counts and gain; and what it was decoded to.
    const BYTES_OF_ONE: u64 = 4 + 4 + 4 + 8 + 8;
    let stack = TiffStack::open(path)?;
    let fields = &stack.dataset().scenes[0].fields;
    let pixels = |field: &Subblock| u64::from(field.stored_width) * u64::from(field.stored_height);
    let all: u64 = fields.iter().map(|field| pixels(field) * u64::from(field.pixel_type.samples())).sum();
    let largest = fields.iter().map(pixels).max().unwrap_or(0);
    system::check_memory(
        &format!("{flag}: {}", path.display()),
        4 * all + BYTES_OF_ONE * largest,
        memory_bytes,
    )?;
    Planes::of(&stack)
}

fn position(channels: &[&OutputChannel], channel: &OutputChannel) -> Option<usize> {
    channels.iter().position(|other| (other.source, other.sample) == (channel.source, channel.sample))
}
