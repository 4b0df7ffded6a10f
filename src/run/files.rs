//! The files of an input that has many: which were read, so that a run that goes on finds them as they were, and which are
//! not stored, so that nobody takes the fill value for what was measured.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Work;
use super::counted::Note;
use crate::dataset::Input;
use crate::error::{Error, Result};
use crate::source::FileRead;
use crate::timeline::Write;

/// What is waited for while another thread notes what it read.
const RECORD: &str = "the record of the files that were read";

/// What is known of them.
#[derive(Debug, Default)]
pub struct InputFiles(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Of those that were read; `None` where nothing is stored.
    versions: HashMap<u64, Option<u64>>,
    /// Of them, those of which the record does not know.
    unnoted: Vec<FileRead>,
}

impl InputFiles {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of an earlier run, from its record: files that have changed since are refused where that can be seen without
    /// reading them, and else when they are read again.
    ///
    /// # Errors
    /// `Option`, `Io`.
    pub fn take_over(&self, read: &[FileRead], input: &dyn Input) -> Result<()> {
        for file in read {
            if input.has_changed(*file)? == Some(true) {
                let name = input.file_name(file.number);
                let reason =
                    format!("{} has changed since it was read; --overwrite begins anew", name.display());
                return Err(Error::option("--resume", reason));
            }
        }
        self.lock().versions.extend(read.iter().map(|file| (file.number, file.version)));
        Ok(())
    }

    /// Those that were read, and those of them that are not stored.
    pub fn counts(&self) -> (u64, u64) {
        let known = self.lock();
        let absent = known.versions.values().filter(|version| version.is_none()).count();
        (known.versions.len() as u64, absent as u64)
    }
}

impl Work<'_> {
    /// Notes what was read, before any shard that is made of it is finished.
    ///
    /// # Errors
    /// `Io`, also for a file that was read before and is another now.
    pub(super) fn note_files(&self, read: Vec<FileRead>) -> Result<()> {
        if read.is_empty() {
            return Ok(());
        }
        // Whoever has it may wait for the storage of the record.
        let lock = || self.tally.files().lock();
        let mut known = self.job.timeline.writes().time(Write::Bytes, Path::new(RECORD), lock);
        for file in read {
            match known.versions.insert(file.number, file.version) {
                None => known.unnoted.push(file),
                Some(before) if before == file.version => {}
                Some(_) => {
                    let changed =
                        io::Error::new(io::ErrorKind::InvalidData, "changed after it was read before");
                    return Err(Error::io(self.job.input.file_name(file.number), changed));
                }
            }
        }
        // Others wait meanwhile, or theirs might be finished before it is noted of what they are made.
        if !self.output.keeps_pixels() || known.unnoted.is_empty() {
            return Ok(());
        }
        self.output.note(&super::json(&Note::Read(std::mem::take(&mut known.unnoted))))
    }
}
