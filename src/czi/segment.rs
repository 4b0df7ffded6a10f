//! What a CZI file is made of: segments with a 32-byte header, little-endian numbers in them, and reads that ask for no
//! more than the file has. What the segments mean is told in the files beside this one.

use crate::error::{Error, Result};
use crate::source::ReadAt;

/// Bytes of every segment's header: an id of 16 bytes, allocated and used size of what follows.
pub(super) const SEGMENT_HEADER: u64 = 32;

/// Bytes whose little-endian numbers are read by position. The caller has checked that they reach far enough.
#[derive(Clone, Copy)]
pub(super) struct Record<'a>(pub &'a [u8]);

impl<'a> Record<'a> {
    /// `length` bytes from `at`.
    pub fn slice(self, at: usize, length: usize) -> &'a [u8] {
        &self.0[at..at + length]
    }

    /// 32 bits from `at`.
    pub fn i32(self, at: usize) -> i32 {
        i32::from_le_bytes(self.slice(at, 4).try_into().expect("four bytes"))
    }

    /// 64 bits from `at`.
    pub fn i64(self, at: usize) -> i64 {
        i64::from_le_bytes(self.slice(at, 8).try_into().expect("eight bytes"))
    }

    /// Whether the segment that starts here is called `id`: padded with zeros to 16 bytes.
    pub fn has_id(self, id: &str) -> bool {
        let (name, padding) = self.slice(0, 16).split_at(id.len());
        name == id.as_bytes() && padding.iter().all(|&b| b == 0)
    }

    /// Bytes after the header that the segment uses. Early files leave that at 0: then what it has allocated.
    pub fn segment_bytes(self) -> Option<u64> {
        let size = |at| u64::try_from(self.i64(at)).ok().filter(|&bytes| bytes > 0);
        size(24).or_else(|| size(16))
    }
}

/// What is asked for at the start of a segment, where that is all that tells how long it is: enough for the whole metadata
/// or directory of most files, and on no storage much longer on its way than one byte.
const AHEAD: u64 = 128 << 10;

/// The first part of what is read with no more known of it than its length.
const AT_ONCE: u64 = 16 << 20;

/// The `length` bytes from `offset`, where `what` is. Nothing is allocated for what the file does not hold.
///
/// # Errors
/// `Format` when the file ends before; `Io`.
pub(super) fn fetch(source: &dyn ReadAt, offset: u64, length: u64, what: &str) -> Result<Vec<u8>> {
    complete(source, offset, length, Vec::new(), what)
}

/// As [`fetch`], where the bytes begin with `known`, and may be no more than that.
///
/// # Errors
/// As [`fetch`].
pub(super) fn complete(
    source: &dyn ReadAt,
    offset: u64,
    length: u64,
    known: Vec<u8>,
    what: &str,
) -> Result<Vec<u8>> {
    let ends_early = || {
        let message = format!("{what} takes {length} bytes, but the file ends at byte {}", source.size());
        Error::format(source.path(), message, offset)
    };
    let end = offset.checked_add(length).ok_or_else(ends_early)?;
    if end > source.size() {
        return Err(ends_early());
    }
    let mut bytes = known;
    bytes.truncate(usize::try_from(length).map_err(|_| ends_early())?);
    append(source, offset, length, &mut bytes)?;
    Ok(bytes)
}

/// Reads on behind `bytes`, which are the first from `offset`, until there are `length`. Memory is taken as they arrive: a
/// server may say that a file is longer than it is.
///
/// # Errors
/// As [`ReadAt::read_exact_at`], and where there is no memory for them.
pub(super) fn append(source: &dyn ReadAt, offset: u64, length: u64, bytes: &mut Vec<u8>) -> Result<()> {
    while (bytes.len() as u64) < length {
        let have = bytes.len();
        let more = (length - have as u64).min((have as u64).max(AT_ONCE)) as usize;
        let reserved = bytes.try_reserve_exact(more);
        reserved.map_err(|_| Error::io(source.path(), std::io::ErrorKind::OutOfMemory.into()))?;
        bytes.resize(have + more, 0);
        source.read_exact_at(offset + have as u64, &mut bytes[have..])?;
    }
    Ok(())
}

/// The first `length` bytes of the segment `id` at `offset`, header included; and what of the next ones came with them.
///
/// # Errors
/// `Format` when another segment, or none, is there; `Io`.
pub(super) fn fetch_segment(
    source: &dyn ReadAt,
    offset: u64,
    length: u64,
    id: &str,
    what: &str,
) -> Result<(Vec<u8>, Vec<u8>)> {
    let ahead = AHEAD.min(source.size().saturating_sub(offset));
    let mut bytes = fetch(source, offset, length.max(ahead), what)?;
    if Record(&bytes).has_id(id) {
        let next = bytes.split_off(length as usize);
        return Ok((bytes, next));
    }
    let found = bytes[..16].escape_ascii();
    Err(Error::format(
        source.path(),
        format!("{what} should start with {id}, but here is \"{found}\""),
        offset,
    ))
}
