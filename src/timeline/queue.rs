//! How full a queue was, and when.

use std::sync::Mutex;
use std::time::Instant;

use super::{Bounded, Detail, lock};

/// Changes that a queue keeps.
const DEPTHS: usize = 4096;

/// A queue held so many items from then on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depth {
    /// When.
    pub nanos: u64,
    /// Items; where several changes were merged, the most.
    pub items: u32,
}

/// The depth of one bounded channel over time.
#[derive(Debug)]
pub struct Queue {
    name: String,
    origin: Instant,
    detail: Detail,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since_nanos: u64,
    items: usize,
    /// Time at each depth, from 0 to the capacity.
    nanos_at: Vec<u64>,
    depths: Bounded<Depth>,
}

impl Queue {
    pub(super) fn new(name: &str, capacity: usize, origin: Instant, detail: Detail) -> Self {
        let merge = |a: &mut Depth, b: Depth| a.items = a.items.max(b.items);
        let state = State {
            since_nanos: origin.elapsed().as_nanos() as u64,
            items: 0,
            nanos_at: vec![0; capacity + 1],
            depths: Bounded::new(DEPTHS, merge),
        };
        Self { name: name.to_owned(), origin, detail, state: Mutex::new(state) }
    }

    /// The stage that fills it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Items that it can hold.
    pub fn capacity(&self) -> usize {
        lock(&self.state).nanos_at.len() - 1
    }

    /// It holds `items` since `now`, on the timeline's clock. A time that is earlier than the last is taken for that: two threads may
    /// look at the clock, and come here, in different orders.
    pub fn holds(&self, items: usize, now: u64) {
        let mut state = lock(&self.state);
        let (held, since) = (state.items, state.since_nanos);
        let now = now.max(since);
        state.nanos_at[held] += now - since;
        state.since_nanos = now;
        state.items = items.min(state.nanos_at.len() - 1);
        if self.detail == Detail::Spans {
            state.depths.push(Depth { nanos: now, items: items as u32 });
        }
    }

    /// It holds `items` from now on.
    pub fn holds_now(&self, items: usize) {
        self.holds(items, self.origin.elapsed().as_nanos() as u64);
    }

    /// Its changes, in order.
    pub fn depths(&self) -> Vec<Depth> {
        lock(&self.state).depths.values().to_vec()
    }

    /// Time at each depth, from 0 to the capacity.
    pub(super) fn nanos_at(&self) -> Vec<u64> {
        lock(&self.state).nanos_at.clone()
    }
}
