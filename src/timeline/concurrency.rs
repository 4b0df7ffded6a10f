//! How long each set of stages was busy at once: from this follow unions and overlaps of busy times, in constant memory
//! and exactly, however long the run.

use std::collections::BTreeMap;

/// Most stages.
const STAGES: usize = 32;

/// Which stages are busy, and how long each set of them was.
#[derive(Debug, Default)]
pub(super) struct Concurrency {
    stages: Vec<Activity>,
    /// Bit `i` is set while stage `i` is busy.
    busy: u32,
    since_nanos: u64,
    nanos: BTreeMap<u32, u64>,
}

/// One stage's threads.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Activity {
    /// Threads at work.
    pub active: u32,
    /// When it was busy first, and last.
    pub first_nanos: Option<u64>,
    pub last_nanos: u64,
    /// The ends of its threads' intervals less their beginnings, of which there may be more: modulo 2⁶⁴.
    balance_nanos: u64,
}

impl Activity {
    /// Its threads' intervals added up, to `now`.
    pub fn work_nanos(&self, now: u64) -> u64 {
        self.balance_nanos.wrapping_add(now.wrapping_mul(self.active.into()))
    }
}

impl Concurrency {
    pub fn add_stage(&mut self) {
        assert!(self.stages.len() < STAGES, "a set of stages fits a word");
        self.stages.push(Activity::default());
    }

    /// A thread of `stage` begins work.
    pub fn begin(&mut self, stage: usize, now: u64) {
        let activity = &mut self.stages[stage];
        activity.first_nanos.get_or_insert(now);
        activity.active += 1;
        activity.balance_nanos = activity.balance_nanos.wrapping_sub(now);
        if activity.active == 1 {
            self.become_busy(self.busy | 1 << stage, now);
        }
    }

    /// A thread of `stage` ends work.
    pub fn end(&mut self, stage: usize, now: u64) {
        let activity = &mut self.stages[stage];
        activity.last_nanos = now;
        activity.active -= 1;
        activity.balance_nanos = activity.balance_nanos.wrapping_add(now);
        if activity.active == 0 {
            self.become_busy(self.busy & !(1 << stage), now);
        }
    }

    fn become_busy(&mut self, busy: u32, now: u64) {
        *self.nanos.entry(self.busy).or_default() += now - self.since_nanos;
        (self.busy, self.since_nanos) = (busy, now);
    }

    /// Forgets what was before `now`; who is at work begins now.
    pub fn restart(&mut self, now: u64) {
        self.nanos.clear();
        self.since_nanos = now;
        for stage in &mut self.stages {
            let active = stage.active;
            *stage = Activity {
                active,
                first_nanos: (active > 0).then_some(now),
                last_nanos: now,
                balance_nanos: now.wrapping_mul(active.into()).wrapping_neg(),
            };
        }
    }

    /// Counts what is under way up to `now`.
    pub fn advance(&mut self, now: u64) {
        let now = now.max(self.since_nanos);
        self.stages.iter_mut().filter(|stage| stage.active > 0).for_each(|stage| stage.last_nanos = now);
        self.become_busy(self.busy, now);
    }

    pub fn activity(&self, stage: usize) -> Activity {
        self.stages[stage]
    }

    /// Time in which the set of busy stages was one that `which` accepts.
    pub fn nanos_where(&self, which: impl Fn(u32) -> bool) -> u64 {
        self.nanos.iter().filter(|(set, _)| which(**set)).map(|(_, nanos)| nanos).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unions_and_overlaps_are_those_of_the_intervals() {
        // Two stages; the first has two threads. Every interval as (stage, from, to).
        let intervals = [(0, 10, 40), (0, 20, 50), (1, 30, 60), (1, 70, 75), (0, 74, 80)];
        let mut events: Vec<(u64, usize, bool)> = intervals
            .iter()
            .flat_map(|&(stage, from, to)| [(from, stage, true), (to, stage, false)])
            .collect();
        events.sort_unstable();
        let mut concurrency = Concurrency::default();
        concurrency.add_stage();
        concurrency.add_stage();
        for (now, stage, begins) in events {
            // Looking changes nothing.
            concurrency.advance(now);
            if begins { concurrency.begin(stage, now) } else { concurrency.end(stage, now) }
        }
        // Counted nanosecond by nanosecond.
        let busy = |stage, at| intervals.iter().any(|&(s, from, to)| s == stage && (from..to).contains(&at));
        for set in 0..4 {
            let expected = (0..80).filter(|&at| (busy(0, at), busy(1, at)) == (set & 1 != 0, set & 2 != 0));
            assert_eq!(concurrency.nanos_where(|s| s == set), expected.count() as u64, "set {set}");
        }
        assert_eq!(concurrency.nanos_where(|set| set & 1 != 0), 46);
        assert_eq!((concurrency.activity(1).first_nanos, concurrency.activity(1).last_nanos), (Some(30), 75));
        assert_eq!(
            (concurrency.activity(0).work_nanos(85), concurrency.activity(1).work_nanos(85)),
            (66, 35)
        );
        concurrency.begin(1, 90);
        assert_eq!(concurrency.activity(1).work_nanos(95), 40);
        concurrency.advance(95);
        assert_eq!((concurrency.nanos_where(|set| set == 2), concurrency.activity(1).last_nanos), (19, 95));
        concurrency.restart(96);
        concurrency.begin(0, 97);
        concurrency.end(1, 98);
        concurrency.end(0, 99);
        let since: Vec<_> = (1..4).map(|set| concurrency.nanos_where(|s| s == set)).collect();
        assert_eq!((since, concurrency.activity(1).work_nanos(100)), (vec![1, 1, 1], 2));
        assert_eq!(concurrency.activity(1).first_nanos, Some(96));
    }
}
