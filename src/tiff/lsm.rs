//! ZEISS LSM: what the tag CZ_LSMINFO says about the pages of a TIFF of a laser-scanning microscope. Pages are counted by
//! slice, then time; channels are samples of a pixel. Every other directory is a thumbnail, and says so.
//!
//! Source: "LSM 5/7 file format", ZEISS; field offsets in tifffile (`CZ_LSMINFO`) and Bio-Formats (`ZeissLSMReader`).

mod scan;

use tiff::tags::Tag;

use self::scan::Scan;
use super::description::{Description, PageList, Sizes};
use super::ifd::{ByteOrder, Directory, Tags};
use crate::dataset::{Channel, MOST_CHANNELS};
use crate::error::{Error, Result};
use crate::space::Zyx;

const CZ_LSMINFO: Tag = Tag::Unknown(34412);
/// Where the tag says where colours, and the scan, are told of; and bytes of these, at most.
const COLOURS_AT: usize = 108;
const SCAN_AT: usize = 124;
const LONGEST_PART: u64 = 1 << 20;

/// Offsets within the tag are numbers of 32 bits.
const LONGEST_FILE: u64 = u32::MAX as u64;

/// Fields of the tag.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lsm {
    /// Pixels across, down.
    size: (u32, u32),
    sizes: Sizes,
    /// Positions of the stage, and tiles of a mosaic: pages beside those of one stack.
    positions: u32,
    voxel_um: Zyx<Option<f64>>,
    interval_secs: Option<f64>,
    /// Names and colours of the channels.
    colours: Vec<(String, [u8; 3])>,
    scan: Scan,
}

impl Lsm {
    /// `None` for a directory without the tag, or where it is too short for what every version has.
    ///
    /// # Errors
    /// `Io`; `Format` when the tag passes the end of the file.
    pub fn read(tags: &mut Tags<'_>, directory: &Directory) -> Result<Option<Self>> {
        let Some(info) = tags.bytes(directory, CZ_LSMINFO)? else { return Ok(None) };
        let order = tags.order;
        let Some(lsm) = Self::parse(&info, order) else { return Ok(None) };
        let colours = part(tags, &info, COLOURS_AT)?.map(|bytes| scan::colours(&bytes, order));
        let scan = part(tags, &info, SCAN_AT)?.map(|bytes| Scan::parse(&bytes, order));
        Ok(Some(Self { colours: colours.unwrap_or_default(), scan: scan.unwrap_or_default(), ..lsm }))
    }

    fn parse(bytes: &[u8], order: ByteOrder) -> Option<Self> {
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
            colours: Vec::new(),
            scan: Scan::default(),
        })
    }

    /// What is known of the image's channels; only its mode where the scan tells of another number of them.
    fn channels(&self) -> Vec<Channel> {
        let known = |c: usize| {
            let of_scan =
                self.scan.channels.get(c).filter(|_| self.scan.channels.len() == self.sizes.c as usize);
            let (name, color) = self.colours.get(c).cloned().unzip();
            Channel {
                name: name
                    .filter(|name: &String| !name.is_empty())
                    .or(of_scan.and_then(|of| of.name.clone())),
                color,
                acquisition_mode: Some("LaserScanningConfocalMicroscopy".into()),
                ..of_scan.cloned().unwrap_or_default()
            }
        };
        (0..self.sizes.c.min(MOST_CHANNELS as u32) as usize).map(known).collect()
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
        let known = self.channels();
        match description.channels.len() {
            count if count == known.len() => description.channels = known,
            _ => {
                let acquisition_mode = known[0].acquisition_mode.clone();
                description.channels.fill(Channel { acquisition_mode, ..Channel::default() });
                description.of_samples = known;
            }
        }
        description.optics = scan::optics(self.scan.objective.as_deref());
        description.voxel_um = self.voxel_um;
        description.interval_secs = self.interval_secs.filter(|_| description.times > 1);
        Ok(description)
    }
}

/// What lies where the number at `at` of the tag says; `None` for 0, and where that is beyond the file's end.
fn part(tags: &mut Tags<'_>, info: &[u8], at: usize) -> Result<Option<Vec<u8>>> {
    let start = info.get(at..at + 4).map_or(0, |number| tags.order.number(number));
    let length = tags.size().saturating_sub(start).min(LONGEST_PART);
    if start == 0 || length == 0 { Ok(None) } else { tags.bytes_at(start, length).map(Some) }
}
