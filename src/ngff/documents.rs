//! The metadata files of a Zarr folder, of version 3 (`zarr.json`) or 2 (`.zarray`, `.zattrs`).

use std::cell::Cell;
use std::io::ErrorKind::PermissionDenied;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::source::{Identity, ReadAt, Storage};

/// No metadata of an image is longer.
const LONGEST: u64 = 64 << 20;
/// Of all images of a collection together.
const LONGEST_OF_ALL: u64 = 512 << 20;
/// Values in one, at most, as their signs tell: each takes a hundred bytes, and may be written in three.
const MOST_SIGNS: usize = 1 << 19;
/// What comes at once of one behind a URL: mostly all.
const HEAD: u64 = 64 << 10;

/// Reads them, and knows which versions they were of.
pub(super) struct Documents<'a> {
    storage: &'a Storage,
    bytes: Cell<u64>,
    hash: Cell<u64>,
}

impl<'a> Documents<'a> {
    pub fn new(storage: &'a Storage) -> Self {
        Self { storage, bytes: Cell::new(0), hash: Cell::new(0xcbf2_9ce4_8422_2325) }
    }

    /// What messages call the file or folder `path`.
    pub fn name(&self, path: &str) -> PathBuf {
        // To join nothing would add a slash.
        let folder = self.storage.name();
        if path.is_empty() { folder.to_owned() } else { folder.join(path) }
    }

    /// Bytes between two ranges that are read rather than asked for around.
    pub fn gap(&self) -> u64 {
        self.storage.access().merging.gap
    }

    /// Of everything that was read: a pixel that changes later does not show in it.
    pub fn identity(&self) -> Identity {
        Identity { size: self.bytes.get(), version: Some(format!("metadata {:016x}", self.hash.get())) }
    }

    /// The attributes of the group or array in folder `path`; `None` when there is neither.
    ///
    /// # Errors
    /// `Io`, `Format`.
    pub fn attributes(&self, path: &str) -> Result<Option<Map<String, Value>>> {
        let attributes = match self.json(path, "zarr.json")? {
            Some(mut document) => document.get_mut("attributes").map_or(Value::Null, Value::take),
            None => match self.json(path, ".zattrs")? {
                Some(attributes) => attributes,
                None => return Ok(None),
            },
        };
        Ok(Some(match attributes {
            Value::Object(attributes) => attributes,
            _ => Map::new(),
        }))
    }

    /// The description of the array in folder `path`.
    ///
    /// # Errors
    /// `Io`, `Format` when it is not there.
    pub fn array(&self, path: &str) -> Result<Value> {
        if let Some(mut document) = self.json(path, "zarr.json")? {
            // Whoever knows an array keeps its description.
            document.as_object_mut().map(|document| document.remove("attributes"));
            return Ok(document);
        }
        let missing =
            || Error::format(self.name(path), "no array is there (neither zarr.json nor .zarray)", None);
        self.json(path, ".zarray")?.ok_or_else(missing)
    }

    /// Why the folder itself holds no image.
    pub fn no_image(&self) -> Error {
        let is_array = |document: Value| document["node_type"] == "array" || document["chunks"].is_array();
        if self.array("").is_ok_and(is_array) {
            let what =
                "one array of Zarr without its image; give the folder above it, where the image is described";
            return Error::unsupported(self.name(""), what);
        }
        if self.attributes("").is_ok_and(|attributes| attributes.is_some()) {
            return Error::unsupported(
                self.name(""),
                "a Zarr folder without an OME-Zarr image (multiscales)",
            );
        }
        let what = "a directory that is no OME-Zarr (neither zarr.json nor .zattrs is there)";
        Error::format(self.name(""), what, None)
    }

    fn json(&self, folder: &str, file: &str) -> Result<Option<Value>> {
        let path = if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
        let source = match self.storage.file_below(&path, HEAD) {
            Ok(Some(source)) => source,
            Ok(None) => return Ok(None),
            // What a bucket without the right to list it says of what is not there: then version 2 is tried.
            Err(Error::Io { source, .. }) if source.kind() == PermissionDenied && file == "zarr.json" => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let no_metadata =
            |what: String| Error::format(source.path(), format!("{what} are no metadata"), None);
        if source.size() > LONGEST || self.bytes.get() + source.size() > LONGEST_OF_ALL {
            return Err(no_metadata(format!("{} bytes", source.size())));
        }
        let mut bytes = vec![0; source.size() as usize];
        source.read_exact_at(0, &mut bytes)?;
        self.note(&*source, &bytes);
        let signs = bytes.iter().filter(|byte| b",:[{".contains(byte)).count();
        if signs > MOST_SIGNS {
            return Err(no_metadata(format!("{signs} values")));
        }
        let value = serde_json::from_slice(&bytes);
        value.map(Some).map_err(|error| Error::format(source.path(), format!("no JSON: {error}"), None))
    }

    /// FNV-1a, which is the same everywhere and always.
    fn note(&self, source: &dyn ReadAt, bytes: &[u8]) {
        let Identity { size, version } = source.identity();
        let version = version.unwrap_or_default();
        let all = bytes.iter().chain(version.as_bytes());
        let mix = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.hash.set(all.fold(self.hash.get(), mix));
        self.bytes.set(self.bytes.get() + size);
    }
}
