//! What the texts and tags of a TIFF say about its pages; without any, pages are the planes of one z stack.

use std::collections::BTreeMap;
use std::path::Path;

use super::header::Header;
use super::imagej::ImageJ;
use super::ome;
use crate::dataset::{Channel, Optics, Plane};
use crate::error::Result;
use crate::space::Zyx;

/// Which plane each page is, and what is known about all.
#[derive(Clone, Debug, Default)]
pub(super) struct Description {
    /// For each page; `None` for a page that belongs to no plane.
    pub planes: Vec<Option<Plane>>,
    /// By the names of other files, planes and the numbers of their directories there.
    pub elsewhere: BTreeMap<String, Vec<(usize, Plane)>>,
    pub slices: u32,
    pub times: u32,
    /// One for each value of `Plane::c`.
    pub channels: Vec<Channel>,
    pub voxel_um: Zyx<Option<f64>>,
    pub interval_secs: Option<f64>,
    pub optics: Optics,
    pub notes: Vec<String>,
}

/// The pages that are to be described.
pub(super) struct PageList<'a> {
    /// The file.
    pub path: &'a Path,
    /// The number of each page's directory in the file.
    pub numbers: Vec<usize>,
    /// Values of a pixel: 3 for colours.
    pub samples: u32,
    /// The type of a value, as OME-XML calls it.
    pub sample_type: &'static str,
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

impl Description {
    /// What `header` says about `pages`: OME-XML before others, as its planes are named one by one.
    ///
    /// # Errors
    /// Those of the OME-XML.
    pub fn of(header: &Header, pages: &PageList<'_>) -> Result<Self> {
        let texts = &header.descriptions;
        if let Some(xml) = texts.iter().find(|text| ome::is_ome(text)) {
            return ome::describe(xml, pages);
        }
        Ok(match texts.iter().find_map(|text| ImageJ::parse(text)) {
            Some(imagej) => imagej.describe(pages.numbers.len(), header.resolution),
            None => Self::plain(pages.numbers.len()),
        })
    }

    /// A z stack of `pages`.
    pub fn plain(pages: usize) -> Self {
        Self {
            planes: (0..pages).map(|z| Some(Plane { z: z as u32, ..Plane::default() })).collect(),
            slices: pages as u32,
            times: 1,
            channels: vec![Channel::default()],
            ..Self::default()
        }
    }
}

/// Planes that lie behind the first in a file of one directory, which has no room for more than 4 GB.
pub(super) fn planes_behind_one_directory(header: &Header) -> Option<usize> {
    let imagej = header.descriptions.iter().find_map(|text| ImageJ::parse(text))?;
    Some(imagej.images()).filter(|&images| images > 1)
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
