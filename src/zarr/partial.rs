//! A folder that appears under its name only when it is complete, and outlives the process until then.
//!
//! Beside the target lies the hidden folder `.<name>.partial`:
//!
//! | entry | what it is |
//! |---|---|
//! | `image` | what will get the name |
//! | `record` | which shards of it are finished, and of what ([`Record`]) |
//! | `unnamed` | files that do not have their names yet; thrown away when the run goes on |
//! | `old` | an earlier output, while the new one takes its place |
//!
//! It is removed when the output is complete, when a run fails before any shard is finished, and when a run that may
//! overwrite begins anew.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::identity;
use super::record::{Past, Record};
use crate::error::{Error, Result};
use crate::written::{flush_folder, parent};

/// With what the hidden folder's name has before and after it, this fits every file system in use (eCryptfs: 143).
const LONGEST_NAME_BYTES: usize = 134;
/// Letters of a longer name that are shown, of up to four bytes each.
const SHOWN_OF_NAME: usize = 30;

/// Where an output goes, and what may be done with what is there.
#[derive(Clone, Debug)]
pub struct Target {
    /// Of the OME-Zarr folder.
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

/// See the module.
#[derive(Debug)]
pub(super) struct PartialFolder {
    target: PathBuf,
    overwrite: bool,
    folder: PathBuf,
    record: Record,
    /// Whether it stays when this is dropped.
    keep: AtomicBool,
}

impl PartialFolder {
    /// Makes the folder on the target's file system, or takes over what an interrupted run of the same `identity` left.
    ///
    /// # Errors
    /// `Option` when the target has no name, exists without leave to overwrite, is something else than a Zarr folder,
    /// or when there is an interrupted run that is not to go on, or cannot; `Io`, also when another process writes
    /// this output.
    pub fn open(target: &Target, identity: &Value) -> Result<(Self, Past)> {
        let Target { path, overwrite, resume } = target;
        let folder = hidden_folder(path);
        restore_old(&folder, path)?;
        let real = match path.symlink_metadata() {
            Ok(_) => replaceable(path, *overwrite)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(Error::io(path, error)),
        };
        if real.file_name().is_none() {
            return Err(Error::option("--output", format!("{} is not the name of a folder", path.display())));
        }
        let folder = hidden_folder(&real);
        let made = match fs::create_dir(&folder) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(Error::io(parent(&real), error)),
        };
        let opened = Record::open(&folder.join("record"));
        if opened.is_err() && made {
            // The folder is empty: nothing is lost, and a failure to remove it is not what went wrong.
            let _ = fs::remove_dir(&folder);
        }
        let (record, mut past) = opened?;
        let keep = !past.shards.is_empty();
        let partial = Self { target: real, overwrite: *overwrite, folder, record, keep: keep.into() };
        if !partial.path().is_dir() {
            // Complete, and not removed yet; or only begun.
            past = Past::default();
        }
        if past.is_foreign && !overwrite {
            partial.keep();
            return Err(partial.foreign());
        }
        if !past.shards.is_empty() && !resume && !overwrite {
            return Err(partial.left_over(&past));
        }
        if let Some(before) = past.identity.as_ref().filter(|_| *resume && !past.shards.is_empty()) {
            partial.check_same(before, identity)?;
            remove_all(&partial.unnamed())?;
        } else {
            past = Past::default();
            partial.begin(identity)?;
        }
        partial.make(&partial.path())?;
        partial.make(&partial.unnamed())?;
        Ok((partial, past))
    }

    /// Where to write.
    pub fn path(&self) -> PathBuf {
        self.folder.join("image")
    }

    /// Where files lie that do not have their names yet.
    pub fn unnamed(&self) -> PathBuf {
        self.folder.join("unnamed")
    }

    /// Where it will appear.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// What is finished. From the first shard on, the folder stays until it is complete.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Something is finished that must not be lost.
    pub fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }

    /// Refuses to go on when someone has removed the folder: what was stored in it is gone, and what is written now would
    /// look complete.
    ///
    /// # Errors
    /// `Io`.
    pub fn check_there(&self) -> Result<()> {
        let record = self.folder.join("record");
        match record.symlink_metadata() {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io(record, error)),
        }
    }

    /// Gives the image its name. A target to be overwritten steps aside first and is removed last, so that a crash
    /// leaves the old one, the new one, or both in the hidden folder.
    ///
    /// # Errors
    /// `Io`; the old target is then back, except when only its removal failed.
    pub fn commit(&self) -> Result<()> {
        let (image, old) = (self.path(), self.folder.join("old"));
        let io = |error| Error::io(&self.target, error);
        flush_folder(&image).map_err(|error| Error::io(&image, error))?;
        if self.target.exists() {
            if !self.overwrite {
                // It appeared while this one was written. On some systems a rename would replace it, were it empty.
                return Err(io(io::ErrorKind::AlreadyExists.into()));
            }
            fs::rename(&self.target, &old).map_err(io)?;
        }
        if let Err(error) = fs::rename(&image, &self.target) {
            restore_old(&self.folder, &self.target)?;
            return Err(io(error));
        }
        flush_folder(parent(&self.target)).map_err(io)?;
        // From here on the folder's name may be another run's.
        self.keep();
        remove_all(&self.folder)
    }

    fn left_over(&self, past: &Past) -> Error {
        let finished = past.shards.len();
        Error::option(
            "--output",
            format!(
                "an interrupted run of {} is there, with {finished} shards finished; --resume goes on with it, \
                 --overwrite throws it away",
                self.target.display()
            ),
        )
    }

    fn foreign(&self) -> Error {
        Error::option(
            "--output",
            format!(
                "an interrupted run of {} is there, but its record is of another version of this program, or broken; \
                 --overwrite throws it away",
                self.target.display()
            ),
        )
    }

    fn check_same(&self, before: &Value, now: &Value) -> Result<()> {
        match identity::difference(before, now) {
            None => Ok(()),
            Some(what) => Err(Error::option(
                "--resume",
                format!(
                    "the interrupted run of {} made something else: {what}; --overwrite without --resume begins anew",
                    self.target.display()
                ),
            )),
        }
    }

    /// The image goes first: a record that a crash tears is one of nothing, and a shard that it names and that is not
    /// there any more is one that is not finished.
    fn begin(&self, identity: &Value) -> Result<()> {
        remove_all(&self.path())?;
        self.record.restart(identity)?;
        self.keep.store(false, Ordering::Relaxed);
        remove_all(&self.unnamed())?;
        remove_all(&self.folder.join("old"))
    }

    fn make(&self, folder: &Path) -> Result<()> {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::io(folder, error)),
            _ => Ok(()),
        }
    }
}

impl Drop for PartialFolder {
    fn drop(&mut self) {
        if !self.keep.load(Ordering::Relaxed) {
            // What went wrong before is being said; a folder that stays is found by the next run.
            let _ = remove_all(&self.folder);
        }
    }
}

/// Removes what is left beside an output that is complete: of a run that was ended between giving it its name and
/// removing the hidden folder; and, with leave to overwrite, of a run that was to replace it.
///
/// # Errors
/// `Io`, also when another process writes there.
pub(super) fn sweep_beside_complete(target: &Target) -> Result<()> {
    let folder = hidden_folder(&target.path.canonicalize().map_err(|error| Error::io(&target.path, error))?);
    if folder.join("image").exists() {
        if !target.overwrite {
            return Ok(());
        }
        // Held until the folder is gone.
        let _record = Record::open(&folder.join("record"))?;
        return remove_all(&folder);
    }
    remove_all(&folder)
}

/// The hidden folder in which `target` is made.
pub fn hidden_folder(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    if name.len() <= LONGEST_NAME_BYTES {
        let parts = [OsStr::new("."), name, OsStr::new(".partial")];
        return parent(target).join(parts.into_iter().collect::<OsString>());
    }
    let beginning: String = name.to_string_lossy().chars().take(SHOWN_OF_NAME).collect();
    let checksum = crc32fast::hash(name.as_encoded_bytes());
    parent(target).join(format!(".{beginning}-{checksum:08x}.partial"))
}

/// A crash between the two renames of [`PartialFolder::commit`]: the old one gets its name back.
fn restore_old(folder: &Path, target: &Path) -> Result<()> {
    let old = folder.join("old");
    if target.symlink_metadata().is_err() && old.is_dir() {
        fs::rename(&old, target).map_err(|error| Error::io(old, error))?;
    }
    Ok(())
}

fn remove_all(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(folder, error)),
        _ => Ok(()),
    }
}

/// The real place of a target that may be replaced.
fn replaceable(target: &Path, overwrite: bool) -> Result<PathBuf> {
    let refuse = |flag, what| Err(Error::option(flag, format!("{} {what}", target.display())));
    if !overwrite {
        return refuse("--output", "exists; --overwrite would replace it");
    }
    let real = target.canonicalize().map_err(|error| Error::io(target, error))?;
    let entries = |folder: &Path| fs::read_dir(folder).map_err(|error| Error::io(folder, error));
    if !real.is_dir() {
        return refuse("--overwrite", "is not a folder, so it is not replaced");
    }
    // A slip of the keyboard must not cost anyone a folder of theirs.
    let is_zarr = ["zarr.json", ".zgroup", ".zarray"].iter().any(|name| real.join(name).is_file());
    if !is_zarr && entries(&real)?.next().is_some() {
        return refuse("--overwrite", "is not a Zarr folder, so it is not replaced");
    }
    Ok(real)
}

#[cfg(test)]
#[path = "partial_tests.rs"]
mod tests;
