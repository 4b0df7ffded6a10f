//! A local file, read by `pread`.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::ReadAt;
use crate::error::{Error, Result};

/// An open file.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    path: PathBuf,
    size: u64,
}

impl FileSource {
    /// Opens `path` for reading.
    ///
    /// # Errors
    /// `Io` when it is not there, not readable or not a file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let io = |source| Error::io(path, source);
        // Asked before it is opened: opening a pipe would wait for someone to write to it.
        let metadata = std::fs::metadata(path).map_err(io)?;
        if metadata.is_dir() {
            return Err(io(std::io::ErrorKind::IsADirectory.into()));
        }
        if !metadata.is_file() {
            return Err(io(std::io::Error::other("not a regular file")));
        }
        let file = File::open(path).map_err(io)?;
        Ok(Self { file, path: path.to_owned(), size: metadata.len() })
    }

    /// The open file, which is a regular one.
    pub(super) fn into_file(self) -> File {
        self.file
    }
}

impl ReadAt for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        read_exact_at(&self.file, offset, buffer).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::format(
                &self.path,
                format!("the file ends at byte {}, but {} bytes were expected here", self.size, buffer.len()),
                offset,
            ),
            _ => Error::io(&self.path, error),
        })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut buffer: &mut [u8]) -> std::io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buffer.is_empty() {
        match file.seek_read(buffer, offset)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => {
                buffer = &mut buffer[n..];
                offset += n as u64;
            }
        }
    }
    Ok(())
}
