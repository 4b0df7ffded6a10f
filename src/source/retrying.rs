//! Asks again when storage fails for a moment, as network shares and servers do, and gives up with a clear word.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, IoSliceMut};
use std::path::Path;
use std::time::{Duration, Instant};

use super::file::total;
use super::{Identity, ReadAt};
use crate::error::{Error, Result};
use crate::stop::Stop;

/// What no second attempt cures.
const FINAL: [ErrorKind; 7] = [
    ErrorKind::NotFound,
    ErrorKind::PermissionDenied,
    ErrorKind::InvalidInput,
    ErrorKind::InvalidData,
    ErrorKind::IsADirectory,
    ErrorKind::OutOfMemory,
    ErrorKind::Unsupported,
];

/// How patiently storage is asked again.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How often, at most.
    pub retries: u32,
    /// How often where nobody listens, as at a wrong address.
    pub refused_retries: u32,
    /// From the first attempt to the last, at most.
    pub retry_for: Duration,
    /// Before the second attempt; twice as long before each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// Ends the waiting.
    pub stop: Stop,
}

/// A server that says when to ask again. Stands within an error of the system.
#[derive(Debug)]
pub(super) struct NotNow {
    /// What it said.
    pub what: String,
    /// When.
    pub after: Duration,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for NotNow {}

impl Patience {
    /// Does `attempt` until it succeeds, or patience ends; messages call it `what`.
    pub(super) fn repeat<T>(
        &self,
        what: impl Fn() -> String,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (path, source) = match attempt() {
                Err(Error::Io { path, source }) if !FINAL.contains(&source.kind()) => (path, source),
                done => return done,
            };
            let pause = self.pause(attempts, &source);
            let spent = start.elapsed();
            let retries = match source.kind() {
                ErrorKind::ConnectionRefused => self.refused_retries,
                _ => self.retries,
            };
            let limit = match () {
                () if attempts > retries => format!("{attempts} times (--retries)"),
                () if spent + pause > self.retry_for => {
                    let asked = source.get_ref().and_then(|inner| inner.downcast_ref::<NotNow>());
                    let asked =
                        asked.map(|not_now| format!(", and is to be asked after {:?}", not_now.after));
                    let (secs, asked) = (spent.as_secs_f64(), asked.unwrap_or_default());
                    format!("{attempts} times in {secs:.1} s{asked} (--retry-for)")
                }
                () if self.stop.wait(pause) => {
                    return Err(Error::Interrupted { what: format!("{} was to be repeated", what()) });
                }
                () => continue,
            };
            if self.retries == 0 {
                return Err(Error::Io { path, source });
            }
            let text = format!("{} failed {limit}: {source}", what());
            return Err(Error::io(path, std::io::Error::new(source.kind(), text)));
        }
    }

    /// Before the next attempt, after so many: not the same for all who wait, or all come back at once. A server that names a time
    /// knows better.
    fn pause(&self, attempts: u32, source: &std::io::Error) -> Duration {
        let longest = self.first_pause.saturating_mul(1 << (attempts - 1).min(30)).min(self.longest_pause);
        let chance = RandomState::new().hash_one(attempts) as f64 / u64::MAX as f64;
        let pause = longest.mul_f64(0.5 + 0.5 * chance);
        match source.get_ref().and_then(|inner| inner.downcast_ref::<NotNow>()) {
            Some(not_now) => not_now.after.saturating_add(pause),
            None => pause,
        }
    }
}

/// A source whose requests are repeated when they fail.
pub struct Retrying {
    source: Box<dyn ReadAt>,
    patience: Patience,
}

impl Retrying {
    /// Repeats each request of `source` as `patience` says.
    pub fn new(source: Box<dyn ReadAt>, patience: Patience) -> Self {
        Self { source, patience }
    }
}

impl ReadAt for Retrying {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let length = buffer.len();
        let what = || format!("reading {length} bytes at byte {offset}");
        self.patience.repeat(what, || self.source.read_exact_at(offset, buffer))
    }

    fn read_exact_vectored_at(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> Result<()> {
        let length = total(buffers);
        let what = || format!("reading {length} bytes at byte {offset}");
        self.patience.repeat(what, || self.source.read_exact_vectored_at(offset, buffers))
    }

    fn is_near(&self) -> bool {
        self.source.is_near()
    }

    fn path(&self) -> &Path {
        self.source.path()
    }

    fn identity(&self) -> Identity {
        self.source.identity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::simulated::tests::Counting;
    use crate::source::{Access, Simulated, Simulation, SlowLine};
    use std::sync::Arc;
    use std::sync::atomic::Ordering::Relaxed;

    fn patience(retries: u32) -> Patience {
        Patience { retries, ..Access::default().patience(true) }
    }

    fn retrying(errors: f64, retries: u32) -> Retrying {
        let simulation = Simulation { errors, seed: 5, ..Simulation::default() };
        let line = Arc::new(SlowLine::new(simulation));
        Retrying::new(Box::new(Simulated::new(Box::new(Counting), line, 0)), patience(retries))
    }

    #[test]
    fn a_request_that_fails_now_and_then_brings_the_right_bytes() {
        let source = retrying(0.3, 5);
        for offset in 0..20_u64 {
            let mut bytes = [0xff; 7];
            source.read_exact_at(offset, &mut bytes).unwrap();
            assert_eq!(bytes, [0, 1, 2, 3, 4, 5, 6].map(|i| offset as u8 + i));
        }
    }

    #[test]
    fn one_that_always_fails_says_where_and_how_often() {
        let message = |retries| {
            let error = retrying(1.0, retries).read_exact_at(4096, &mut [0; 9]).unwrap_err();
            assert!(matches!(error, Error::Io { .. }));
            error.to_string()
        };
        let expected = "counting: reading 9 bytes at byte 4096 failed 3 times (--retries): simulated failure";
        assert!(message(2).starts_with(expected), "{}", message(2));
        assert_eq!(message(0), "counting: simulated failure of the storage");
    }

    fn failing(patience: &Patience, error: impl Fn() -> std::io::Error) -> (u32, Error) {
        let mut attempts = 0;
        let result: Result<()> = patience.repeat(
            || "asking".into(),
            || {
                attempts += 1;
                Err(Error::io("x", error()))
            },
        );
        (attempts, result.unwrap_err())
    }

    #[test]
    fn pauses_grow_to_the_longest_and_differ() {
        let patience = Patience {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(20),
            ..patience(0)
        };
        let other = std::io::Error::other("x");
        for (attempts, longest) in [(1, 0.1), (2, 0.2), (5, 1.6), (8, 12.8), (9, 20.0), (100, 20.0)] {
            let pauses: Vec<f64> = (0..50).map(|_| patience.pause(attempts, &other).as_secs_f64()).collect();
            assert!(pauses.iter().all(|pause| (longest / 2.0..=longest).contains(pause)), "{pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
        let after = Duration::from_secs(7);
        let named = std::io::Error::other(NotNow { what: "503".into(), after });
        assert!((7.05..=7.1).contains(&patience.pause(1, &named).as_secs_f64()));
    }

    #[test]
    fn patience_ends_in_time_too() {
        let short = Patience {
            first_pause: Duration::from_millis(20),
            retry_for: Duration::from_millis(200),
            ..patience(1000)
        };
        let start = Instant::now();
        let (attempts, error) = failing(&short, || std::io::Error::other("busy"));
        assert!(start.elapsed() < Duration::from_secs(20) && (2..20).contains(&attempts), "{attempts}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("x: asking failed {attempts} times in 0.")), "{text}");
        assert!(text.ends_with(" s (--retry-for): busy"), "{text}");

        // What would come too late is not waited for.
        let start = Instant::now();
        let after = Duration::from_secs(3600);
        let (attempts, error) =
            failing(&short, || std::io::Error::other(NotNow { what: "503".into(), after }));
        assert!(start.elapsed() < Duration::from_secs(20));
        let text = error.to_string();
        assert_eq!(attempts, 1);
        assert!(text.contains("is to be asked after 3600s (--retry-for): 503"), "{text}");
    }

    #[test]
    fn a_wait_ends_with_the_run() {
        let long =
            Patience { first_pause: Duration::from_secs(3600), retry_for: Duration::MAX, ..patience(9) };
        let flag = long.stop.flag();
        let start = Instant::now();
        let ender = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            flag.store(true, Relaxed);
        });
        let (_, error) = failing(&Patience { longest_pause: Duration::from_secs(3600), ..long }, || {
            std::io::Error::other("busy")
        });
        ender.join().unwrap();
        assert!(matches!(error, Error::Interrupted { .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}
