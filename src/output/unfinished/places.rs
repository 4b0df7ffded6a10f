//! The files or folders of an output: under names of the hidden folder while they are written, then under their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::difference::difference;
use super::target::Rules;
use crate::error::{Error, Result};

/// See the module.
#[derive(Debug)]
pub(super) struct Places {
    /// The hidden one.
    folder: PathBuf,
    places: Vec<PathBuf>,
    overwrite: bool,
    rules: Rules,
}

impl Places {
    /// # Panics
    /// Without a place.
    pub fn new(folder: &Path, places: Vec<PathBuf>, overwrite: bool, rules: Rules) -> Self {
        assert!(!places.is_empty(), "an output has a name");
        Self { folder: folder.to_owned(), places, overwrite, rules }
    }

    /// Where the first one will appear.
    pub fn first(&self) -> &Path {
        &self.places[0]
    }

    /// The `i`th one while it is written.
    pub fn unfinished(&self, i: usize) -> PathBuf {
        self.folder.join(numbered("image", i))
    }

    /// What had the name of the `i`th one, while this one takes its place.
    fn old(&self, i: usize) -> PathBuf {
        self.folder.join(numbered("old", i))
    }

    fn all(&self) -> impl Iterator<Item = (usize, &PathBuf)> {
        self.places.iter().enumerate()
    }

    /// Whether any of them is still hidden.
    pub fn are_hidden(&self) -> bool {
        self.all().any(|(i, _)| self.unfinished(i).exists())
    }

    /// Refuses where something is that must stay.
    ///
    /// # Errors
    /// `Option`.
    pub fn check_replaceable(&self) -> Result<()> {
        let there = self.places.iter().filter(|place| place.exists());
        there.into_iter().try_for_each(|place| self.rules.replaceable(place, self.overwrite).map(drop))
    }

    /// What has to go before anything is written anew: first what was written, then, after `between`, what stepped aside.
    ///
    /// # Errors
    /// `Io`, and those of `between`.
    pub fn clear(
        &self,
        remove: impl Fn(&Path) -> Result<()>,
        between: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.all().try_for_each(|(i, _)| remove(&self.unfinished(i)))?;
        between()?;
        self.all().try_for_each(|(i, _)| remove(&self.old(i)))
    }

    /// Gives each its name. What is to be overwritten steps aside first, and is removed with the hidden folder, so that a
    /// crash leaves the old ones, the new ones, or both there.
    ///
    /// # Errors
    /// `Io`; all is as it was then.
    pub fn give_names(&self, identity: &Value) -> Result<()> {
        let given = self.all().try_for_each(|(i, place)| self.give_name(i, place));
        given.or_else(|error| self.restore(Some(identity)).and(Err(error)))
    }

    fn give_name(&self, i: usize, place: &Path) -> Result<()> {
        let io = |error| Error::io(place, error);
        if place.exists() {
            if !self.overwrite {
                // It appeared while this one was written. On some systems a rename would replace it, were it empty.
                return Err(io(io::ErrorKind::AlreadyExists.into()));
            }
            fs::rename(place, self.old(i)).map_err(io)?;
        }
        fs::rename(self.unfinished(i), place).map_err(io)
    }

    /// Undoes names that were given while others were not: those that have theirs already, and were made of `identity`, are
    /// hidden again, and what stepped aside gets its name back.
    ///
    /// # Errors
    /// `Io`.
    pub fn restore(&self, identity: Option<&Value>) -> Result<()> {
        let is_half = self.are_hidden();
        for (i, place) in self.all() {
            let (unfinished, old) = (self.unfinished(i), self.old(i));
            let is_new = || {
                let made_of = identity.zip((self.rules.identity)(place));
                made_of.is_some_and(|(identity, before)| difference(&before, identity).is_none())
            };
            if is_half && !unfinished.exists() && is_new() {
                fs::rename(place, unfinished).map_err(|error| Error::io(place, error))?;
            }
            if place.symlink_metadata().is_err() && old.exists() {
                fs::rename(&old, place).map_err(|error| Error::io(old, error))?;
            }
        }
        Ok(())
    }
}

fn numbered(name: &str, i: usize) -> String {
    if i == 0 { name.to_owned() } else { format!("{name}-{i}") }
}
