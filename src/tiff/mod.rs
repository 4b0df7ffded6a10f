//! TIFF stacks as input: plain multi-page files, ImageJ hyperstacks, OME-TIFF. And whole volumes, for PSFs.
//!
//! Each page is a plane; an image, of which an OME-TIFF may have several, is a scene. It is stored in chunks, tiles or strips: a field is a tile, or strips of about a MiB.
//! An image may be spread over files of one folder; they are read as if they lay one behind the other.

mod aperio;
mod assemble;
mod axes;
mod codec;
mod copies;
mod decode;
mod description;
mod fields;
mod files;
mod header;
mod ifd;
mod imagej;
mod images;
mod jpeg;
mod levels;
mod lsm;
mod metaseries;
mod ndtiff;
mod number;
mod ome;
mod outline;
mod page;
mod planes;
mod predictor;
mod read;
mod shaped;
mod stack;
mod stk;
mod volume;

use std::path::Path;

pub use axes::Axes;
pub use files::Beside;
pub use planes::{Planes, is_written_here, read_planes, write_planes};
pub use volume::{Volume, VolumeFile, read_volume};

use self::codec::Fault;
use self::decode::SharedPixels;
use self::fields::Place;
use self::files::beside_path;
use self::page::Page;
use crate::dataset::{
    Dataset, Fetched, FieldSamples, Input, Pixels, RawSubblock, Rows, Scene, Subblock, TakesRows,
};
use crate::error::{Error, Result};
use crate::pixels::Samples;
use crate::source::{FileSource, Identity, Joined, Merging, ReadAt};

/// An open TIFF stack.
pub struct TiffStack {
    /// All files, the one that was opened first.
    source: Joined,
    merging: Merging,
    pages: Vec<Page>,
    /// `Subblock::number` is the position.
    places: Vec<Place>,
    dataset: Dataset,
    shared: SharedPixels,
}

impl TiffStack {
    /// Opens the file `path`, and all others that hold planes of the same image, and reads their directories, no pixels.
    ///
    /// # Errors
    /// `Io`; `Format` when it is no TIFF or a broken one; `Unsupported` for pixels and compressions that are not read,
    /// and for pages that differ.
    pub fn open(path: &Path) -> Result<Self> {
        let stack = Self::from_source(Box::new(FileSource::open(path)?), None, &beside_path(path))?;
        let mut unreadable = stack.dataset.scenes.iter().flat_map(|scene| &scene.unreadable);
        match unreadable.find(|unreadable| !unreadable.is_pyramid) {
            Some(unreadable) => Err(unreadable.fault.to_error(path)),
            None => Ok(stack),
        }
    }

    /// As [`TiffStack::open`], from any source, and from others `beside` it; `axes` say what its planes are, where the user
    /// knows better. Planes of files that are not there are listed as what cannot be read.
    ///
    /// # Errors
    /// As [`TiffStack::open`], and `Option` when `axes` do not fit.
    pub fn from_source(source: Box<dyn ReadAt>, axes: Option<&Axes>, beside: Beside<'_>) -> Result<Self> {
        let stack::Opened { source, pages, places, dataset } = stack::open(source, axes, beside)?;
        let (merging, shared) = (Merging::default(), SharedPixels::default());
        Ok(Self { source, merging, pages, places, dataset, shared })
    }

    /// Requests are made as `merging` says.
    pub fn with_merging(self, merging: Merging) -> Self {
        Self { merging, ..self }
    }

    fn find(&self, subblock: &Subblock) -> (&Page, &Place) {
        let place = &self.places[subblock.number];
        (&self.pages[place.page as usize], place)
    }

    /// The samples of `subblock` among its stored bytes, where these are the samples.
    fn as_stored(&self, subblock: &Subblock, raw: &RawSubblock) -> Option<std::ops::Range<usize>> {
        let (page, place) = self.find(subblock);
        let samples = 0..subblock.decoded_bytes() as usize;
        (decode::is_as_stored(page, place) && samples.end <= raw.bytes.len()).then_some(samples)
    }
}

impl Input for TiffStack {
    fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn identity(&self) -> Identity {
        self.source.identity()
    }

    fn fetch(&self, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
        read::fetch(self, scene, fields)
    }

    fn merging(&self) -> Merging {
        self.merging
    }

    fn decoding_bytes(&self) -> u64 {
        self.pages.iter().map(Page::decoding_bytes).max().unwrap_or(0)
    }

    fn decode(&self, subblock: &Subblock, raw: &RawSubblock) -> Result<Samples> {
        let (page, place) = self.find(subblock);
        decode::decode(page, place, &raw.bytes, &self.shared).map_err(|fault| match fault {
            Fault::Broken(what) => {
                Error::format(self.source.path(), format!("{subblock}: {what}"), subblock.offset)
            }
            Fault::Unsupported(what) => Error::unsupported(self.source.path(), format!("{subblock}: {what}")),
        })
    }

    fn visit(&self, subblock: &Subblock, raw: &RawSubblock, to: &mut dyn TakesRows) -> Result<()> {
        if let Some(samples) = self.as_stored(subblock, raw) {
            to.take(Rows { first: 0, pixels: Pixels::Plain(&raw.bytes[samples]) });
            return Ok(());
        }
        let samples = self.decode(subblock, raw)?;
        to.take(Rows { first: 0, pixels: Pixels::Plain(samples.as_bytes()) });
        samples.recycle();
        Ok(())
    }

    fn why_not_means(&self, scene: &Scene) -> Result<Option<String>> {
        levels::why_not_means(self, scene)
    }

    fn decode_field(&self, subblock: &Subblock, raw: RawSubblock) -> Result<FieldSamples> {
        if let Some(samples) = self.as_stored(subblock, &raw)
            && raw.bytes.is_alone()
        {
            let kind = subblock.pixel_type.sample_type();
            return Ok(FieldSamples::Stored { bytes: raw.bytes.into_part(samples), kind });
        }
        self.decode(subblock, &raw).map(FieldSamples::Decoded)
    }
}

#[cfg(test)]
mod tests;
