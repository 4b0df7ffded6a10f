//! Where text leaves: everything that standard output and standard error get goes through here.
//!
//! It is safe to be shown then ([`shown`](crate::shown)).
#![allow(clippy::disallowed_methods, reason = "here, and nowhere else")]

use std::io::{ErrorKind, Write};

use crate::error::{Error, Result};
use crate::shown::{json_safe, safe};

/// Prints `text` and a line end to standard output. A reader that has gone away is not an error: nobody wants the rest.
///
/// # Errors
/// `Io` where it cannot be written, as on a full disk.
pub fn out(text: &str) -> Result<()> {
    print(&safe(text))
}

/// Prints the JSON `text` and a line end to standard output, as [`out`].
///
/// # Errors
/// As [`out`].
pub fn json(text: &str) -> Result<()> {
    print(&json_safe(text))
}

/// Prints `text` and a line end to standard error. Where nobody reads it, the exit code still tells.
pub fn err(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", safe(text));
}

fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::io("standard output", error)),
        _ => Ok(()),
    }
}
