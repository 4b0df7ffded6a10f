//! The whole output: one image at the root, or a collection of several.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::GroupBuilder;

use super::image::{ImageWriter, on_disk, storage_error};
use super::layout::ImageLayout;
use super::metadata::{self, ImageMetadata};
use super::ome_xml;
use super::partial::PartialFolder;
use super::range::ChannelRange;
use crate::error::{Error, Result};

/// An OME-Zarr 0.5 folder that is being written: hidden until [`Self::finish`], gone when dropped before.
///
/// One image lies at the root; several lie in groups `0`, `1`, … in bioformats2raw's layout, which viewers list.
#[derive(Debug)]
pub struct OmeZarr {
    folder: PartialFolder,
    store: Arc<FilesystemStore>,
    images: Vec<(ImageLayout, ImageMetadata)>,
    writers: Vec<ImageWriter>,
    provenance: Value,
}

impl OmeZarr {
    /// Makes a hidden folder beside `target`, with empty arrays. `provenance`, how the output was made, ends up in
    /// the root group's attribute `decon-gpu`.
    ///
    /// # Errors
    /// `Option` when `target` exists without `overwrite` or is not a Zarr folder; `Io`.
    ///
    /// # Panics
    /// Without an image.
    pub fn create(
        target: &Path,
        overwrite: bool,
        images: &[(ImageLayout, ImageMetadata)],
        provenance: &Value,
    ) -> Result<Self> {
        assert!(!images.is_empty(), "an output has an image");
        let folder = PartialFolder::create(target, overwrite)?;
        let store = FilesystemStore::new(folder.path())
            .map_err(|error| Error::option("--output", format!("{}: {error}", target.display())))?;
        let store = Arc::new(store);
        let (images, provenance) = (images.to_vec(), provenance.clone());
        let writers = images
            .iter()
            .enumerate()
            .map(|(i, (layout, _))| ImageWriter::create(&store, &group(i, images.len()), layout));
        let writers = writers.collect::<Result<_>>()?;
        Ok(Self { folder, store, images, writers, provenance })
    }

    /// The writer of image `i`.
    pub fn image(&self, i: usize) -> &ImageWriter {
        &self.writers[i]
    }

    /// Writes the groups' metadata and gives the folder its name. `ranges`: of each image, each channel
    /// ([`Pyramid::ranges`](super::Pyramid::ranges)).
    ///
    /// # Errors
    /// `Io`, also when a shard was never stored: what is incomplete must not look complete.
    pub fn finish(self, ranges: &[Vec<ChannelRange>]) -> Result<()> {
        for (i, writer) in self.writers.iter().enumerate() {
            let (stored, expected) = (writer.stored(), writer.layout().shard_count());
            if stored != expected {
                let what = format!("incomplete: {stored} of {expected} shards of image {i} were stored");
                return Err(Error::io(self.folder.target(), io::Error::other(what)));
            }
        }
        let count = self.images.len();
        let provenance = ("decon-gpu".to_owned(), self.provenance.clone());
        let attributes = self.images.iter().zip(ranges);
        let attributes = attributes.map(|((layout, image), ranges)| metadata::image(layout, image, ranges));
        if count > 1 {
            for (i, attributes) in attributes.enumerate() {
                self.write_group(&group(i, count), attributes)?;
            }
            self.write_group("/OME", metadata::series(count))?;
            let xml = on_disk(&self.store, "/OME/METADATA.ome.xml");
            fs::write(&xml, ome_xml::document(&self.images)).map_err(|error| Error::io(xml, error))?;
            self.write_group("/", metadata::collection().into_iter().chain([provenance]).collect())?;
        } else {
            for attributes in attributes {
                self.write_group("/", attributes.into_iter().chain([provenance.clone()]).collect())?;
            }
        }
        self.folder.commit()
    }

    fn write_group(&self, path: &str, attributes: Map<String, Value>) -> Result<()> {
        let group = GroupBuilder::new().attributes(attributes).build(self.store.clone(), path);
        let group = group.expect("the paths are valid and the metadata has no extensions");
        group.store_metadata().map_err(|error| storage_error(&on_disk(&self.store, path), error))
    }
}

/// Where image `i` of `count` lies.
fn group(i: usize, count: usize) -> String {
    if count == 1 { "/".to_owned() } else { format!("/{i}") }
}
