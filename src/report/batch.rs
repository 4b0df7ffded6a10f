//! What became of the files of a run, as a table and as data.

use std::fmt;

use serde::Serialize;

use super::{Summary, Verdict};
use crate::job::{cores, cpu_secs, peak_memory_bytes};
use crate::pipeline::StageTime;
use crate::shown;
use crate::source::Location;
use crate::timeline::Metrics;

/// What `--summary` writes of several files.
#[derive(Clone, Debug, Serialize)]
pub struct BatchSummary {
    /// Of this program.
    pub version: &'static str,
    /// As they were given.
    pub files: Vec<FileSummary>,
    /// What each stage did, over all files.
    pub stages: Vec<StageTime>,
    /// From the first file's opening to the last output's name.
    pub wall_secs: f64,
    /// Seconds of processor cores that the process used, where the system says.
    pub cpu_secs: Option<f64>,
    /// Processor cores that it may use.
    pub cores: usize,
    /// The most memory that the process held, where the system says.
    pub peak_memory_bytes: Option<u64>,
    /// What limited the run, as the report says: a stage, a device, or the processor.
    pub bound_by: Option<String>,
    /// How busy each stage was, and how well they overlapped, over all files.
    pub metrics: Metrics,
}

/// What became of one of them.
#[derive(Clone, Debug, Serialize)]
pub struct FileSummary {
    /// The file.
    pub input: Location,
    /// `finished`, `was there`, `failed`, `refused` (by what the options say) or `interrupted`.
    pub state: &'static str,
    /// From its opening to its end; the files before and after it have their share of that time.
    pub secs: f64,
    /// What went wrong, or is to be known.
    pub note: String,
    /// Of a file that is finished.
    pub summary: Option<Summary>,
}

impl fmt::Display for BatchSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
        let name = |file: &FileSummary| shown::visible(&file.input.name().to_string_lossy());
        let width = self.files.iter().map(|file| name(file).chars().count()).max().unwrap_or(0).max(4);
        write!(
            f,
            "{:width$}  {:11}  {:>8}  {:>10}  {:>10}  note",
            "file", "state", "s", "MiB read", "MiB out"
        )?;
        for file in &self.files {
            let bytes = |of: fn(&Summary) -> u64| {
                file.summary.as_ref().map_or_else(|| "-".to_owned(), |summary| mib(of(summary)))
            };
            let (read, written) =
                (bytes(|summary| summary.read_bytes), bytes(|summary| summary.written_bytes));
            let FileSummary { state, secs, note, .. } = file;
            let line =
                format!("{:width$}  {state:11}  {secs:>8.1}  {read:>10}  {written:>10}  {note}", name(file));
            write!(f, "\n{}", line.trim_end())?;
        }
        write!(f, "\n{} of {} files in {:.1} s", self.done(), self.files.len(), self.wall_secs)
    }
}

impl BatchSummary {
    /// Of a run that has just ended.
    pub fn new(files: Vec<FileSummary>, stages: Vec<StageTime>, metrics: Metrics, wall_secs: f64) -> Self {
        let (cpu_secs, cores) = (cpu_secs(), cores());
        Self {
            version: env!("CARGO_PKG_VERSION"),
            files,
            stages,
            wall_secs,
            cpu_secs,
            cores,
            bound_by: Verdict::bound_by(&metrics, cpu_secs, cores),
            peak_memory_bytes: peak_memory_bytes(),
            metrics,
        }
    }

    /// The summary of a single file that is finished.
    pub fn single(&self) -> Option<&Summary> {
        match &self.files[..] {
            [file] => file.summary.as_ref(),
            _ => None,
        }
    }

    /// Whether any file was worked on: nobody wants a record of nothing.
    pub fn has_worked(&self) -> bool {
        self.files.iter().any(|file| !matches!(file.state, "was there" | "refused"))
    }

    /// How it ended, where that is more than one file that is finished.
    pub fn ending(&self) -> Option<String> {
        match &self.files[..] {
            [file] if file.summary.is_some() => None,
            [file] if file.note.is_empty() => Some(file.state.to_owned()),
            [file] => Some(format!("{}: {}", file.state, file.note)),
            files => Some(format!("{} of {} files in {:.1} s", self.done(), files.len(), self.wall_secs)),
        }
    }

    /// Of the files that are finished.
    pub fn summaries(&self) -> impl Iterator<Item = &Summary> {
        self.files.iter().filter_map(|file| file.summary.as_ref())
    }

    /// Files whose output is there.
    fn done(&self) -> usize {
        self.files.iter().filter(|file| matches!(file.state, "finished" | "was there")).count()
    }
}
