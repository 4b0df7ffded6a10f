//! How a file is reached: by which calls, how patiently, in which requests.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::retrying::Patience;
use super::{Location, Merging, ReadAt, Simulation, Storage};
use crate::error::Result;
use crate::stop::Stop;
use crate::timeline::RequestLog;
use crate::written::Footprint;

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
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    /// By which calls.
    pub io: IoMethod,
    /// As if on slow or unreliable storage.
    pub simulation: Option<Simulation>,
    /// How often a request that fails is repeated, where the user says.
    pub retries: Option<u32>,
    /// For how long it is repeated.
    pub retry_for: Duration,
    /// How long a server may be silent.
    pub timeout: Duration,
    /// Hosts to which a server may send on, as `HOST`, `HOST:PORT` or `*.HOST`; with `http://` before it where nothing need be
    /// encrypted.
    pub redirects: Vec<String>,
    /// How ranges become requests.
    pub merging: Merging,
    /// Bytes that a server is asked for at a time, at most.
    pub part_bytes: u64,
    /// What lists of the pieces of a file may take where a few bytes of it stand for millions.
    #[serde(skip)]
    pub list_bytes: u64,
    /// Ends what waits.
    #[serde(skip)]
    pub stop: Stop,
    /// What else is read and written: an input of several files tells of the others only when it is read.
    #[serde(skip)]
    pub footprint: Arc<Footprint>,
}

impl Access {
    /// Fewer bytes than these take no less time to come from a server.
    pub const SMALLEST_PART_BYTES: u64 = 64 << 10;
    /// What a disk or a network share does not do at the fourth attempt, it does not do.
    const NEAR_RETRIES: u32 = 3;
    /// A server is asked for as long as it may take, however often that is.
    const FAR_RETRIES: u32 = u32::MAX;

    /// Opens the file at `location`; `log` is told of every request, also of those that are repeated.
    ///
    /// # Errors
    /// As [`Storage::new`] and [`Storage::file`].
    pub fn open(&self, location: &Location, log: &Arc<RequestLog>) -> Result<Box<dyn ReadAt>> {
        Storage::new(location, self, log)?.file()
    }

    /// How patiently storage of this computer, or a server, is asked. A server under load says so for longer than a disk fails.
    pub(super) fn patience(&self, is_near: bool) -> Patience {
        let (retries, [first, longest]) = match is_near {
            // 3 retries take up to 0.35 s.
            true => (Self::NEAR_RETRIES, [50, 5_000]),
            false => (Self::FAR_RETRIES, [200, 20_000]),
        };
        Patience {
            retries: self.retries.unwrap_or(retries),
            refused_retries: self.retries.unwrap_or(Self::NEAR_RETRIES),
            retry_for: self.retry_for,
            first_pause: Duration::from_millis(first),
            longest_pause: Duration::from_millis(longest),
            stop: self.stop.clone(),
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        let merging = Merging::default();
        Self {
            io: IoMethod::default(),
            simulation: None,
            retries: None,
            retry_for: Duration::from_secs(120),
            timeout: Duration::from_secs(30),
            redirects: Vec::new(),
            part_bytes: merging.most,
            merging,
            list_bytes: u64::MAX,
            stop: Stop::default(),
            footprint: Arc::default(),
        }
    }
}
