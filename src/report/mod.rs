//! What a run tells while it works, and to whom. The stages send [`Event`]s; a [`Report`] shows them.

mod counter;
mod json;
mod memory;
mod summary;
mod terminal;
mod trace;

use serde::Serialize;

pub use counter::Counter;
pub use json::JsonReport;
pub use memory::{MemorySample, MemorySampler};
pub use summary::{Damaged, ImageSummary, Summary};
pub use terminal::TerminalReport;
pub use trace::write_trace;

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
}

/// Takes events from any thread.
pub trait Report: Sync {
    /// Shows `event`, or not.
    fn event(&self, event: &Event<'_>);
}

/// Shows nothing.
#[derive(Debug)]
pub struct Silent;

impl Report for Silent {
    fn event(&self, _: &Event<'_>) {}
}
