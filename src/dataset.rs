//! What an input file holds, whatever its format: scenes, subblocks, channels, optics.
//!
//! The readers fill these types in; the plan decides on them; nothing here reads or computes.

mod fault;
mod fetched;
mod last_decoded;
mod shared_channels;
mod subblocks;
mod voxel_size;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use fault::{Fault, Unreadable};
pub use fetched::{Fetched, FieldSamples, Pixels, RawSubblock, Rows, TakesRows, Unread};
pub use last_decoded::LastDecoded;
pub use shared_channels::share_channels;
pub use subblocks::Subblocks;
pub use voxel_size::{believed, is_alike};

use crate::error::Result;
use crate::pixels::{PixelType, Samples};
use crate::source::{FileRead, Identity, Merging};
use crate::space::{Local, Rect, Stored, Zyx};

/// Channels of a file, at most: each takes tables of its own, and may take a PSF.
pub const MOST_CHANNELS: usize = 1 << 12;

/// One two-dimensional image: indices from 0 in time, channel and depth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Plane {
    /// Time.
    pub t: u32,
    /// Channel, as the file counts them (an RGB channel is one).
    pub c: u32,
    /// Depth.
    pub z: u32,
}

/// How the pixels of a subblock are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Compression {
    /// Raw samples.
    Uncompressed,
    /// JPEG-XR.
    JpegXr,
    /// zstd.
    Zstd0,
    /// zstd behind a header, with or without hi-lo byte packing.
    Zstd1,
    /// As the pages of a TIFF file are.
    Tiff,
    /// As the codecs of a Zarr array say.
    Zarr,
}

/// One stored piece of a file: a camera field at one plane and one pyramid level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subblock {
    /// Position in the file's own list: of a CZI's directory, or of a TIFF's pages.
    pub number: usize,
    /// Where in time, channel and depth.
    pub plane: Plane,
    /// Number of the field in its mosaic; the highest is painted on top. Pyramid subblocks have none.
    pub m: Option<u32>,
    /// The area that it covers, in level-0 pixels.
    pub rect: Rect<Stored>,
    /// Stored pixels across; fewer than `rect.width` on a pyramid level.
    pub stored_width: u32,
    /// Stored pixels down.
    pub stored_height: u32,
    /// The stored pixels that are painted; `None` for all.
    pub shown: Option<Vec<Rect<Local>>>,
    /// Of the stored pixels.
    pub pixel_type: PixelType,
    /// Of the stored pixels.
    pub compression: Compression,
    /// Byte in the file where it starts: a CZI segment, or a TIFF directory; of a Zarr chunk, where it would start if all
    /// chunks lay in one file.
    pub offset: u64,
    /// Bytes to fetch from `offset`, header and pixels: exact, or the distance to whatever follows in the file.
    pub extent: u64,
}

impl Subblock {
    /// Whether it is stored smaller than the area that it covers.
    pub fn is_pyramid(&self) -> bool {
        self.stored_width < self.rect.width || self.stored_height < self.rect.height
    }

    /// Its bytes in the file.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.extent
    }

    /// Bytes of its pixels once decoded.
    pub fn decoded_bytes(&self) -> u64 {
        let pixels = u64::from(self.stored_width) * u64::from(self.stored_height);
        pixels.saturating_mul(self.pixel_type.bytes() as u64)
    }
}

impl fmt::Display for Subblock {
    /// For messages: `subblock t=0 c=1 z=12 m=3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plane { t, c, z } = self.plane;
        write!(f, "subblock t={t} c={c} z={z}")?;
        self.m.map_or(Ok(()), |m| write!(f, " m={m}"))
    }
}

/// One connected area of the acquisition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scene {
    /// As the file counts scenes.
    pub index: u32,
    /// From the metadata, such as `P1` or `B3`.
    pub name: Option<String>,
    /// The bounding box of its level-0 subblocks.
    pub rect: Rect<Stored>,
    /// Where the centre of its first level-0 pixel lies in the frame of the acquisition; `None` where the file does not say.
    pub origin_um: Zyx<Option<f64>>,
    /// The same along t, in seconds.
    pub origin_secs: Option<f64>,
    /// Its planes in depth; z runs from 0.
    pub slices: u32,
    /// Its time points; t runs from 0.
    pub times: u32,
    /// The channels that it has, as the file counts them, in order.
    pub channels: Vec<u32>,
    /// Level-0 subblocks, in file order.
    pub fields: Subblocks,
    /// Subblocks of the stored pyramid, in file order.
    pub pyramid: Subblocks,
    /// What is there beside these and cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// One channel as the file counts them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Channel {
    /// Name shown to people; `None` where the file has none.
    pub name: Option<String>,
    /// Display colour, red, green, blue.
    pub color: Option<[u8; 3]>,
    /// Peak of the emission, in nanometres.
    pub emission_nm: Option<f64>,
    /// Peak of the excitation, in nanometres.
    pub excitation_nm: Option<f64>,
    /// Significant bits of a sample, such as 12 or 14.
    pub bits: Option<u32>,
    /// Such as `WideField`, `LaserScanningConfocalMicroscopy` or `AiryScanRawSr`.
    pub acquisition_mode: Option<String>,
    /// Of its subblocks; `None` when it has none.
    pub pixel_type: Option<PixelType>,
    /// Whether the user left it out; it keeps its place, and with it the numbers of the others.
    pub left_out: bool,
}

/// The objective that took the images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Optics {
    /// Name of the objective.
    pub objective: Option<String>,
    /// Numerical aperture.
    pub na: Option<f64>,
    /// Nominal magnification.
    pub magnification: Option<f64>,
    /// Such as `Oil`, `Water`, `Air`.
    pub immersion: Option<String>,
    /// Of the immersion medium.
    pub refractive_index: Option<f64>,
    /// How each plane is displaced against the last one, such as `Skew60`; `None` where z is the optical axis.
    pub z_axis_shear: Option<String>,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dataset {
    /// At least one, by index.
    pub scenes: Vec<Scene>,
    /// One for each value of `Plane::c`, in order.
    pub channels: Vec<Channel>,
    /// Distance between samples in micrometres; `None` where the file does not say.
    pub voxel_um: Zyx<Option<f64>>,
    /// Seconds between time points, where the file says.
    pub interval_secs: Option<f64>,
    /// The objective.
    pub optics: Optics,
    /// Sentences for the user: dimensions fixed at an index, planes that are missing, metadata that contradicts itself.
    pub notes: Vec<String>,
}

/// A file that can be read by several threads at once.
pub trait Input: Send + Sync {
    /// What it holds.
    fn dataset(&self) -> &Dataset;

    /// Which version of the file was opened: a run that goes on later must find the same.
    fn identity(&self) -> Identity;

    /// Whether it is still there, where what is missing is taken for what was never stored.
    ///
    /// # Errors
    /// `Io` when it is not.
    fn check_there(&self) -> Result<()> {
        Ok(())
    }

    /// What messages call file `number`, where an input has many.
    fn file_name(&self, _number: u64) -> PathBuf {
        PathBuf::new()
    }

    /// Whether file `number` is not the one that was read before; `None` where only reading it would tell.
    ///
    /// # Errors
    /// `Io` when the system does not say.
    fn has_changed(&self, _read: FileRead) -> Result<Option<bool>> {
        Ok(None)
    }

    /// The stored bytes of fields of `scene` (positions in `Scene::fields`), fetched in file order.
    ///
    /// # Errors
    /// `Io`, and `Format` when the file ends early.
    fn read(&self, scene: &Scene, fields: &[usize]) -> Result<Vec<RawSubblock>> {
        Ok(self.fetch(scene, fields)?.subblocks)
    }

    /// As [`Input::read`], and what it took. A field whose headers are damaged comes as it is: decoding it fails.
    ///
    /// # Errors
    /// As [`Input::read`].
    fn fetch(&self, scene: &Scene, fields: &[usize]) -> Result<Fetched>;

    /// As [`Input::fetch`], for fields that will be visited: of those that [`Input::visit`] reads itself, piece by piece, only
    /// the head comes. What it takes is counted here for both.
    ///
    /// # Errors
    /// As [`Input::fetch`].
    fn fetch_to_visit(&self, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
        self.fetch(scene, fields)
    }

    /// Why levels of the stored pyramid of `scene` may hold something else than means of its fields' pixels; `None` where the
    /// format, or a look at them, says that they are means.
    ///
    /// # Errors
    /// Those of reading them.
    fn why_not_means(&self, _scene: &Scene) -> Result<Option<String>> {
        Ok(None)
    }

    /// How the ranges `offset..offset + extent` of subblocks become requests.
    fn merging(&self) -> Merging {
        Merging::NONE
    }

    /// Bytes that decoding one field takes beside its samples, at most.
    fn decoding_bytes(&self) -> u64 {
        0
    }

    /// The pixels of one subblock: `stored_height × stored_width × samples` values, x fastest.
    ///
    /// # Errors
    /// `Format` when the bytes are not what the directory says they are, `Unsupported` for a codec not known.
    fn decode(&self, subblock: &Subblock, raw: &RawSubblock) -> Result<Samples>;

    /// Gives the pixels of one subblock to `to`, once it is known to be whole.
    ///
    /// # Errors
    /// As [`Input::decode`], and then nothing was given; `Io`.
    fn visit(&self, subblock: &Subblock, raw: &RawSubblock, to: &mut dyn TakesRows) -> Result<()> {
        let samples = self.decode(subblock, raw)?;
        to.take(Rows { first: 0, pixels: Pixels::Plain(samples.as_bytes()) });
        samples.recycle();
        Ok(())
    }

    /// The parts of one subblock that its valid-pixel mask shows; `None` when it has no mask. `bytes` are what was read of
    /// it already, from its beginning; what is missing is fetched.
    ///
    /// # Errors
    /// `Format` when there is a mask and it is broken.
    fn mask(&self, _subblock: &Subblock, _bytes: &[u8]) -> Result<Option<Vec<Rect<Local>>>> {
        Ok(None)
    }

    /// As [`Input::decode`], without a copy where the stored bytes are the samples.
    ///
    /// # Errors
    /// As [`Input::decode`].
    fn decode_field(&self, subblock: &Subblock, raw: RawSubblock) -> Result<FieldSamples> {
        self.decode(subblock, &raw).map(FieldSamples::Decoded)
    }
}
