//! What was asked of the storage, and how long it took to answer.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Instant;

use super::histogram::Histogram;
use super::metrics::RequestMetrics;
use super::{Bounded, Detail, lock};

/// Requests that are kept one by one.
const REQUESTS: usize = 8192;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requested {
    /// Of which file, as [`RequestLog::file`] counts.
    pub file: u32,
    /// First byte in the file.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// When it was asked.
    pub start_nanos: u64,
    /// When it was answered.
    pub end_nanos: u64,
    /// Whether it brought an error instead of bytes.
    pub failed: bool,
}

/// Takes requests from any thread.
#[derive(Debug)]
pub struct RequestLog {
    origin: Instant,
    detail: Detail,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    sums: Sums,
    files: Vec<String>,
    in_flight: u32,
    /// When the first of those in flight was asked.
    since_nanos: u64,
    list: Bounded<Requested>,
}

#[derive(Debug, Default)]
struct Sums {
    requests: u64,
    failed: u64,
    bytes: u64,
    /// At least one request was in flight.
    union_nanos: u64,
    /// Over all requests.
    waited_nanos: u64,
    times: Histogram,
}

impl RequestLog {
    pub(super) fn new(origin: Instant, detail: Detail) -> Self {
        // Of requests that are merged, the first stands for all.
        let list = Bounded::new(REQUESTS, |_: &mut Requested, _| {});
        let state = State { sums: Sums::default(), files: Vec::new(), in_flight: 0, since_nanos: 0, list };
        Self { origin, detail, state: Mutex::new(state) }
    }

    /// A number for a file that requests go to.
    pub fn file(&self, name: &str) -> u32 {
        let files = &mut lock(&self.state).files;
        let index = files.iter().position(|file| file == name).unwrap_or(files.len());
        if index == files.len() {
            files.push(name.to_owned());
        }
        index as u32
    }

    /// Names of the files, by number.
    pub fn files(&self) -> Vec<String> {
        lock(&self.state).files.clone()
    }

    /// Makes one request for the bytes `range` of `file` and records it. A request that is made again is recorded again.
    ///
    /// # Errors
    /// Those of `request`.
    pub fn time<T, E>(
        &self,
        file: u32,
        range: Range<u64>,
        request: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let start_nanos = self.ask();
        let result = request();
        let (offset, length) = (range.start, range.end - range.start);
        let failed = result.is_err();
        self.answered(Requested { file, offset, length, start_nanos, end_nanos: 0, failed });
        result
    }

    fn ask(&self) -> u64 {
        let mut state = lock(&self.state);
        let now = self.now();
        if state.in_flight == 0 {
            state.since_nanos = now;
        }
        state.in_flight += 1;
        now
    }

    /// All of `request` but its end is known.
    fn answered(&self, request: Requested) {
        let mut state = lock(&self.state);
        let now = self.now();
        let taken = now - request.start_nanos;
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.sums.union_nanos += now - state.since_nanos;
        }
        state.sums.requests += 1;
        state.sums.waited_nanos += taken;
        state.sums.times.add(taken);
        if request.failed {
            state.sums.failed += 1;
        } else {
            state.sums.bytes += request.length;
        }
        if self.detail == Detail::Spans {
            state.list.push(Requested { end_nanos: now, ..request });
        }
    }

    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// What was asked so far was preparation, and does not count.
    pub(super) fn begin(&self) {
        lock(&self.state).sums = Sums::default();
    }

    /// In the order of their answers, those before the work began too; of many, every so manieth, as the second value
    /// says.
    pub fn list(&self) -> (Vec<Requested>, u64) {
        let state = lock(&self.state);
        (state.list.values().to_vec(), state.list.stride())
    }

    /// Sums since the work began, over `wall_secs`.
    pub(super) fn metrics(&self, wall_secs: f64) -> RequestMetrics {
        let state = lock(&self.state);
        let sums = &state.sums;
        let secs = |nanos: u64| nanos as f64 * 1e-9;
        let quantile = |q| sums.times.quantile(q).map(secs);
        let ratio = |a: f64, b: f64| if b > 0.0 { Some(a / b) } else { None };
        RequestMetrics {
            requests: sums.requests,
            failed: sums.failed,
            bytes: sums.bytes,
            busy_secs: secs(sums.union_nanos),
            mean_in_flight: ratio(secs(sums.waited_nanos), secs(sums.union_nanos)),
            bytes_per_sec: ratio(sums.bytes as f64, wall_secs),
            bytes_per_busy_sec: ratio(sums.bytes as f64, secs(sums.union_nanos)),
            p50_secs: quantile(0.5),
            p90_secs: quantile(0.9),
            p99_secs: quantile(0.99),
            most_secs: quantile(1.0),
        }
    }
}
