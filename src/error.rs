//! What can go wrong, whose fault it is, and where.

use std::io;
use std::path::{Path, PathBuf};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what, where, and whose fault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused: the disk, the network, permissions.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is broken.
    #[error("{}: broken file: {what}{}", path.display(), at_byte(*offset))]
    Format {
        /// The file.
        path: PathBuf,
        /// The field or subblock, what it holds and what it should hold.
        what: String,
        /// The byte in the file, where it is known.
        offset: Option<u64>,
    },
    /// The file is fine; this program cannot read it.
    #[error("{}: not supported: {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it needs.
        what: String,
    },
    /// More is needed than there is.
    #[error("{what}: {needed} needed, {available} available")]
    Limit {
        /// Of what.
        what: String,
        /// With its unit.
        needed: String,
        /// With its unit.
        available: String,
    },
    /// The command line or an option's file is at fault.
    #[error("{flag}: {reason}")]
    Option {
        /// The flag as the user types it, such as `--psf`.
        flag: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The user ended the run.
    #[error("interrupted: {what}")]
    Interrupted {
        /// What is finished, and how it goes on.
        what: String,
    },
    /// The graphics device or its driver failed.
    #[error("GPU: {what}")]
    Gpu {
        /// What failed, on which device.
        what: String,
    },
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
