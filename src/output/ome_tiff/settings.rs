//! What is special about an OME-TIFF: how its tiles are compressed and cut.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::output::layout::Cut;

/// How tiles are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// zlib, which every program reads.
    #[default]
    Deflate,
    /// Zstandard: faster and smaller; Bio-Formats and libvips read it, older programs do not.
    Zstd,
    /// What the oldest programs read; 16 bits may get larger.
    Lzw,
    /// Not at all.
    None,
}

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Of the tiles.
    pub compression: Compression,
}

impl Settings {
    /// Side of a tile where the user does not say it: what QuPath and bfconvert write.
    pub(in crate::output) const TILE_PX: u32 = 512;
    /// Sides of tiles are multiples of this (TIFF 6.0, section 15).
    pub(super) const TILE_STEP_PX: u64 = 16;

    /// What becomes of a `cut` that is asked for.
    ///
    /// # Errors
    /// `Option` when a TIFF has no such tiles.
    pub fn cut(self, cut: Cut) -> Result<Cut> {
        if !u64::from(cut.chunk_px).is_multiple_of(Self::TILE_STEP_PX) {
            let reason = format!("{} must be a multiple of 16 pixels, as tiles of a TIFF are", cut.chunk_px);
            return Err(Error::option("--chunk", reason));
        }
        Ok(cut)
    }
}
