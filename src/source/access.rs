//! How a file is reached: by which calls, how patiently, in which requests.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::{Location, Merging, ReadAt, Simulation, Storage};
use crate::error::Result;
use crate::timeline::RequestLog;

/// By which calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum IoMethod {
    /// Reads at an offset; failures are errors.
    #[default]
    Pread,
    /// A memory map; the system ends the program when the file is cut off or its disk fails meanwhile.
    Mmap,
}

/// How a file is reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Access {
    /// By which calls.
    pub io: IoMethod,
    /// As if on slow or unreliable storage.
    pub simulation: Option<Simulation>,
    /// How often a request that fails is repeated.
    pub retries: u32,
    /// How long a server may be silent.
    pub timeout: Duration,
    /// How ranges become requests.
    pub merging: Merging,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            io: IoMethod::default(),
            simulation: None,
            retries: 3,
            timeout: Duration::from_secs(30),
            merging: Merging::default(),
        }
    }
}

impl Access {
    /// Opens the file at `location`; `log` is told of every request, also of those that are repeated.
    ///
    /// # Errors
    /// As [`Storage::new`] and [`Storage::file`].
    pub fn open(&self, location: &Location, log: &Arc<RequestLog>) -> Result<Box<dyn ReadAt>> {
        Storage::new(location, self, log)?.file()
    }
}
