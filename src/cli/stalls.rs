//! Storage of this computer that answers no more, as a network mount whose server is gone.
//!
//! A read that hangs in the system cannot be called back, and a run waits for the end of its threads. So the program ends
//! with the thread in it: nothing new begins, what was read is computed and written, what went wrong is said, the record of
//! the run is written, and the process ends with the code of every other failure. What is finished is recorded shard by shard, so nothing is to be
//! done for it. Requests to a server have a time limit of their own, and fail as requests do.

use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::error::Error;
use crate::run::Stop;
use crate::source::Location;
use crate::timeline::{Timeline, Unanswered};

/// Between two looks while the run goes well.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at what still works.
const NEAR_LOOK: Duration = Duration::from_millis(50);
/// So many looks in which nothing works: an item may lie between two stages.
const QUIET_LOOKS: u32 = 6;

/// Looks after the storage of a run.
pub struct Watch<'a> {
    pub timeline: &'a Timeline,
    /// Without any answer for so long, the storage has stalled.
    pub timeout: Duration,
    pub stop: &'a Stop,
    /// Whether an output is written.
    pub writes: bool,
}

impl Watch<'_> {
    /// Does `work` and looks meanwhile. When the storage stalls, `end` is told once nothing but its reads is under way; the
    /// process is to end there. Also says that the storage had stalled, if `work` came to its end nevertheless.
    pub fn over<T>(
        &self,
        work: impl FnOnce() -> T,
        end: impl Fn(&Error) + Sync + Send,
    ) -> (T, Option<Error>) {
        let (working, done) = bounded::<()>(0);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(move || {
                // How long until `work` is over: `true` when it is.
                let is_over = |pause| done.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
                let stalled = self.stalled(&is_over)?;
                self.stop.stall();
                let error = self.error(&stalled);
                if self.is_quiet(&is_over) {
                    end(&error);
                }
                Some(error)
            });
            let result = work();
            drop(working);
            match watcher.join() {
                Ok(error) => (result, error),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Waits until the storage stalls; `None` when the work is over.
    fn stalled(&self, is_over: &impl Fn(Duration) -> bool) -> Option<Unanswered> {
        let look = LOOK.min(self.timeout / 4);
        // Seen twice: a process that was stopped for a while finds its requests old, and answered a moment later.
        let mut was_silent = false;
        while !is_over(look) {
            let unanswered = self.timeline.requests().unanswered(is_local);
            match unanswered.filter(|unanswered| unanswered.silent >= self.timeout) {
                Some(stalled) if was_silent => return Some(stalled),
                silent => was_silent = silent.is_some(),
            }
        }
        None
    }

    /// Waits until nothing but reads is under way; `false` when the work comes to its end.
    fn is_quiet(&self, is_over: &impl Fn(Duration) -> bool) -> bool {
        let mut quiet = 0;
        while quiet < QUIET_LOOKS {
            if is_over(NEAR_LOOK) {
                return false;
            }
            let waiting = self.timeline.requests().unanswered(is_local).map_or(0, |one| one.waiting);
            quiet = if self.timeline.busy_threads() <= waiting { quiet + 1 } else { 0 };
        }
        true
    }

    fn error(&self, stalled: &Unanswered) -> Error {
        let what = match &stalled.bytes {
            None => "opening it".to_owned(),
            Some(bytes) => format!("reading {} bytes at byte {}", bytes.end - bytes.start, bytes.start),
        };
        let secs = stalled.waited.as_secs_f64();
        let kept = if self.writes {
            "; what is finished is kept, and the same command with --resume goes on from there"
        } else {
            ""
        };
        let text = format!("{what}: the storage has not answered for {secs:.1} s (--timeout){kept}");
        Error::io(&stalled.file, std::io::Error::new(std::io::ErrorKind::TimedOut, text))
    }
}

fn is_local(file: &str) -> bool {
    matches!(Location::from(std::ffi::OsString::from(file)), Location::Path(_))
}
