//! A file that appears whole: it is written beside its place under a name of its own, flushed, and renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::place::{is_open_file, parent, resolved};
use crate::error::{Error, Result};

/// Short: whatever name the file gets, this one fits, too.
const UNNAMED: &str = ".decon-gpu-";

/// Writes the file `path` by `write`. What was there stays until the new one is complete; a link leads to the new one; what
/// is no file, such as a pipe, and what is open already, such as standard output, is written to as it is.
///
/// # Errors
/// `Io`.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    write_at(&resolved(path), path, write).map_err(|error| Error::io(path, error))
}

fn write_at(
    place: &Path,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let before = match fs::metadata(path) {
        Ok(before) if before.is_file() && !is_open_file(path) => Some(before),
        // A folder refuses to be opened like this.
        Ok(_) => {
            let mut out = BufWriter::new(File::options().append(true).open(path)?);
            write(&mut out)?;
            return out.flush();
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNNAMED);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let (file, unnamed) = builder.tempfile_in(parent(place))?.into_parts();
    if let Some(before) = before {
        file.set_permissions(before.permissions())?;
    }
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.into_inner()?.sync_all()?;
    unnamed.persist(place)?;
    flush_folder(parent(place))
}

/// Flushes the names in a folder, where the system has such a thing.
///
/// # Errors
/// The system's.
#[cfg(unix)]
pub fn flush_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        other => other,
    }
}

/// Flushes the names in a folder, where the system has such a thing.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn flush_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
