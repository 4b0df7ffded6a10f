//! One thread's intervals. Each thread writes its own, and hands them over when it ends.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{Bounded, Detail, Item, Stage, ThreadRow, lock};

/// Intervals that a row keeps: a screen has fewer points, and 20 threads take 6 MB.
const SPANS: usize = 4096;

/// When a thread was busy, and with what.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// First.
    pub start_nanos: u64,
    /// Last.
    pub end_nanos: u64,
    /// Of the time from start to end: all of it, unless several intervals were merged.
    pub busy_nanos: u64,
    /// What it worked on; `None` where it has no name, as when a stage winds up.
    pub item: Option<Item>,
    /// Number of the last item, when several were merged.
    pub last: u64,
    /// Intervals that were merged.
    pub count: u64,
}

impl Span {
    /// One interval.
    pub fn new(start_nanos: u64, end_nanos: u64, item: Option<Item>) -> Self {
        let last = item.map_or(0, |item| item.number);
        Self { start_nanos, end_nanos, busy_nanos: end_nanos - start_nanos, item, last, count: 1 }
    }

    fn merge(&mut self, next: Self) {
        self.end_nanos = next.end_nanos;
        self.busy_nanos += next.busy_nanos;
        self.count += next.count;
        if next.item.is_some() {
            self.item = self.item.or(next.item);
            self.last = next.last;
        }
    }
}

impl ThreadRow {
    pub(super) fn new(name: &str, stage: &str) -> Self {
        let (name, stage) = (name.to_owned(), stage.to_owned());
        Self { name, stage, busy_nanos: 0, spans: Bounded::new(SPANS, Span::merge) }
    }
}

/// A thread at work. What is open when it is dropped ends then.
#[derive(Debug)]
pub struct Row {
    stage: Arc<Stage>,
    since_nanos: Option<u64>,
    recorded: Option<ThreadRow>,
}

impl Row {
    /// For the thread `name` of `stage`.
    pub fn new(stage: &Arc<Stage>, name: &str) -> Self {
        let mut known = stage.timeline.known();
        let parked = known.rows.iter().position(|row| row.name == name);
        let recorded =
            parked.map_or_else(|| ThreadRow::new(name, &stage.total.name), |i| known.rows.swap_remove(i));
        drop(known);
        Self { stage: stage.clone(), since_nanos: None, recorded: Some(recorded) }
    }

    /// Work begins, unless it has.
    pub fn begin(&mut self) {
        if self.since_nanos.is_none() {
            let timeline = &self.stage.timeline;
            let mut concurrency = lock(&timeline.concurrency);
            // Under the lock, so that time does not run backwards for the next.
            let now = timeline.now();
            concurrency.begin(self.stage.index, now);
            self.since_nanos = Some(now);
        }
    }

    /// Work on `item` ends, if any has begun.
    pub fn end(&mut self, item: Option<Item>) {
        let Some(since) = self.since_nanos.take() else { return };
        let timeline = &self.stage.timeline;
        let mut concurrency = lock(&timeline.concurrency);
        let now = timeline.now();
        concurrency.end(self.stage.index, now);
        drop(concurrency);
        for sums in [&self.stage.own, &self.stage.total.sums] {
            sums.work_nanos.fetch_add(now - since, Relaxed);
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.busy_nanos += now - since;
            if timeline.detail == Detail::Spans {
                recorded.spans.push(Span::new(since, now, item));
            }
        }
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.end(None);
        let recorded = self.recorded.take();
        self.stage.timeline.known().rows.extend(recorded);
    }
}
