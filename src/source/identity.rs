//! What tells one version of a source from another: so that bytes of two are never mixed, and a run that goes on later
//! knows that its input is still the same.

use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One file of an input whose pixels are in many, as it was when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRead {
    /// Among the files of the input.
    pub number: u64,
    /// [`Identity::checksum`]; `None` where nothing is stored.
    pub version: Option<u64>,
}

/// One version of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Bytes there are.
    pub size: u64,
    /// What changes with the bytes: when a file was modified, or the tag that a server gives; `None` where the storage
    /// has nothing of the kind.
    pub version: Option<String>,
}

impl Identity {
    /// Of a local file.
    pub fn of_file(metadata: &Metadata) -> Self {
        let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let version = since.map(|since| format!("modified {}.{:09}", since.as_secs(), since.subsec_nanos()));
        Self { size: metadata.len(), version }
    }

    /// FNV-1a of it, which is the same everywhere and always.
    pub fn checksum(&self) -> u64 {
        let size = self.size.to_le_bytes();
        let all = size.iter().chain(self.version.as_deref().unwrap_or_default().as_bytes());
        all.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Refuses a source that is `now` another than this: what was read before and what is read now do not belong
    /// together.
    ///
    /// # Errors
    /// `Io`, which no retry cures.
    pub fn check(&self, path: &Path, now: &Self) -> Result<()> {
        if self == now {
            return Ok(());
        }
        let how = if self.size == now.size {
            let text = |version: &Option<String>| version.clone().unwrap_or_else(|| "nothing".into());
            format!("{}, then {}", text(&self.version), text(&now.version))
        } else {
            format!("{} bytes, then {}", self.size, now.size)
        };
        let what = format!("changed while it was read ({how})");
        Err(Error::io(path, std::io::Error::new(std::io::ErrorKind::InvalidData, what)))
    }
}
