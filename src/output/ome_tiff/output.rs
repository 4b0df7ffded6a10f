//! The whole output: a file for each image.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::image::TiffImage;
use super::made_here::RULES;
use super::settings::Settings;
use super::{directories, names, xml};
use crate::error::Result;
use crate::output::layout::ImageLayout;
use crate::output::metadata::{ImageMetadata, with_described};
use crate::output::progress::Finished;
use crate::output::range::ChannelRange;
use crate::output::sink::{ImageSink, Output};
use crate::output::unfinished::{PartialFolder, Target, is_complete};
use crate::pixels::SampleType;
use crate::timeline::WriteLog;

/// OME-TIFFs that are being written.
#[derive(Debug)]
pub struct OmeTiff {
    folder: Arc<PartialFolder>,
    images: Vec<TiffImage>,
    metadata: Vec<ImageMetadata>,
    provenance: Value,
    notes: Vec<Value>,
}

impl OmeTiff {
    /// Makes files in a hidden folder beside the target, or takes over what an interrupted run left there. The other
    /// arguments are those of [`Format::create`](crate::output::Format::create).
    ///
    /// # Errors
    /// As there; a file that is there is of another kind when this program did not write it.
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
        let identity = &provenance["identity"];
        let scenes: Vec<u32> = images.iter().map(|(_, metadata)| metadata.scene).collect();
        let names: Vec<PathBuf> = names::of_scenes(&target.path, &scenes);
        if target.resume && is_complete(target, (&names, RULES), identity)? {
            return Ok(None);
        }
        let (folder, past) = PartialFolder::open(target, (&names, RULES), identity, writes)?;
        let folder = Arc::new(folder);
        let mut finished = vec![Finished::new(); images.len()];
        for ((image, level, index), stored) in past.shards {
            if let Some(finished) = finished.get_mut(image) {
                finished.insert((level, index), stored);
            }
        }
        let made = images.iter().zip(finished).enumerate().map(|(i, ((layout, metadata), finished))| {
            // Floats are no colours that a viewer shows.
            let is_rgb = metadata.is_rgb && layout.sample() != SampleType::F32;
            TiffImage::create(&folder, i, (layout, is_rgb), settings.compression, finished)
        });
        let made = made.collect::<Result<_>>()?;
        let metadata = images.iter().map(|(_, metadata)| metadata.clone()).collect();
        Ok(Some(Self { folder, images: made, metadata, provenance: provenance.clone(), notes: past.notes }))
    }
}

impl Output for OmeTiff {
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
        &self.images[i]
    }

    fn finish(&self, _: &[Vec<ChannelRange>], described: &Value) -> Result<Option<String>> {
        self.folder.check_there()?;
        self.images.iter().try_for_each(TiffImage::check_whole)?;
        let provenance = with_described(&self.provenance, described);
        for (image, metadata) in self.images.iter().zip(&self.metadata) {
            directories::write(image, metadata, &xml::document(&image.shape, metadata, &provenance))?;
        }
        self.folder.commit()
    }
}
