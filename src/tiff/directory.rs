//! The entries of one TIFF directory as they lie in the file: a tag may stand twice (Micro-Manager's descriptions), which
//! the crate `tiff` does not show.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::source::ReadAt;

/// Longest value that is read: an OME-XML of a million planes has 200 MiB.
const LONGEST_VALUE: u64 = 1 << 28;

/// One directory, and how numbers of the file are stored.
pub(super) struct Directory<'a> {
    source: &'a dyn ReadAt,
    order: Order,
    /// By tag, in the order of the file.
    entries: HashMap<u16, Vec<Entry>>,
}

/// Order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    is_little: bool,
}

/// One value or list of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    kind: u16,
    pub count: u64,
    /// Byte in the file of the first value.
    pub at: u64,
}

impl<'a> Directory<'a> {
    /// Reads the entries of the directory at byte `at`, not their values.
    ///
    /// # Errors
    /// `Io`; `Format` when it passes the end of the file.
    pub fn read(source: &'a dyn ReadAt, at: u64) -> Result<Self> {
        let mut header = [0; 4];
        source.read_exact_at(0, &mut header)?;
        let order = Order { is_little: header.starts_with(b"II") };
        let is_big = order.number(&header[2..4]) == 43;
        let (count_bytes, entry_bytes, value_at) = if is_big { (8, 20, 12) } else { (2, 12, 8) };
        let mut count = [0; 8];
        read(source, at, &mut count[..count_bytes])?;
        let count = order.number(&count[..count_bytes]);
        let length = count.checked_mul(entry_bytes).filter(|&length| length <= source.size());
        let length = length
            .ok_or_else(|| Error::format(source.path(), format!("a directory of {count} entries"), at))?;
        let first = at + count_bytes as u64;
        let mut bytes = vec![0; length as usize];
        read(source, first, &mut bytes)?;
        let mut entries: HashMap<u16, Vec<Entry>> = HashMap::new();
        for (i, entry) in bytes.chunks_exact(entry_bytes as usize).enumerate() {
            let kind = order.number(&entry[2..4]) as u16;
            let count = order.number(&entry[4..value_at]);
            let within = &entry[value_at..];
            let at = if count.saturating_mul(size_of(kind)) <= within.len() as u64 {
                first + i as u64 * entry_bytes + value_at as u64
            } else {
                order.number(within)
            };
            entries.entry(order.number(&entry[..2]) as u16).or_default().push(Entry { kind, count, at });
        }
        Ok(Self { source, order, entries })
    }

    /// Of the file's numbers.
    pub fn order(&self) -> Order {
        self.order
    }

    /// All entries of `tag`.
    pub fn all(&self, tag: u16) -> &[Entry] {
        self.entries.get(&tag).map_or(&[], Vec::as_slice)
    }

    /// The bytes of `entry`'s values as they lie in the file.
    ///
    /// # Errors
    /// `Io`; `Format` when they pass the end of the file or are longer than any such value.
    pub fn bytes(&self, entry: Entry) -> Result<Vec<u8>> {
        self.bytes_at(entry.at, entry.count.saturating_mul(size_of(entry.kind)))
    }

    /// `length` bytes from `at`: of values that are longer than their entry says, or are pointed to by others.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn bytes_at(&self, at: u64, length: u64) -> Result<Vec<u8>> {
        let is_there = at.checked_add(length).is_some_and(|end| end <= self.source.size());
        if !is_there || length > LONGEST_VALUE {
            return Err(Error::format(self.source.path(), format!("a value of {length} bytes"), at));
        }
        let mut bytes = vec![0; length as usize];
        self.source.read_exact_at(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Whole numbers of the first `tag`; none where it is missing or holds others.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn unsigned(&self, tag: u16) -> Result<Vec<u64>> {
        let Some(&entry) = self.all(tag).first() else { return Ok(Vec::new()) };
        match entry.kind {
            BYTE | SHORT | LONG | IFD | LONG8 | IFD8 => {
                let bytes = self.bytes(entry)?;
                let size = size_of(entry.kind) as usize;
                Ok(bytes.chunks_exact(size).map(|number| self.order.number(number)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The first fraction of the first `tag`; `None` where it is missing, outside the file or no number over 0.
    ///
    /// # Errors
    /// `Io`.
    pub fn fraction(&self, tag: u16) -> Result<Option<f64>> {
        match self.all(tag).first() {
            Some(entry) if entry.kind == RATIONAL => self.fraction_at(entry.at),
            _ => Ok(None),
        }
    }

    /// The fraction at byte `at`; `None` where that is outside the file or no number over 0.
    ///
    /// # Errors
    /// `Io`.
    pub fn fraction_at(&self, at: u64) -> Result<Option<f64>> {
        match self.bytes_at(at, 8) {
            Ok(bytes) => Ok(self.order.fraction(&bytes)),
            Err(Error::Format { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Order {
    /// The whole number that `bytes`, up to 8, stand for.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
    }

    /// Numerator and denominator of 32 bits each; `None` when it is no number over 0.
    pub fn fraction(self, bytes: &[u8]) -> Option<f64> {
        let fraction = self.number(&bytes[..4]) as f64 / self.number(&bytes[4..8]) as f64;
        Some(fraction).filter(|number| number.is_finite() && *number > 0.0)
    }
}

const BYTE: u16 = 1;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const IFD: u16 = 13;
const LONG8: u16 = 16;
const IFD8: u16 = 18;

/// Bytes of one value; 1 for kinds that are not known.
fn size_of(kind: u16) -> u64 {
    match kind {
        SHORT | 8 => 2,
        LONG | 9 | 11 | IFD => 4,
        RATIONAL | 10 | 12 | LONG8 | 17 | IFD8 => 8,
        _ => 1,
    }
}

fn read(source: &dyn ReadAt, at: u64, buffer: &mut [u8]) -> Result<()> {
    let length = buffer.len() as u64;
    match at.checked_add(length).filter(|&end| end <= source.size()) {
        Some(_) => source.read_exact_at(at, buffer),
        None => Err(Error::format(source.path(), "a directory passes the end of the file", at)),
    }
}
