//! Ctrl-C and SIGTERM: the first ends the run in order, the second at once.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::run::Stop;

/// What a shell adds to a signal's number.
const BY_SIGNAL: i32 = 128;

/// A file that grows beyond what the user may write (`ulimit -f`) becomes an error of the write, as on a full disk, and does not
/// end the process.
///
/// # Errors
/// The system's.
pub fn outlive_file_size_limit() -> io::Result<()> {
    #[cfg(unix)]
    flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    Ok(())
}

/// Signals of this process, from now on.
pub struct Signals {
    stop: Stop,
    /// The last one.
    last: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> io::Result<Self> {
        let signals = Self { stop: Stop::default(), last: Arc::new(AtomicUsize::new(SIGINT as usize)) };
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset.
            flag::register_conditional_shutdown(signal, BY_SIGNAL + signal, signals.stop.flag())?;
            flag::register_usize(signal, signals.last.clone(), signal as usize)?;
            flag::register(signal, signals.stop.flag())?;
        }
        Ok(signals)
    }

    /// Set by the first signal.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Of a run that a signal ended.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from((BY_SIGNAL as usize + self.last.load(Relaxed)) as u8)
    }
}
