//! What a run tells while it works, and to whom. The stages send [`Event`]s; a [`Report`] shows them.

mod batch;
mod counter;
mod json;
mod keeper;
mod memory;
mod page;
mod pictures;
mod run_page;
mod summary;
mod terminal;
mod trace;
mod verdict;

use serde::Serialize;
use serde_json::Value;

use crate::decon::{Field, FinishedTile};
use crate::error::Result;
use crate::job::Job;
use crate::say;

pub use batch::{BatchSummary, FileSummary};
pub use counter::Counter;
pub use json::JsonReport;
pub use keeper::{Keeper, Kept};
pub use memory::{MemorySample, MemorySampler};
pub use page::{escaped, page};
pub use pictures::{Pair, Pictures, PsfPicture, Shown};
pub use run_page::write_report;
pub use summary::{Damaged, ImageSummary, Summary};
pub use terminal::TerminalReport;
pub use trace::write_trace;
pub use verdict::Verdict;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A sentence for the user.
    Note {
        /// The sentence.
        text: &'a str,
    },
    /// Everything is planned; work begins.
    Started {
        /// What computes.
        backend: &'a str,
        /// Stored bytes that will be read.
        read_bytes: u64,
        /// Tiles that will be computed.
        tiles: u64,
        /// Shards that will be written.
        shards: u64,
    },
    /// A batch of subblocks was fetched.
    Read {
        /// Stored bytes.
        bytes: u64,
        /// Requests to the source.
        requests: u64,
    },
    /// A subblock was left out.
    Damaged(&'a Damaged),
    /// A tile is finished.
    Computed {
        /// Its number in the scene's order of work.
        tile: u32,
    },
    /// A shard is on disk.
    Wrote {
        /// Compressed bytes.
        bytes: u64,
    },
    /// The output is complete and has its name.
    Finished(&'a Summary),
    /// One of several files could not be done; the others go on.
    Failed {
        /// What went wrong.
        text: &'a str,
    },
    /// Nothing more comes of several files.
    Ended(&'a BatchSummary),
}

/// Takes events from any thread.
pub trait Report: Sync {
    /// Shows `event`, or not.
    fn event(&self, event: &Event<'_>);

    /// Whether everything that was shown could be written.
    ///
    /// # Errors
    /// `Io`, the first.
    fn was_written(&self) -> Result<()> {
        Ok(())
    }

    /// A file is about to be worked on; `provenance` is how its output is made.
    fn begins(&self, _job: &Job, _provenance: &Value) {}

    /// Looks at a decoded field: position `field` in the scene of image `image`.
    fn decoded(&self, _job: &Job, _image: usize, _field: usize, _pixels: &Field) {}

    /// Looks at a finished tile of image `image`.
    fn finished(&self, _job: &Job, _image: usize, _tile: &FinishedTile) {}
}

/// Shows nothing but which of several files could not be done.
#[derive(Debug)]
pub struct Failures;

impl Report for Failures {
    fn event(&self, event: &Event<'_>) {
        if let Event::Failed { text } = event {
            say::err(&format!("error: {text}"));
        }
    }
}

/// Shows nothing.
#[derive(Debug)]
pub struct Silent;

impl Report for Silent {
    fn event(&self, _: &Event<'_>) {}
}
