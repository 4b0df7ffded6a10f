//! Keeps what the page of a run shows of each file, while another report shows the events.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::{Event, Pictures, Report, Summary};
use crate::decon::{Field, FinishedTile};
use crate::job::Job;

/// See the module.
pub struct Keeper<'a> {
    shows: &'a dyn Report,
    files: Mutex<Vec<Kept>>,
}

/// Of one file.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What people call it.
    pub name: PathBuf,
    /// How its output was made.
    pub provenance: Value,
    /// Sentences for the user.
    pub notes: Vec<String>,
    /// 0 when nothing was deconvolved.
    pub iterations: u32,
    /// Before and after.
    pub pictures: Arc<Pictures>,
    /// Once it is finished.
    pub summary: Option<Summary>,
}

impl<'a> Keeper<'a> {
    /// Nothing yet.
    pub fn new(shows: &'a dyn Report) -> Self {
        Self { shows, files: Mutex::default() }
    }

    /// What was kept of each file, in the order in which they began.
    pub fn files(&self) -> Vec<Kept> {
        self.lock().clone()
    }

    fn pictures(&self, job: &Job) -> Option<Arc<Pictures>> {
        let name = job.options.input.name();
        self.lock().iter().find(|kept| kept.name == name).map(|kept| kept.pictures.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report for Keeper<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Finished(summary) = event {
            let name = summary.input.name();
            for kept in self.lock().iter_mut().filter(|kept| kept.name == name) {
                kept.summary = Some((*summary).clone());
            }
        }
        self.shows.event(event);
    }

    fn begins(&self, job: &Job, provenance: &Value) {
        self.lock().push(Kept {
            name: job.options.input.name(),
            provenance: provenance.clone(),
            notes: job.all_notes().cloned().collect(),
            iterations: job.options.iterations,
            pictures: Arc::new(Pictures::of(job)),
            summary: None,
        });
    }

    fn decoded(&self, job: &Job, image: usize, field: usize, pixels: &Field) {
        if image == 0
            && let Some(pictures) = self.pictures(job)
        {
            pictures.decoded(field, pixels);
        }
    }

    fn finished(&self, job: &Job, image: usize, tile: &FinishedTile) {
        if image == 0
            && let Some(pictures) = self.pictures(job)
        {
            pictures.finished(tile);
        }
    }
}
