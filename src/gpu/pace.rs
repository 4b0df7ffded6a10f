//! How many dispatches go to a device together: as many as it needs about a tenth of a second for.
//!
//! Systems reset a device that works on one submission for too long: Windows after 2 s, Linux after 2 to 10 s; some drivers
//! go on after it without an error, with results that are wrong.

use std::time::{Duration, Instant};

/// What a submission should take. The next one is sent while it runs, so longer ones gain nothing.
const WANTED: Duration = Duration::from_millis(100);
/// As long as nothing is known of the device: about an iteration of a volume, which takes the slowest integrated devices half
/// a second at the default of --gpu-memory.
const FIRST: u32 = 8;
/// More keep the device waiting for the first.
const MOST: u32 = 256;
/// How much longer the next submission may be than the last.
const GROWTH: f64 = 2.0;
/// A wait as short as this means that the device was done before.
const NO_WAIT: Duration = Duration::from_micros(200);

/// A submission that was waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waited {
    pub dispatches: u32,
    pub submitted: Instant,
    /// When the wait began, and when it ended.
    pub asked: Instant,
    pub done: Instant,
}

/// How long a device's submissions take, and how long they may be.
#[derive(Debug)]
pub(super) struct Pace {
    dispatches: u32,
    /// When the last submission that was waited for was done.
    last_done: Option<Instant>,
}

impl Pace {
    pub fn new() -> Self {
        Self { dispatches: FIRST, last_done: None }
    }

    /// Dispatches that go together, at most.
    pub fn dispatches(&self) -> u32 {
        self.dispatches
    }

    /// Learns from a submission. It began when it was submitted, or when the one before was done; where nobody had to wait
    /// for it, it may have ended at any time since, so it took no longer than that.
    pub fn observe(&mut self, waited: Waited) {
        let Waited { dispatches, submitted, asked, done } = waited;
        let began = self.last_done.map_or(submitted, |last| last.max(submitted));
        self.last_done = Some(done);
        let took = done.saturating_duration_since(began).as_secs_f64();
        let is_exact = done.saturating_duration_since(asked) > NO_WAIT;
        if !is_exact && took > WANTED.as_secs_f64() {
            return;
        }
        let fitting = f64::from(dispatches) * WANTED.as_secs_f64() / took.max(1e-9);
        let most = f64::from(self.dispatches) * GROWTH;
        self.dispatches = (fitting.min(most) as u32).clamp(1, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dispatches of each submission to a device that takes `per_dispatch` for one, two submissions ahead of the host.
    fn submissions(per_dispatch: Duration, count: usize) -> Vec<u32> {
        let start = Instant::now();
        let mut pace = Pace::new();
        let mut device_free = start;
        let mut now = start;
        let mut under_way = std::collections::VecDeque::new();
        let mut sent = Vec::new();
        for _ in 0..count {
            let dispatches = pace.dispatches();
            device_free = device_free.max(now) + per_dispatch * dispatches;
            under_way.push_back((dispatches, now, device_free));
            sent.push(dispatches);
            if under_way.len() > 2 {
                let (dispatches, submitted, ends) = under_way.pop_front().unwrap();
                let asked = now;
                now = now.max(ends);
                pace.observe(Waited { dispatches, submitted, asked, done: now });
            }
        }
        sent
    }

    #[test]
    fn a_slow_device_never_works_long_on_one_submission() {
        for millis in [1, 5, 20, 60, 250] {
            let sent = submissions(Duration::from_millis(millis), 40);
            let longest = u64::from(*sent.iter().max().unwrap()) * millis;
            assert!(longest <= 2000.max(millis), "{millis} ms: {sent:?}");
            let settled = u64::from(sent[39]) * millis;
            assert!(settled <= 100.max(millis), "{millis} ms: {sent:?}");
            assert!(settled * 2 > 100.min(2 * millis), "{millis} ms: {sent:?}");
        }
    }

    #[test]
    fn a_fast_device_gets_many_at_once() {
        let sent = submissions(Duration::from_micros(20), 40);
        assert_eq!(sent[39], MOST, "{sent:?}");
    }

    #[test]
    fn a_host_that_comes_late_makes_nothing_smaller() {
        let start = Instant::now();
        let mut pace = Pace::new();
        let later = start + Duration::from_secs(5);
        pace.observe(Waited { dispatches: FIRST, submitted: start, asked: later, done: later });
        assert_eq!(pace.dispatches(), FIRST);
    }
}
