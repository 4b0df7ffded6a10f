//! A local file, read by `pread`.

use std::fs::File;
use std::io::IoSliceMut;
use std::path::{Path, PathBuf};

use super::{Identity, ReadAt};
use crate::error::{Error, Result};

/// An open file.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    path: PathBuf,
    identity: Identity,
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
        let identity = Identity::of_file(&file.metadata().map_err(io)?);
        Ok(Self { file, path: path.to_owned(), identity })
    }

    /// The open file, which is a regular one.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Refuses a file that someone has written to, or cut off, since it was opened.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        let now = self.file.metadata().map_err(|error| Error::io(&self.path, error))?;
        self.identity.check(&self.path, &Identity::of_file(&now))
    }

    /// `read`, which asks for `length` bytes from `offset`, of a file that nobody changed.
    fn checked(&self, offset: u64, length: usize, read: impl FnOnce() -> std::io::Result<()>) -> Result<()> {
        let read = read();
        // Afterwards: what was written meanwhile may be among the bytes.
        self.check_unchanged()?;
        read.map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.ends_early(offset, length),
            _ => Error::io(&self.path, error),
        })
    }

    /// That the file ends before `length` bytes from `offset`.
    pub(super) fn ends_early(&self, offset: u64, length: usize) -> Error {
        let size = self.identity.size;
        let what = format!("the file ends at byte {size}, but {length} bytes were expected here");
        Error::format(&self.path, what, offset)
    }
}

impl ReadAt for FileSource {
    fn size(&self) -> u64 {
        self.identity.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let length = buffer.len();
        self.checked(offset, length, || read_exact_at(&self.file, offset, buffer))
    }

    #[cfg(target_os = "linux")]
    fn read_exact_vectored_at(&self, offset: u64, buffers: &mut [IoSliceMut<'_>]) -> Result<()> {
        let length = total(buffers);
        self.checked(offset, length, || read_exact_vectored_at(&self.file, offset, buffers))
    }

    fn is_near(&self) -> bool {
        true
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
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

/// Files that this process may have open; `None` where the system does not say, or sets no limit.
pub fn most_open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes of all `buffers`.
pub(super) fn total(buffers: &[IoSliceMut<'_>]) -> usize {
    buffers.iter().map(|buffer| buffer.len()).sum()
}

/// Buffers that the system fills in one call.
#[cfg(target_os = "linux")]
const AT_ONCE: usize = 1024;

#[cfg(target_os = "linux")]
fn read_exact_vectored_at(
    file: &File,
    mut offset: u64,
    buffers: &mut [IoSliceMut<'_>],
) -> std::io::Result<()> {
    for buffers in buffers.chunks_mut(AT_ONCE) {
        let mut filled = rustix::io::retry_on_intr(|| rustix::io::preadv(file, buffers, offset))?;
        for buffer in buffers {
            // All of it, unless the call was cut short, which is rare.
            let here = filled.min(buffer.len());
            filled -= here;
            read_exact_at(file, offset + here as u64, &mut buffer[here..])?;
            offset += buffer.len() as u64;
        }
    }
    Ok(())
}
