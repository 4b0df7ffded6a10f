//! Subblocks that are there and cannot be read.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::Plane;
use crate::error::Error;
use crate::space::{Rect, Stored};

/// A subblock that is there and cannot be read: who needs it fails for this reason, and nobody else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unreadable {
    /// Where in time, channel and depth.
    pub plane: Plane,
    /// The area that it covers, in level-0 pixels.
    pub rect: Rect<Stored>,
    /// Whether it is of the stored pyramid.
    pub is_pyramid: bool,
    /// Byte in the file where it should be; `None` where it should be in another file.
    pub offset: Option<u64>,
    /// Why.
    pub fault: Fault,
}

/// Why something cannot be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Fault {
    /// The file is broken.
    Broken(String),
    /// The file is fine.
    Unsupported(String),
}

impl Fault {
    /// As an error of the file `path`.
    pub fn to_error(&self, path: &Path) -> Error {
        match self {
            Self::Broken(what) => Error::format(path, what, None),
            Self::Unsupported(what) => Error::unsupported(path, what),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Broken(what) | Self::Unsupported(what)) = self;
        f.write_str(what)
    }
}
