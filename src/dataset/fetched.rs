//! What readers hand on of a subblock: its bytes as stored, its samples, or some rows of them.

use std::io::IoSliceMut;

use super::Subblock;
use crate::error::Result;
use crate::pixels::{SampleType, Samples};
use crate::source::{FileRead, SharedBytes};

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
