//! Where an input is, opened: one file, or the files below a folder. All of them share one connection, and one slow line
//! where that is simulated.

use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "cloud")]
use super::remote::Connection;
use super::simulated::SlowLine;
use super::{
    Access, FileSource, Identity, IoMethod, Location, Logged, MappedSource, ReadAt, Retrying, Simulated,
};
use crate::error::{Error, Result};
use crate::timeline::RequestLog;

/// Of a chunk of 256² pixels with 16 bits every 10 ms, so many make 100 MB/s.
const FILES_AT_ONCE: usize = 8;

/// A location, and how it is read.
pub struct Storage {
    location: Location,
    access: Access,
    place: Place,
    name: PathBuf,
    slow: Option<Arc<SlowLine>>,
    log: Arc<RequestLog>,
}

enum Place {
    Local(PathBuf),
    #[cfg(feature = "cloud")]
    Remote(Connection),
}

impl Storage {
    /// Of `location`. Nothing is read yet; `log` is told of every request, also of those that are repeated.
    ///
    /// # Errors
    /// `Unsupported` for a URL that this program cannot read, `Option` for one that is to be mapped, `Io` for an address
    /// or credentials that cannot be.
    pub fn new(location: &Location, access: &Access, log: &Arc<RequestLog>) -> Result<Self> {
        let slow = access.simulation.clone().map(|simulation| Arc::new(SlowLine::new(simulation)));
        Ok(Self {
            location: location.clone(),
            access: access.clone(),
            place: place(location, access)?,
            name: location.name(),
            slow,
            log: Arc::clone(log),
        })
    }

    /// How it is read.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Small files that are best asked for at the same time: several where the answer takes long to begin.
    pub fn files_at_once(&self) -> usize {
        let is_local = matches!(self.place, Place::Local(_)) && self.slow.is_none();
        if is_local { 1 } else { FILES_AT_ONCE }
    }

    /// What messages call it.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The file itself.
    ///
    /// # Errors
    /// `Io` when it is not there or not readable.
    pub fn file(&self) -> Result<Box<dyn ReadAt>> {
        let open = || match &self.place {
            Place::Local(path) => self.local(path),
            #[cfg(feature = "cloud")]
            Place::Remote(connection) => Ok(Box::new(connection.object()?) as Box<dyn ReadAt>),
        };
        self.as_told(open, 0)
    }

    /// The file `path`, such as `0/zarr.json`, of the folder; `None` when it is not there. Of a file behind a URL, the
    /// first `head` bytes come at once.
    ///
    /// # Errors
    /// `Io` when it is not readable.
    pub fn file_below(&self, path: &str, head: u64) -> Result<Option<Box<dyn ReadAt>>> {
        let open = || match &self.place {
            Place::Local(folder) => self.local(&folder.join(path)),
            #[cfg(feature = "cloud")]
            Place::Remote(connection) => {
                Ok(Box::new(connection.object_below(path, head)?) as Box<dyn ReadAt>)
            }
        };
        #[cfg(not(feature = "cloud"))]
        let _ = head;
        // Which file, for the simulated failures: the same in every run, wherever the folder lies (FNV-1a).
        let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        none_where_missing(self.as_told(open, path.bytes().fold(0xcbf2_9ce4_8422_2325, mix)))
    }

    /// The file `name` in the folder of this file; `None` when it is not there.
    ///
    /// # Errors
    /// As [`Storage::new`] and [`Storage::file`]; `Option` where a flag writes it.
    pub fn file_beside(&self, name: &str) -> Result<Option<Box<dyn ReadAt>>> {
        let location = self.location.beside(name);
        if let Location::Path(path) = &location {
            self.access.footprint.also_reads("a file of the input", path)?;
        }
        let storage = Self {
            access: self.access.clone(),
            place: place(&location, &self.access)?,
            name: location.name(),
            location,
            slow: self.slow.clone(),
            log: Arc::clone(&self.log),
        };
        none_where_missing(storage.file())
    }

    /// Which version of the file `path` of the folder is there, `None` when none is; where that costs no request, and else
    /// nothing.
    ///
    /// # Errors
    /// `Io` when the system does not say.
    pub fn version_below(&self, path: &str) -> Option<Result<Option<Identity>>> {
        let path = match &self.place {
            Place::Local(folder) => folder.join(path),
            #[cfg(feature = "cloud")]
            _ => return None,
        };
        Some(match std::fs::metadata(&path) {
            Ok(metadata) => Ok(Some(Identity::of_file(&metadata))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(path, error)),
        })
    }

    fn local(&self, path: &Path) -> Result<Box<dyn ReadAt>> {
        Ok(match self.access.io {
            IoMethod::Pread => Box::new(FileSource::open(path)?),
            IoMethod::Mmap => Box::new(MappedSource::open(path)?),
        })
    }

    /// What `open` gives, as slow and as patient as it should be.
    fn as_told(&self, open: impl Fn() -> Result<Box<dyn ReadAt>>, file: u64) -> Result<Box<dyn ReadAt>> {
        let number = self.log.file(&self.name.to_string_lossy());
        let open = || self.log.opens(number, &open);
        let patience = self.access.patience(matches!(self.place, Place::Local(_)));
        let mut source = patience.repeat(|| "opening it".into(), open)?;
        if let Some(line) = &self.slow {
            source = Box::new(Simulated::new(source, Arc::clone(line), file));
        }
        source = Box::new(Logged::new(source, Arc::clone(&self.log), &self.name));
        if patience.retries > 0 {
            source = Box::new(Retrying::new(source, patience));
        }
        Ok(source)
    }
}

fn none_where_missing(opened: Result<Box<dyn ReadAt>>) -> Result<Option<Box<dyn ReadAt>>> {
    match opened {
        Ok(source) => Ok(Some(source)),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn place(location: &Location, access: &Access) -> Result<Place> {
    match location {
        Location::Path(path) => Ok(Place::Local(path.clone())),
        Location::Url(_) if access.io == IoMethod::Mmap => {
            Err(Error::option("--io", "only a file of this computer can be mapped"))
        }
        Location::Url(url) => remote(url, location.name(), access),
    }
}

#[cfg(feature = "cloud")]
fn remote(url: &str, name: PathBuf, access: &Access) -> Result<Place> {
    Ok(Place::Remote(Connection::new(url, name, access)?))
}

#[cfg(not(feature = "cloud"))]
fn remote(_url: &str, name: PathBuf, _access: &Access) -> Result<Place> {
    Err(Error::unsupported(name, "a URL: this program was built without the feature cloud"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::written::{Footprint, is_json};

    #[test]
    fn a_file_beside_the_input_is_not_read_where_a_flag_writes_it() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        ["a.tif", "b.tif", "c.tif"].iter().for_each(|name| std::fs::write(path(name), "II*").unwrap());
        let mut footprint = Footprint::default();
        footprint.writes("--summary", &path("b.tif"), is_json);
        let access = Access { footprint: Arc::new(footprint), ..Access::default() };
        let timeline = crate::timeline::Timeline::new(crate::timeline::Detail::Sums);
        let storage = Storage::new(&Location::Path(path("a.tif")), &access, timeline.requests()).unwrap();
        let error = storage.file_beside("b.tif").err().unwrap().to_string();
        assert!(error.starts_with("--summary: ") && error.contains("b.tif"), "{error}");
        assert!(storage.file_beside("c.tif").unwrap().is_some());
    }
}
