//! What the directory of the first image says about the file as a whole.

use serde_json::Value;
use tiff::tags::Tag;

use super::ifd::{Directory, Tags};
use super::lsm::Lsm;
use super::ndtiff::NdTiff;
use super::ome;
use super::stk::Stk;
use crate::error::{Error, Result};
use crate::space::Zyx;

/// Micro-Manager's metadata of a page, JSON.
const MICRO_MANAGER: Tag = Tag::Unknown(51123);

/// Texts and tags of the first image.
#[derive(Clone, Debug, Default)]
pub(super) struct Header {
    /// All of its descriptions: Micro-Manager writes OME-XML and ImageJ's text.
    pub descriptions: Vec<String>,
    pub resolution: Resolution,
    /// Of a ZEISS LSM.
    pub lsm: Option<Lsm>,
    /// Of a MetaMorph STK.
    pub stk: Option<Stk>,
    /// What the file NDTiff.index beside the file says.
    pub ndtiff: Option<NdTiff>,
    /// Distance between pixels in micrometres, as Micro-Manager has it.
    pub micro_manager_um: Option<f64>,
    /// What the OME-XML of the first directory calls this file, where the XML that tells of it is in another one.
    pub own_uuid: Option<String>,
}

/// Pixels a unit of length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Resolution {
    pub x: Option<f64>,
    pub y: Option<f64>,
    pub unit: ResolutionUnit,
}

/// The unit that the tag ResolutionUnit names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ResolutionUnit {
    /// None: the numbers give the ratio of the sides of a pixel.
    None,
    /// Where the tag is missing, too.
    #[default]
    Inch,
    Centimetre,
}

/// A pixel of a microscope is smaller; one of a screen (72 or 96 an inch) or a printer (1200 an inch) is larger.
const LARGEST_UM: f64 = 10.0;

impl Resolution {
    /// Distance between pixels where nothing but the tags says it, as Bio-Formats takes it; `notes` are told so.
    pub fn pixel_um(&self, notes: &mut Vec<String>) -> Zyx<Option<f64>> {
        let unit_um = match self.unit {
            ResolutionUnit::None => return Zyx::default(),
            ResolutionUnit::Inch => 25_400.0,
            ResolutionUnit::Centimetre => 1e4,
        };
        let pixel = |pixels: Option<f64>| pixels.map(|pixels| unit_um / pixels).filter(|&um| um < LARGEST_UM);
        let (Some(y), Some(x)) = (pixel(self.y), pixel(self.x)) else { return Zyx::default() };
        notes.push(format!(
            "pixel size y {y:.4} µm, x {x:.4} µm is from the tags XResolution, YResolution and ResolutionUnit; \
             --voxel-um overrides it"
        ));
        Zyx::new(None, Some(y), Some(x))
    }
}

impl Header {
    /// Whether something says of each plane which directory it is in. What is smaller in an LSM are thumbnails, as a screen
    /// showed them, and no levels.
    pub fn names_directories(&self) -> bool {
        self.ndtiff.is_some() || self.lsm.is_some() || self.descriptions.iter().any(|text| ome::is_ome(text))
    }

    /// Of `directory`.
    ///
    /// # Errors
    /// `Io`; `Format` when a text or a vendor's value passes the end of the file.
    pub fn read(tags: &mut Tags<'_>, directory: &Directory) -> Result<Self> {
        let unit = broken_as_none(tags.number(directory, Tag::ResolutionUnit))?;
        let mut pixels = |tag| Ok(broken_as_none(tags.real(directory, tag))?.filter(|&pixels| pixels > 0.0));
        let (x, y) = (pixels(Tag::XResolution)?, pixels(Tag::YResolution)?);
        let unit = match unit {
            Some(1) => ResolutionUnit::None,
            Some(3) => ResolutionUnit::Centimetre,
            _ => ResolutionUnit::Inch,
        };
        let micro_manager = tags.texts(directory, MICRO_MANAGER)?;
        Ok(Self {
            micro_manager_um: micro_manager.iter().find_map(|json| number_in_json(json, "PixelSizeUm")),
            descriptions: tags.texts(directory, Tag::ImageDescription)?,
            lsm: Lsm::read(tags, directory)?,
            stk: Stk::read(tags, directory)?,
            resolution: Resolution { x, y, unit },
            ..Self::default()
        })
    }
}

/// A number over 0 in an object.
pub(super) fn number_in_json(json: &str, name: &str) -> Option<f64> {
    let value: Value = serde_json::from_str(json).ok()?;
    value.get(name)?.as_f64().filter(|number| *number > 0.0)
}

/// A resolution that cannot be read says nothing.
fn broken_as_none<T>(value: Result<Option<T>>) -> Result<Option<T>> {
    match value {
        Err(Error::Format { .. }) => Ok(None),
        value => value,
    }
}
