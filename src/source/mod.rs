//! Where bytes come from: anything that can be read at an offset, by several threads at once.
//!
//! No shared cursor: every read says where. Formats know only this trait.

mod access;
mod bytes;
mod file;
mod identity;
mod joined;
mod location;
mod logged;
mod mapped;
#[cfg(feature = "cloud")]
mod remote;
mod requests;
mod retrying;
mod simulated;
mod storage;

use std::io::IoSliceMut;
use std::path::Path;

pub use access::{Access, IoMethod};
pub use bytes::SharedBytes;
pub use file::{FileSource, most_open_files};
pub use identity::{FileRead, Identity};
pub use joined::Joined;
pub use location::Location;
pub use logged::Logged;
pub use mapped::MappedSource;
pub use requests::{Merging, Request, merge};
pub use retrying::{Patience, Retrying};
pub use simulated::{Simulated, Simulation, SlowLine, seconds};
pub use storage::Storage;

use crate::error::Result;

/// Bytes that can be read at any offset, from several threads at once.
pub trait ReadAt: Send + Sync {
    /// Bytes there are.
    fn size(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset`.
    ///
    /// # Errors
    /// `Io` from the system, and when the source is another than it was opened as; `Format` when it ends before the buffer
    /// is full.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// Fills `buffers`, one after the other, with the bytes from `offset`.
    ///
    /// # Errors
    /// As [`Self::read_exact_at`].
    fn read_exact_vectored_at(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> Result<()> {
        let mut at = offset;
        buffers.iter_mut().try_for_each(|buffer| {
            let here = at;
            at += buffer.len() as u64;
            self.read_exact_at(here, buffer)
        })
    }

    /// Whether many small requests take no longer than one for all their bytes. Nothing on a network is near.
    fn is_near(&self) -> bool {
        false
    }

    /// What messages call it.
    fn path(&self) -> &Path;

    /// Which version of it was opened.
    fn identity(&self) -> Identity {
        Identity { size: self.size(), version: None }
    }
}
