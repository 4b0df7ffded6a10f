//! The wish to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// What became of work that had not come to writing.
pub(crate) const NOTHING_KEPT: &str = "nothing was finished, and nothing is kept";

/// Whether the run is to end: what is in flight is finished, and nothing new begins. Copies mean the same.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked_for: Arc<AtomicBool>,
    has_stalled: Arc<AtomicBool>,
}

impl Stop {
    /// Between two looks at it while something else is waited for.
    pub const LOOK: Duration = Duration::from_millis(50);

    /// Set by whoever else has it, for the user.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.asked_for.clone()
    }

    /// The storage answers no more.
    pub fn stall(&self) {
        self.has_stalled.store(true, Relaxed);
    }

    /// Whether it is to end.
    pub fn is_set(&self) -> bool {
        self.is_asked_for() || self.has_stalled.load(Relaxed)
    }

    /// For work that takes long and keeps nothing, from time to time.
    ///
    /// # Errors
    /// `Interrupted` when it is to end.
    pub fn check(&self) -> Result<()> {
        if self.is_set() { Err(Error::Interrupted { what: NOTHING_KEPT.into() }) } else { Ok(()) }
    }

    /// Whether it is the user who wants that.
    pub fn is_asked_for(&self) -> bool {
        self.asked_for.load(Relaxed)
    }

    /// Waits for `pause`, or until the run is to end: `true` then.
    pub fn wait(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        while !self.is_set() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(Self::LOOK));
        }
        true
    }
}
