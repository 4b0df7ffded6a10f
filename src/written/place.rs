//! Where a path leads, through links and other spellings, also where nothing is yet.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Links that follow each other, at most, as Linux has it.
const MOST_LINKS: u32 = 40;

/// What tells one file or folder from another, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Of what `metadata` are about; `None` where the system has no such numbers.
    #[cfg(unix)]
    pub fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    /// Of what `metadata` are about; `None` where the system has no such numbers.
    #[cfg(not(unix))]
    pub fn of(_: &Metadata) -> Option<Self> {
        None
    }
}

/// A name of one file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Path(PathBuf),
    Id(FileId),
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Without links, as far as it is there.
    pub path: PathBuf,
    keys: Vec<Key>,
    keys_above: Vec<Key>,
}

impl Place {
    pub fn of(path: &Path) -> Self {
        let path = resolved(path);
        let (keys, keys_above) = (keys(&path), path.ancestors().skip(1).flat_map(keys).collect());
        Self { path, keys, keys_above }
    }

    /// Two places that share a key are one.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Of every folder that it lies in. By number too: a folder may be mounted in two places.
    pub fn keys_above(&self) -> &[Key] {
        &self.keys_above
    }
}

fn keys(path: &Path) -> Vec<Key> {
    let id = path.metadata().ok().as_ref().and_then(FileId::of);
    [Key::Path(path.to_owned())].into_iter().chain(id.map(Key::Id)).collect()
}

/// Where `path` leads, without links, as far as it is there.
pub fn resolved(path: &Path) -> PathBuf {
    through_links(path, MOST_LINKS)
}

fn through_links(path: &Path, links_left: u32) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    if let (Ok(target), true) = (path.read_link(), links_left > 0) {
        return through_links(&parent(path).join(target), links_left - 1);
    }
    match path.file_name() {
        Some(name) => through_links(parent(path), links_left).join(name),
        None => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// Whether `path` names what a process has open, such as its standard output: there is no place for it.
pub(super) fn is_open_file(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|system| path.starts_with(system))
}

/// The folder that `path` lies in.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
