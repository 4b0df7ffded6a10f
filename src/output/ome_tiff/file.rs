//! The file of one image while it is written: a header, and bytes that are appended from several threads.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::{Error, Result};
use crate::output::unfinished::PartialFolder;
use crate::timeline::Write;
use crate::written::FileId;

/// BigTIFF's.
pub(super) const HEADER_BYTES: u64 = 16;
/// Handed over in one call.
const PART_BYTES: usize = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct TileFile {
    folder: Arc<PartialFolder>,
    path: PathBuf,
    file: File,
    id: Option<FileId>,
    /// Where the next bytes go.
    end: AtomicU64,
}

impl TileFile {
    /// Opens the `i`th file of an output, or makes it.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(folder: &Arc<PartialFolder>, i: usize) -> Result<Self> {
        let path = folder.path(i);
        let io = |error| Error::io(&path, error);
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = folder.writes().time(Write::Make, &path, open).map_err(io)?;
        let id = FileId::of(&file.metadata().map_err(io)?);
        let end = AtomicU64::new(HEADER_BYTES);
        Ok(Self { folder: Arc::clone(folder), file, id, end, path })
    }

    /// What messages call it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that it has.
    ///
    /// # Errors
    /// `Io`.
    pub fn length(&self) -> Result<u64> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(|error| self.error(error))
    }

    /// Cuts off what is behind `end`, from where it goes on, and writes a header that names no directory.
    ///
    /// # Errors
    /// `Io`.
    pub fn begin(&self, end: u64) -> Result<()> {
        self.cut(end)?;
        self.end.store(end, Relaxed);
        self.write_header(0)
    }

    /// Writes a header that names the first directory, at byte `first`; 0 while there is none.
    ///
    /// # Errors
    /// `Io`.
    pub fn write_header(&self, first: u64) -> Result<()> {
        let order = if cfg!(target_endian = "little") { *b"II" } else { *b"MM" };
        let mut header = order.to_vec();
        [43_u16, 8, 0].iter().for_each(|number| header.extend(number.to_ne_bytes()));
        header.extend(first.to_ne_bytes());
        self.write(0, &header)
    }

    /// Appends `bytes`, at an even offset; gives that.
    ///
    /// # Errors
    /// `Io`.
    pub fn append(&self, bytes: &[u8]) -> Result<u64> {
        let offset = self.end.fetch_add((bytes.len() as u64).next_multiple_of(2), Relaxed);
        self.write(offset, bytes)?;
        Ok(offset)
    }

    /// Where the next bytes would go.
    pub fn end(&self) -> u64 {
        self.end.load(Relaxed)
    }

    /// Waits until what was appended is on the disk.
    ///
    /// # Errors
    /// `Io`.
    pub fn flush(&self) -> Result<()> {
        let flush = || self.file.sync_data();
        self.folder.writes().time(Write::Flush, &self.path, flush).map_err(|error| self.error(error))
    }

    /// Reads `bytes` from `offset`.
    ///
    /// # Errors
    /// `Io`.
    pub fn read(&self, offset: u64, bytes: u64) -> Result<Vec<u8>> {
        let mut read = vec![0; bytes as usize];
        read_at(&self.file, offset, &mut read).map_err(|error| self.error(error))?;
        Ok(read)
    }

    /// Refuses when what has the file's name is another one, or has another length than it had.
    ///
    /// # Errors
    /// `Io`.
    pub fn check_there(&self) -> Result<()> {
        let there = self.path.symlink_metadata().map_err(|error| self.error(error))?;
        let (is_same, length) = (FileId::of(&there) == self.id, self.length()?);
        // What is appended begins at an even byte, and may end before one.
        if is_same && length + 1 >= self.end() {
            return Ok(());
        }
        let what =
            format!("was removed or cut off while it was written: it has {length} of {} bytes", self.end());
        Err(self.error(io::Error::other(what)))
    }

    /// Cuts off what is behind `end`.
    ///
    /// # Errors
    /// `Io`.
    pub fn cut(&self, end: u64) -> Result<()> {
        let cut = || self.file.set_len(end);
        self.folder.writes().time(Write::Make, &self.path, cut).map_err(|error| self.error(error))
    }

    /// Writes `bytes` at `offset`, whatever is there.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, mut offset: u64, bytes: &[u8]) -> Result<()> {
        // A slow disk answers now and then.
        for part in bytes.chunks(PART_BYTES) {
            let write = || write_at(&self.file, offset, part);
            let written = self.folder.writes().time(Write::Bytes, &self.path, write);
            written.map_err(|error| self.error(error))?;
            offset += part.len() as u64;
        }
        Ok(())
    }

    fn error(&self, error: io::Error) -> Error {
        Error::io(&self.path, error)
    }
}

#[cfg(unix)]
fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Each handle of a file has one position on such systems: threads take turns.
#[cfg(not(unix))]
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[cfg(not(unix))]
fn write_at(mut file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    let _turn = TURN.lock();
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let _turn = TURN.lock();
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}
