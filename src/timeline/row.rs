//! One row's intervals. Whoever works writes its own, and others may look at any time.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use super::{Bounded, Detail, Item, Stage, lock};

/// Intervals that a row keeps: a screen has fewer points, and 20 threads take 6 MB.
const SPANS: usize = 4096;

/// A thread or a device, and when it was busy with what.
#[derive(Clone, Debug)]
pub struct ThreadRow {
    /// As the thread is called.
    pub name: String,
    /// The stage that it works for; of a device its own name.
    pub stage: String,
    /// Of its intervals together.
    pub busy_nanos: u64,
    /// By start, not overlapping.
    pub spans: Vec<Span>,
}

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
    /// Whether it had ended when the row was looked at. What it works on is known only then.
    pub has_ended: bool,
}

impl Span {
    /// One interval.
    pub fn new(start_nanos: u64, end_nanos: u64, item: Option<Item>) -> Self {
        let last = item.map_or(0, |item| item.number);
        let busy_nanos = end_nanos - start_nanos;
        Self { start_nanos, end_nanos, busy_nanos, item, last, count: 1, has_ended: true }
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

/// A row that grows. One thread writes it.
#[derive(Debug)]
pub(super) struct Live {
    name: String,
    stage: String,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// At work since then.
    since_nanos: Option<u64>,
    busy_nanos: u64,
    spans: Bounded<Span>,
}

impl Live {
    /// The row `name` among `rows`, if nobody writes it any more, or else a new one there.
    pub fn among(rows: &mut Vec<Arc<Self>>, name: &str, stage: &str) -> Arc<Self> {
        let parked = rows.iter().find(|row| row.name == name && Arc::strong_count(row) == 1).cloned();
        parked.unwrap_or_else(|| {
            let spans = Bounded::new(SPANS, Span::merge);
            let kept = Mutex::new(Kept { since_nanos: None, busy_nanos: 0, spans });
            let row = Arc::new(Self { name: name.to_owned(), stage: stage.to_owned(), kept });
            rows.push(row.clone());
            row
        })
    }

    fn begin(&self, now: u64) {
        lock(&self.kept).since_nanos = Some(now);
    }

    fn go_on(&self, span: Span) {
        let mut kept = lock(&self.kept);
        kept.since_nanos = Some(span.end_nanos);
        kept.busy_nanos += span.busy_nanos;
        kept.spans.push(span);
    }

    /// It was busy for so long; with what and when is kept if `detail` asks for it.
    pub fn add(&self, span: Span, detail: Detail) {
        let mut kept = lock(&self.kept);
        kept.since_nanos = None;
        kept.busy_nanos += span.busy_nanos;
        if detail == Detail::Spans {
            kept.spans.push(span);
        }
    }

    /// The end of the last interval that is kept.
    pub fn last_nanos(&self) -> u64 {
        lock(&self.kept).spans.values().last().map_or(0, |span| span.end_nanos)
    }

    /// As it is at `now`.
    pub fn at(&self, now: u64) -> ThreadRow {
        let kept = lock(&self.kept);
        let open = kept.since_nanos.map(|since| Span::new(since, now.max(since), None));
        let busy_nanos = kept.busy_nanos + open.as_ref().map_or(0, |span| span.busy_nanos);
        let open = open.map(|span| Span { has_ended: false, ..span });
        let spans = kept.spans.values().iter().cloned().chain(open).collect();
        ThreadRow { name: self.name.clone(), stage: self.stage.clone(), busy_nanos, spans }
    }
}

/// A thread at work. What is open when it is dropped ends then.
#[derive(Debug)]
pub struct Row {
    stage: Arc<Stage>,
    since_nanos: Option<u64>,
    /// Where intervals are kept.
    live: Option<Arc<Live>>,
}

impl Row {
    /// For the thread `name` of `stage`.
    pub fn new(stage: &Arc<Stage>, name: &str) -> Self {
        let timeline = &stage.timeline;
        let is_kept = timeline.detail == Detail::Spans;
        let live = is_kept.then(|| Live::among(&mut timeline.known().rows, name, &stage.total.name));
        Self { stage: stage.clone(), since_nanos: None, live }
    }

    /// Work begins; says when.
    pub fn begin(&mut self) -> u64 {
        debug_assert!(self.since_nanos.is_none(), "it has begun already");
        let timeline = &self.stage.timeline;
        let mut concurrency = lock(&timeline.concurrency);
        // Under the lock, so that time does not run backwards for the next.
        let now = timeline.now();
        concurrency.begin(self.stage.index, now);
        drop(concurrency);
        timeline.turns.fetch_add(1, Relaxed);
        self.since_nanos = Some(now);
        if let Some(live) = &self.live {
            live.begin(now);
        }
        now
    }

    /// Work on `item` ends, and other work begins in the same moment; says when. Cheaper than both, as the stage stays busy.
    pub fn go_on(&mut self, item: Option<Item>) -> u64 {
        let Some(since) = self.since_nanos else { return self.begin() };
        let timeline = &self.stage.timeline;
        let now = timeline.now();
        timeline.turns.fetch_add(1, Relaxed);
        self.since_nanos = Some(now);
        if let Some(live) = &self.live {
            live.go_on(Span::new(since, now, item));
        }
        now
    }

    /// Work on `item` ends, if any has begun.
    pub fn end(&mut self, item: Option<Item>) {
        let Some(since) = self.since_nanos.take() else { return };
        let timeline = &self.stage.timeline;
        let mut concurrency = lock(&timeline.concurrency);
        let now = timeline.now();
        concurrency.end(self.stage.index, now);
        drop(concurrency);
        timeline.turns.fetch_add(1, Relaxed);
        if let Some(live) = &self.live {
            live.add(Span::new(since, now, item), timeline.detail);
        }
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.end(None);
    }
}
