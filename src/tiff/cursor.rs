//! The `Read + Seek` that the `tiff` crate wants, over a source without a cursor.

use std::io::{self, Read, Seek, SeekFrom};

use crate::source::ReadAt;

/// Small reads (the entries of a directory) are served from a window of this many bytes.
const WINDOW: usize = 4096;

/// Bytes of a file that were read already: `raw[from..from + length]` stands for the bytes from `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where the TIFF directory says they are.
    pub at: u64,
    /// Where they really are; elsewhere only in the later planes of an ImageJ file with a single directory.
    pub file: u64,
    pub length: u64,
}

/// A reader of its own for each thread and page: no shared position, no reopening of the file.
pub(super) struct PageCursor<'a> {
    source: &'a dyn ReadAt,
    /// The start of the file, where the first directory may be another than in the file.
    header: Vec<u8>,
    pieces: &'a [Piece],
    /// The bytes of all pieces, one after the other.
    raw: &'a [u8],
    window: Vec<u8>,
    window_at: u64,
    position: u64,
}

impl<'a> PageCursor<'a> {
    /// Reads the file as it is.
    pub fn new(source: &'a dyn ReadAt) -> Self {
        Self {
            source,
            header: Vec::new(),
            pieces: &[],
            raw: &[],
            window: Vec::new(),
            window_at: 0,
            position: 0,
        }
    }

    /// Reads the file as if `header` were its first bytes, and takes `pieces` from `raw` where it holds them.
    pub fn of_page(source: &'a dyn ReadAt, header: Vec<u8>, pieces: &'a [Piece], raw: &'a [u8]) -> Self {
        Self { header, pieces, raw, ..Self::new(source) }
    }

    /// What of the pieces is in memory from the current position on.
    fn in_memory(&self) -> Option<&'a [u8]> {
        let mut before = 0;
        for piece in self.pieces {
            if (piece.at..piece.at + piece.length).contains(&self.position) {
                let from = before + self.position - piece.at;
                let rest = self.raw.get(from as usize..(before + piece.length) as usize);
                return rest.filter(|rest| !rest.is_empty());
            }
            before += piece.length;
        }
        None
    }
}

impl Read for PageCursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.source.size();
        if self.position >= size || buffer.is_empty() {
            return Ok(0);
        }
        let available = if self.position < self.header.len() as u64 {
            &self.header[self.position as usize..]
        } else if let Some(rest) = self.in_memory() {
            rest
        } else {
            let end = self.window_at + self.window.len() as u64;
            if !(self.window_at..end).contains(&self.position) {
                let length = (size - self.position).min(WINDOW.max(buffer.len()) as u64);
                self.window.resize(length as usize, 0);
                self.window_at = self.position;
                if let Err(error) = self.source.read_exact_at(self.position, &mut self.window) {
                    self.window.clear();
                    return Err(io::Error::other(error));
                }
            }
            &self.window[(self.position - self.window_at) as usize..]
        };
        let count = buffer.len().min(available.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for PageCursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.source.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
