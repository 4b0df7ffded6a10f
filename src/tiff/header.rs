//! What the directory of the first image says about the file as a whole.

use super::directory::Directory;
use super::lsm::{CZ_LSMINFO, Lsm};
use super::stk::Stk;
use crate::error::Result;
use crate::source::ReadAt;
use crate::space::Zyx;

const IMAGE_DESCRIPTION: u16 = 270;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const RESOLUTION_UNIT: u16 = 296;

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
    /// Of the directory at byte `at`.
    ///
    /// # Errors
    /// `Io`; `Format` when a value passes the end of the file.
    pub fn read(source: &dyn ReadAt, at: u64) -> Result<Self> {
        let directory = Directory::read(source, at)?;
        let descriptions = directory.all(IMAGE_DESCRIPTION).iter();
        let descriptions = descriptions.map(|&entry| Ok(text(&directory.bytes(entry)?)));
        let lsm = directory.all(CZ_LSMINFO).first();
        let lsm = lsm.map(|&entry| directory.bytes(entry)).transpose()?;
        Ok(Self {
            descriptions: descriptions.collect::<Result<_>>()?,
            lsm: lsm.and_then(|bytes| Lsm::parse(&bytes, directory.order())),
            stk: Stk::read(&directory, directory.order())?,
            resolution: Resolution {
                x: directory.fraction(X_RESOLUTION)?,
                y: directory.fraction(Y_RESOLUTION)?,
                unit: match directory.unsigned(RESOLUTION_UNIT)?.first() {
                    Some(1) => ResolutionUnit::None,
                    Some(3) => ResolutionUnit::Centimetre,
                    _ => ResolutionUnit::Inch,
                },
            },
        })
    }
}

/// Up to the first 0. ImageJ's is neither always ASCII nor always UTF-8: what is no UTF-8 is taken for Latin-1.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().map(|&latin_1| char::from(latin_1)).collect(),
    }
}
