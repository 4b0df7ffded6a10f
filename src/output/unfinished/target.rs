//! Where an output goes, and what of what is there may be replaced.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::written::{parent, resolved};

/// With what the hidden folder's name has before and after it, this fits every file system in use (eCryptfs: 143).
const LONGEST_NAME_BYTES: usize = 134;
/// Letters of a longer name that are shown, of up to four bytes each.
const SHOWN_OF_NAME: usize = 30;

/// Where an output goes, and what may be done with what is there.
#[derive(Clone, Debug)]
pub struct Target {
    /// Of the file or folder; of several files, the name that theirs are made of.
    pub path: PathBuf,
    /// An output that is there is replaced, an interrupted one too.
    pub overwrite: bool,
    /// An interrupted run goes on.
    pub resume: bool,
}

impl Target {
    /// Nothing is replaced or gone on with.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), overwrite: false, resume: false }
    }
}

/// What has to be known of a format to take the place of what is there.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) struct Rules {
    /// Why what is at a path is not replaced, whatever the user says: a slip of the keyboard must not cost anyone what is
    /// theirs. `None`: it may be.
    pub why_kept: fn(&Path) -> Result<Option<&'static str>>,
    /// Of what a complete output was made; `None` where that does not say it.
    pub identity: fn(&Path) -> Option<Value>,
}

impl Rules {
    /// The real place of a target that may be replaced.
    pub fn replaceable(&self, target: &Path, overwrite: bool) -> Result<PathBuf> {
        let refuse = |flag, what| Err(Error::option(flag, format!("{} {what}", target.display())));
        if !overwrite {
            return refuse("--output", "exists; --overwrite would replace it");
        }
        let real = target.canonicalize().map_err(|error| Error::io(target, error))?;
        match (self.why_kept)(&real)? {
            Some(why) => refuse("--overwrite", why),
            None => Ok(real),
        }
    }

    /// Where a target is, or will be: beside what a link leads to.
    pub fn real_place(&self, path: &Path, overwrite: bool) -> Result<PathBuf> {
        let real = match path.symlink_metadata() {
            Ok(_) if path.exists() => return self.replaceable(path, overwrite),
            Ok(_) => resolved(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(Error::io(path, error)),
        };
        match real.file_name() {
            Some(_) => Ok(real),
            None => Err(Error::option("--output", format!("{} is not the name of a folder", path.display()))),
        }
    }
}

/// The hidden folder in which `target` is made.
pub fn hidden_folder(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    // The crate `zarrs` takes text only.
    if let Some(text) = name.to_str().filter(|text| text.len() <= LONGEST_NAME_BYTES) {
        return parent(target).join(format!(".{text}.partial"));
    }
    let beginning: String = name.to_string_lossy().chars().take(SHOWN_OF_NAME).collect();
    let checksum = crc32fast::hash(name.as_encoded_bytes());
    parent(target).join(format!(".{beginning}-{checksum:08x}.partial"))
}
