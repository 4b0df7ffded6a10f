//! What is special about an OME-Zarr: its version, and how much work compression is given.

use super::version::Version;
use crate::error::{Error, Result};
use crate::output::layout::Cut;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Of OME-Zarr.
    pub version: Version,
    /// 1 (fast) to 22 (small); in 0.4 blosc's, to 9, of which level n is zstd's 2 n − 1.
    pub zstd_level: i32,
}

impl Default for Settings {
    /// zstd 1, as 3 took 1.2 to 3 times as long for files 8 to 11 % smaller with 16 bits, and no smaller with 8 bits or
    /// floats (4000² of fluorescence, of a stained slide and of smoothed nuclei, one core of two, 2026-11-23).
    fn default() -> Self {
        Self { version: Version::V05, zstd_level: 1 }
    }
}

impl Settings {
    /// Side of a chunk where the user does not say it: in 0.4 each is a file.
    pub(in crate::output) fn default_chunk_px(self) -> u32 {
        match self.version {
            Version::V04 => 512,
            Version::V05 => 256,
        }
    }

    /// What becomes of a `cut` that is asked for: in 0.4 there are no shards, each chunk is a file.
    ///
    /// # Errors
    /// `Option` when this version has no such chunks, shards or compression.
    pub fn cut(self, cut: Cut) -> Result<Cut> {
        let best = self.version.best_level();
        if !(1..=best).contains(&self.zstd_level) {
            let reason = format!("{} must be from 1 to {best}", self.zstd_level);
            return Err(Error::option("--zstd-level", reason));
        }
        match self.version {
            Version::V05 => Ok(cut),
            Version::V04 if !cut.chunk_px.is_multiple_of(2) => {
                Err(Error::option("--chunk", format!("{} must be even in OME-Zarr 0.4", cut.chunk_px)))
            }
            Version::V04 if cut.shard_px != cut.chunk_px => {
                Err(Error::option("--shard", "OME-Zarr 0.4 has no shards: each chunk is a file"))
            }
            Version::V04 => Ok(Cut { shard_times: 1, shard_slices: 1, ..cut }),
        }
    }
}
