//! Whether a file that is there is one of those that the program writes: only these are replaced. A name that was completed
//! wrongly must not cost anyone a slide.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Says whether the file is of the kind that takes its place.
pub type IsKind = fn(&Path) -> io::Result<bool>;

/// Enough to tell.
const BEGINNING_BYTES: u64 = 64;

/// Whether the file `path` is JSON, by its first bytes.
///
/// # Errors
/// The system's.
pub fn is_json(path: &Path) -> io::Result<bool> {
    begins(path, &["{", "["])
}

/// Whether the file `path` is an HTML page, by its first bytes.
///
/// # Errors
/// The system's.
pub fn is_page(path: &Path) -> io::Result<bool> {
    begins(path, &["<!doctype html", "<html"])
}

/// Whether the file `path` is a PNG or SVG, by its first bytes.
///
/// # Errors
/// The system's.
pub fn is_picture(path: &Path) -> io::Result<bool> {
    begins(path, &["\u{fffd}png", "<svg"])
}

/// Lower-case `beginnings`.
fn begins(path: &Path, beginnings: &[&str]) -> io::Result<bool> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BEGINNING_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    Ok(beginnings.iter().any(|beginning| text.trim_start().starts_with(beginning)))
}
