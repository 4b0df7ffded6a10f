//! The directories of a TIFF: which tags they hold. Values are read when they are asked for.
//!
//! Sources: TIFF 6.0, section 2; the BigTIFF design, <http://bigtiff.org>.

use std::collections::BTreeSet;
use std::path::Path;

use tiff::tags::Tag;

use crate::error::{Error, Result};
use crate::source::ReadAt;

/// What lies close together is read at once: in so many bytes of a file that is near, and of one that is far away.
const WINDOW: [u64; 2] = [4096, 64 << 10];

/// Of an entry of a directory; BigTIFF has more.
const LEAST_ENTRY_BYTES: u64 = 12;

/// In which order a file has the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// The lowest first.
    Little,
    /// The highest first.
    Big,
}

impl ByteOrder {
    /// Whether the processor has the same.
    pub fn is_native(self) -> bool {
        (self == Self::Little) == cfg!(target_endian = "little")
    }

    /// The number that `bytes` are, at most eight.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let join = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, join),
            Self::Big => bytes.iter().fold(0, join),
        }
    }

    /// Numerator and denominator, of 32 bits each; `None` when that is no number over 0.
    pub fn fraction(self, bytes: &[u8]) -> Option<f64> {
        let (numerator, denominator) = (bytes.get(..4)?, bytes.get(4..8)?);
        let value = self.number(numerator) as f64 / self.number(denominator) as f64;
        Some(value).filter(|value| value.is_finite() && *value > 0.0)
    }
}

/// One directory.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    /// Byte of the file where it is.
    pub at: u64,
    /// Byte where the next one is; 0 after the last.
    next: u64,
    entries: Vec<Entry>,
}

/// One tag. Its value, or the byte where that is.
#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    field: [u8; 8],
}

impl Directory {
    /// Whether it holds `tag`.
    pub fn has(&self, tag: Tag) -> bool {
        self.find(tag).is_some()
    }

    fn find(&self, tag: Tag) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag.to_u16())
    }
}

/// Reads directories and the values of their tags.
pub(super) struct Tags<'a> {
    source: &'a dyn ReadAt,
    pub order: ByteOrder,
    is_big_tiff: bool,
    /// Byte where the first directory is.
    first: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Tags<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// `Io`; `Format` when it is not that of a TIFF.
    pub fn open(source: &'a dyn ReadAt) -> Result<Self> {
        let order = ByteOrder::Little;
        let mut tags = Self { source, order, is_big_tiff: false, first: 0, window: Vec::new(), window_at: 0 };
        let magic = tags.read(0, 4)?;
        (tags.order, tags.is_big_tiff) = match &*magic {
            b"II*\0" => (ByteOrder::Little, false),
            b"MM\0*" => (ByteOrder::Big, false),
            b"II+\0" => (ByteOrder::Little, true),
            b"MM\0+" => (ByteOrder::Big, true),
            _ => return Err(Error::format(source.path(), "no TIFF, by its first bytes", 0)),
        };
        let (at, bytes) = if tags.is_big_tiff { (8, 8) } else { (4, 4) };
        tags.first = tags.order.number(&tags.read(at, bytes)?);
        Ok(tags)
    }

    /// What messages call the file.
    pub fn path(&self) -> &'a Path {
        self.source.path()
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// All directories, as each names the next.
    ///
    /// # Errors
    /// `Io`; `Format` when one lies outside the file, or when there is none.
    pub fn directories(&mut self) -> Result<Vec<Directory>> {
        let mut directories: Vec<Directory> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut entries = 0;
        let mut at = self.first;
        while at != 0 {
            if !seen.insert(at) {
                return Err(Error::format(self.source.path(), "the directories go round in a circle", at));
            }
            let directory = self.directory(at)?;
            at = directory.next;
            entries += directory.entries.len() as u64;
            if entries.saturating_mul(LEAST_ENTRY_BYTES) > self.source.size() {
                let what = "the directories lie over each other";
                return Err(Error::format(self.source.path(), what, directory.at));
            }
            directories.push(directory);
        }
        match directories.is_empty() {
            true => Err(Error::format(self.source.path(), "a TIFF without pages", None)),
            false => Ok(directories),
        }
    }

    /// The directory at byte `at`.
    ///
    /// # Errors
    /// As [`Tags::directories`].
    pub fn directory(&mut self, at: u64) -> Result<Directory> {
        let (count_bytes, entry_bytes, field_bytes) = if self.is_big_tiff { (8, 20, 8) } else { (2, 12, 4) };
        let order = self.order;
        let count = order.number(&self.read(at, count_bytes)?);
        let length = count.saturating_mul(entry_bytes);
        // The first byte behind them was within the file, so that this does not pass the end of the numbers.
        let bytes = self.read(at + count_bytes, length.saturating_add(field_bytes))?;
        let (entries, next) = bytes.split_at(length as usize);
        let entry = |bytes: &[u8]| {
            let (head, value) = bytes.split_at(bytes.len() - field_bytes as usize);
            let mut field = [0; 8];
            field[..value.len()].copy_from_slice(value);
            Entry {
                tag: order.number(&head[..2]) as u16,
                kind: order.number(&head[2..4]) as u16,
                count: order.number(&head[4..]),
                field,
            }
        };
        let entries = entries.chunks_exact(entry_bytes as usize).map(entry).collect();
        Ok(Directory { at, next: order.number(next), entries })
    }

    /// The bytes of the value of `tag`, in the file's order.
    ///
    /// # Errors
    /// `Io`; `Format` when they lie outside the file.
    pub fn bytes(&mut self, directory: &Directory, tag: Tag) -> Result<Option<Vec<u8>>> {
        directory.find(tag).copied().map(|entry| self.value(entry)).transpose()
    }

    /// The whole numbers that `tag` holds.
    ///
    /// # Errors
    /// As [`Tags::bytes`], and `Format` when they are of another kind.
    pub fn numbers(&mut self, directory: &Directory, tag: Tag) -> Result<Option<Vec<u64>>> {
        let Some(entry) = directory.find(tag).copied() else { return Ok(None) };
        if !matches!(entry.kind, 1 | 3 | 4 | 13 | 16 | 18) {
            let what = format!("{tag:?} is a value of kind {}, where whole numbers should be", entry.kind);
            return Err(Error::format(self.source.path(), what, directory.at));
        }
        let order = self.order;
        let bytes = self.value(entry)?;
        Ok(Some(bytes.chunks_exact(bytes_of(entry.kind)).map(|bytes| order.number(bytes)).collect()))
    }

    /// The first of the whole numbers that `tag` holds.
    ///
    /// # Errors
    /// As [`Tags::numbers`].
    pub fn number(&mut self, directory: &Directory, tag: Tag) -> Result<Option<u64>> {
        Ok(self.numbers(directory, tag)?.and_then(|numbers| numbers.first().copied()))
    }

    /// The fraction or floating-point number that `tag` holds; `None` also for one that is not finite.
    ///
    /// # Errors
    /// As [`Tags::bytes`].
    pub fn real(&mut self, directory: &Directory, tag: Tag) -> Result<Option<f64>> {
        let Some(entry) = directory.find(tag).copied() else { return Ok(None) };
        let order = self.order;
        let bytes = self.value(entry)?;
        let Some(bytes) = bytes.get(..bytes_of(entry.kind)) else { return Ok(None) };
        let value = match entry.kind {
            5 => order.number(&bytes[..4]) as f64 / order.number(&bytes[4..]) as f64,
            11 => f64::from(f32::from_bits(order.number(bytes) as u32)),
            12 => f64::from_bits(order.number(bytes)),
            1 | 3 | 4 | 16 => order.number(bytes) as f64,
            _ => return Ok(None),
        };
        Ok(Some(value).filter(|value| value.is_finite()))
    }

    /// The texts of every entry that is `tag`: a page may have several. ImageJ's is neither always ASCII nor always
    /// UTF-8: bytes that are not UTF-8 are taken for Latin-1.
    ///
    /// # Errors
    /// As [`Tags::bytes`].
    pub fn texts(&mut self, directory: &Directory, tag: Tag) -> Result<Vec<String>> {
        let entries: Vec<Entry> =
            directory.entries.iter().filter(|entry| entry.tag == tag.to_u16()).copied().collect();
        let mut texts = Vec::new();
        for entry in entries {
            let bytes = self.value(entry)?;
            let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
            texts.push(match std::str::from_utf8(text) {
                Ok(text) => text.to_owned(),
                Err(_) => text.iter().map(|&latin_1| char::from(latin_1)).collect(),
            });
        }
        Ok(texts)
    }

    /// How many values `tag` says that it has, and the byte where they begin: for those that are longer than they say, and
    /// do not fit into the entry.
    pub fn place(&self, directory: &Directory, tag: Tag) -> Option<(u64, u64)> {
        let field = if self.is_big_tiff { 8 } else { 4 };
        directory.find(tag).map(|entry| (entry.count, self.order.number(&entry.field[..field])))
    }

    /// `length` bytes from `at`, where a value points to.
    ///
    /// # Errors
    /// As [`Tags::bytes`].
    pub fn bytes_at(&mut self, at: u64, length: u64) -> Result<Vec<u8>> {
        self.read(at, length)
    }

    fn value(&mut self, entry: Entry) -> Result<Vec<u8>> {
        let length = entry.count.saturating_mul(bytes_of(entry.kind) as u64);
        let field = if self.is_big_tiff { &entry.field[..] } else { &entry.field[..4] };
        if length <= field.len() as u64 {
            return Ok(field[..length as usize].to_vec());
        }
        let at = self.order.number(field);
        self.read(at, length)
    }

    fn read(&mut self, at: u64, length: u64) -> Result<Vec<u8>> {
        let size = self.source.size();
        let end = at.checked_add(length).filter(|&end| end <= size);
        let end = end.ok_or_else(|| {
            let what = format!("the TIFF ends early: {length} bytes from here on pass the end of the file");
            Error::format(self.source.path(), what, at)
        })?;
        let window = WINDOW[usize::from(!self.source.is_near())];
        if length > window {
            let mut bytes = vec![0; length as usize];
            self.source.read_exact_at(at, &mut bytes)?;
            return Ok(bytes);
        }
        if at < self.window_at || end > self.window_at + self.window.len() as u64 {
            self.window.resize(window.min(size - at) as usize, 0);
            self.window_at = at;
            if let Err(error) = self.source.read_exact_at(at, &mut self.window) {
                self.window.clear();
                return Err(error);
            }
        }
        let from = (at - self.window_at) as usize;
        Ok(self.window[from..from + length as usize].to_vec())
    }
}

/// Bytes of one value; kinds that are not known are taken for bytes.
fn bytes_of(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 1,
    }
}
