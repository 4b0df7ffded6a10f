//! Files or folders that appear under their names only when all is complete, and outlive the process until then.
//!
//! Beside the target lies the hidden folder `.<name>.partial`:
//!
//! | entry | what it is |
//! |---|---|
//! | `image`, `image-1`, … | what will get the name, or the names ([`Places`]) |
//! | `record` | which shards of it are finished, and of what ([`Record`]) |
//! | `unnamed` | files that do not have their names yet; thrown away when the run goes on |
//! | `old`, `old-1`, … | an earlier output, while the new one takes its place |
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
use super::places::Places;
use super::record::{Past, Record};
use super::target::{Rules, Target, hidden_folder};
use crate::error::{Error, Result};
use crate::timeline::{Write, WriteLog};
use crate::written::{flush_folder, parent, resolved};

/// See the module.
#[derive(Debug)]
pub(in crate::output) struct PartialFolder {
    /// As messages call it.
    target: PathBuf,
    folder: PathBuf,
    places: Places,
    identity: Value,
    record: Record,
    writes: Arc<WriteLog>,
    /// Whether it stays when this is dropped.
    keep: AtomicBool,
}

impl PartialFolder {
    /// Makes the folder on the target's file system, or takes over what an interrupted run of the same `identity` left.
    /// `names`: of the files or folders of the output, in the target's folder; where these follow `rules` is theirs.
    ///
    /// # Errors
    /// `Option` when the target has no name, exists without leave to overwrite, is of another kind, or when
    /// there is an interrupted run that is not to go on, or cannot; `Io`, also when another process writes
    /// this output.
    pub fn open(
        target: &Target,
        (names, rules): (&[PathBuf], Rules),
        identity: &Value,
        writes: &Arc<WriteLog>,
    ) -> Result<(Self, Past)> {
        let Target { path, overwrite, resume } = target;
        // Of several, some may have got their names before a crash: those come back, before anyone looks.
        let (real, first): (Vec<PathBuf>, _) = match names {
            [alone] => {
                let real = writes.time(Write::Make, alone, || rules.real_place(alone, *overwrite))?;
                (vec![real.clone()], real)
            }
            several => (several.iter().map(|name| resolved(name)).collect(), resolved(path)),
        };
        let folder = hidden_folder(&first);
        let (record, mut past) = writes.time(Write::Make, &folder, || open_record(&folder, writes))?;
        let keep = !past.shards.is_empty();
        // An output that stepped aside may be in the folder.
        let partial = Self {
            target: first,
            places: Places::new(&folder, real, *overwrite, rules),
            identity: identity.clone(),
            folder,
            record,
            writes: Arc::clone(writes),
            keep: true.into(),
        };
        // Only now no other run gives or takes names here.
        let places = &partial.places;
        writes.time(Write::Name, &partial.target, || places.restore(past.identity.as_ref()))?;
        partial.keep.store(keep, Ordering::Relaxed);
        writes.time(Write::Look, &partial.target, || places.check_replaceable())?;
        if !writes.time(Write::Look, &partial.folder, || places.are_hidden()) {
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
        partial.make(&partial.unnamed())?;
        Ok((partial, past))
    }

    /// Where to write the `i`th file or folder.
    pub fn path(&self, i: usize) -> PathBuf {
        self.places.unfinished(i)
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

    /// Gives the output its name. A target to be overwritten steps aside first and is removed last, so that a crash
    /// leaves the old one, the new one, or both in the hidden folder. Says what could not be removed: the output is complete
    /// nevertheless.
    ///
    /// # Errors
    /// `Io`; the old target is then back.
    pub fn commit(&self) -> Result<Option<String>> {
        self.check_there()?;
        self.writes.time(Write::Name, &self.target, || self.places.give_names(&self.identity))?;
        let flush = || flush_folder(parent(self.places.first()));
        let flushed = self.writes.time(Write::Flush, self.places.first(), flush);
        flushed.map_err(|error| Error::io(self.places.first(), error))?;
        // From here on the folder's name may be another run's.
        self.keep();
        let kept = |error| {
            format!("the output is complete, and what is left beside it could not be removed: {error}")
        };
        Ok(self.remove(&self.folder).err().map(kept))
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
        let forget = || {
            self.record.restart(identity)?;
            self.keep.store(false, Ordering::Relaxed);
            self.remove(&self.unnamed())
        };
        self.places.clear(|path| self.remove(path), forget)
    }

    fn remove(&self, folder: &Path) -> Result<()> {
        self.writes.time(Write::Remove, folder, || remove_all(folder))
    }

    /// Makes a folder of the output, if it is not there.
    ///
    /// # Errors
    /// `Io`.
    pub fn make(&self, folder: &Path) -> Result<()> {
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

/// Whether the target is there and was made of the same; what is left beside it is removed then. `names` as for
/// [`PartialFolder::open`].
///
/// # Errors
/// `Option` when it is there, was made of something else, and may not be overwritten; `Io`.
pub(in crate::output) fn is_complete(
    target: &Target,
    (names, rules): (&[PathBuf], Rules),
    identity: &Value,
) -> Result<bool> {
    for name in names {
        let Some(before) = (rules.identity)(name) else { return Ok(false) };
        match difference(&before, identity) {
            None => {}
            Some(_) if target.overwrite => return Ok(false),
            Some(what) => {
                let there = format!("{} is there and was made of something else", name.display());
                return Err(Error::option(
                    "--resume",
                    format!("{there}: {what}; --overwrite would replace it"),
                ));
            }
        }
    }
    sweep_beside_complete(target).map(|()| true)
}

/// Removes what is left beside an output that is complete: of a run that was ended between giving it its name and
/// removing the hidden folder; and, with leave to overwrite, of a run that was to replace it. What cannot be removed
/// stays: the output is complete nevertheless.
///
/// # Errors
/// `Io`, also when another process writes there.
fn sweep_beside_complete(target: &Target) -> Result<()> {
    let folder = hidden_folder(&resolved(&target.path));
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

fn remove_all(path: &Path) -> Result<()> {
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(path),
        other => other,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
