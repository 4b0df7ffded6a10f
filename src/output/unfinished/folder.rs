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

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::difference::difference;
use super::record::{Past, Record};
use crate::error::{Error, Result};
use crate::timeline::{Write, WriteLog};
use crate::written::{flush_folder, parent, resolved};

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
pub(in crate::output) struct PartialFolder {
    target: PathBuf,
    overwrite: bool,
    folder: PathBuf,
    record: Record,
    writes: Arc<WriteLog>,
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
    pub fn open(target: &Target, identity: &Value, writes: &Arc<WriteLog>) -> Result<(Self, Past)> {
        let Target { path, overwrite, resume } = target;
        let real = writes.time(Write::Make, path, || real_place(path, *overwrite))?;
        let folder = hidden_folder(&real);
        let (record, mut past) = writes.time(Write::Make, &folder, || open_record(&folder, writes))?;
        let keep = !past.shards.is_empty();
        // An output that stepped aside may be in the folder.
        let partial = Self {
            target: real,
            overwrite: *overwrite,
            folder,
            record,
            writes: Arc::clone(writes),
            keep: true.into(),
        };
        // Only now no other run gives or takes names here.
        partial.restore_old()?;
        partial.keep.store(keep, Ordering::Relaxed);
        if partial.target.exists() {
            replaceable(&partial.target, *overwrite)?;
        }
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
            partial.remove(&partial.unnamed())?;
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

    /// Who is told of every call on the output.
    pub fn writes(&self) -> &WriteLog {
        &self.writes
    }

    /// What is finished. From the first shard on, the folder stays until it is complete.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Something is finished that must not be lost.
    pub fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }

    /// Refuses to go on when someone has removed the folder, or another run has made one in its place: what was stored is
    /// gone, and what is written now would look complete.
    ///
    /// # Errors
    /// `Io`.
    pub fn check_there(&self) -> Result<()> {
        self.record.check_there()
    }

    /// Gives the image its name. A target to be overwritten steps aside first and is removed last, so that a crash
    /// leaves the old one, the new one, or both in the hidden folder. Says what could not be removed: the output is complete
    /// nevertheless.
    ///
    /// # Errors
    /// `Io`; the old target is then back.
    pub fn commit(&self) -> Result<Option<String>> {
        let (image, old) = (self.path(), self.folder.join("old"));
        let io = |error| Error::io(&self.target, error);
        self.check_there()?;
        if self.target.exists() {
            if !self.overwrite {
                // It appeared while this one was written. On some systems a rename would replace it, were it empty.
                return Err(io(io::ErrorKind::AlreadyExists.into()));
            }
            fs::rename(&self.target, &old).map_err(io)?;
        }
        if let Err(error) = fs::rename(&image, &self.target) {
            self.restore_old()?;
            return Err(io(error));
        }
        self.writes.time(Write::Flush, &self.target, || flush_folder(parent(&self.target))).map_err(io)?;
        // From here on the folder's name may be another run's.
        self.keep();
        let kept = |error| {
            format!("the output is complete, and what is left beside it could not be removed: {error}")
        };
        Ok(self.remove(&self.folder).err().map(kept))
    }

    /// A crash between the two renames of [`Self::commit`]: the old one gets its name back.
    fn restore_old(&self) -> Result<()> {
        let old = self.folder.join("old");
        if self.target.symlink_metadata().is_err() && old.is_dir() {
            fs::rename(&old, &self.target).map_err(|error| Error::io(old, error))?;
        }
        Ok(())
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
        match difference(before, now) {
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
        self.remove(&self.path())?;
        self.record.restart(identity)?;
        self.keep.store(false, Ordering::Relaxed);
        self.remove(&self.unnamed())?;
        self.remove(&self.folder.join("old"))
    }

    fn remove(&self, folder: &Path) -> Result<()> {
        self.writes.time(Write::Remove, folder, || remove_all(folder))
    }

    fn make(&self, folder: &Path) -> Result<()> {
        match self.writes.time(Write::Make, folder, || fs::create_dir(folder)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::io(folder, error)),
            _ => Ok(()),
        }
    }
}

impl Drop for PartialFolder {
    fn drop(&mut self) {
        if !self.keep.load(Ordering::Relaxed) && self.check_there().is_ok() {
            // What went wrong before is being said; a folder that stays is found by the next run.
            let _ = self.remove(&self.folder);
        }
    }
}

/// Removes what is left beside an output that is complete: of a run that was ended between giving it its name and
/// removing the hidden folder; and, with leave to overwrite, of a run that was to replace it. What cannot be removed
/// stays: the output is complete nevertheless.
///
/// # Errors
/// `Io`, also when another process writes there.
pub(in crate::output) fn sweep_beside_complete(target: &Target) -> Result<()> {
    let folder = hidden_folder(&target.path.canonicalize().map_err(|error| Error::io(&target.path, error))?);
    let is_of_another = folder.join("image").exists();
    if is_of_another && !target.overwrite {
        return Ok(());
    }
    // Held until the folder is gone.
    let _record = is_of_another.then(|| Record::open(&folder.join("record"), &Arc::default())).transpose()?;
    // The run that left it has said so.
    let _ = remove_all(&folder);
    Ok(())
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

/// Where a target is, or will be: beside what a link leads to.
fn real_place(path: &Path, overwrite: bool) -> Result<PathBuf> {
    let real = match path.symlink_metadata() {
        Ok(_) if path.exists() => return replaceable(path, overwrite),
        Ok(_) => resolved(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(Error::io(path, error)),
    };
    match real.file_name() {
        Some(_) => Ok(real),
        None => Err(Error::option("--output", format!("{} is not the name of a folder", path.display()))),
    }
}

/// The record in `folder`, which is made where it is not there.
fn open_record(folder: &Path, writes: &Arc<WriteLog>) -> Result<(Record, Past)> {
    let made = match fs::create_dir(folder) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(Error::io(parent(folder), error)),
    };
    if !folder.is_dir() {
        let reason =
            format!("{} is in the way: the output is made in a folder of this name", folder.display());
        return Err(Error::option("--output", reason));
    }
    let opened = Record::open(&folder.join("record"), writes);
    if opened.is_err() && made {
        // The folder is empty: nothing is lost, and a failure to remove it is not what went wrong.
        let _ = fs::remove_dir(folder);
    }
    opened
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
#[path = "folder_tests.rs"]
mod tests;
