//! Tells a log of every request.

use std::io::IoSliceMut;
use std::path::Path;
use std::sync::Arc;

use super::file::total;
use super::{Identity, ReadAt};
use crate::error::Result;
use crate::timeline::RequestLog;

/// A source whose requests are recorded.
pub struct Logged {
    source: Box<dyn ReadAt>,
    log: Arc<RequestLog>,
    file: u32,
}

impl Logged {
    /// Tells `log` of the requests to `source`, which is, or is one of the files of, the input `name`.
    pub fn new(source: Box<dyn ReadAt>, log: Arc<RequestLog>, name: &Path) -> Self {
        let file = log.file(&name.to_string_lossy());
        Self { source, log, file }
    }
}

impl ReadAt for Logged {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let range = offset..offset + buffer.len() as u64;
        self.log.time(self.file, range, || self.source.read_exact_at(offset, buffer))
    }

    fn read_exact_vectored_at(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> Result<()> {
        let range = offset..offset + total(buffers) as u64;
        self.log.time(self.file, range, || self.source.read_exact_vectored_at(offset, buffers))
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
