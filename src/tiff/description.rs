//! What the texts and tags of a TIFF say about its pages; without any, pages are the planes of one z stack.

use std::collections::BTreeMap;
use std::path::Path;

use super::aperio::Aperio;
use super::axes::Axes;
use super::header::Header;
use super::imagej::ImageJ;
use super::metaseries;
use super::ome;
use super::shaped::Shaped;
use super::stk::Stk;
use crate::dataset::{Channel, Optics, Plane, believed};
use crate::error::{Error, Result};
use crate::space::Zyx;

/// Which plane each page is, and what is known about all.
#[derive(Clone, Debug, Default)]
pub(super) struct Description {
    /// As the file counts images.
    pub index: u32,
    pub name: Option<String>,
    /// For each page; `None` for a page that belongs to no plane.
    pub planes: Vec<Option<Plane>>,
    /// By the names of other files, planes and the numbers of their directories there.
    pub elsewhere: BTreeMap<String, Vec<(usize, Plane)>>,
    pub slices: u32,
    pub times: u32,
    /// One for each value of `Plane::c`.
    pub channels: Vec<Channel>,
    /// What is known of the samples of a pixel, where these are channels and planes have no more.
    pub of_samples: Vec<Channel>,
    pub voxel_um: Zyx<Option<f64>>,
    pub interval_secs: Option<f64>,
    pub optics: Optics,
    pub notes: Vec<String>,
    /// Further images of the file.
    pub further: Vec<Description>,
    /// What was taken for granted about the planes, as nothing says it.
    pub guess: Option<String>,
}

/// The pages that are to be described.
#[derive(Clone)]
pub(super) struct PageList<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its bytes.
    pub file_bytes: u64,
    /// The number of each page's directory in the file.
    pub numbers: Vec<usize>,
    /// For each of these, what its values are; nothing for planes behind one directory.
    pub kinds: Vec<PageKind>,
    /// Pixels across and down.
    pub size: (u32, u32),
    /// What another file that has the OME-XML calls this one.
    pub own_uuid: Option<&'a str>,
    /// The pages that are described are like this one.
    pub like: PageKind,
}

/// What the values of a page are.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageKind {
    /// Values of a pixel: 3 for colours.
    pub samples: u32,
    /// The type of a value, as OME-XML calls it; `None` for what is not read.
    pub sample_type: Option<&'static str>,
}

/// Sizes of the axes that pages are counted along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub c: u32,
    pub z: u32,
    pub t: u32,
}

impl Sizes {
    /// Pages that it takes; `None` when there are too many to count.
    pub fn pages(self) -> Option<usize> {
        (self.c as usize).checked_mul(self.z as usize)?.checked_mul(self.t as usize)
    }

    /// The plane of page `index` when `order` names the axes, the fastest first; its length is 3.
    pub fn plane(self, order: &str, index: usize) -> Plane {
        let mut rest = index;
        let mut plane = Plane::default();
        for axis in order.chars() {
            let (size, place) = match axis {
                'C' => (self.c, &mut plane.c),
                'Z' => (self.z, &mut plane.z),
                _ => (self.t, &mut plane.t),
            };
            *place = (rest % size as usize) as u32;
            rest /= size as usize;
        }
        plane
    }
}

impl PageList<'_> {
    /// The same for an image one of whose planes is in directory `number`.
    pub fn of_directory(&self, number: Option<usize>) -> Self {
        let page = number.and_then(|number| self.numbers.binary_search(&number).ok());
        let like = page.and_then(|page| self.kinds.get(page)).copied().unwrap_or(self.like);
        Self { like, ..self.clone() }
    }
}

impl Description {
    /// What `header` says about `pages`, and `axes` where the user says better.
    ///
    /// # Errors
    /// Those of the OME-XML; `Option` where `axes` do not fit; `Unsupported` for files of a vendor that hold more.
    pub fn of(header: &Header, pages: &PageList<'_>, axes: Option<&Axes>) -> Result<Self> {
        let mut told = match Self::told(header, pages) {
            // What the user says needs no description.
            Err(_) if axes.is_some() => Self::guessed(pages.numbers.len()),
            told => told?,
        };
        told.voxel_um = believed(told.voxel_um, &mut told.notes);
        for image in &mut told.further {
            image.voxel_um = believed(image.voxel_um, &mut image.notes);
        }
        if let Some(axes) = axes {
            return axes.apply(told).map_err(|reason| Error::option("--axes", reason));
        }
        if let Some(guess) = told.guess.take() {
            told.notes.push(format!("{guess}; --axes says otherwise, such as --axes c or --axes tz5"));
        }
        Ok(told)
    }

    /// OME-XML comes before others, as its planes are named one by one.
    fn told(header: &Header, pages: &PageList<'_>) -> Result<Self> {
        let texts = &header.descriptions;
        if let Some(xml) = texts.iter().find(|text| ome::is_ome(text)) {
            return ome::describe(xml, pages);
        }
        if let Some(ndtiff) = &header.ndtiff {
            let told = ndtiff.describe(pages)?;
            let um = header.micro_manager_um;
            return Ok(Self { voxel_um: Zyx::new(ndtiff.z_step_um, um, um), ..told });
        }
        if let Some(lsm) = &header.lsm {
            return lsm.describe(pages);
        }
        let count = pages.numbers.len();
        if let Some(stk) = &header.stk {
            return Ok(stk.describe(count, &told_by_metamorph(texts)));
        }
        if let Some(imagej) = texts.iter().find_map(|text| ImageJ::parse(text)) {
            return Ok(imagej.describe(count, header.resolution));
        }
        if let Some(aperio) = texts.iter().find_map(|text| Aperio::parse(text)) {
            return Ok(aperio.describe(count));
        }
        let shaped = texts.iter().find_map(|text| Shaped::parse(text)?.describe(pages));
        let mut told = shaped.unwrap_or_else(|| Self::guessed(count));
        told.voxel_um = told_by_metamorph(texts);
        if told.voxel_um.x.is_none() {
            told.voxel_um = header.resolution.pixel_um(&mut told.notes);
        }
        Ok(told)
    }

    /// A z stack of `pages`.
    pub fn plain(pages: usize) -> Self {
        Self::ordered(pages, Sizes { c: 1, z: pages as u32, t: 1 }, "ZCT")
    }

    /// `pages` along the axes of `order`, the fastest first.
    pub fn ordered(pages: usize, sizes: Sizes, order: &str) -> Self {
        Self {
            planes: (0..pages).map(|page| Some(sizes.plane(order, page))).collect(),
            slices: sizes.z,
            times: sizes.t,
            channels: vec![Channel::default(); sizes.c as usize],
            ..Self::default()
        }
    }

    /// A z stack, as nothing says what else `pages` are.
    pub fn guessed(pages: usize) -> Self {
        let guess = (pages > 1).then(|| format!("{pages} pages without axes: taken as slices"));
        Self { guess, ..Self::plain(pages) }
    }
}

fn told_by_metamorph(texts: &[String]) -> Zyx<Option<f64>> {
    texts.iter().find_map(|text| metaseries::pixel_um(text)).unwrap_or_default()
}

/// Planes that lie behind the first, of so many pixels across and down, in a file of one directory.
pub(super) fn planes_behind_one_directory(header: &Header, size: (u32, u32)) -> Option<usize> {
    let texts = &header.descriptions;
    let stk = header.stk.as_ref().map(Stk::planes);
    let imagej = || texts.iter().find_map(|text| ImageJ::parse(text)).map(|imagej| imagej.images());
    let shaped = || texts.iter().find_map(|text| Shaped::parse(text)?.truncated_planes(size));
    stk.or_else(imagej).or_else(shaped).filter(|&planes| planes > 1)
}

/// A length in micrometres; `None` for units that are no lengths in space.
pub(super) fn micrometres(value: f64, unit: &str) -> Option<f64> {
    let factor = match unit.trim().to_lowercase().as_str() {
        "µm" | "μm" | "um" | "µ" | "μ" | "\\u00b5m" | "\\u00b5" | "micron" | "microns" | "micrometer"
        | "micrometers" | "micrometre" | "micrometres" => 1.0,
        "nm" | "nanometer" | "nanometers" | "nanometre" | "nanometres" => 1e-3,
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => 1e3,
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" => 1e4,
        "m" | "meter" | "meters" | "metre" | "metres" => 1e6,
        "in" | "inch" | "inches" => 25_400.0,
        "pm" => 1e-6,
        "å" | "angstrom" | "angstroms" => 1e-4,
        _ => return None,
    };
    Some(value * factor).filter(|um| um.is_finite() && *um > 0.0)
}

/// A time in seconds; `None` for units that are no times.
pub(super) fn seconds(value: f64, unit: &str) -> Option<f64> {
    let factor = match unit.trim().to_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "ms" | "msec" | "millisecond" | "milliseconds" => 1e-3,
        "µs" | "μs" | "us" | "\\u00b5s" | "microsecond" | "microseconds" => 1e-6,
        "ns" | "nanosecond" | "nanoseconds" => 1e-9,
        "min" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    };
    Some(value * factor).filter(|secs| secs.is_finite() && *secs > 0.0)
}
