//! The system's cache of a file: thrown away before a cold run, and asked whether it is gone.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// Places of a file that are asked for.
const PROBES: u64 = 256;

/// How much of a file lies in the system's memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cached {
    /// From 0 to 1, by samples.
    Share(f64),
    /// The system or the file system does not tell.
    Unknown,
}

/// Asks the system to forget what it holds of the file, or of all files below the folder, and says what is left.
///
/// # Errors
/// `Io` when it cannot be opened.
pub fn drop_from_cache(path: &Path) -> Result<Cached> {
    let mut left = Vec::new();
    for file in files_below(path)? {
        let open = File::open(&file).map_err(|error| Error::io(&file, error))?;
        forget(&open);
        left.push(cached(&open));
    }
    let share = |cached: &Cached| match cached {
        Cached::Share(share) => Some(*share),
        Cached::Unknown => None,
    };
    let shares: Option<Vec<f64>> = left.iter().map(share).collect();
    Ok(match shares {
        Some(shares) if !shares.is_empty() => Cached::Share(shares.iter().sum::<f64>() / shares.len() as f64),
        _ => Cached::Unknown,
    })
}

fn files_below(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| Error::io(path, error))? {
        files.extend(files_below(&entry.map_err(|error| Error::io(path, error))?.path())?);
    }
    Ok(files)
}

#[cfg(target_os = "linux")]
fn forget(file: &File) {
    // What is not on the disk yet stays in the cache.
    let _ = file.sync_data();
    // A file system that does not do it is found out by asking what is left.
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

/// Reads a byte here and there, but only where that needs no waiting for the disk. A read from the cache does not bring
/// its neighbours in.
#[cfg(target_os = "linux")]
fn cached(file: &File) -> Cached {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    let Ok(size) = file.metadata().map(|metadata| metadata.len()) else { return Cached::Unknown };
    let (mut there, probes) = (0_u64, PROBES.min(size));
    for i in 0..probes {
        let mut byte = [0];
        let mut buffers = [std::io::IoSliceMut::new(&mut byte)];
        match preadv2(file, &mut buffers, i * (size / probes), ReadWriteFlags::NOWAIT) {
            Ok(read) => there += read as u64,
            Err(Errno::AGAIN) => {}
            Err(_) => return Cached::Unknown,
        }
    }
    Cached::Share(if probes == 0 { 0.0 } else { there as f64 / probes as f64 })
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &File) {}

#[cfg(not(target_os = "linux"))]
fn cached(_: &File) -> Cached {
    Cached::Unknown
}
