//! How the input is read.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::value::{bytes, bytes_or_none, host, some_time, time};
use crate::source::{Access, IoMethod, Merging, Simulation};
use crate::stop::Stop;
use crate::written::Footprint;

/// How the input is read.
#[derive(Args, Clone, Debug, Serialize)]
#[command(next_help_heading = "Reading")]
pub struct Reading {
    /// Threads that read: requests that wait for the storage at the same time [default: 2]
    ///
    /// More help where the storage takes long to answer.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub readers: Option<u32>,
    /// Bytes between two subblocks that are read and thrown away rather than asked for around, such as 64KiB
    #[arg(long = "merge-gap", value_name = "SIZE", default_value = "64KiB", value_parser = bytes_or_none)]
    pub merge_gap_bytes: u64,
    /// Largest request for several subblocks, such as 8MiB
    ///
    /// A server is asked for at least 64KiB at a time.
    #[arg(long = "request-size", value_name = "SIZE", default_value = "8MiB", value_parser = bytes)]
    pub request_bytes: u64,
    /// How often a request that fails is repeated [default: 3; of a server, as often as --retry-for allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub retries: Option<u32>,
    /// For how long a request that fails is repeated, such as 2m
    ///
    /// The pauses between two requests are up to 20 s, or as long as a server says (Retry-After).
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = time)]
    pub retry_for: Duration,
    /// How long a server may be silent before the request counts as failed, such as 30s
    ///
    /// Storage of this computer, such as a network mount, cannot be asked again: when it answers nothing for so long, the run
    /// ends, and what is finished stays. While the storage flushes what was written, which may take minutes, the run only says
    /// so.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = some_time)]
    pub timeout: Duration,
    /// Allow a server to redirect to HOST, HOST:PORT or *.HOST; may be given again
    ///
    /// http://HOST also allows to leave an encrypted connection (https://) for one that is not.
    #[arg(long, value_name = "HOST", value_delimiter = ',', value_parser = host)]
    pub allow_redirects: Vec<String>,
    /// How a local file is read
    ///
    /// pread: failures of the storage are errors; mmap: they end the program (SIGBUS), as does a file that is cut off.
    #[arg(long, value_enum, default_value_t = IoMethod::Pread)]
    pub io: IoMethod,
    /// Read as if from slow or unreliable storage, such as latency=10ms,bandwidth=100MB/s,jitter=2ms,errors=0.01,seed=1
    ///
    /// stall=100 answers 100 requests and then none, stall-writes=100 so many calls on the output.
    #[arg(long, value_name = "WHAT")]
    pub simulate_storage: Option<Simulation>,
    /// Ends requests that wait.
    #[arg(skip)]
    #[serde(skip)]
    pub stop: Stop,
    /// What else is read and written.
    #[arg(skip)]
    #[serde(skip)]
    pub footprint: Arc<Footprint>,
}

impl Reading {
    /// How a file is reached so.
    pub fn access(&self) -> Access {
        let merging = Merging { gap: self.merge_gap_bytes, most: self.request_bytes };
        Access {
            io: self.io,
            simulation: self.simulate_storage.clone(),
            retries: self.retries,
            retry_for: self.retry_for,
            timeout: self.timeout,
            redirects: self.allow_redirects.clone(),
            part_bytes: merging.most.max(Access::SMALLEST_PART_BYTES),
            merging,
            list_bytes: u64::MAX,
            stop: self.stop.clone(),
            footprint: Arc::clone(&self.footprint),
        }
    }
}
