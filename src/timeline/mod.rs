//! What ran when: busy intervals of threads and devices, depths of queues, requests to storage. Knows nothing of images.
//!
//! Time is counted in nanoseconds from when the timeline was made. Sums are always kept; they take memory for each stage
//! and each queue, and none for each item. Intervals are kept when [`Detail::Spans`] asks for them, and are merged with
//! their neighbours once there are many ([`Bounded`]), so a run of any length takes the same memory.
//!
//! A timeline is for one run, whatever the number of files. Two pipelines on it at the same time would share the rows and
//! queues of their stages: one follows the other.

mod bounded;
mod concurrency;
mod device;
mod histogram;
mod metrics;
mod queue;
mod requests;
mod row;
mod writes;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

pub use bounded::Bounded;
use concurrency::Concurrency;
pub use device::{DeviceClock, DeviceRow};
pub use metrics::{DeviceMetrics, Metrics, QueueMetrics, RequestMetrics, StageMetrics};
pub use queue::{Depth, Queue};
pub use requests::{RequestLog, Requested, Unanswered};
use row::Live;
pub use row::{Row, Span, ThreadRow};
pub use writes::{UnansweredWrite, Write, WriteLog};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Sums.
    Sums,
    /// Sums, intervals, depths and requests.
    Spans,
}

/// What a stage was working on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Such as `tile`.
    pub what: &'static str,
    /// Its number.
    pub number: u64,
    /// What it is a part of, as [`Timeline::group`] counts.
    pub group: u32,
}

/// Something that a stage works on.
pub trait Named {
    /// What to call it, when it is the `nth` of its stage, from 0; `None` for what is no work.
    fn item(&self, nth: u64) -> Option<Item>;
}

/// Everything that is recorded of one run.
#[derive(Debug)]
pub struct Timeline {
    origin: Instant,
    detail: Detail,
    began_nanos: OnceLock<u64>,
    concurrency: Mutex<Concurrency>,
    known: Mutex<Known>,
    /// How often work began or ended.
    turns: AtomicU64,
    requests: Arc<RequestLog>,
    writes: Arc<WriteLog>,
}

/// What was registered so far.
#[derive(Debug, Default)]
struct Known {
    stages: Vec<Arc<Total>>,
    groups: Vec<String>,
    queues: Vec<Arc<Queue>>,
    /// When a thread has ended, a later one of the same name goes on with its row.
    rows: Vec<Arc<Live>>,
    devices: Vec<Arc<Live>>,
}

/// One stage over all pipelines.
#[derive(Debug)]
struct Total {
    name: String,
    threads: AtomicU64,
    items: AtomicU64,
}

/// One stage of one pipeline.
#[derive(Debug)]
pub struct Stage {
    timeline: Arc<Timeline>,
    index: usize,
    total: Arc<Total>,
    /// Of earlier pipelines.
    before_items: u64,
    before_nanos: u64,
}

impl Timeline {
    /// Nothing recorded yet.
    pub fn new(detail: Detail) -> Arc<Self> {
        let origin = Instant::now();
        Arc::new(Self {
            origin,
            detail,
            began_nanos: OnceLock::new(),
            concurrency: Mutex::default(),
            known: Mutex::default(),
            turns: AtomicU64::new(0),
            requests: Arc::new(RequestLog::new(origin, detail)),
            writes: Arc::default(),
        })
    }

    /// How much is kept.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// When it was made: all times count from here.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// The work begins now; what was recorded before was preparation, which is kept and not counted. Only the first call
    /// counts.
    pub fn begin(&self) {
        let mut concurrency = lock(&self.concurrency);
        let now = self.now();
        if self.began_nanos.set(now).is_ok() {
            concurrency.restart(now);
            self.requests.begin();
        }
    }

    /// When the work began; 0 before it has.
    pub fn began_nanos(&self) -> u64 {
        self.began_nanos.get().copied().unwrap_or(0)
    }

    /// Of the output.
    pub fn writes(&self) -> &Arc<WriteLog> {
        &self.writes
    }

    /// Of the source.
    pub fn requests(&self) -> &Arc<RequestLog> {
        &self.requests
    }

    /// Nanoseconds since [`Self::origin`].
    pub fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// A stage of a pipeline. Stages of one name are one in the metrics.
    pub fn stage(self: &Arc<Self>, name: &str, threads: usize) -> Stage {
        let mut known = self.known();
        let index = known.stages.iter().position(|total| total.name == name).unwrap_or(known.stages.len());
        if index == known.stages.len() {
            let (name, threads, items) = (name.to_owned(), AtomicU64::new(0), AtomicU64::new(0));
            known.stages.push(Arc::new(Total { name, threads, items }));
            lock(&self.concurrency).add_stage();
        }
        let total = known.stages[index].clone();
        total.threads.fetch_max(threads as u64, Relaxed);
        let (before_items, before_nanos) = (total.items.load(Relaxed), self.work_nanos(index));
        Stage { timeline: self.clone(), index, total, before_items, before_nanos }
    }

    /// A queue that holds up to `capacity` items.
    pub fn queue(&self, name: &str, capacity: usize) -> Arc<Queue> {
        let mut known = self.known();
        let same = known.queues.iter().find(|queue| queue.name() == name && queue.capacity() == capacity);
        same.cloned().unwrap_or_else(|| {
            let queue = Arc::new(Queue::new(name, capacity, self.origin, self.detail));
            known.queues.push(queue.clone());
            queue
        })
    }

    /// A number for what items are part of, such as one scene of one file.
    pub fn group(&self, name: &str) -> u32 {
        let groups = &mut self.known().groups;
        let index = groups.iter().position(|group| group == name).unwrap_or(groups.len());
        if index == groups.len() {
            groups.push(name.to_owned());
        }
        index as u32
    }

    /// Names of the groups, by number.
    pub fn groups(&self) -> Vec<String> {
        self.known().groups.clone()
    }

    /// Every thread as far as it is, where intervals are kept: stage by stage, in the order of the data flow.
    pub fn rows(&self) -> Vec<ThreadRow> {
        let (known, now) = (self.known(), self.now());
        let stage = |row: &ThreadRow| known.stages.iter().position(|total| total.name == row.stage);
        let mut rows: Vec<ThreadRow> = known.rows.iter().map(|row| row.at(now)).collect();
        // read-10 comes after read-9.
        rows.sort_by_cached_key(|row| (stage(row), row.name.len(), row.name.clone()));
        rows
    }

    /// Threads of the stages that are at work now.
    pub fn busy_threads(&self) -> usize {
        let known = self.known();
        let concurrency = lock(&self.concurrency);
        (0..known.stages.len()).map(|index| concurrency.activity(index).active as usize).sum()
    }

    /// Grows as long as anything moves on: with all work that begins or ends, and all answers of storage.
    pub fn moves(&self) -> u64 {
        self.turns.load(Relaxed) + self.requests.answers() + self.writes.answers()
    }

    /// Time that the threads of stage `index` did not wait for a neighbour, added up.
    fn work_nanos(&self, index: usize) -> u64 {
        let concurrency = lock(&self.concurrency);
        concurrency.activity(index).work_nanos(self.now())
    }

    /// Every device.
    pub fn devices(&self) -> Vec<ThreadRow> {
        let now = self.now();
        self.known().devices.iter().map(|row| row.at(now)).collect()
    }

    /// Every queue.
    pub fn queues(&self) -> Vec<Arc<Queue>> {
        self.known().queues.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}

impl Stage {
    /// Items that left it.
    pub fn items(&self) -> u64 {
        self.total.items.load(Relaxed) - self.before_items
    }

    /// Time that its threads did not wait for a neighbour, added up.
    pub fn work_nanos(&self) -> u64 {
        self.timeline.work_nanos(self.index) - self.before_nanos
    }

    /// So many more items leave.
    pub fn count_items(&self, items: u64) {
        self.total.items.fetch_add(items, Relaxed);
    }
}

/// Sums stay whole when a thread panics with them: each is changed in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
