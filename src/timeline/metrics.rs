//! What follows from a timeline: how busy, how well overlapped, what waited for what.

use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use super::{ThreadRow, Timeline, lock};

/// The stage that drives the devices, and waits for them.
const DRIVES_DEVICES: &str = "compute";

/// Sums over one run. Times are in seconds of the clock on the wall.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics {
    /// From the beginning of the work to when this was asked.
    pub wall_secs: f64,
    /// In the order of the data flow.
    pub stages: Vec<StageMetrics>,
    /// Devices that told when they were busy.
    pub devices: Vec<DeviceMetrics>,
    /// The stage that takes longest, by its own work or that of the devices which it drives. `None` when none worked.
    pub busiest: Option<String>,
    /// The longest `busy_secs` of a stage over `wall_secs`. A stage alone takes no longer than it was busy beside the
    /// others, so the overlap efficiency (the longest stage alone / wall) is at most this.
    pub overlap_efficiency_at_most: f64,
    /// Of the time in which any stage but `busiest` was busy, the share in which `busiest` was busy too.
    pub hidden_fraction: Option<f64>,
    /// No stage was busy.
    pub idle_secs: f64,
    /// Until `busiest` was busy first.
    pub fill_secs: f64,
    /// Since `busiest` was busy last.
    pub drain_secs: f64,
    /// To the source.
    pub requests: RequestMetrics,
    /// Between the stages.
    pub queues: Vec<QueueMetrics>,
}

/// One stage.
#[derive(Clone, Debug, Serialize)]
pub struct StageMetrics {
    /// As its threads are called.
    pub name: String,
    /// Threads that do its work.
    pub threads: u64,
    /// Items that left it.
    pub items: u64,
    /// At least one of its threads was not waiting for a neighbour: the union of their intervals.
    pub busy_secs: f64,
    /// The same time added up over its threads.
    pub work_secs: f64,
    /// Of `work_secs`, what it did not wait for a device: the rest is the device's work.
    pub own_secs: f64,
    /// `work_secs` over what its threads could have worked: threads × wall.
    pub load: f64,
    /// It was busy and no other stage was.
    pub alone_secs: f64,
    /// From the beginning of the work to its first.
    pub first_secs: f64,
    /// From the beginning of the work to its last.
    pub last_secs: f64,
}

/// One device.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceMetrics {
    /// As it calls itself.
    pub name: String,
    /// It was at work, by its own clock.
    pub busy_secs: f64,
}

/// Requests to the source, since the work began.
#[derive(Clone, Debug, Serialize)]
pub struct RequestMetrics {
    /// Requests; one that is repeated counts again.
    pub requests: u64,
    /// Those that brought an error.
    pub failed: u64,
    /// That the others brought.
    pub bytes: u64,
    /// At least one was under way.
    pub busy_secs: f64,
    /// Under way at the same time, over `busy_secs`.
    pub mean_in_flight: Option<f64>,
    /// Over the whole run.
    pub bytes_per_sec: Option<f64>,
    /// Over `busy_secs`.
    pub bytes_per_busy_sec: Option<f64>,
    /// From asking to the last byte; half take no longer. Quantiles are known to 6 %.
    pub p50_secs: Option<f64>,
    /// 90 % take no longer.
    pub p90_secs: Option<f64>,
    /// 99 % take no longer.
    pub p99_secs: Option<f64>,
    /// The longest.
    pub most_secs: Option<f64>,
}

/// A queue behind a stage.
#[derive(Clone, Debug, Serialize)]
pub struct QueueMetrics {
    /// The stage that fills it.
    pub after: String,
    /// Items that it can hold.
    pub capacity: usize,
    /// Items that it held, over the time.
    pub mean_items: f64,
    /// Share of the time in which it was empty: who takes from it may have waited.
    pub empty_share: f64,
    /// Share of the time in which it was full: who fills it may have waited.
    pub full_share: f64,
}

impl DeviceMetrics {
    fn new(row: &ThreadRow) -> Self {
        Self { name: row.name.clone(), busy_secs: secs(row.busy_nanos) }
    }
}

impl Timeline {
    /// What was recorded so far; what is under way counts up to now.
    pub fn metrics(&self) -> Metrics {
        let (began, now) = (self.began_nanos(), self.now());
        let wall_nanos = now - began;
        let wall_secs = secs(wall_nanos);
        lock(&self.concurrency).advance(now);
        let devices: Vec<_> = self.devices().iter().map(DeviceMetrics::new).collect();
        let driven_secs = devices.iter().map(|device| device.busy_secs).fold(0.0, f64::max);
        let stages = self.stage_metrics(began, wall_secs, driven_secs);
        let demand = |i: usize| {
            let own = stages[i].own_secs / stages[i].threads as f64;
            if stages[i].name == DRIVES_DEVICES { own.max(driven_secs) } else { own }
        };
        let bound = (0..stages.len()).max_by(|&a, &b| demand(a).total_cmp(&demand(b)));
        let bound = bound.filter(|&i| stages[i].work_secs > 0.0);
        let longest = stages.iter().map(|stage| stage.busy_secs).fold(0.0, f64::max);
        let concurrency = lock(&self.concurrency);
        let others = |i: usize, set: u32| set & !(1 << i) != 0;
        let hidden = bound.and_then(|i| {
            let all = concurrency.nanos_where(|set| others(i, set));
            let hidden = concurrency.nanos_where(|set| others(i, set) && set & (1 << i) != 0);
            (all > 0).then(|| hidden as f64 / all as f64)
        });
        let busy = secs(concurrency.nanos_where(|set| set != 0));
        drop(concurrency);
        Metrics {
            wall_secs,
            busiest: bound.map(|i| stages[i].name.clone()),
            overlap_efficiency_at_most: if wall_nanos > 0 { longest / wall_secs } else { 0.0 },
            hidden_fraction: hidden,
            idle_secs: (wall_secs - busy).max(0.0),
            fill_secs: bound.map_or(0.0, |i| stages[i].first_secs),
            drain_secs: bound.map_or(0.0, |i| wall_secs - stages[i].last_secs),
            requests: self.requests.metrics(wall_secs),
            queues: self.queue_metrics(),
            devices,
            stages,
        }
    }

    fn stage_metrics(&self, began: u64, wall_secs: f64, driven_secs: f64) -> Vec<StageMetrics> {
        let known = self.known();
        let concurrency = lock(&self.concurrency);
        // Under the lock: no thread has begun later.
        let now = self.now();
        let stage = |(i, total): (usize, &std::sync::Arc<super::Total>)| {
            let threads = total.threads.load(Relaxed);
            let activity = concurrency.activity(i);
            let work_secs = secs(activity.work_nanos(now));
            let since_began = |nanos: u64| secs(nanos.saturating_sub(began));
            StageMetrics {
                name: total.name.clone(),
                threads,
                items: total.items.load(Relaxed),
                busy_secs: secs(concurrency.nanos_where(|set| set & (1 << i) != 0)),
                work_secs,
                own_secs: if total.name == DRIVES_DEVICES {
                    (work_secs - driven_secs).max(0.0)
                } else {
                    work_secs
                },
                load: if wall_secs > 0.0 { work_secs / (threads as f64 * wall_secs) } else { 0.0 },
                alone_secs: secs(concurrency.nanos_where(|set| set == 1 << i)),
                first_secs: since_began(activity.first_nanos.unwrap_or(began)),
                last_secs: since_began(activity.last_nanos),
            }
        };
        known.stages.iter().enumerate().map(stage).collect()
    }

    fn queue_metrics(&self) -> Vec<QueueMetrics> {
        let queue = |queue: &std::sync::Arc<super::Queue>| {
            let nanos_at = queue.nanos_at();
            let all = nanos_at.iter().sum::<u64>().max(1) as f64;
            let share = |i: usize| nanos_at[i] as f64 / all;
            QueueMetrics {
                after: queue.name().to_owned(),
                capacity: queue.capacity(),
                mean_items: (0..nanos_at.len()).map(|i| i as f64 * share(i)).sum(),
                empty_share: share(0),
                full_share: share(nanos_at.len() - 1),
            }
        };
        self.queues().iter().map(queue).collect()
    }
}

fn secs(nanos: u64) -> f64 {
    nanos as f64 * 1e-9
}
