//! What flags say together.

use super::{BackendChoice, Options, PerChannel};
use crate::decon::Precision;
use crate::error::{Error, Result};
use crate::output::{Kind, Version};

impl Options {
    /// With the values that depend on others filled in.
    ///
    /// # Errors
    /// `Option` for what one flag says against another.
    pub fn checked(mut self) -> Result<Self> {
        self.check_repeats()?;
        let is_zarr = self.format.unwrap_or_default() == Kind::OmeZarr;
        if is_zarr && self.tiff_compression.is_some() {
            let reason = "is for an OME-TIFF: name the output NAME.ome.tif, or give --format ome-tiff";
            return Err(Error::option("--tiff-compression", reason));
        }
        let is_old = is_zarr && self.ome_zarr == Version::V04;
        if is_old && self.shard.is_some_and(|shard| Some(shard) != self.chunk) {
            return Err(Error::option(
                "--shard",
                "OME-Zarr 0.4 has no shards: each chunk is a file (--chunk)",
            ));
        }
        if self.stopping.until.is_some() && self.iterations == 0 {
            return Err(Error::option("--until", "--iterations 0 leaves nothing to stop"));
        }
        if !self.read_noise.is_empty() && self.offset.is_empty() && self.darkfield.is_empty() {
            let reason =
                "is noise about the camera's offset, which nothing says: give --offset, or a --darkfield";
            return Err(Error::option("--read-noise", reason));
        }
        if (self.backend, self.precision) == (BackendChoice::Cpu, Precision::F16) {
            return Err(Error::option(
                "--precision",
                "f16 is for a GPU; --backend cpu keeps everything in f32",
            ));
        }
        let chunk = self.chunk_px();
        self.chunk = Some(chunk);
        if is_old {
            self.shard = Some(chunk);
        }
        Ok(self)
    }

    /// Side of a chunk in pixels.
    pub fn chunk_px(&self) -> u32 {
        self.chunk.unwrap_or_else(|| self.format().default_chunk_px())
    }

    /// Channels that have values and are not there.
    ///
    /// # Errors
    /// `Option` that names the flag which gives a value to a channel from `channels` on.
    pub fn check_channels(&self, channels: u32) -> Result<()> {
        for (flag, named) in self.named_channels() {
            if let Some(channel) = named.into_iter().flatten().find(|&channel| channel >= channels) {
                let reason = format!("channel {channel} is not there; the file has {channels} (from 0)");
                return Err(Error::option(flag, reason));
            }
        }
        Ok(())
    }

    fn check_repeats(&self) -> Result<()> {
        for (flag, named) in self.named_channels() {
            if let Some(i) = (1..named.len()).find(|&i| named[..i].contains(&named[i])) {
                let of = named[i].map_or_else(String::new, |channel| format!(" for channel {channel}"));
                return Err(Error::option(flag, format!("a value{of} is given twice")));
            }
        }
        Ok(())
    }

    /// Flags with values for channels, and which they name.
    fn named_channels(&self) -> [(&'static str, Vec<Option<u32>>); 10] {
        [
            ("--psf", self.psf.channels()),
            ("--flatfield", self.flatfield.channels()),
            ("--darkfield", self.darkfield.channels()),
            ("--background", self.background.channels()),
            ("--offset", self.offset.channels()),
            ("--read-noise", self.read_noise.channels()),
            ("--psf-background", self.psf_background.channels()),
            ("--na", self.na.channels()),
            ("--immersion-index", self.immersion_index.channels()),
            ("--emission-nm", self.emission_nm.channels()),
        ]
    }
}
