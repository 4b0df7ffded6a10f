//! How a file is reached: by which calls, how patiently, in which requests.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::{FileSource, Logged, MappedSource, Merging, ReadAt, Retrying, Simulated, Simulation};
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Access {
    /// By which calls.
    pub io: IoMethod,
    /// As if on slow or unreliable storage.
    pub simulation: Option<Simulation>,
    /// How often a request that fails is repeated.
    pub retries: u32,
    /// How ranges become requests.
    pub merging: Merging,
}

impl Access {
    /// Opens `path`; `log` is told of every request, also of those that are repeated.
    ///
    /// # Errors
    /// `Io` when it is not there or not readable.
    pub fn open(&self, path: &Path, log: &Arc<RequestLog>) -> Result<Box<dyn ReadAt>> {
        let mut source: Box<dyn ReadAt> = match self.io {
            IoMethod::Pread => Box::new(FileSource::open(path)?),
            IoMethod::Mmap => Box::new(MappedSource::open(path)?),
        };
        if let Some(simulation) = &self.simulation {
            source = Box::new(Simulated::new(source, simulation.clone()));
        }
        source = Box::new(Logged::new(source, log.clone()));
        if self.retries > 0 {
            source = Box::new(Retrying::new(source, self.retries));
        }
        Ok(source)
    }
}
