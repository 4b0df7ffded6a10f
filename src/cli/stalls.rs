//! Storage of this computer that answers no more, as a network mount whose server is gone.
//!
//! A read that hangs in the system cannot be called back, and a run waits for the end of its threads. So the program ends
//! with the thread in it: nothing new begins, what was read is computed and written, what went wrong is said, the record of
//! the run is written, and the process ends with the code of every other failure. What is finished is recorded shard by shard, so nothing is to be
//! done for it. Requests to a server have a time limit of their own, and fail as requests do.
//!
//! Calls on the output end the run in the same way, but while one of them flushes: behind a busy server that may take
//! minutes, and others wait for it. That is only said.

use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::error::{Error, Result};
use crate::job::cpu_secs;
use crate::report::{Event, Report};
use crate::run::Stop;
use crate::say;
use crate::source::Location;
use crate::threads::spawn_in;
use crate::timeline::{Timeline, Unanswered, UnansweredWrite};

/// Between two looks while the run goes well.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at what still works.
const NEAR_LOOK: Duration = Duration::from_millis(50);
/// So many looks in which nothing works: an item may lie between two stages.
const QUIET_LOOKS: u32 = 6;
/// Looks after which silence is believed.
const SILENT_LOOKS: u32 = 2;
/// A core that does less than this share of what it could computes nothing.
const LEAST_CPU_SHARE: f64 = 0.05;

/// Looks after the storage of a run.
pub struct Watch<'a> {
    pub timeline: &'a Timeline,
    /// Without any answer for so long, the storage has stalled.
    pub timeout: Duration,
    pub stop: &'a Stop,
    /// Whether an output is written.
    pub writes: bool,
    /// Who is told of what may only take long.
    pub report: &'a dyn Report,
}

impl Watch<'_> {
    /// Does `work` and looks meanwhile. When the storage stalls, `end` is told once nothing but its reads is under way; the
    /// process is to end there. Also says that the storage had stalled, if `work` came to its end nevertheless.
    ///
    /// # Errors
    /// `Threads` where the system gives none to look with; `work` is not done then.
    pub fn over<T>(
        &self,
        work: impl FnOnce() -> T,
        end: impl Fn(&Error) + Sync + Send,
    ) -> Result<(T, Option<Error>)> {
        let (working, done) = bounded::<()>(0);
        std::thread::scope(|scope| {
            let watcher = spawn_in(scope, "watch", move || {
                // How long until `work` is over: `true` when it is.
                let is_over = |pause| done.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
                let error = self.stalled(&is_over)?;
                self.stop.stall();
                if self.is_quiet(&is_over) {
                    end(&error);
                }
                Some(error)
            })?;
            let result = work();
            drop(working);
            match watcher.join() {
                Ok(error) => Ok((result, error)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Does `work` before anything is kept; when the storage stalls, says so and ends the process with `code`.
    ///
    /// # Errors
    /// As [`Self::over`]; also that the storage had stalled.
    pub fn or_exit<T>(&self, code: i32, work: impl FnOnce() -> T) -> Result<T> {
        let end = |error: &Error| {
            say::err(&format!("error: {error}"));
            std::process::exit(code)
        };
        let (result, stalled) = self.over(work, end)?;
        stalled.map_or(Ok(result), Err)
    }

    /// Does `work`, which makes no call that may not take long, and says when one does.
    pub fn beside<T>(&self, work: impl Fn() -> T) -> T {
        // Where the system gives no thread to look with, nobody looks.
        self.over(&work, |_| {}).map_or_else(|_| work(), |(result, _)| result)
    }

    /// Waits until the storage stalls; `None` when the work is over.
    fn stalled(&self, is_over: &impl Fn(Duration) -> bool) -> Option<Error> {
        let look = LOOK.min(self.timeout / 4);
        // Seen twice: a process that was stopped for a while finds its requests old, and answered a moment later.
        let (mut was_silent, mut was_slow) = (0, 0);
        while !is_over(look) {
            let read = self.timeline.requests().unanswered(is_local);
            let read = read.filter(|unanswered| unanswered.silent >= self.timeout);
            let write = self.timeline.writes().unanswered();
            let write = write.filter(|unanswered| unanswered.silent >= self.timeout);
            let (slow, write) = match write {
                Some(write) if write.may_take_long => (Some(write), None),
                write => (None, write),
            };
            let error =
                read.map(|read| self.read_error(&read)).or(write.map(|write| self.write_error(&write)));
            was_silent = if error.is_some() { was_silent + 1 } else { 0 };
            was_slow = if slow.is_some() { was_slow + 1 } else { 0 };
            if was_silent >= SILENT_LOOKS {
                return error;
            }
            // Once, until it is answered.
            if let Some(slow) = slow.filter(|_| was_slow == SILENT_LOOKS) {
                self.report.event(&Event::Note { text: &slow_note(&slow) });
            }
        }
        None
    }

    /// Waits until nothing but calls on storage is under way, or nothing moves: what is at work then waits for what hangs, in
    /// whatever way. `false` when the work comes to its end.
    fn is_quiet(&self, is_over: &impl Fn(Duration) -> bool) -> bool {
        let mut quiet = 0;
        let mut moved = Moves::of(self.timeline);
        while quiet < QUIET_LOOKS && moved.at.elapsed() < self.timeout {
            if is_over(NEAR_LOOK) {
                return false;
            }
            let now = Moves::of(self.timeline);
            if now.is_on_from(&moved) {
                moved = now;
            }
            let reads = self.timeline.requests().unanswered(is_local).map_or(0, |one| one.waiting);
            let waiting = reads + self.timeline.writes().unanswered().map_or(0, |one| one.waiting);
            quiet = if self.timeline.busy_threads() <= waiting { quiet + 1 } else { 0 };
        }
        true
    }

    fn write_error(&self, stalled: &UnansweredWrite) -> Error {
        self.error(&stalled.path, stalled.write.verb(), stalled.waited)
    }

    fn read_error(&self, stalled: &Unanswered) -> Error {
        let what = match &stalled.bytes {
            None => "opening it".to_owned(),
            Some(bytes) => format!("reading {} bytes at byte {}", bytes.end - bytes.start, bytes.start),
        };
        self.error(Path::new(&stalled.file), &what, stalled.waited)
    }

    fn error(&self, path: &Path, what: &str, waited: Duration) -> Error {
        let secs = waited.as_secs_f64();
        let kept = if self.writes {
            "; what is finished is kept, and the same command with --resume goes on from there"
        } else {
            ""
        };
        let text = format!("{what}: the storage has not answered for {secs:.1} s (--timeout){kept}");
        Error::io(path, std::io::Error::new(std::io::ErrorKind::TimedOut, text))
    }
}

/// How far everything has come.
struct Moves {
    at: Instant,
    turns: u64,
    /// `None` where the system does not say.
    cpu_secs: Option<f64>,
}

impl Moves {
    fn of(timeline: &Timeline) -> Self {
        Self { at: Instant::now(), turns: timeline.moves(), cpu_secs: cpu_secs() }
    }

    fn is_on_from(&self, before: &Self) -> bool {
        let secs = (self.at - before.at).as_secs_f64();
        let computes = |(now, before): (f64, f64)| now - before > LEAST_CPU_SHARE * secs;
        self.turns != before.turns || self.cpu_secs.zip(before.cpu_secs).is_some_and(computes)
    }
}

/// Ends the process with `code` in a while, whatever it waits for then.
pub fn exit_after(pause: Duration, code: i32) {
    std::thread::spawn(move || {
        std::thread::sleep(pause);
        std::process::exit(code);
    });
}

fn slow_note(slow: &UnansweredWrite) -> String {
    format!(
        "{}: {}: the storage has not answered for {:.1} s (--timeout); the run waits, as a busy server may take minutes; \
         interrupted twice it ends at once, and what is finished is kept",
        slow.path.display(),
        slow.write.verb(),
        slow.waited.as_secs_f64()
    )
}

fn is_local(file: &str) -> bool {
    matches!(Location::from(std::ffi::OsString::from(file)), Location::Path(_))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;
    use crate::report::Failures;
    use crate::timeline::{Detail, Row, Write};

    const TIMEOUT: Duration = Duration::from_millis(500);

    /// What is told of a write that hangs while a thread of a stage does `meanwhile`, and is at work then for as long as the
    /// process waits.
    fn told(meanwhile: impl FnOnce(&mut Row) + Send) -> String {
        let timeline = Timeline::new(Detail::Sums);
        let stage = Arc::new(timeline.stage("write", 2));
        let stop = Stop::default();
        let watch =
            Watch { timeline: &timeline, timeout: TIMEOUT, stop: &stop, writes: true, report: &Failures };
        let (release, hung) = bounded::<()>(0);
        let release = std::sync::Mutex::new(Some(release));
        let said = std::sync::Mutex::new(String::new());
        let work = || {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut row = Row::new(&stage, "write-0");
                    row.begin();
                    timeline.writes().time(Write::Bytes, Path::new("shard"), || hung.recv())
                });
                scope.spawn(|| {
                    let mut row = Row::new(&stage, "write-1");
                    row.begin();
                    meanwhile(&mut row);
                    hung.recv()
                });
            });
        };
        let end = |error: &Error| {
            *said.lock().unwrap() = error.to_string();
            release.lock().unwrap().take();
        };
        assert!(watch.over(work, end).unwrap().1.is_some(), "the storage had stalled");
        said.into_inner().unwrap()
    }

    #[test]
    fn who_waits_for_what_hangs_in_a_way_that_nobody_knows_does_not_keep_the_run() {
        let said = told(|_| ());
        assert!(said.contains("shard: writing it: the storage has not answered"), "{said}");
    }

    #[test]
    fn what_moves_on_is_waited_for() {
        let has_ended = AtomicBool::new(false);
        let said = told(|row| {
            for _ in 0..100 {
                std::thread::sleep(TIMEOUT / 25);
                row.go_on(None);
            }
            has_ended.store(true, Relaxed);
        });
        assert!(has_ended.into_inner() && said.contains("shard: writing it"), "{said}");
    }
}
