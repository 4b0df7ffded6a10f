//! Checked options: what the flags mean, before any file is opened.

mod channel;
mod check;
mod part;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

pub use channel::{Offset, PerChannel, PsfSource};
pub(crate) use check::local;
pub use part::{Indices, Length, Region, axes};
pub use reading::access;
use reading::bytes;

use crate::cli::args::{BackendChoice, JobArgs, MaskUse, OutputType, PyramidUse};
use crate::decon::{Method, Overlap, Precision, Start, Until};
use crate::error::{Error, Result};
use crate::output::{Format, OmeZarrSettings, Version};
use crate::psf::{Microscope, PsfBackground, PsfCentre};
use crate::source::{Access, Location};
use crate::space::Zyx;
use crate::tiff::Axes;

/// Longest side that a tile, halo, chunk or shard may have, in pixels. No machine holds a tile of this size; it keeps
/// sums of a few sides within 32 bits.
const LONGEST_SIDE: u32 = 1 << 20;
/// More threads than any computer has cores.
const MOST_THREADS: usize = 1024;

/// What a user asked for. Stored with the output.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// The file.
    pub input: Location,
    /// Only this scene.
    pub scene: Option<u32>,
    /// Only this rectangle of each scene.
    pub region: Option<Region>,
    /// Only these channels, as the file counts them from 0.
    pub channels: Option<Indices>,
    /// Only these slices, from 0.
    pub slices: Option<Indices>,
    /// Only these time points, from 0.
    pub times: Option<Indices>,
    /// Index by dimension, for those beside S, T, C, Z and M.
    pub select: BTreeMap<char, i32>,
    /// What the pages of a TIFF are.
    pub axes: Option<Axes>,
    /// Distance between samples in µm.
    pub voxel_um: Option<Zyx<f64>>,
    /// Mosaic pixels that one output pixel averages along each axis.
    pub scale: u32,
    /// Whether the stored pyramid is read.
    pub pyramid: PyramidUse,
    /// What the mosaic shows where fields overlap.
    pub overlap: Overlap,
    /// TIFF of the brightness over a field.
    pub flatfield: PerChannel<PathBuf>,
    /// TIFF of the counts without light.
    pub darkfield: PerChannel<PathBuf>,
    /// Whether valid-pixel masks are honoured.
    pub masks: MaskUse,
    /// Value where no field lies.
    pub fill: Option<f32>,
    /// Whether damaged subblocks are left out.
    pub skip_damaged: bool,
    /// Iterations; 0 converts only.
    pub iterations: u32,
    /// When to stop before.
    pub until: Option<Until>,
    /// Algorithm.
    pub method: Method,
    /// 2 or 3, when forced.
    pub dimensions: Option<u32>,
    /// Counts that do not come from the object.
    pub background: PerChannel<f32>,
    /// Counts of the camera without light.
    pub offset: PerChannel<Offset>,
    /// Of the camera, in counts rms.
    pub read_noise: PerChannel<f32>,
    /// First estimate.
    pub start: Start,
    /// Where the PSF comes from.
    pub psf: PerChannel<PsfSource>,
    /// What is subtracted from a measured PSF.
    pub psf_background: PerChannel<PsfBackground>,
    /// What becomes the centre of a measured PSF.
    pub psf_centre: PsfCentre,
    /// How the image was taken, where the user says it.
    pub microscope: Option<Microscope>,
    /// Numerical aperture.
    pub na: PerChannel<f64>,
    /// Emission peak in nanometres.
    pub emission_nm: PerChannel<f64>,
    /// Of the immersion medium.
    pub immersion_index: PerChannel<f64>,
    /// Largest PSF in output voxels.
    pub psf_size: Option<Zyx<u32>>,
    /// Side of a tile's core in output pixels.
    pub tile: Option<u32>,
    /// Output pixels around a core.
    pub halo: Option<u32>,
    /// Planes above and below a core, where a stack is cut.
    pub halo_z: Option<u32>,
    /// Memory that the run may take, in bytes.
    pub memory_bytes: Option<u64>,
    /// What computes.
    pub backend: BackendChoice,
    /// Which GPU.
    pub device: Option<String>,
    /// Memory of the GPU that the plan may take, in bytes.
    pub gpu_memory_bytes: Option<u64>,
    /// How a GPU stores spectra.
    pub precision: Precision,
    /// Threads that compute, decode and compress.
    pub threads: usize,
    /// How the input is reached.
    pub access: Access,
    /// Threads that read, where the user says how many.
    pub readers: Option<u32>,
    /// Type of the output.
    pub output_type: OutputType,
    /// Version of the output.
    pub ome_zarr: Version,
    /// Side of a chunk in pixels.
    pub chunk: u32,
    /// Side of a shard in pixels.
    pub shard: Option<u32>,
    /// Zstandard level.
    pub zstd_level: i32,
}

impl Options {
    /// Checks the flags.
    ///
    /// # Errors
    /// `Option` with the flag and what is wrong.
    pub fn new(args: &JobArgs) -> Result<Self> {
        let JobArgs { input, selection, stitching, reading, deconvolution, psf, tiling, backend, format } =
            args;
        check::numbers(args)?;
        let written =
            Format::OmeZarr(OmeZarrSettings { version: format.ome_zarr, zstd_level: format.zstd_level });
        let chunk = format.chunk.unwrap_or_else(|| written.default_chunk_px());
        let (halo, halo_z) = tiling.halo.as_deref().map(check::halo).transpose()?.unwrap_or_default();
        Ok(Self {
            input: input.clone(),
            scene: selection.scene,
            region: selection.region.as_deref().map(Region::parse).transpose()?,
            channels: indices("--channels", &selection.channels, Indices::parse)?,
            slices: indices("--slices", &selection.slices, Indices::parse_range)?,
            times: indices("--times", &selection.times, Indices::parse_range)?,
            select: selections(&selection.select)?,
            axes: axes(&selection.axes)?,
            voxel_um: selection
                .voxel_um
                .as_deref()
                .map(|text| triple("--voxel-um", text, positive))
                .transpose()?,
            scale: selection.scale,
            pyramid: selection.pyramid,
            overlap: stitching.overlap,
            flatfield: files("--flatfield", &stitching.flatfield)?,
            darkfield: files("--darkfield", &stitching.darkfield)?,
            masks: selection.masks,
            fill: selection.fill,
            skip_damaged: selection.skip_damaged,
            iterations: deconvolution.iterations,
            until: check::until(deconvolution)?,
            method: deconvolution.method,
            dimensions: deconvolution.dimensions,
            background: PerChannel::parse("--background", &deconvolution.background, |text| {
                not_negative("--background", text)
            })?,
            offset: PerChannel::parse("--offset", &deconvolution.offset, Offset::parse)?,
            read_noise: check::read_noise(deconvolution, !stitching.darkfield.is_empty())?,
            start: deconvolution.start,
            psf: PerChannel::parse("--psf", &psf.psf, PsfSource::parse)?,
            psf_background: PerChannel::parse(
                "--psf-background",
                &psf.psf_background,
                channel::psf_background,
            )?,
            psf_centre: psf.psf_centre,
            microscope: psf.microscope,
            na: PerChannel::parse("--na", &psf.na, |text| positive("--na", text))?,
            emission_nm: PerChannel::parse("--emission-nm", &psf.emission_nm, |text| {
                positive("--emission-nm", text)
            })?,
            immersion_index: PerChannel::parse("--immersion-index", &psf.immersion_index, |text| {
                positive("--immersion-index", text)
            })?,
            psf_size: psf.psf_size.as_deref().map(|text| triple("--psf-size", text, odd)).transpose()?,
            tile: tiling.tile,
            halo,
            halo_z,
            memory_bytes: tiling.memory.as_deref().map(|text| bytes("--memory", text)).transpose()?,
            backend: backend.backend,
            device: backend.device.clone(),
            gpu_memory_bytes: backend
                .gpu_memory
                .as_deref()
                .map(|text| bytes("--gpu-memory", text))
                .transpose()?,
            precision: check::precision(backend)?,
            threads: threads(backend.threads)?,
            access: access(reading)?,
            readers: reading.readers,
            output_type: format.output_type,
            ome_zarr: format.ome_zarr,
            chunk,
            shard: if format.ome_zarr == Version::V04 { Some(chunk) } else { format.shard },
            zstd_level: format.zstd_level,
        })
    }

    /// How the output is written.
    pub fn format(&self) -> Format {
        Format::OmeZarr(OmeZarrSettings { version: self.ome_zarr, zstd_level: self.zstd_level })
    }

    /// Whether reading waits for nothing but the processor: neither a network nor a simulated storage.
    pub fn is_near(&self) -> bool {
        matches!(self.input, Location::Path(_)) && self.access.simulation.is_none()
    }
}

fn files(flag: &str, values: &[String]) -> Result<PerChannel<PathBuf>> {
    PerChannel::parse(flag, values, |text| check::local(flag, text))
}

fn indices(
    flag: &str,
    text: &Option<String>,
    parse: fn(&str, &str) -> Result<Indices>,
) -> Result<Option<Indices>> {
    text.as_deref().map(|text| parse(flag, text)).transpose()
}

fn selections(values: &[String]) -> Result<BTreeMap<char, i32>> {
    let parse = |text: &String| {
        let (dimension, index) = text.split_once('=')?;
        let mut letters = dimension.chars();
        let letter = letters.next().filter(|c| c.is_ascii_alphabetic() && letters.next().is_none())?;
        Some((letter.to_ascii_uppercase(), index.parse().ok()?))
    };
    let understood = |text: &String| {
        let (letter, index) =
            parse(text).ok_or_else(|| Error::option("--select", format!("{text} is not of the form H=3")))?;
        match letter {
            'S' => Err(Error::option("--select", "choose a scene with --scene")),
            'C' => Err(Error::option("--select", "choose channels with --channels")),
            'Z' => Err(Error::option("--select", "choose slices with --slices")),
            'T' => Err(Error::option("--select", "choose times with --times")),
            'X' | 'Y' => Err(Error::option("--select", "choose a part of a scene with --region")),
            'M' => Err(Error::option("--select", "fields are always stitched; choose a part with --region")),
            _ => Ok((letter, index)),
        }
    };
    values.iter().map(understood).collect()
}

fn positive(flag: &str, text: &str) -> Result<f64> {
    let number = text.trim().parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| Error::option(flag, format!("{text} is not a number above 0")))
}

fn not_negative(flag: &str, text: &str) -> Result<f32> {
    let number = text.trim().parse().ok().filter(|n: &f32| n.is_finite() && *n >= 0.0);
    number.ok_or_else(|| Error::option(flag, format!("{text} is not a number from 0 on")))
}

fn odd(flag: &str, text: &str) -> Result<u32> {
    let number = text.trim().parse().ok().filter(|n: &u32| n % 2 == 1);
    number
        .ok_or_else(|| Error::option(flag, format!("{text} is not an odd number: a PSF has a middle voxel")))
}

fn triple<T: Copy>(flag: &str, text: &str, parse: impl Fn(&str, &str) -> Result<T>) -> Result<Zyx<T>> {
    let values = text.split(',').map(|part| parse(flag, part)).collect::<Result<Vec<T>>>()?;
    match values[..] {
        [z, y, x] => Ok(Zyx::new(z, y, x)),
        _ => Err(Error::option(flag, format!("{text} is not of the form Z,Y,X"))),
    }
}

fn threads(asked: Option<usize>) -> Result<usize> {
    match asked {
        Some(n) if !(1..=MOST_THREADS).contains(&n) => {
            Err(Error::option("--threads", format!("{n} must be from 1 to {MOST_THREADS}")))
        }
        Some(n) => Ok(n),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}
