//! What was asked of the storage, and how long it took to answer.

use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

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
    /// Whether it brought an error instead of bytes, or nothing yet.
    pub failed: bool,
}

/// A request that has no answer yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Unanswered {
    /// Name of the file.
    pub file: String,
    /// Of the file; `None` while it is being opened.
    pub bytes: Option<Range<u64>>,
    /// Since it was asked.
    pub waited: Duration,
    /// Since anything was answered, or it was asked.
    pub silent: Duration,
    /// Requests that wait, this one counted.
    pub waiting: usize,
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
    waiting: Vec<Waiting>,
    /// Of the next request.
    number: u64,
    /// When the first of those in flight was asked.
    since_nanos: u64,
    answers: u64,
    /// When the last answer came.
    answered_nanos: u64,
    list: Bounded<Requested>,
}

/// A request in flight.
#[derive(Debug)]
struct Waiting {
    number: u64,
    file: u32,
    bytes: Option<Range<u64>>,
    asked_nanos: u64,
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
        let state = State {
            sums: Sums::default(),
            files: Vec::new(),
            waiting: Vec::new(),
            number: 0,
            since_nanos: 0,
            answers: 0,
            answered_nanos: 0,
            list,
        };
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
        let (number, start_nanos) = self.ask(file, Some(range.clone()));
        let result = request();
        let (offset, length) = (range.start, range.end - range.start);
        let failed = result.is_err();
        self.answered(number, Requested { file, offset, length, start_nanos, end_nanos: 0, failed });
        result
    }

    /// Opens `file`: no request, but it may take as long.
    ///
    /// # Errors
    /// Those of `open`.
    pub fn opens<T, E>(&self, file: u32, open: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let (number, _) = self.ask(file, None);
        let result = open();
        self.take(&mut lock(&self.state), number);
        result
    }

    /// Requests that were answered.
    pub fn answers(&self) -> u64 {
        lock(&self.state).answers
    }

    /// The request that waits longest, if any to a file that `counts` says waits.
    pub fn unanswered(&self, counts: impl Fn(&str) -> bool) -> Option<Unanswered> {
        let state = lock(&self.state);
        let now = self.now();
        let waiting = || state.waiting.iter().filter(|waiting| counts(&state.files[waiting.file as usize]));
        let oldest = waiting().min_by_key(|waiting| waiting.asked_nanos)?;
        let since = |nanos: u64| Duration::from_nanos(now.saturating_sub(nanos));
        Some(Unanswered {
            file: state.files[oldest.file as usize].clone(),
            bytes: oldest.bytes.clone(),
            waited: since(oldest.asked_nanos),
            silent: since(oldest.asked_nanos.max(state.answered_nanos)),
            waiting: waiting().count(),
        })
    }

    fn ask(&self, file: u32, bytes: Option<Range<u64>>) -> (u64, u64) {
        let mut state = lock(&self.state);
        let now = self.now();
        if state.waiting.is_empty() {
            state.since_nanos = now;
        }
        state.number += 1;
        let number = state.number;
        state.waiting.push(Waiting { number, file, bytes, asked_nanos: now });
        (number, now)
    }

    /// Request `number` waits no longer. Says when that was.
    fn take(&self, state: &mut State, number: u64) -> u64 {
        let now = self.now();
        state.waiting.retain(|waiting| waiting.number != number);
        state.answers += 1;
        state.answered_nanos = now;
        if state.waiting.is_empty() {
            state.sums.union_nanos += now - state.since_nanos;
        }
        now
    }

    /// All of `request` but its end is known.
    fn answered(&self, number: u64, request: Requested) {
        let mut state = lock(&self.state);
        let now = self.take(&mut state, number);
        let taken = now - request.start_nanos;
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
    /// says. Then those in flight, up to now.
    pub fn list(&self) -> (Vec<Requested>, u64) {
        let state = lock(&self.state);
        let now = self.now();
        let open = state.waiting.iter().filter_map(|waiting| {
            let Range { start, end } = waiting.bytes.clone()?;
            let Waiting { file, asked_nanos, .. } = *waiting;
            let (offset, length) = (start, end - start);
            Some(Requested { file, offset, length, start_nanos: asked_nanos, end_nanos: now, failed: true })
        });
        (state.list.values().iter().copied().chain(open).collect(), state.list.stride())
    }

    /// Sums since the work began, over `wall_secs`. The times of what is in flight count up to now.
    pub(super) fn metrics(&self, wall_secs: f64) -> RequestMetrics {
        let state = lock(&self.state);
        let (now, sums) = (self.now(), &state.sums);
        let open_nanos = if state.waiting.is_empty() { 0 } else { now - state.since_nanos };
        let union_nanos = sums.union_nanos + open_nanos;
        let open = state.waiting.iter().filter(|waiting| waiting.bytes.is_some());
        let waited_nanos = sums.waited_nanos + open.map(|waiting| now - waiting.asked_nanos).sum::<u64>();
        let secs = |nanos: u64| nanos as f64 * 1e-9;
        let quantile = |q| sums.times.quantile(q).map(secs);
        let ratio = |a: f64, b: f64| if b > 0.0 { Some(a / b) } else { None };
        RequestMetrics {
            requests: sums.requests,
            failed: sums.failed,
            bytes: sums.bytes,
            busy_secs: secs(union_nanos),
            mean_in_flight: ratio(secs(waited_nanos), secs(union_nanos)),
            bytes_per_sec: ratio(sums.bytes as f64, wall_secs),
            bytes_per_busy_sec: ratio(sums.bytes as f64, secs(union_nanos)),
            p50_secs: quantile(0.5),
            p90_secs: quantile(0.9),
            p99_secs: quantile(0.99),
            most_secs: quantile(1.0),
        }
    }
}
