//! What a command reads and what it writes, and that these are not the same.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::IsKind;
use super::place::{Key, Place, is_open_file, parent};
use crate::error::{Error, Result};
use crate::timeline::{Write, WriteLog};

/// What a command reads and writes, known before it reads anything.
#[derive(Debug, Default)]
pub struct Footprint {
    entries: Vec<Entry>,
    log: Arc<WriteLog>,
}

#[derive(Debug)]
struct Entry {
    /// As messages call it: a flag, or the input.
    what: String,
    path: PathBuf,
    place: Place,
    purpose: Purpose,
}

/// What is done with it.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Reads,
    WritesFile(IsKind),
    WritesFolder,
}

impl Footprint {
    /// Nothing yet. `log` is told of every look at a file or folder.
    pub fn told_to(log: &Arc<WriteLog>) -> Self {
        Self { log: Arc::clone(log), ..Self::default() }
    }

    /// `path` is read because of `what`: a flag, or `the input`.
    pub fn reads(&mut self, what: &str, path: &Path) {
        self.add(what, path, Purpose::Reads);
    }

    /// The file `path` is written because of the flag `what`; one that is there is replaced when it `is_one` of the same kind.
    pub fn writes(&mut self, what: &str, path: &Path, is_one: IsKind) {
        self.add(what, path, Purpose::WritesFile(is_one));
    }

    /// The folder `path` is written because of the flag `what`.
    pub fn writes_folder(&mut self, what: &str, path: &Path) {
        self.add(what, path, Purpose::WritesFolder);
    }

    fn add(&mut self, what: &str, path: &Path, purpose: Purpose) {
        let entry = self.entry(what, path, purpose);
        self.entries.push(entry);
    }

    fn entry(&self, what: &str, path: &Path, purpose: Purpose) -> Entry {
        let place = self.log.time(Write::Look, path, || Place::of(path));
        Entry { what: what.to_owned(), path: path.to_owned(), place, purpose }
    }

    /// Refuses to go on where the file `path`, which `what` turns out to need, is or lies in what is written.
    ///
    /// # Errors
    /// `Option` with the flag that writes it.
    pub fn also_reads(&self, what: &str, path: &Path) -> Result<()> {
        let read = self.entry(what, path, Purpose::Reads);
        let (itself, above) = (read.place.keys(), read.place.keys_above());
        self.entries.iter().filter(|entry| entry.is_written()).try_for_each(|entry| {
            let has = |keys: &[Key]| entry.place.keys().iter().any(|key| keys.contains(key));
            match (has(itself), has(above)) {
                (true, _) => Err(entry.clash("is", &read)),
                (_, true) => Err(entry.clash("holds", &read)),
                _ => Ok(()),
            }
        })
    }

    /// Refuses what would destroy something, and a file that could not be written at the end.
    ///
    /// # Errors
    /// `Option` with the flag that writes it.
    pub fn check(&self) -> Result<()> {
        let (mut themselves, mut above) = (Index::new(), Index::new());
        for (i, entry) in self.entries.iter().enumerate() {
            entry.place.keys().iter().for_each(|key| themselves.entry(key).or_default().push(i));
            entry.place.keys_above().iter().for_each(|key| above.entry(key).or_default().push(i));
        }
        for (i, entry) in self.entries.iter().enumerate().filter(|(_, entry)| entry.is_written()) {
            // Of two that are written, the later one is told of.
            let first = |keys: &[Key], index: &Index<'_>| {
                let others = keys.iter().filter_map(|key| index.get(key)).flatten();
                let mut others = others.map(|&k| (k, &self.entries[k]));
                others.find(|(k, other)| *k < i || !other.is_written()).map(|(_, other)| other)
            };
            let is = first(entry.place.keys(), &themselves).map(|other| entry.clash("is", other));
            let holds = || first(entry.place.keys(), &above).map(|other| entry.clash("holds", other));
            let lies_in =
                || first(entry.place.keys_above(), &themselves).map(|other| entry.clash("lies in", other));
            if let Some(error) = is.or_else(holds).or_else(lies_in) {
                return Err(error);
            }
        }
        let try_out = |entry: &Entry| self.log.time(Write::Look, &entry.path, || entry.try_out());
        self.entries.iter().try_for_each(try_out)
    }
}

/// Which entries have a key.
type Index<'a> = HashMap<&'a Key, Vec<usize>>;

impl Entry {
    fn is_written(&self) -> bool {
        !matches!(self.purpose, Purpose::Reads)
    }

    /// This one `is`, `holds` or `lies in` the `other`.
    fn clash(&self, how: &str, other: &Self) -> Error {
        let what = match other.purpose {
            Purpose::Reads if other.what.starts_with('-') => format!("what {} reads", other.what),
            Purpose::Reads => other.what.clone(),
            Purpose::WritesFile(_) | Purpose::WritesFolder => format!("what {} writes", other.what),
        };
        let which = if how == "is" { String::new() } else { format!(", {}", other.path.display()) };
        let reason = format!("{} {how} {what}{which}; choose another place", self.path.display());
        Error::option(&self.what, reason)
    }

    /// A folder is tried where it is made.
    fn try_out(&self) -> Result<()> {
        let Purpose::WritesFile(is_one) = self.purpose else { return Ok(()) };
        let failed =
            |path: &Path, error: io::Error| Error::option(&self.what, format!("{}: {error}", path.display()));
        let refused =
            |reason: &str| Err(Error::option(&self.what, format!("{} {reason}", self.path.display())));
        match fs::metadata(&self.path) {
            Ok(there) if there.is_dir() => return refused("is a folder; a file is to be written"),
            // A pipe, a device: there is no place beside it.
            Ok(there) if !there.is_file() || is_open_file(&self.path) => return Ok(()),
            Ok(there) if there.len() == 0 => {}
            Ok(_) => match is_one(&self.path) {
                Ok(true) => {}
                Ok(false) => {
                    return refused(
                        "is there and of another kind, so it is not replaced; choose another name",
                    );
                }
                Err(error) => return Err(failed(&self.path, error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&self.path, error)),
        }
        let folder = parent(&self.place.path);
        tempfile::tempfile_in(folder).map(drop).map_err(|error| failed(folder, error))
    }
}
