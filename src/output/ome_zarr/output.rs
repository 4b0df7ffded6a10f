//! The whole output: one image at the root, or a collection of several.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use zarrs::filesystem::FilesystemStore;

use super::image::{ImageWriter, Place, on_disk, storage_error};
use super::settings::Settings;
use super::version::{self, Version};
use super::{metadata, ome_xml};
use crate::error::{Error, Result};
use crate::output::layout::ImageLayout;
use crate::output::metadata::{ImageMetadata, with_described};
use crate::output::progress::Finished;
use crate::output::range::ChannelRange;
use crate::output::sink::{ImageSink, Output};
use crate::output::unfinished::{PartialFolder, Rules, Target, is_complete};
use crate::timeline::{Write, WriteLog};
use crate::written::{flush_folder, write_whole};

/// Any Zarr folder may be replaced, and an empty one.
const RULES: Rules = Rules {
    why_kept,
    identity: |folder| version::attributes(folder).map(|mut group| group["decon-gpu"]["identity"].take()),
};

/// An OME-Zarr folder that is being written: hidden until [`Self::finish`]. When it is dropped before, what is
/// finished stays, for a run that goes on with it.
///
/// One image lies at the root; several lie in groups `0`, `1`, … in bioformats2raw's layout, which viewers list.
#[derive(Debug)]
pub struct OmeZarr {
    folder: Arc<PartialFolder>,
    store: Arc<FilesystemStore>,
    settings: Settings,
    images: Vec<(ImageLayout, ImageMetadata)>,
    writers: Vec<ImageWriter>,
    provenance: Value,
    notes: Vec<Value>,
}

impl OmeZarr {
    /// Makes a hidden folder beside the target, with empty arrays, or takes over what an interrupted run left there.
    /// `provenance`, how the output was made, ends up in the root group's attribute `decon-gpu`; what is at its
    /// `identity` says of what the pixels are made. `writes` is told of every call on it. `None`: the output is there already, made of the same.
    ///
    /// # Errors
    /// `Option` when the target exists without leave to overwrite or is not a Zarr folder, or when what an interrupted
    /// run left is of something else, or is there and is not to be gone on with; `Io`.
    ///
    /// # Panics
    /// Without an image.
    pub fn create(
        target: &Target,
        settings: Settings,
        images: &[(ImageLayout, ImageMetadata)],
        provenance: &Value,
        writes: &Arc<WriteLog>,
    ) -> Result<Option<Self>> {
        assert!(!images.is_empty(), "an output has an image");
        let (identity, names) = (&provenance["identity"], std::slice::from_ref(&target.path));
        let is_complete = || is_complete(target, (names, RULES), identity);
        if target.resume && writes.time(Write::Look, &target.path, is_complete)? {
            return Ok(None);
        }
        let (folder, past) = PartialFolder::open(target, (names, RULES), identity, writes)?;
        folder.make(&folder.path(0))?;
        let store = FilesystemStore::new(folder.path(0))
            .map_err(|error| Error::option("--output", format!("{}: {error}", target.path.display())))?;
        let (folder, store) = (Arc::new(folder), Arc::new(store));
        let mut finished = vec![Finished::new(); images.len()];
        for ((image, level, index), stored) in past.shards {
            if let Some(finished) = finished.get_mut(image) {
                finished.insert((level, index), stored);
            }
        }
        let writers = images.iter().zip(finished).enumerate().map(|(i, ((layout, _), finished))| {
            let place = Place { number: i, group: &group(i, images.len()) };
            ImageWriter::create((&store, &folder), &place, layout, settings, finished)
        });
        let writers = writers.collect::<Result<_>>()?;
        let (images, provenance) = (images.to_vec(), provenance.clone());
        Ok(Some(Self { folder, store, settings, images, writers, provenance, notes: past.notes }))
    }

    fn write_metadata(&self, ranges: &[Vec<ChannelRange>], described: &Value) -> Result<()> {
        // Those of the arrays are of the first moment; anything may have become of them since.
        self.writers.iter().try_for_each(ImageWriter::write_metadata)?;
        let count = self.images.len();
        let provenance = ("decon-gpu".to_owned(), with_described(&self.provenance, described));
        let attributes = self.images.iter().zip(ranges);
        let attributes = attributes
            .map(|((layout, image), ranges)| metadata::image(self.version(), layout, image, ranges));
        if count > 1 {
            for (i, attributes) in attributes.enumerate() {
                self.write_group(&group(i, count), attributes)?;
            }
            self.write_group("/OME", metadata::series(self.version(), count))?;
            let xml = on_disk(&self.store, "/OME/METADATA.ome.xml");
            let document = ome_xml::document(&self.images);
            let write = || write_whole(&xml, |file| file.write_all(document.as_bytes()));
            self.folder.writes().time(Write::Whole, &xml, write)?;
            self.write_group(
                "/",
                metadata::collection(self.version()).into_iter().chain([provenance]).collect(),
            )?;
        } else {
            for attributes in attributes {
                self.write_group("/", attributes.into_iter().chain([provenance.clone()]).collect())?;
            }
        }
        Ok(())
    }

    fn version(&self) -> Version {
        self.settings.version
    }

    fn write_group(&self, path: &str, attributes: Map<String, Value>) -> Result<()> {
        let group = self.version().group(&self.store, path, attributes);
        let path = on_disk(&self.store, path);
        let written = self.folder.writes().time(Write::Whole, &path, || group.store_metadata());
        written.map_err(|error| storage_error(&path, error))
    }
}

impl Output for OmeZarr {
    fn notes(&self) -> &[Value] {
        &self.notes
    }

    fn note(&self, note: &Value) -> Result<()> {
        self.folder.record().note(note)
    }

    fn is_there(&self) -> bool {
        self.folder.check_there().is_ok()
    }

    fn image(&self, i: usize) -> &dyn ImageSink {
        &self.writers[i]
    }

    fn finish(&self, ranges: &[Vec<ChannelRange>], described: &Value) -> Result<Option<String>> {
        self.folder.check_there()?;
        self.writers.iter().try_for_each(ImageWriter::check_whole)?;
        self.write_metadata(ranges, described)?;
        let image = self.folder.path(0);
        self.folder.writes().time(Write::Flush, &image, || flush_folders(&image))?;
        self.folder.commit()
    }
}

fn why_kept(real: &Path) -> Result<Option<&'static str>> {
    if !real.is_dir() {
        return Ok(Some("is not a folder, so it is not replaced"));
    }
    let is_zarr = ["zarr.json", ".zgroup", ".zarray"].iter().any(|name| real.join(name).is_file());
    let mut entries = fs::read_dir(real).map_err(|error| Error::io(real, error))?;
    let is_kept = !is_zarr && entries.next().is_some();
    Ok(is_kept.then_some("is not a Zarr folder, so it is not replaced"))
}

/// Flushes the names of all that is below `folder`: once each is enough, as no name is given after.
fn flush_folders(folder: &Path) -> Result<()> {
    let io = |error| Error::io(folder, error);
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        if entry.file_type().map_err(io)?.is_dir() {
            flush_folders(&entry.path())?;
        }
    }
    flush_folder(folder).map_err(io)
}

/// Where image `i` of `count` lies.
fn group(i: usize, count: usize) -> String {
    if count == 1 { "/".to_owned() } else { format!("/{i}") }
}
