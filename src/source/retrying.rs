//! Asks again when storage fails for a moment, as network shares do, and gives up with a clear word.

use std::io::{ErrorKind, IoSliceMut};
use std::path::Path;
use std::time::Duration;

use super::file::total;
use super::{Identity, ReadAt};
use crate::error::{Error, Result};

/// Before the second attempt; twice as long before each further one: 3 retries take 0.35 s.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
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

/// Does `attempt` until it succeeds, `retries` times more than once at most; messages call it `what`.
pub(super) fn repeat<T>(
    retries: u32,
    what: impl Fn() -> String,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut pause = FIRST_PAUSE;
    for _ in 0..retries {
        match attempt() {
            Err(Error::Io { source, .. }) if !FINAL.contains(&source.kind()) => {}
            done => return done,
        }
        std::thread::sleep(pause);
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
    attempt().map_err(|error| match error {
        Error::Io { path, source } if retries > 0 && !FINAL.contains(&source.kind()) => {
            let what = format!("{} failed {} times (--retries): {source}", what(), retries + 1);
            Error::io(path, std::io::Error::new(source.kind(), what))
        }
        error => error,
    })
}

/// A source whose requests are repeated when they fail.
pub struct Retrying {
    source: Box<dyn ReadAt>,
    retries: u32,
}

impl Retrying {
    /// Repeats each request of `source` up to `retries` times.
    pub fn new(source: Box<dyn ReadAt>, retries: u32) -> Self {
        Self { source, retries }
    }
}

impl ReadAt for Retrying {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let length = buffer.len();
        let what = || format!("reading {length} bytes at byte {offset}");
        repeat(self.retries, what, || self.source.read_exact_at(offset, buffer))
    }

    fn read_exact_vectored_at(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> Result<()> {
        let length = total(buffers);
        let what = || format!("reading {length} bytes at byte {offset}");
        repeat(self.retries, what, || self.source.read_exact_vectored_at(offset, buffers))
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
    use crate::source::{Simulated, Simulation, SlowLine};
    use std::sync::Arc;

    fn retrying(errors: f64, retries: u32) -> Retrying {
        let simulation = Simulation { errors, seed: 5, ..Simulation::default() };
        let line = Arc::new(SlowLine::new(simulation));
        Retrying::new(Box::new(Simulated::new(Box::new(Counting), line, 0)), retries)
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
}
