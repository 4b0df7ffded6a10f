//! Where an input is: on this computer, or behind a URL.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::secrets;

/// A file or folder, and how it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Of this computer.
    Path(PathBuf),
    /// With a scheme, such as `https://host/slide.czi` or `s3://bucket/slide.czi`. May hold a password or a signature.
    Url(String),
}

impl Location {
    /// What messages and outputs call it: a URL without user, password and query, as these may be secrets.
    pub fn name(&self) -> PathBuf {
        match self {
            Self::Path(path) => path.clone(),
            Self::Url(url) => secrets::bare(url).into(),
        }
    }

    /// Whether it is a URL with a password that everybody on the way to the server can read.
    pub fn is_told_in_clear(&self) -> bool {
        match self {
            Self::Path(_) => false,
            Self::Url(url) => url.starts_with("http://") && secrets::has_user(url),
        }
    }

    /// Whether it is a folder: one of this computer, or a URL that ends in `.zarr` or `/`.
    pub fn is_folder(&self) -> bool {
        match self {
            Self::Path(path) => path.is_dir(),
            Self::Url(_) => {
                let name = self.name();
                let text = name.to_string_lossy();
                text.ends_with('/') || text.ends_with(".zarr")
            }
        }
    }

    /// The file `name` in the same folder. The query of a URL stays: it may say who asks.
    pub fn beside(&self, name: &str) -> Self {
        match self {
            Self::Path(path) => Self::Path(path.with_file_name(name)),
            Self::Url(url) => {
                let end = url.find(['?', '#']).unwrap_or(url.len());
                let (path, query) = url.split_at(end);
                let folder = path.rfind('/').map_or(path, |slash| &path[..=slash]);
                let is_key = url.starts_with("s3:");
                let name = if is_key { name.to_owned() } else { encoded(name) };
                Self::Url(format!("{folder}{name}{query}"))
            }
        }
    }

    /// The last part of its name, without the extension, and without `.ome` before that; empty where there is none.
    pub fn stem(&self) -> String {
        // Such as `.`.
        let nameless = match self {
            Self::Path(path) if path.file_name().is_none() => path.canonicalize().ok(),
            _ => None,
        };
        let name = nameless.unwrap_or_else(|| self.name());
        let stem = name.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        stem.strip_suffix(".ome").map(str::to_owned).filter(|short| !short.is_empty()).unwrap_or(stem)
    }
}

/// What would end or change the path of a URL, as a URL has it.
fn encoded(name: &str) -> String {
    name.replace('%', "%25").replace('?', "%3F").replace('#', "%23").replace(' ', "%20")
}

/// The files that say what a Zarr folder holds: programs that ask for a file are given one of these.
const OF_A_ZARR_FOLDER: [&str; 5] = ["zarr.json", ".zattrs", ".zgroup", ".zarray", ".zmetadata"];

impl From<OsString> for Location {
    /// What has a scheme is a URL, everything else a path; a metadata file of Zarr means its folder.
    fn from(text: OsString) -> Self {
        let is_scheme = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        };
        match text.to_str() {
            Some(url) if url.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) => {
                Self::Url(url_of_folder(url))
            }
            _ => Self::Path(folder(text.into())),
        }
    }
}

fn folder(path: PathBuf) -> PathBuf {
    let is_of_folder = path.file_name().is_some_and(|name| OF_A_ZARR_FOLDER.iter().any(|file| name == *file));
    match path.parent().filter(|_| is_of_folder) {
        Some(folder) if folder.as_os_str().is_empty() => Path::new(".").to_owned(),
        Some(folder) => folder.to_owned(),
        None => path,
    }
}

fn url_of_folder(url: &str) -> String {
    let (path, behind) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let folder = OF_A_ZARR_FOLDER.iter().find_map(|file| path.strip_suffix(file)?.strip_suffix('/'));
    folder.map_or_else(|| url.to_owned(), |folder| format!("{folder}/{behind}"))
}

impl From<&str> for Location {
    fn from(text: &str) -> Self {
        OsString::from(text).into()
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        path.as_os_str().to_owned().into()
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_scheme_is_a_url() {
        let location = |text: &str| Location::from(OsString::from(text));
        for url in ["http://host/a.czi", "s3://bucket/a b/c.czi", "gs://bucket/c"] {
            assert_eq!(location(url), Location::Url(url.into()));
        }
        for path in ["a.czi", "/a/b.czi", "C:\\a.czi", "://x", "a b://c", "http:/x"] {
            assert_eq!(location(path), Location::Path(path.into()));
        }
    }

    #[test]
    fn a_metadata_file_of_zarr_means_its_folder() {
        for (file, folder) in [
            ("a.zarr/zarr.json", "a.zarr"),
            ("/x/a.zarr/0/.zattrs", "/x/a.zarr/0"),
            (".zgroup", "."),
            ("a/.zmetadata", "a"),
            ("a/my.zarr.json", "a/my.zarr.json"),
            ("https://h/a.zarr/zarr.json?sig=x", "https://h/a.zarr/?sig=x"),
            ("s3://b/a/.zattrs", "s3://b/a/"),
            ("https://h/my.zarr.json", "https://h/my.zarr.json"),
        ] {
            let is_url = folder.contains("://");
            let expected = if is_url { Location::Url(folder.into()) } else { Location::Path(folder.into()) };
            assert_eq!(Location::from(OsString::from(file)), expected);
            assert!(!is_url || !folder.contains("/?") || expected.is_folder());
        }
    }

    #[test]
    fn a_file_beside_another_is_in_its_folder() {
        for (url, expected) in [
            ("https://me@host/a/b.tif?key=/x#y", "https://me@host/a/c%20%231.tif?key=/x#y"),
            ("s3://bucket/a/b.tif", "s3://bucket/a/c #1.tif"),
        ] {
            assert_eq!(Location::Url(url.into()).beside("c #1.tif"), Location::Url(expected.into()));
        }
        assert_eq!(Location::Path("a/b.tif".into()).beside("c.tif"), Location::Path("a/c.tif".into()));
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let url = Location::Url("https://me:secret@host:81/a/slide.czi?signature=secret#x".into());
        assert_eq!(url.name(), Path::new("https://host:81/a/slide.czi"));
        assert_eq!(url.stem(), "slide");
        for (name, stem) in
            [("a/ihc.ome.tif", "ihc"), ("ihc.ome.zarr", "ihc"), ("a.b.tif", "a.b"), (".ome.tif", ".ome")]
        {
            assert_eq!(Location::Path(name.into()).stem(), stem);
        }
        assert_eq!(serde_json::to_string(&url).unwrap(), "\"https://host:81/a/slide.czi\"");
        assert_eq!(Location::Url("s3://bucket".into()).name(), Path::new("s3://bucket"));
        let folders =
            ["https://host/a.zarr?x", "s3://bucket/a.zarr/0/", "https://host/a.zarr/0", "s3://b/a.czi"];
        let is_folder = folders.map(|url| Location::Url(url.into()).is_folder());
        assert_eq!(is_folder, [true, true, false, false]);
    }
}
