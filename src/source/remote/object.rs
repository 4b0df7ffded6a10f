//! One object: its bytes by ranges, all of one version.

use std::io::{Error as IoError, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{Error as StoreError, GetOptions, GetResult, ObjectMeta};

use super::Connection;
use crate::error::{Error, Result};
use crate::source::{Identity, ReadAt};

/// Parts of one large range that are asked for at once.
const AT_ONCE: usize = 8;
/// Characters of a server's complaint that are shown.
const SHOWN: usize = 400;

/// An object, open.
#[derive(Debug)]
pub struct ObjectSource {
    connection: Connection,
    key: Key,
    name: PathBuf,
    identity: Identity,
    /// Its first bytes, which came with the answer that said how long it is.
    head: Vec<u8>,
}

impl ObjectSource {
    /// Asks for the first `head` bytes of `key`, and learns its size and version.
    pub(super) fn open(connection: Connection, key: Key, name: PathBuf, head: u64) -> Result<Self> {
        let mut object =
            Self { connection, key, name, identity: Identity { size: 0, version: None }, head: Vec::new() };
        let answer = object.wait(object.ask(0..head.max(1)))?;
        object.identity = identity(&answer.meta);
        let mut bytes = vec![0; object.identity.size.min(head.max(1)) as usize];
        object.wait(object.receive(answer, &mut bytes))?;
        object.head = bytes;
        Ok(object)
    }

    /// Lets the runtime work until `task` is done.
    fn wait<T>(&self, task: impl Future<Output = Result<T>>) -> Result<T> {
        self.connection.runtime.block_on(task)
    }

    /// Sends a request for `range`, and waits for the beginning of the answer.
    async fn ask(&self, range: Range<u64>) -> Result<GetResult> {
        let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
        self.patiently(self.connection.store.get_opts(&self.key, options)).await
    }

    /// Fills `buffer` with what the answer brings: exactly so many bytes.
    async fn receive(&self, answer: GetResult, buffer: &mut [u8]) -> Result<()> {
        let mut parts = answer.into_stream();
        let mut filled = 0;
        while let Some(part) = self.patiently(parts.try_next()).await? {
            let target = buffer.get_mut(filled..filled + part.len());
            target.ok_or_else(|| self.failed("more bytes came than were asked for"))?.copy_from_slice(&part);
            filled += part.len();
        }
        if filled < buffer.len() {
            let what = format!("{filled} bytes came instead of {}", buffer.len());
            return Err(Error::io(&self.name, IoError::new(ErrorKind::UnexpectedEof, what)));
        }
        Ok(())
    }

    /// The bytes from `offset`, which must be of the version that was opened.
    async fn fill(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let answer = self.ask(offset..offset + buffer.len() as u64).await?;
        self.identity.check(&self.name, &identity(&answer.meta))?;
        self.receive(answer, buffer).await
    }

    /// What the server says before it has been silent for too long.
    async fn patiently<T>(&self, answer: impl Future<Output = object_store::Result<T>>) -> Result<T> {
        let timeout = self.connection.timeout;
        match tokio::time::timeout(timeout, answer).await {
            Ok(answer) => answer.map_err(|error| self.refused(&error)),
            Err(_) => {
                let advice = self.connection.advice;
                let what = format!("no byte came for {} s (--timeout){advice}", timeout.as_secs_f64());
                Err(Error::io(&self.name, IoError::new(ErrorKind::TimedOut, what)))
            }
        }
    }

    fn failed(&self, what: &str) -> Error {
        Error::io(&self.name, IoError::other(what))
    }

    /// What the server or the network said.
    fn refused(&self, error: &StoreError) -> Error {
        let kind = match error {
            StoreError::NotFound { .. } => ErrorKind::NotFound,
            StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
                ErrorKind::PermissionDenied
            }
            StoreError::NotSupported { .. } => {
                let what = "the server sends whole files only; parts of them are needed (Range requests)";
                return Error::io(&self.name, IoError::new(ErrorKind::Unsupported, what));
            }
            _ => ErrorKind::Other,
        };
        // The cause itself, such as a certificate, comes last.
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let (mut what, cause) = (one_line(error), one_line(cause));
        if !what.contains(&cause) {
            what = format!("{what}: {cause}");
        }
        for secret in &self.connection.secrets {
            what = what.replace(secret, "…");
        }
        if let Some((end, _)) = what.char_indices().nth(SHOWN) {
            what.truncate(end);
            what.push('…');
        }
        Error::io(&self.name, IoError::new(kind, what + self.connection.advice))
    }
}

impl ReadAt for ObjectSource {
    fn size(&self) -> u64 {
        self.identity.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let (size, length) = (self.identity.size, buffer.len());
        let end = offset.saturating_add(length as u64);
        if end > size {
            let what = format!("the file ends at byte {size}, but {length} bytes were expected here");
            return Err(Error::format(&self.name, what, offset));
        }
        if end <= self.head.len() as u64 {
            buffer.copy_from_slice(&self.head[offset as usize..end as usize]);
            return Ok(());
        }
        let most = self.connection.most;
        let parts = (offset..).step_by(most as usize).zip(buffer.chunks_mut(most as usize));
        let parts = stream::iter(parts.map(|(offset, part)| self.fill(offset, part)));
        self.wait(parts.buffer_unordered(AT_ONCE).try_collect())
    }

    fn path(&self) -> &Path {
        &self.name
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }
}

fn one_line(error: &dyn std::error::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tag of an object, or when it was modified; servers that do not say send neither.
fn identity(meta: &ObjectMeta) -> Identity {
    let modified = || {
        (meta.last_modified.timestamp() != 0).then(|| format!("modified {}", meta.last_modified.to_rfc3339()))
    };
    let version = meta.e_tag.as_ref().map(|tag| format!("tag {tag}")).or_else(modified);
    Identity { size: meta.size, version }
}
