//! Slow and unreliable storage, simulated: what a network share or an object store does to a run, on any machine.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Identity, ReadAt};
use crate::error::{Error, Result};

/// How slow and how unreliable.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Simulation {
    /// Seconds until a request's first byte; requests wait at the same time.
    pub latency_secs: f64,
    /// Up to so many seconds more, different from request to request.
    pub jitter_secs: f64,
    /// Bytes in a second over all requests; `None` for no limit.
    pub bytes_per_sec: Option<f64>,
    /// Share of the requests that fail, from 0 to 1.
    pub errors: f64,
    /// Which requests fail and which wait longer.
    pub seed: u64,
    /// After so many requests none is answered any more, as on a network mount whose server is gone; `None` for never.
    pub stall_after: Option<u64>,
    /// After so many calls on the output, none returns any more; `None` for never.
    pub stall_writes_after: Option<u64>,
}

/// What all files of a simulated storage share.
#[derive(Debug)]
pub struct SlowLine {
    simulation: Simulation,
    /// When the line has carried everything that was asked for so far.
    is_free: Mutex<Instant>,
    /// How often each offset of each file was asked for.
    attempts: Mutex<HashMap<(u64, u64), u64>>,
    /// How many requests there were.
    requests: AtomicU64,
}

impl SlowLine {
    /// Storage as in `simulation`.
    pub fn new(simulation: Simulation) -> Self {
        Self {
            simulation,
            is_free: Mutex::new(Instant::now()),
            attempts: Mutex::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// The chances of this request, from 0 to 1: of failing, of waiting longer. The same in every run, whichever
    /// thread asks first.
    fn chances(&self, file: u64, offset: u64) -> [f64; 2] {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = attempts.entry((file, offset)).or_default();
        *attempt += 1;
        let mut state = self.simulation.seed ^ file ^ offset.rotate_left(20) ^ attempt.rotate_left(50);
        [(); 2].map(|()| split_mix(&mut state))
    }

    /// Does not return once the storage has stalled.
    fn wait_if_stalled(&self) {
        let request = self.requests.fetch_add(1, Relaxed);
        while self.simulation.stall_after.is_some_and(|answered| request >= answered) {
            std::thread::park();
        }
    }

    /// When the last of `bytes` is through a line that others share.
    fn arrival(&self, bytes: usize) -> Instant {
        let mut line = self.is_free.lock().unwrap_or_else(PoisonError::into_inner);
        let carried = self.simulation.bytes_per_sec.map_or(0.0, |rate| bytes as f64 / rate);
        *line = Instant::now().max(*line) + Duration::from_secs_f64(carried);
        *line
    }
}

/// A source behind simulated storage.
pub struct Simulated {
    source: Box<dyn ReadAt>,
    line: Arc<SlowLine>,
    file: u64,
}

impl Simulated {
    /// Puts `source` behind `line`; `file` is a number of its own for each source there.
    pub fn new(source: Box<dyn ReadAt>, line: Arc<SlowLine>, file: u64) -> Self {
        Self { source, line, file }
    }
}

/// A number from 0 to 1 (Steele, Lea and Flood 2014, doi 10.1145/2660193.2660195).
fn split_mix(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

impl ReadAt for Simulated {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let simulation = &self.line.simulation;
        self.line.wait_if_stalled();
        let [fails, waits] = self.line.chances(self.file, offset);
        let latency = simulation.latency_secs + waits * simulation.jitter_secs;
        std::thread::sleep(Duration::from_secs_f64(latency));
        if fails < simulation.errors {
            let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "simulated failure of the storage");
            return Err(Error::io(self.path(), error));
        }
        let arrival = self.line.arrival(buffer.len());
        self.source.read_exact_at(offset, buffer)?;
        std::thread::sleep(arrival.saturating_duration_since(Instant::now()));
        Ok(())
    }

    fn path(&self) -> &Path {
        self.source.path()
    }

    fn identity(&self) -> Identity {
        self.source.identity()
    }
}

impl FromStr for Simulation {
    type Err = String;

    /// Reads `latency=10ms,bandwidth=100MB/s,jitter=2ms,errors=0.01,seed=1,stall=100,stall-writes=100`, each part or not; the
    /// error names the part that is not understood.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut simulation = Self::default();
        for part in text.split(',') {
            let wrong = || {
                let known = "latency=10ms, jitter=2ms, bandwidth=100MB/s, errors=0.01 (up to 1), seed=1, stall=100, \
                             stall-writes=100";
                format!("{part} is none of {known}")
            };
            let (name, value) = part.trim().split_once('=').ok_or_else(wrong)?;
            match name {
                "latency" => simulation.latency_secs = seconds(value).ok_or_else(wrong)?,
                "jitter" => simulation.jitter_secs = seconds(value).ok_or_else(wrong)?,
                "bandwidth" => simulation.bytes_per_sec = Some(rate(value).ok_or_else(wrong)?),
                "errors" => {
                    let share = value.parse().ok().filter(|share| (0.0..=1.0).contains(share));
                    simulation.errors = share.ok_or_else(wrong)?;
                }
                "seed" => simulation.seed = value.parse().map_err(|_| wrong())?,
                "stall-writes" => {
                    simulation.stall_writes_after = Some(value.parse().map_err(|_| wrong())?);
                }
                "stall" => simulation.stall_after = Some(value.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        Ok(simulation)
    }
}

/// Reads `10ms`, `2.5s`, `2m` or the like; at most an hour.
pub fn seconds(text: &str) -> Option<f64> {
    let units =
        [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("s", 1.0), ("min", 60.0), ("m", 60.0), ("h", 3600.0)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    number.trim().parse().ok().map(|n: f64| n * unit).filter(|n| (0.0..=3600.0).contains(n))
}

fn rate(text: &str) -> Option<f64> {
    let units =
        [("kB/s", 1e3), ("KB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9), ("MiB/s", 1048576.0), ("B/s", 1.0)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    number.trim().parse().ok().map(|n: f64| n * unit).filter(|n| (1.0..1e15).contains(n))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Bytes that count up.
    pub struct Counting;

    impl ReadAt for Counting {
        fn size(&self) -> u64 {
            1 << 20
        }

        fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
            (offset..).zip(buffer).for_each(|(i, byte)| *byte = i as u8);
            Ok(())
        }

        fn path(&self) -> &Path {
            Path::new("counting")
        }
    }

    fn simulated(text: &str) -> Simulated {
        let simulation = text.parse::<Simulation>().unwrap();
        Simulated::new(Box::new(Counting), Arc::new(SlowLine::new(simulation)), 0)
    }

    #[test]
    fn the_flag_is_read_with_its_units() {
        let all = "latency=10ms,bandwidth=100MB/s,jitter=2ms,errors=0.01,seed=7,stall=9,stall-writes=8";
        let expected = Simulation {
            latency_secs: 0.01,
            jitter_secs: 0.002,
            bytes_per_sec: Some(1e8),
            errors: 0.01,
            seed: 7,
            stall_after: Some(9),
            stall_writes_after: Some(8),
        };
        assert_eq!(all.parse::<Simulation>().unwrap(), expected);
        for wrong in
            ["", "latency", "latency=10", "errors=2", "bandwidth=fast", "seed=-1", "stall=x", "speed=1ms"]
        {
            let error = wrong.parse::<Simulation>().unwrap_err();
            assert!(error.contains("is none of latency=10ms"), "{error}");
        }
    }

    #[test]
    fn requests_wait_together_and_share_the_line() {
        let source = simulated("latency=30ms,bandwidth=1MB/s");
        let start = Instant::now();
        std::thread::scope(|scope| {
            for i in 0..4 {
                let source = &source;
                scope.spawn(move || source.read_exact_at(i * 10_000, &mut vec![0; 10_000]).unwrap());
            }
        });
        let secs = start.elapsed().as_secs_f64();
        // One latency, not four; 40 kB at 1 MB/s. The machine may be slow, but never early.
        assert!((0.07..0.7).contains(&secs), "{secs} s");
    }

    #[test]
    fn errors_are_as_many_as_asked_for_and_the_same_again() {
        let failed = || -> Vec<bool> {
            let source = simulated("errors=0.2,seed=3");
            (0..1000).map(|i| source.read_exact_at(i / 2 * 512, &mut [0; 16]).is_err()).collect()
        };
        let first = failed();
        let count = first.iter().filter(|failed| **failed).count();
        // 200 ± 5 times the standard deviation of 12.6.
        assert!((137..263).contains(&count), "{count} of 1000");
        assert_eq!(first, failed());
    }
}
