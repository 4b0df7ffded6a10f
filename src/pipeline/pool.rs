//! What the workers of a pool share: where items come from, and the order in which their results leave.
//!
//! There is no thread but the workers. Each takes its next item itself, and whoever finishes the first of those that are
//! missing sends it on, and what waited for it: so a worker never waits for a thread that only hands items over.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Items, Place, Row, Stop};

/// Items that a pool holds beyond one a worker: results that wait for one before them.
const WAITING: u64 = 2;

pub(super) struct Pool<A, B> {
    input: Mutex<Numbered<A>>,
    results: Mutex<Results<B>>,
    has_room: Condvar,
    /// Items between the first that has not left and the last that may be taken.
    most: u64,
    place: Place<B>,
}

struct Numbered<A> {
    items: Items<A>,
    taken: u64,
}

struct Results<B> {
    waiting: BTreeMap<u64, B>,
    /// How many have left.
    left: u64,
    /// Whether some worker sends what is ready.
    is_sending: bool,
    /// Whether a worker has ended, because nothing more comes or because it failed: so do the others.
    is_closed: bool,
}

impl<A, B> Pool<A, B> {
    pub fn new(workers: usize, items: Items<A>, place: Place<B>) -> Self {
        let results = Results { waiting: BTreeMap::new(), left: 0, is_sending: false, is_closed: false };
        Self {
            input: Mutex::new(Numbered { items, taken: 0 }),
            results: Mutex::new(results),
            has_room: Condvar::new(),
            most: workers as u64 + WAITING,
            place,
        }
    }

    /// The next item, with which the work of `row` begins, and its number; `None` when nothing more comes. Waits while too many
    /// results wait.
    pub fn take(&self, row: &mut Row) -> Option<(u64, A)> {
        let mut input = lock(&self.input);
        let number = input.taken;
        let is_full = |results: &mut Results<B>| !results.is_closed && number >= results.left + self.most;
        let results = self.has_room.wait_while(lock(&self.results), is_full);
        if results.unwrap_or_else(PoisonError::into_inner).is_closed {
            return None;
        }
        let item = input.items.recv_to(row)?;
        input.taken += 1;
        Some((number, item))
    }

    /// Sends the result of item `number`, or leaves that to whoever finishes the one that is missing before it.
    ///
    /// # Errors
    /// `Closed` when the next stage has ended.
    pub fn put<E>(&self, number: u64, result: B) -> Result<(), Stop<E>> {
        let mut results = lock(&self.results);
        results.waiting.insert(number, result);
        if results.is_sending {
            return Ok(());
        }
        results.is_sending = true;
        while let Some(next) = results.next() {
            drop(results);
            self.place.send(next)?;
            results = lock(&self.results);
            results.left += 1;
            self.has_room.notify_all();
        }
        results.is_sending = false;
        Ok(())
    }

    /// To be kept by each worker for as long as it lives.
    pub fn closes(&self) -> Closes<'_, A, B> {
        Closes(self)
    }
}

impl<B> Results<B> {
    fn next(&mut self) -> Option<B> {
        self.waiting.remove(&self.left)
    }
}

/// Ends the pool when it goes, whatever the reason.
pub(super) struct Closes<'a, A, B>(&'a Pool<A, B>);

impl<A, B> Drop for Closes<'_, A, B> {
    fn drop(&mut self) {
        lock(&self.0.results).is_closed = true;
        self.0.has_room.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
