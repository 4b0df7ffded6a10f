//! One object: its bytes by ranges, all of one version.

use std::io::{Error as IoError, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path as Key;
use object_store::{Error as StoreError, GetOptions, GetResult, ObjectMeta};
use tokio::time::{Instant, timeout};

use super::{Connection, Refusal};
use crate::error::{Error, Result};
use crate::shown::clipped;
use crate::source::retrying::NotNow;
use crate::source::{Identity, ReadAt};
use crate::stop::Stop;

/// Parts of one large range that are asked for at once.
const AT_ONCE: usize = 8;
/// Characters of a library's complaint that are shown.
const SHOWN: usize = 200;
/// Longest tag of a version.
const TAG: usize = 100;

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
        let Connection { timeout: silence, stop, .. } = &self.connection;
        let mut answer = std::pin::pin!(answer);
        let end = Instant::now() + *silence;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match timeout(left.min(Stop::LOOK), &mut answer).await {
                Ok(answer) => return answer.map_err(|error| self.refused(&error)),
                Err(_) if stop.is_set() => {
                    return Err(Error::Interrupted { what: "a server was to answer".to_owned() });
                }
                Err(_) if left.is_zero() => {
                    let advice = self.connection.advice.text(false);
                    let what = format!("no byte came for {} s (--timeout){advice}", silence.as_secs_f64());
                    return Err(Error::io(&self.name, IoError::new(ErrorKind::TimedOut, what)));
                }
                Err(_) => {}
            }
        }
    }

    fn failed(&self, what: &str) -> Error {
        Error::io(&self.name, IoError::other(what))
    }

    /// What the server or the network said.
    fn refused(&self, error: &StoreError) -> Error {
        let advice = |asks_for_user| self.connection.advice.text(asks_for_user);
        let causes: Vec<&dyn std::error::Error> = causes(error).collect();
        let Some(refusal) = causes.iter().find_map(|cause| cause.downcast_ref::<Refusal>()) else {
            let (kind, what) = trouble(&causes);
            return Error::io(&self.name, IoError::new(kind, what + advice(false)));
        };
        let what = format!("{refusal}{}", advice(refusal.asks_for_user()));
        let error = match refusal.retry_after() {
            Some(after) => IoError::new(refusal.kind(), NotNow { what, after }),
            None => IoError::new(refusal.kind(), what),
        };
        Error::io(&self.name, error)
    }
}

/// `error` and what caused it, the first cause last.
fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let within = error.downcast_ref::<IoError>().and_then(IoError::get_ref);
        within.map(|within| within as &(dyn std::error::Error + 'static)).or_else(|| error.source())
    })
}

/// What the network, or a library, complains of. The texts between name URLs; the first cause, such as a certificate, does not.
fn trouble(causes: &[&(dyn std::error::Error + 'static)]) -> (ErrorKind, String) {
    let find = |is: fn(&&(dyn std::error::Error + 'static)) -> bool| causes.iter().copied().find(is);
    let http = causes.iter().find_map(|cause| cause.downcast_ref::<HttpError>());
    let first = causes.last().map(|cause| cause.to_string()).unwrap_or_default();
    let first = clipped(&first.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN);
    let is_refused = causes.iter().filter_map(|cause| cause.downcast_ref::<IoError>());
    let is_refused = is_refused.map(IoError::kind).any(|kind| kind == ErrorKind::ConnectionRefused);
    // No answer of the system's resolver has a kind; these say that there is no such name, others that nobody answers now.
    let has_no_name = ["Name or service not known", "nodename nor servname", "No such host"];
    let kind = match () {
        () if find(|cause| cause.is::<rustls::Error>()).is_some() => ErrorKind::InvalidData,
        () if has_no_name.iter().any(|text| first.contains(text)) => ErrorKind::InvalidInput,
        () if is_refused => ErrorKind::ConnectionRefused,
        () => ErrorKind::Other,
    };
    match http.map(HttpError::kind) {
        Some(HttpErrorKind::Connect) => (kind, format!("no connection: {first}")),
        _ => (kind, first),
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

/// The tag of an object, or when it was modified; servers that do not say send neither.
fn identity(meta: &ObjectMeta) -> Identity {
    let modified = || {
        (meta.last_modified.timestamp() != 0).then(|| format!("modified {}", meta.last_modified.to_rfc3339()))
    };
    let version = meta.e_tag.as_ref().map(|tag| format!("tag {}", clipped(tag, TAG))).or_else(modified);
    Identity { size: meta.size, version }
}
