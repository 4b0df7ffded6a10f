//! Limits of what the flags may say.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{LONGEST_SIDE, PerChannel, not_negative};
use crate::cli::args::{BackendArgs, BackendChoice, DeconvolutionArgs, JobArgs};
use crate::decon::{Precision, Until};
use crate::error::{Error, Result};
use crate::output::Version;
use crate::source::Location;

/// Numbers that a flag alone makes wrong.
pub(super) fn numbers(args: &JobArgs) -> Result<()> {
    let JobArgs { selection, tiling, format, .. } = args;
    if ![1, 2, 4, 8].contains(&selection.scale) {
        return Err(Error::option("--scale", format!("{} must be 1, 2, 4 or 8", selection.scale)));
    }
    if selection.fill.is_some_and(|fill| !fill.is_finite()) {
        return Err(Error::option("--fill", "must be a finite number"));
    }
    side("--tile", tiling.tile)?;
    side("--chunk", format.chunk)?;
    side("--shard", format.shard)?;
    if format.ome_zarr == Version::V04 && format.shard.is_some() {
        return Err(Error::option("--shard", "OME-Zarr 0.4 has no shards: each chunk is a file (--chunk)"));
    }
    Ok(())
}

/// When to stop, if that was said.
pub(super) fn until(deconvolution: &DeconvolutionArgs) -> Result<Option<Until>> {
    let DeconvolutionArgs { until, check_every, iterations, .. } = *deconvolution;
    match until {
        Some(change) if !(change > 0.0 && change < 1.0) => {
            Err(Error::option("--until", format!("{change} is not a number between 0 and 1")))
        }
        Some(_) if iterations == 0 => Err(Error::option("--until", "--iterations 0 leaves nothing to stop")),
        _ => Ok(until.map(|change| Until { change, check_every })),
    }
}

/// The camera's read noise, where something says what is left of its counts without light.
pub(super) fn read_noise(deconvolution: &DeconvolutionArgs, has_dark: bool) -> Result<PerChannel<f32>> {
    let DeconvolutionArgs { read_noise, offset, .. } = deconvolution;
    if !read_noise.is_empty() && offset.is_empty() && !has_dark {
        let reason =
            "is noise about the camera's offset, which nothing says: give --offset, or a --darkfield";
        return Err(Error::option("--read-noise", reason));
    }
    PerChannel::parse("--read-noise", read_noise, |text| not_negative("--read-noise", text))
}

/// How a GPU stores spectra; the processor that was asked for does not.
pub(super) fn precision(backend: &BackendArgs) -> Result<Precision> {
    if (backend.backend, backend.precision) == (BackendChoice::Cpu, Precision::F16) {
        return Err(Error::option("--precision", "f16 is for a GPU; --backend cpu keeps everything in f32"));
    }
    Ok(backend.precision)
}

/// A file or folder of this computer, which a URL is not.
pub(crate) fn local(flag: &str, text: &str) -> Result<PathBuf> {
    match Location::from(OsString::from(text)) {
        Location::Path(path) => Ok(path),
        url @ Location::Url(_) => {
            let what = "a URL; this flag takes a path of this computer";
            Err(Error::option(flag, format!("{} is {what}", url.name().display())))
        }
    }
}

fn side(flag: &str, pixels: Option<u32>) -> Result<()> {
    match pixels {
        Some(pixels) if !(1..=LONGEST_SIDE).contains(&pixels) => {
            Err(Error::option(flag, format!("{pixels} must be from 1 to {LONGEST_SIDE} pixels")))
        }
        _ => Ok(()),
    }
}

/// Pixels, or planes and pixels: pixels, planes.
pub(super) fn halo(text: &str) -> Result<(Option<u32>, Option<u32>)> {
    let number = |text: &str| match text.trim().parse() {
        Ok(halo) if halo <= LONGEST_SIDE => Ok(Some(halo)),
        _ => Err(Error::option("--halo", format!("{text} is not a number of pixels up to {LONGEST_SIDE}"))),
    };
    match text.split_once(',') {
        Some((planes, pixels)) => Ok((number(pixels)?, number(planes)?)),
        None => Ok((number(text)?, None)),
    }
}
