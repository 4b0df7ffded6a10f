//! A local file, mapped into memory.
//!
//! The one place where this crate needs unsafe code: a map is a slice of bytes that another program can change or
//! cut off, which no safe function can promise against. So nothing here gives a slice of the map away: bytes are copied
//! out, and whatever they say is checked by the formats as always. What remains is that the system ends this process
//! (SIGBUS) when the file is cut off, or its disk or network share fails, while it is being read. `pread` gives an error
//! instead, and that is why it is the default.
#![allow(unsafe_code)]

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::{FileSource, ReadAt};
use crate::error::{Error, Result};

/// A mapped file.
#[derive(Debug)]
pub struct MappedSource {
    file: File,
    map: Mmap,
    path: PathBuf,
}

impl MappedSource {
    /// Maps `path`.
    ///
    /// # Errors
    /// `Io` when it is not there, not readable or cannot be mapped.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = FileSource::open(path)?.into_file();
        // SAFETY: the map is read-only and private to this struct, and only copied from, byte by byte, so a change from
        // outside can only give other bytes, as with `pread`. A file that is cut off ends the process; see above.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| Error::io(path, error))?;
        Ok(Self { file, map, path: path.to_owned() })
    }
}

impl ReadAt for MappedSource {
    fn size(&self) -> u64 {
        self.map.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let now = self.file.metadata().map_err(|error| Error::io(&self.path, error))?.len();
        let end = offset.saturating_add(buffer.len() as u64);
        let bytes = self.map.get(offset as usize..end as usize).filter(|_| end <= now).ok_or_else(|| {
            let size = now.min(self.size());
            let what = format!("the file ends at byte {size}, but {} bytes were expected here", buffer.len());
            Error::format(&self.path, what, offset)
        })?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn path(&self) -> &Path {
        &self.path
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
        file.as_file().set_len(100).unwrap();
        assert!(mapped.read_exact_at(5000, &mut [0; 10]).is_err(), "what was cut off is refused");
    }
}
