//! Whether a file is an OME-TIFF that this program wrote, and of what it was made: only such a file is replaced. One of a
//! microscope may be all that there is of an acquisition.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value;

use super::xml::NAMESPACE;
use crate::error::{Error, Result};
use crate::output::unfinished::Rules;
use crate::xml;

/// Of names and files of this format.
pub(super) const RULES: Rules = Rules { why_kept, identity };

const IMAGE_DESCRIPTION: u16 = 270;
/// Tags of a directory of ours, at most.
const MOST_TAGS: u64 = 64;

/// Whether the file `path` is one of ours.
///
/// # Errors
/// The system's.
pub(super) fn is_made_here(path: &Path) -> io::Result<bool> {
    match description(path) {
        Ok(text) => Ok(text.is_some_and(|text| provenance(&text).is_some())),
        // It ends early, or an offset is beyond all files.
        Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn why_kept(real: &Path) -> Result<Option<&'static str>> {
    if !real.is_file() {
        return Ok(Some("is not a file, so it is not replaced"));
    }
    let is_ours = is_made_here(real).map_err(|error| Error::io(real, error))?;
    Ok((!is_ours).then_some("is not an OME-TIFF of this program, so it is not replaced"))
}

/// Of what the pixels of a file of ours were made.
fn identity(path: &Path) -> Option<Value> {
    let mut provenance = provenance(&description(path).ok()??)?;
    Some(provenance["identity"].take())
}

/// How a file with this OME-XML was made.
fn provenance(text: &str) -> Option<Value> {
    if !text.contains(NAMESPACE) {
        return None;
    }
    let document = xml::parse(text).ok()?;
    let mut all = document.descendants();
    let annotation = all.find(|node| node.attribute("Namespace") == Some(NAMESPACE))?;
    let value = annotation.children().find(|node| node.tag_name().name() == "Value")?;
    serde_json::from_str(value.text()?).ok()
}

/// The description in the first directory of a BigTIFF; `None` where the file is no such thing.
fn description(path: &Path) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let order = if cfg!(target_endian = "little") { b"II" } else { b"MM" };
    let header: [u8; 16] = bytes_at(&mut file, 0)?;
    if header[..2] != *order || u16::from_ne_bytes([header[2], header[3]]) != 43 {
        return Ok(None);
    }
    let first = number(&header[8..]);
    let tags = number(&bytes_at::<8>(&mut file, first)?);
    for i in 0..tags.min(MOST_TAGS) {
        let tag: [u8; 20] = bytes_at(&mut file, first.saturating_add(8 + i * 20))?;
        if u16::from_ne_bytes([tag[0], tag[1]]) != IMAGE_DESCRIPTION {
            continue;
        }
        let (length, at) = (number(&tag[4..12]), number(&tag[12..]));
        if length > xml::MOST_BYTES {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(at))?;
        let mut text = Vec::new();
        file.take(length.saturating_sub(1)).read_to_end(&mut text)?;
        return Ok(String::from_utf8(text).ok());
    }
    Ok(None)
}

fn bytes_at<const N: usize>(file: &mut File, at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The number that the first eight of `bytes` are.
fn number(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(std::array::from_fn(|i| bytes[i]))
}
