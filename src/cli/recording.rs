//! The flags that record a run, and the files that they write.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::error::Result;
use crate::report::{BatchSummary, Keeper, MemorySampler, write_report, write_trace};
use crate::timeline::{Detail, Timeline, Write};
use crate::written::{Footprint, is_json, is_page};

/// What to record.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Reporting")]
pub struct RecordingArgs {
    /// Write what every thread did when to this file, for ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE.json")]
    trace: Option<PathBuf>,
    /// Write a page to this file: what limited the run, a timeline, reading, memory, pictures before and after
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

/// A run that is recorded, as far as was asked for.
pub struct Recording {
    args: RecordingArgs,
    timeline: Arc<Timeline>,
    memory: Option<MemorySampler>,
}

impl RecordingArgs {
    /// Adds what is written.
    pub fn add_to(&self, footprint: &mut Footprint) {
        self.trace.iter().for_each(|path| footprint.writes("--trace", path, is_json));
        self.report.iter().for_each(|path| footprint.writes("--report", path, is_page));
    }

    /// From now on.
    pub fn start(&self) -> Recording {
        let is_asked_for = self.trace.is_some() || self.report.is_some();
        let timeline = Timeline::new(if is_asked_for { Detail::Spans } else { Detail::Sums });
        let memory = is_asked_for.then(|| MemorySampler::start(&timeline)).flatten();
        Recording { args: self.clone(), timeline, memory }
    }
}

impl Recording {
    /// What the run tells its times.
    pub fn timeline(&self) -> &Arc<Timeline> {
        &self.timeline
    }

    /// Whether pictures are shown.
    pub fn has_report(&self) -> bool {
        self.args.report.is_some()
    }

    /// Writes what was asked for of a run that ended as `batch` says; nothing of one that did nothing, so that the record
    /// of an earlier run stays.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(&self, keeper: &Keeper<'_>, batch: &BatchSummary) -> Result<()> {
        let memory = self.memory.as_ref().map(MemorySampler::samples).unwrap_or_default();
        if !batch.has_worked() {
            return Ok(());
        }
        if let Some(path) = &self.args.trace {
            let write = || write_trace(path, &self.timeline, &memory);
            self.timeline.writes().time(Write::Whole, path, write)?;
        }
        if let Some(path) = &self.args.report {
            let write = || write_report(path, &self.timeline, (keeper, batch), &memory);
            self.timeline.writes().time(Write::Whole, path, write)?;
        }
        Ok(())
    }
}
