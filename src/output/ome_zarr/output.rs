//! The whole output: one image at the root, or a collection of several.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use zarrs::filesystem::FilesystemStore;

use super::image::{Finished, ImageWriter, on_disk, storage_error};
use super::metadata::{self, ImageMetadata};
use super::ome_xml;
use super::version::{self, Version};
use crate::error::{Error, Result};
use crate::output::layout::ImageLayout;
use crate::output::range::ChannelRange;
use crate::output::unfinished::{PartialFolder, Target, difference, sweep_beside_complete};
use crate::timeline::{Write, WriteLog};
use crate::written::{flush_folder, write_whole};

/// An OME-Zarr folder that is being written: hidden until [`Self::finish`]. When it is dropped before, what is
/// finished stays, for a run that goes on with it.
///
/// One image lies at the root; several lie in groups `0`, `1`, … in bioformats2raw's layout, which viewers list.
#[derive(Debug)]
pub struct OmeZarr {
    folder: Arc<PartialFolder>,
    store: Arc<FilesystemStore>,
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
        images: &[(ImageLayout, ImageMetadata)],
        provenance: &Value,
        writes: &Arc<WriteLog>,
    ) -> Result<Option<Self>> {
        assert!(!images.is_empty(), "an output has an image");
        let identity = &provenance["identity"];
        if target.resume && is_complete(target, identity)? {
            return Ok(None);
        }
        let (folder, past) = PartialFolder::open(target, identity, writes)?;
        let store = FilesystemStore::new(folder.path())
            .map_err(|error| Error::option("--output", format!("{}: {error}", target.path.display())))?;
        let (folder, store) = (Arc::new(folder), Arc::new(store));
        let mut finished = vec![Finished::new(); images.len()];
        for ((image, level, index), stored) in past.shards {
            if let Some(finished) = finished.get_mut(image) {
                finished.insert((level, index), stored);
            }
        }
        let writers = images.iter().zip(finished).enumerate().map(|(i, ((layout, _), finished))| {
            let group = group(i, images.len());
            ImageWriter::create(&store, &folder, (i, &group), layout, finished)
        });
        let writers = writers.collect::<Result<_>>()?;
        let (images, provenance) = (images.to_vec(), provenance.clone());
        Ok(Some(Self { folder, store, images, writers, provenance, notes: past.notes }))
    }

    /// What earlier runs [noted](Self::note).
    pub fn notes(&self) -> &[Value] {
        &self.notes
    }

    /// Keeps `note` for a run that goes on after this one.
    ///
    /// # Errors
    /// `Io`.
    pub fn note(&self, note: &Value) -> Result<()> {
        self.folder.record().note(note)
    }

    /// Whether what was stored is still there.
    pub fn is_there(&self) -> bool {
        self.folder.check_there().is_ok()
    }

    /// The writer of image `i`.
    pub fn image(&self, i: usize) -> &ImageWriter {
        &self.writers[i]
    }

    /// Writes the groups' metadata and gives the folder its name. `ranges`: of each image, each channel
    /// ([`Pyramid::ranges`](crate::output::Pyramid::ranges)). `described` is added to how the output was made. Says what could not be
    /// removed of what lay beside it.
    ///
    /// # Errors
    /// `Io`, also when a shard was never stored or is there no longer: what is incomplete must not look complete.
    pub fn finish(&self, ranges: &[Vec<ChannelRange>], described: &Value) -> Result<Option<String>> {
        self.folder.check_there()?;
        self.writers.iter().try_for_each(ImageWriter::check_whole)?;
        self.write_metadata(ranges, described)?;
        let image = self.folder.path();
        self.folder.writes().time(Write::Flush, &image, || flush_folders(&image))?;
        self.folder.commit()
    }

    fn write_metadata(&self, ranges: &[Vec<ChannelRange>], described: &Value) -> Result<()> {
        // Those of the arrays are of the first moment; anything may have become of them since.
        self.writers.iter().try_for_each(ImageWriter::write_metadata)?;
        let count = self.images.len();
        let mut provenance = self.provenance.clone();
        for (key, value) in described.as_object().into_iter().flatten() {
            provenance[key] = value.clone();
        }
        let provenance = ("decon-gpu".to_owned(), provenance);
        let attributes = self.images.iter().zip(ranges);
        let attributes = attributes.map(|((layout, image), ranges)| metadata::image(layout, image, ranges));
        if count > 1 {
            for (i, attributes) in attributes.enumerate() {
                self.write_group(&group(i, count), attributes)?;
            }
            self.write_group("/OME", metadata::series(self.version(), count))?;
            let xml = on_disk(&self.store, "/OME/METADATA.ome.xml");
            write_whole(&xml, |file| file.write_all(ome_xml::document(&self.images).as_bytes()))?;
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
        self.images[0].0.encoding().version
    }

    fn write_group(&self, path: &str, attributes: Map<String, Value>) -> Result<()> {
        let group = self.version().group(&self.store, path, attributes);
        group.store_metadata().map_err(|error| storage_error(&on_disk(&self.store, path), error))
    }
}

/// Whether the target is there and was made of the same.
///
/// # Errors
/// `Option` when it is there, was made of something else, and may not be overwritten.
fn is_complete(target: &Target, identity: &Value) -> Result<bool> {
    let Some(attributes) = version::attributes(&target.path) else { return Ok(false) };
    let before = &attributes["decon-gpu"]["identity"];
    match difference(before, identity) {
        None => sweep_beside_complete(target).map(|()| true),
        Some(_) if target.overwrite => Ok(false),
        Some(what) => Err(Error::option(
            "--resume",
            format!(
                "{} is there and was made of something else: {what}; --overwrite would replace it",
                target.path.display()
            ),
        )),
    }
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
