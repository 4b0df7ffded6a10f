//! What the storage of the output was asked to do and has not done yet.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::lock;

/// A call of the system on a file or folder of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Reads it, or what the system knows of it.
    Look,
    /// Makes a file or folder, or opens one.
    Make,
    /// Hands over a few bytes.
    Bytes,
    /// Gives a name.
    Name,
    /// Waits until the bytes handed over are safe: all of them, and those of others before them.
    Flush,
    /// Makes a small file, hands over its bytes and flushes them.
    Whole,
    /// Removes a folder, whatever is in it.
    Remove,
}

impl Write {
    /// Whether storage that is well may take minutes for it.
    pub fn may_take_long(self) -> bool {
        matches!(self, Self::Flush | Self::Whole | Self::Remove)
    }

    /// In words.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Look => "reading it",
            Self::Make => "making it",
            Self::Bytes | Self::Whole => "writing it",
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
    /// Threads whose calls have not returned, that of this one counted.
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
    answers: u64,
    answered: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    thread: ThreadId,
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

    /// Makes one call, `write` on `path`. Who waits for a thread that may be in such a call waits within one, too: for a lock,
    /// say.
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
        state.answers += 1;
        state.answered = Some(Instant::now());
        result
    }

    fn ask(&self, write: Write, path: &Path) -> u64 {
        let mut state = lock(&self.state);
        state.number += 1;
        let (number, thread) = (state.number, std::thread::current().id());
        state.waiting.push(Waiting { number, thread, path: path.to_owned(), write, asked: Instant::now() });
        number
    }

    /// Calls that have returned.
    pub fn answers(&self) -> u64 {
        lock(&self.state).answers
    }

    /// The call that has waited longest, if any waits.
    pub fn unanswered(&self) -> Option<UnansweredWrite> {
        let state = lock(&self.state);
        let oldest = state.waiting.iter().min_by_key(|waiting| waiting.asked)?;
        let since = state.answered.map_or(oldest.asked, |answered| answered.max(oldest.asked));
        let threads: HashSet<_> = state.waiting.iter().map(|waiting| waiting.thread).collect();
        Some(UnansweredWrite {
            path: oldest.path.clone(),
            write: oldest.write,
            waited: oldest.asked.elapsed(),
            silent: since.elapsed(),
            waiting: threads.len(),
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
                assert_eq!((seen.path.as_path(), seen.waiting), (Path::new("a"), 1), "one thread, two calls");
                assert!(seen.may_take_long, "what waits may wait for the flush");
            });
            let seen = log.unanswered().unwrap();
            assert!(seen.silent < seen.waited, "the flush was answered");
        });
        assert_eq!((log.unanswered(), log.answers()), (None, 2));
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
