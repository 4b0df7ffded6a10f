//! A local file, mapped into memory.
//!
//! The one place where this crate needs unsafe code: a map is a slice of bytes that another program can change or
//! cut off, which no safe function can promise against. So nothing here gives a slice of the map away: bytes are copied
//! out, and whatever they say is checked by the formats as always. What remains is that the system ends this process
//! (SIGBUS) when the file is cut off, or its disk or network share fails, while it is being read. `pread` gives an error
//! instead, and that is why it is the default.
#![allow(unsafe_code)]

use std::io::IoSliceMut;
use std::path::Path;

use memmap2::Mmap;

use super::file::total;
use super::{FileSource, Identity, ReadAt};
use crate::error::{Error, Result};

/// A mapped file.
#[derive(Debug)]
pub struct MappedSource {
    file: FileSource,
    map: Mmap,
}

impl MappedSource {
    /// Maps `path`.
    ///
    /// # Errors
    /// `Io` when it is not there, not readable or cannot be mapped.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = FileSource::open(path)?;
        // SAFETY: the map is read-only and private to this struct, and only copied from, byte by byte, so a change from
        // outside can only give other bytes, as with `pread`. A file that is cut off ends the process; see above.
        let map = unsafe { Mmap::map(file.file()) }.map_err(|error| Error::io(path, error))?;
        Ok(Self { file, map })
    }
}

impl ReadAt for MappedSource {
    fn size(&self) -> u64 {
        self.map.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.read_exact_vectored_at(offset, &mut [IoSliceMut::new(buffer)])
    }

    fn read_exact_vectored_at(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> Result<()> {
        // Before, as bytes that were cut off cannot be copied; and after, as they may be another version's.
        self.file.check_unchanged()?;
        let length = total(buffers);
        let end = offset.saturating_add(length as u64);
        let bytes = self.map.get(offset as usize..end as usize);
        let mut bytes = bytes.ok_or_else(|| self.file.ends_early(offset, length))?;
        for buffer in buffers {
            let (here, behind) = bytes.split_at(buffer.len());
            buffer.copy_from_slice(here);
            bytes = behind;
        }
        self.file.check_unchanged()
    }

    fn is_near(&self) -> bool {
        true
    }

    fn path(&self) -> &Path {
        self.file.path()
    }

    fn identity(&self) -> Identity {
        self.file.identity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_reads_what_pread_reads_and_refuses_what_it_refuses() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &(0..10_000).map(|i| (i % 251) as u8).collect::<Vec<_>>())
            .unwrap();
        let (mapped, plain) =
            (MappedSource::open(file.path()).unwrap(), FileSource::open(file.path()).unwrap());
        assert_eq!(mapped.size(), plain.size());
        for (offset, length) in [(0, 10_000), (1, 4096), (9_999, 1), (10_000, 0), (9_999, 2), (20_000, 1)] {
            let (mut a, mut b) = (vec![7; length], vec![7; length]);
            let results = (mapped.read_exact_at(offset, &mut a), plain.read_exact_at(offset, &mut b));
            match results {
                (Ok(()), Ok(())) => assert_eq!(a, b),
                (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
                other => panic!("{length} bytes at {offset}: {other:?}"),
            }
        }
        // More buffers than the system fills in one call, of different lengths, one of them empty; and past the end.
        for (offset, count) in [(7, 3000), (5000, 2000)] {
            let filled = |source: &dyn ReadAt| {
                let mut bytes = vec![7; 3 * count];
                let (first, behind) = bytes.split_at_mut(5);
                let buffers = std::iter::once(first).chain(behind.chunks_mut(3));
                let mut buffers: Vec<_> = buffers.map(IoSliceMut::new).collect();
                buffers.insert(9, IoSliceMut::new(&mut []));
                let result = source.read_exact_vectored_at(offset, &mut buffers);
                result.map(|()| bytes).map_err(|error| error.to_string())
            };
            let mut expected = vec![7; 3 * count];
            let read = plain.read_exact_at(offset, &mut expected);
            let expected = read.map(|()| expected).map_err(|error| error.to_string());
            assert_eq!(expected.is_ok(), offset == 7);
            assert!(filled(&plain) == expected && filled(&mapped) == expected, "from byte {offset}");
        }
        file.as_file().set_len(100).unwrap();
        for source in [&mapped as &dyn ReadAt, &plain] {
            let error = source.read_exact_at(5000, &mut [0; 10]).unwrap_err().to_string();
            assert!(error.ends_with("changed while it was read (10000 bytes, then 100)"), "{error}");
        }
    }
}
