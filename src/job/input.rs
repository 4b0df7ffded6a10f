//! Which reader an input is for: a file by its first bytes, not by its name; a folder is an OME-Zarr.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::czi::Czi;
use crate::dataset::Input;
use crate::error::{Error, Result};
use crate::ngff::Ngff;
use crate::source::{Access, Location, ReadAt, Storage};
use crate::tiff::{Axes, TiffStack};
use crate::timeline::RequestLog;

/// A format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// ZEISS CZI.
    Czi,
    /// TIFF, BigTIFF.
    Tiff,
}

/// The format of the file at `source`.
///
/// # Errors
/// `Format` when it is none that is known.
pub fn format_of(source: &dyn ReadAt) -> Result<Format> {
    let path = source.path();
    let mut magic = [0; 4];
    if source.size() < magic.len() as u64 {
        return Err(Error::format(path, format!("{} bytes are no image", source.size()), 0));
    }
    source.read_exact_at(0, &mut magic)?;
    match &magic {
        b"ZISR" => Ok(Format::Czi),
        b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+" => Ok(Format::Tiff),
        b"PK\x03\x04" | b"PK\x05\x06" => Err(Error::unsupported(
            path,
            "a ZIP archive, as .zip and .ozx files of OME-Zarr are; unpack it (unzip FILE -d FOLDER) and give the folder",
        )),
        b"<?xm" | b"<OME" => Err(Error::unsupported(
            path,
            "an XML file; of an OME-TIFF with a companion file, give one of the TIFFs that it tells of",
        )),
        _ => Err(Error::format(path, "neither a CZI file nor a TIFF (by its first bytes)", 0)),
    }
}

/// What the user says of a file that the file does not.
#[derive(Clone, Copy, Debug)]
pub struct Hints<'a> {
    /// Indices of those beside S, T, C, Z and M (CZI).
    pub select: &'a BTreeMap<char, i32>,
    /// What the pages are (TIFF).
    pub axes: Option<&'a Axes>,
    /// Whether it may be damaged: then a CZI is read without its directory, too.
    pub may_be_damaged: bool,
}

/// Opens a CZI file, a TIFF stack or an OME-Zarr, by `access`; `log` is told of the requests.
///
/// # Errors
/// `Format` when it is none, and those of the readers; `Option` when `hints` say what is for another format.
pub fn open_input(
    location: &Location,
    hints: &Hints<'_>,
    access: &Access,
    log: &Arc<RequestLog>,
) -> Result<Box<dyn Input>> {
    let Hints { select, axes, may_be_damaged } = *hints;
    let no_axes = |format: &str| match axes {
        Some(_) => Err(Error::option("--axes", format!("{format} says itself what its planes are"))),
        None => Ok(()),
    };
    let storage = Storage::new(location, access, log)?;
    if location.is_folder() {
        if !select.is_empty() {
            return Err(Error::option("--select", "an OME-Zarr has no dimensions beside T, C and Z"));
        }
        no_axes("an OME-Zarr")?;
        return Ok(Box::new(Ngff::open(storage)?));
    }
    let source = storage.file()?;
    match format_of(&*source)? {
        Format::Czi => {
            no_axes("a CZI file")?;
            let open = if may_be_damaged { Czi::open_damaged } else { Czi::open };
            Ok(Box::new(open(source, select)?.with_merging(access.merging)))
        }
        Format::Tiff if select.is_empty() => Ok(Box::new(
            TiffStack::from_source(source, axes, &|name| storage.file_beside(name))?
                .with_merging(access.merging),
        )),
        Format::Tiff => Err(Error::option("--select", "a TIFF has no dimensions beside T, C and Z")),
    }
}
