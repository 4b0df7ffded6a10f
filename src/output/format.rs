//! Which format an output has, and what follows from that before anything is written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::layout::{Cut, ImageLayout};
use super::metadata::ImageMetadata;
use super::ome_tiff::{self, OmeTiff, is_tiff_name};
use super::ome_zarr::{self, OmeZarr};
use super::sink::Output;
use super::unfinished::{Target, hidden_folder};
use crate::error::Result;
use crate::timeline::WriteLog;
use crate::written::Footprint;

/// A format, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A folder.
    OmeZarr(ome_zarr::Settings),
    /// A file for each scene.
    OmeTiff(ome_tiff::Settings),
}

/// Which format, whatever its settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A folder for all scenes
    #[default]
    OmeZarr,
    /// A file for each scene, with its pyramid
    OmeTiff,
}

/// What an output holds in memory beside the shards that are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Channels whose shards are encoded together: the others wait for the last.
    pub joined_channels: u32,
    /// For each chunk of each level, until the output is complete.
    pub bytes_per_chunk: u64,
}

impl Kind {
    /// What the name of `path` says.
    pub fn of_path(path: &Path) -> Self {
        if is_tiff_name(path) { Self::OmeTiff } else { Self::OmeZarr }
    }

    /// What names of this kind end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::OmeZarr => "ome.zarr",
            Self::OmeTiff => "ome.tif",
        }
    }

    /// Adds the output `target` that the flag `flag` names to what a command writes, and the hidden folder in which it is
    /// made.
    pub fn add_to(self, footprint: &mut Footprint, flag: &str, target: &Path) {
        // Whether what is there may be replaced, and whether there is a place, is seen where the output is made.
        footprint.writes_folder(flag, target);
        // Beside what a link leads to.
        let real = target.canonicalize();
        footprint.writes_folder(flag, &hidden_folder(real.as_deref().unwrap_or(target)));
    }
}

impl Format {
    /// Side of a chunk where the user does not say it.
    pub fn default_chunk_px(self) -> u32 {
        match self {
            Self::OmeZarr(settings) => settings.default_chunk_px(),
            Self::OmeTiff(_) => ome_tiff::Settings::TILE_PX,
        }
    }

    /// What is opened of an output at `path` to see its images, which are of these `scenes`, as the input counts them.
    pub fn places(self, path: &Path, scenes: &[u32]) -> Vec<PathBuf> {
        match self {
            Self::OmeZarr(_) if scenes.len() > 1 => {
                (0..scenes.len()).map(|i| path.join(i.to_string())).collect()
            }
            Self::OmeZarr(_) => vec![path.to_owned()],
            Self::OmeTiff(_) => ome_tiff::files_of_scenes(path, scenes),
        }
    }

    /// What it holds in memory for an image; `is_rgb` as in [`ImageMetadata`].
    pub fn needs(self, is_rgb: bool) -> Needs {
        match self {
            Self::OmeZarr(_) => Needs { joined_channels: 1, bytes_per_chunk: 0 },
            Self::OmeTiff(_) => Needs { joined_channels: if is_rgb { 3 } else { 1 }, bytes_per_chunk: 16 },
        }
    }

    /// What becomes of a `cut` that is asked for.
    ///
    /// # Errors
    /// `Option` when the format has no such chunks, shards or compression.
    pub fn cut(self, cut: Cut) -> Result<Cut> {
        match self {
            Self::OmeZarr(settings) => settings.cut(cut),
            Self::OmeTiff(settings) => settings.cut(cut),
        }
    }

    /// Makes an output at `target`, or takes over what an interrupted run left there. `provenance`, how it is made, is kept
    /// in it; what is at its `identity` says of what the pixels are made. `writes` is told of every call on it. `None`: the
    /// output is there already, made of the same.
    ///
    /// # Errors
    /// `Option` when the target exists without leave to overwrite or is of another kind, or when what an interrupted run
    /// left is of something else, or is there and is not to be gone on with; `Io`.
    pub fn create(
        self,
        target: &Target,
        images: &[(ImageLayout, ImageMetadata)],
        provenance: &Value,
        writes: &Arc<WriteLog>,
    ) -> Result<Option<Box<dyn Output>>> {
        match self {
            Self::OmeZarr(settings) => {
                let made = OmeZarr::create(target, settings, images, provenance, writes)?;
                Ok(made.map(|output| Box::new(output) as Box<dyn Output>))
            }
            Self::OmeTiff(settings) => {
                let made = OmeTiff::create(target, settings, images, provenance, writes)?;
                Ok(made.map(|output| Box::new(output) as Box<dyn Output>))
            }
        }
    }
}
