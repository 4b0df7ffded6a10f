//! What became of the files of a run: known at any moment, as storage that stalls ends a run at any.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::error::Error;
use crate::pipeline::StageTime;
use crate::report::{BatchSummary, FileSummary};
use crate::run::{Outcome, State};
use crate::source::Location;
use crate::timeline::Timeline;

const FAILED: &str = "failed";
const INTERRUPTED: &str = "interrupted";

/// The files of a run, as they were given.
pub struct Ended {
    start: Instant,
    files: Mutex<Vec<File>>,
}

struct File {
    input: Location,
    opened: Option<Instant>,
    summary: Option<FileSummary>,
}

impl Ended {
    /// None yet.
    pub fn new(inputs: impl Iterator<Item = Location>) -> Self {
        let files = inputs.map(|input| File { input, opened: None, summary: None });
        Self { start: Instant::now(), files: Mutex::new(files.collect()) }
    }

    /// File `number` is about to be opened.
    pub fn opens(&self, number: usize) {
        self.files()[number].opened = Some(Instant::now());
    }

    /// A file has ended.
    pub fn add(&self, outcome: &Outcome) {
        self.files()[outcome.number].summary = Some(file_summary(outcome));
    }

    /// Of a run that is over.
    pub fn batch(&self, timeline: &Timeline, stages: Vec<StageTime>) -> BatchSummary {
        let summary = |file: &File| {
            file.summary.clone().unwrap_or_else(|| FileSummary {
                input: file.input.clone(),
                state: INTERRUPTED,
                secs: file.opened.map_or(0.0, |opened| opened.elapsed().as_secs_f64()),
                note: String::new(),
                summary: None,
            })
        };
        let files = self.files().iter().map(summary).collect();
        BatchSummary::new(files, stages, timeline.metrics(), self.start.elapsed().as_secs_f64())
    }

    /// Of one that `error` ended: it is that of the first file that did not come to an end.
    pub fn stalled(&self, timeline: &Timeline, error: &Error) -> BatchSummary {
        let mut batch = self.batch(timeline, Vec::new());
        if let Some(file) = batch.files.iter_mut().find(|file| file.state == INTERRUPTED) {
            (file.state, file.note) = (FAILED, error.to_string());
        }
        batch
    }

    fn files(&self) -> MutexGuard<'_, Vec<File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn file_summary(outcome: &Outcome) -> FileSummary {
    let (state, note, summary) = match &outcome.state {
        State::Finished(summary) => {
            let damaged = summary.damaged.len();
            let note = if damaged > 0 {
                format!("{damaged} damaged subblocks were left out")
            } else {
                String::new()
            };
            ("finished", note, Some((**summary).clone()))
        }
        State::WasThere(_) => {
            ("was there", "already complete, from the same input and options".to_owned(), None)
        }
        State::Failed(error @ Error::Option { .. }) => ("refused", error.to_string(), None),
        State::Failed(error) => (FAILED, error.to_string(), None),
        State::Interrupted { finished } => (INTERRUPTED, finished.clone().unwrap_or_default(), None),
    };
    FileSummary { input: outcome.input.clone(), state, secs: outcome.secs, note, summary }
}
