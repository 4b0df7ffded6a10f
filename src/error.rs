//! What can go wrong, whose fault it is, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::{secrets, shown};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Characters of a message: what a file says may be of any length.
const LONGEST: usize = 4000;

/// Says what, where, and whose fault. As text it is one line, without secrets and control characters.
#[derive(Debug)]
pub enum Error {
    /// The operating system refused: the disk, the network, permissions.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is broken.
    Format {
        /// The file.
        path: PathBuf,
        /// The field or subblock, what it holds and what it should hold.
        what: String,
        /// The byte in the file, where it is known.
        offset: Option<u64>,
    },
    /// The file is fine; this program cannot read it.
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it needs.
        what: String,
    },
    /// More is needed than there is.
    Limit {
        /// Of what.
        what: String,
        /// With its unit.
        needed: String,
        /// With its unit.
        available: String,
    },
    /// The system gives no more threads.
    Threads {
        /// What it said.
        reason: String,
    },
    /// The command line or an option's file is at fault.
    Option {
        /// The flag as the user types it, such as `--psf`.
        flag: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The user ended the run.
    Interrupted {
        /// What is finished, and how it goes on.
        what: String,
    },
    /// The graphics device or its driver failed.
    Gpu {
        /// What failed, on which device.
        what: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Io { path, source } => format!("{}: {source}", path.display()),
            Self::Format { path, what, offset } => {
                format!("{}: broken file: {what}{}", path.display(), at_byte(*offset))
            }
            Self::Unsupported { path, what } => format!("{}: not supported: {what}", path.display()),
            Self::Limit { what, needed, available } => {
                format!("{what}: {needed} needed, {available} available")
            }
            Self::Threads { reason } => format!(
                "the system gives no more threads ({reason}; ulimit -u, the limit of pids of a container or a batch job): \
                 --threads N takes fewer"
            ),
            Self::Option { flag, reason } => format!("{flag}: {reason}"),
            Self::Interrupted { what } => format!("interrupted: {what}"),
            Self::Gpu { what } => format!("GPU: {what}"),
        };
        f.write_str(&shown::visible(&secrets::hidden(&shown::clipped(&text, LONGEST))))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn at_byte(offset: Option<u64>) -> String {
    offset.map(|o| format!(" (at byte {o})")).unwrap_or_default()
}

impl Error {
    /// The system's error about `path`.
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io { path: path.as_ref().to_owned(), source }
    }

    /// `path` is broken at `offset`.
    pub fn format(path: impl AsRef<Path>, what: impl Into<String>, offset: impl Into<Option<u64>>) -> Self {
        Self::Format { path: path.as_ref().to_owned(), what: what.into(), offset: offset.into() }
    }

    /// `path` needs `what`.
    pub fn unsupported(path: impl AsRef<Path>, what: impl Into<String>) -> Self {
        Self::Unsupported { path: path.as_ref().to_owned(), what: what.into() }
    }

    /// `flag` is wrong because of `reason`.
    pub fn option(flag: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Option { flag: flag.into(), reason: reason.into() }
    }

    /// The device failed.
    pub fn gpu(what: impl Into<String>) -> Self {
        Self::Gpu { what: what.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_without_secrets() {
        let error = Error::unsupported("http://me:pw@host/a?sig", "a label \"\u{1b}[31mred\nerror: no\"");
        let expected = "http://host/a: not supported: a label \"\\u{1b}[31mred\\nerror: no\"";
        assert_eq!(error.to_string(), expected);
        assert!(Error::gpu("x".repeat(1 << 20)).to_string().len() < LONGEST + 10);
    }
}
