//! What the storage of the output was asked to do and has not done yet.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::lock;

/// A call of the system on a file or folder of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Makes a file or folder, or opens one.
    Make,
    /// Hands over a few bytes.
    Bytes,
    /// Gives a name.
    Name,
    /// Waits until the bytes handed over are safe: all of them, and those of others before them.
    Flush,
    /// Removes a folder, whatever is in it.
    Remove,
}

impl Write {
    /// Whether storage that is well may take minutes for it.
    pub fn may_take_long(self) -> bool {
        matches!(self, Self::Flush | Self::Remove)
    }

    /// In words.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Make => "making it",
            Self::Bytes => "writing it",
            Self::Name => "giving it its name",
            Self::Flush => "flushing it",
            Self::Remove => "removing it",
        }
    }
}

/// A call that has not returned.
#[derive(Clone, Debug, PartialEq)]
pub struct UnansweredWrite {
    /// Of which file or folder.
    pub path: PathBuf,
    /// What it is to do.
    pub write: Write,
    /// Since it was made.
    pub waited: Duration,
    /// Since any call returned, or this one was made.
    pub silent: Duration,
    /// Calls that have not returned, this one counted.
    pub waiting: usize,
    /// Whether one of them [may take long](Write::may_take_long): the others may wait for it.
    pub may_take_long: bool,
}

/// Takes calls from any thread.
#[derive(Debug)]
pub struct WriteLog {
    state: Mutex<State>,
    /// So many calls until the storage answers no more, as if it had gone; for tests.
    answers_left: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    number: u64,
    answered: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    path: PathBuf,
    write: Write,
    asked: Instant,
}

impl Default for WriteLog {
    fn default() -> Self {
        Self { state: Mutex::default(), answers_left: AtomicU64::new(u64::MAX) }
    }
}

impl WriteLog {
    /// After `calls` more, none returns.
    pub fn stall_after(&self, calls: u64) {
        self.answers_left.store(calls, Relaxed);
    }

    /// Makes one call, `write` on `path`.
    pub fn time<T>(&self, write: Write, path: &Path, call: impl FnOnce() -> T) -> T {
        let number = self.ask(write, path);
        let left = self.answers_left.fetch_update(Relaxed, Relaxed, |left| match left {
            u64::MAX => Some(left),
            _ => left.checked_sub(1),
        });
        while left.is_err() {
            std::thread::park();
        }
        let result = call();
        let mut state = lock(&self.state);
        state.waiting.retain(|waiting| waiting.number != number);
        state.answered = Some(Instant::now());
        result
    }

    fn ask(&self, write: Write, path: &Path) -> u64 {
        let mut state = lock(&self.state);
        state.number += 1;
        let number = state.number;
        state.waiting.push(Waiting { number, path: path.to_owned(), write, asked: Instant::now() });
        number
    }

    /// The call that has waited longest, if any waits.
    pub fn unanswered(&self) -> Option<UnansweredWrite> {
        let state = lock(&self.state);
        let oldest = state.waiting.iter().min_by_key(|waiting| waiting.asked)?;
        let since = state.answered.map_or(oldest.asked, |answered| answered.max(oldest.asked));
        Some(UnansweredWrite {
            path: oldest.path.clone(),
            write: oldest.write,
            waited: oldest.asked.elapsed(),
            silent: since.elapsed(),
            waiting: state.waiting.len(),
            may_take_long: state.waiting.iter().any(|waiting| waiting.write.may_take_long()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_call_is_told_and_silence_counts_from_the_last_answer() {
        let log = WriteLog::default();
        let pause = || std::thread::sleep(Duration::from_millis(20));
        assert_eq!(log.unanswered(), None);
        log.time(Write::Make, Path::new("a"), || {
            pause();
            let seen = log.unanswered().unwrap();
            assert_eq!((seen.path.as_path(), seen.write, seen.waiting), (Path::new("a"), Write::Make, 1));
            assert!(seen.silent >= Duration::from_millis(20) && !seen.may_take_long);
            log.time(Write::Flush, Path::new("b"), || {
                let seen = log.unanswered().unwrap();
                assert_eq!((seen.path.as_path(), seen.waiting), (Path::new("a"), 2));
                assert!(seen.may_take_long, "what waits may wait for the flush");
            });
            let seen = log.unanswered().unwrap();
            assert!(seen.silent < seen.waited, "the flush was answered");
        });
        assert_eq!(log.unanswered(), None);
    }

    #[test]
    fn after_so_many_calls_none_returns() {
        let log = std::sync::Arc::new(WriteLog::default());
        log.stall_after(2);
        let (sender, receiver) = std::sync::mpsc::channel();
        let writer = log.clone();
        // It never ends, and goes with the process.
        std::thread::spawn(move || {
            (0..3).for_each(|call| writer.time(Write::Bytes, Path::new("a"), || sender.send(call).unwrap()));
        });
        assert_eq!([receiver.recv().unwrap(), receiver.recv().unwrap()], [0, 1]);
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
        assert_eq!(log.unanswered().unwrap().waiting, 1);
    }
}
