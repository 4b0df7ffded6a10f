//! ZEISS LSM: what the tag CZ_LSMINFO says about the pages of a TIFF of a laser-scanning microscope. Pages are counted by
//! slice, then time; channels are samples of a pixel. Every other directory is a thumbnail, and says so.
//!
//! Source: "LSM 5/7 file format", ZEISS; field offsets in tifffile (`CZ_LSMINFO`) and Bio-Formats (`ZeissLSMReader`).

use tiff::tags::Tag;

use super::description::{Description, PageList, Sizes};
use super::ifd::ByteOrder;
use crate::dataset::Channel;
use crate::error::{Error, Result};
use crate::space::Zyx;

pub(super) const CZ_LSMINFO: Tag = Tag::Unknown(34412);

/// Offsets within the tag are numbers of 32 bits.
const LONGEST_FILE: u64 = u32::MAX as u64;

/// Fields of the tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lsm {
    /// Pixels across, down.
    size: (u32, u32),
    sizes: Sizes,
    /// Positions of the stage, and tiles of a mosaic: pages beside those of one stack.
    positions: u32,
    voxel_um: Zyx<Option<f64>>,
    interval_secs: Option<f64>,
}

impl Lsm {
    /// `None` when the tag is too short for what every version has.
    pub fn parse(bytes: &[u8], order: ByteOrder) -> Option<Self> {
        let whole = |at: usize| bytes.get(at..at + 4).map(|number| order.number(number) as u32);
        let real = |at: usize| bytes.get(at..at + 8).map(|number| f64::from_bits(order.number(number)));
        let metres = |at| real(at).map(|metres| metres * 1e6).filter(|um| um.is_finite() && *um > 0.0);
        let count = |at| whole(at).map(|count| count.max(1));
        Some(Self {
            size: (whole(8)?, whole(12)?),
            sizes: Sizes { z: count(16)?, c: count(20)?, t: count(24)? },
            // In later versions.
            positions: [264, 268].map(|at| count(at).unwrap_or(1)).into_iter().fold(1, u32::saturating_mul),
            voxel_um: Zyx::new(metres(56), metres(48), metres(40)),
            interval_secs: real(112).filter(|secs| secs.is_finite() && *secs > 0.0),
        })
    }

    /// Which plane each page is.
    ///
    /// # Errors
    /// `Unsupported` for several positions, and for files so long that their offsets have lost their upper bits.
    pub fn describe(&self, pages: &PageList<'_>) -> Result<Description> {
        let unsupported = |what: String| {
            Err(Error::unsupported(pages.path, format!("{what}; `bfconvert` writes an OME-TIFF of it")))
        };
        if pages.file_bytes > LONGEST_FILE {
            return unsupported("an LSM file of over 4 GiB, where offsets have lost their upper bits".into());
        }
        if self.positions > 1 {
            return unsupported(format!("an LSM file of {} positions or tiles", self.positions));
        }
        let count = pages.numbers.len();
        let Sizes { c, z, t } = self.sizes;
        let of_samples = Sizes { c: 1, z, t };
        let mut description = if self.size != pages.size {
            // Scans along z, and along a line.
            Description {
                guess: Some(format!(
                    "an LSM scan whose pages are no x-y planes: {count} pages taken as slices"
                )),
                ..Description::plain(count)
            }
        } else if of_samples.pages() == Some(count) {
            Description::ordered(count, of_samples, "ZTC")
        } else if self.sizes.pages() == Some(count) {
            Description::ordered(count, self.sizes, "CZT")
        } else {
            let guess = format!(
                "the LSM file counts {z} slices × {t} times × {c} channels, but there are {count} pages: taken as slices"
            );
            Description { guess: Some(guess), ..Description::plain(count) }
        };
        let microscope = Channel {
            acquisition_mode: Some("LaserScanningConfocalMicroscopy".into()),
            ..Channel::default()
        };
        description.channels.fill(microscope);
        description.voxel_um = self.voxel_um;
        description.interval_secs = self.interval_secs.filter(|_| description.times > 1);
        Ok(description)
    }
}
