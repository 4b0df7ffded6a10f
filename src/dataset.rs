//! What an input file holds, whatever its format: scenes, subblocks, channels, optics.
//!
//! The readers fill these types in; the plan decides on them; nothing here reads or computes.

mod voxel_size;

use std::fmt;
use std::io::IoSliceMut;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use voxel_size::believed;

use crate::error::{Error, Result};
use crate::pixels::{PixelType, SampleType, Samples};
use crate::source::{FileRead, Identity, Merging, SharedBytes};
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
    pub fields: Vec<Subblock>,
    /// Subblocks of the stored pyramid, in file order.
    pub pyramid: Vec<Subblock>,
    /// What is there beside these and cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// A subblock that is there and cannot be read: who needs it fails for this reason, and nobody else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unreadable {
    /// Where in time, channel and depth.
    pub plane: Plane,
    /// The area that it covers, in level-0 pixels.
    pub rect: Rect<Stored>,
    /// Whether it is of the stored pyramid.
    pub is_pyramid: bool,
    /// Why.
    pub fault: Fault,
}

/// Why something cannot be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Fault {
    /// The file is broken.
    Broken(String),
    /// The file is fine.
    Unsupported(String),
}

impl Fault {
    /// As an error of the file `path`.
    pub fn to_error(&self, path: &Path) -> Error {
        match self {
            Self::Broken(what) => Error::format(path, what, None),
            Self::Unsupported(what) => Error::unsupported(path, what),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Broken(what) | Self::Unsupported(what)) = self;
        f.write_str(what)
    }
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

/// The bytes of one subblock as stored, headers included.
#[derive(Debug)]
pub struct RawSubblock {
    /// Position in `Scene::fields` of the scene that the reader was asked for.
    pub field: usize,
    /// The whole `Subblock::extent`, or what of it there is.
    pub bytes: SharedBytes,
}

/// What was fetched for some fields.
#[derive(Debug, Default)]
pub struct Fetched {
    /// One for each field, in file order.
    pub subblocks: Vec<RawSubblock>,
    /// Requests to the source that it took.
    pub requests: u64,
    /// Bytes of these requests.
    pub bytes: u64,
    /// The files that they were of, where an input has many.
    pub files: Vec<FileRead>,
}

/// The samples of a field.
#[derive(Clone, Debug)]
pub enum FieldSamples {
    /// On their own.
    Decoded(Samples),
    /// As they lie in the file, where that is what decoding would give: no copy is made. At any address.
    Stored {
        /// The samples.
        bytes: SharedBytes,
        /// What each is.
        kind: SampleType,
    },
}

impl FieldSamples {
    /// What each sample is.
    pub fn kind(&self) -> SampleType {
        match self {
            Self::Decoded(samples) => samples.kind(),
            Self::Stored { kind, .. } => *kind,
        }
    }

    /// The samples as bytes, native byte order, at any address.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Decoded(samples) => samples.as_bytes(),
            Self::Stored { bytes, .. } => bytes,
        }
    }

    /// Gives the buffer to whoever needs one next.
    pub fn recycle(self) {
        if let Self::Decoded(samples) = self {
            samples.recycle();
        }
    }
}

impl From<Samples> for FieldSamples {
    fn from(samples: Samples) -> Self {
        Self::Decoded(samples)
    }
}

/// Some rows of a subblock as decoding leaves them, there for the time of a call.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The topmost.
    pub first: u32,
    /// Of whole rows.
    pub pixels: Pixels<'a>,
}

impl Rows<'_> {
    /// How many rows of `subblock` these are.
    pub fn count(&self, subblock: &Subblock) -> u32 {
        let bytes = match self.pixels {
            Pixels::Plain(bytes) => bytes.len(),
            Pixels::HiLo { low, high } => low.len() + high.len(),
        };
        (bytes / (subblock.stored_width as usize * subblock.pixel_type.bytes())) as u32
    }
}

/// What takes the pixels of a subblock, some rows at a time, from the top down.
pub trait TakesRows {
    /// Takes rows that are there.
    fn take(&mut self, rows: Rows<'_>);

    /// Takes rows by having them read to where they belong.
    ///
    /// # Errors
    /// Those of reading.
    fn take_unread(&mut self, unread: Unread<'_>) -> Result<()>;
}

/// Some rows of a subblock of one sample a pixel, in native byte order, that are not read yet.
pub struct Unread<'a> {
    /// The topmost.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// Fills buffers, one after the other, that have room for these rows and no more.
    pub read: &'a dyn Fn(&mut [IoSliceMut<'_>]) -> Result<()>,
}

/// Pixels in the form that costs least to make.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// Samples side by side, native byte order, at any address.
    Plain(&'a [u8]),
    /// The low bytes of 16-bit samples, and their high bytes.
    HiLo {
        /// One byte a sample.
        low: &'a [u8],
        /// One byte a sample.
        high: &'a [u8],
    },
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
