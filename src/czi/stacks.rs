//! Entries that hold several planes: times, slices, phases. Each plane becomes an entry of its own.
//!
//! The pixels lie x fastest, then y, then the further dimensions in the order of the entry: as czifile (C. Gohlke) reads
//! them, whose shape of a subblock is the entry's dimensions reversed, and Bio-Formats since its readers know such files.

use std::collections::BTreeMap;

use super::directory::{Entry, Within};
use super::read::pixel_range;
use super::segment::fetch;
use crate::dataset::{Compression, Fault, Plane, Subblock};
use crate::error::{Error, Result};
use crate::pixels::PixelType;
use crate::source::ReadAt;
use crate::space::Rect;

/// The headers of a subblock and its entry end before this, 40 dimensions in it.
const HEAD_BYTES: u64 = 2048;
/// Most planes of one subblock: known files have 20 000 lines in one.
const MOST_PLANES: u64 = 1 << 20;

/// `entries`, those of several planes split. What cannot be split stays, with its fault.
///
/// # Errors
/// `Io`.
pub(super) fn split(source: &dyn ReadAt, entries: Vec<Entry>) -> Result<Vec<Entry>> {
    if entries.iter().all(|entry| entry.sizes.is_empty()) {
        return Ok(entries);
    }
    let mut planes = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.sizes.is_empty() {
            planes.push(entry);
            continue;
        }
        match places(source, &entry) {
            Ok(places) => {
                planes.extend(places.into_iter().enumerate().map(|(nth, within)| plane(&entry, nth, within)))
            }
            Err(Error::Format { what, .. }) => {
                planes.push(Entry { fault: Some(Fault::Broken(what)), ..entry })
            }
            Err(Error::Unsupported { what, .. }) => {
                planes.push(Entry { fault: Some(Fault::Unsupported(what)), ..entry });
            }
            Err(other) => return Err(other),
        }
    }
    for (id, plane) in planes.iter_mut().enumerate() {
        plane.id = id;
    }
    Ok(planes)
}

/// The `nth` plane of `entry`.
fn plane(entry: &Entry, nth: usize, within: Within) -> Entry {
    let mut rest = nth as u32;
    let offsets: BTreeMap<char, u32> = entry
        .sizes
        .iter()
        .map(|&(letter, size)| {
            let offset = rest % size;
            rest /= size;
            (letter, offset)
        })
        .collect();
    let index = |&(letter, start): &(char, i32)| {
        let offset = offsets.get(&letter).copied().unwrap_or(0);
        (letter, start.saturating_add_unsigned(offset))
    };
    Entry {
        indices: entry.indices.iter().map(index).collect(),
        sizes: Vec::new(),
        within: Some(within),
        ..entry.clone()
    }
}

/// Where the planes of `entry` are.
///
/// # Errors
/// `Format`, which names the dimension, when the payload does not hold as many; `Unsupported` for JPEG-XR, and what the entry
/// itself says; `Io`.
fn places(source: &dyn ReadAt, entry: &Entry) -> Result<Vec<Within>> {
    let path = source.path();
    let unsupported = |what: String| Error::unsupported(path, what);
    let sizes: Vec<_> = entry.sizes.iter().map(|(letter, size)| format!("{size} in {letter}")).collect();
    let sizes = sizes.join(", ");
    let pixel_type = entry.known_pixel_type().map_err(unsupported)?;
    let compression = entry.known_compression().map_err(unsupported)?;
    if entry.sizes.iter().any(|(letter, _)| *letter == 'M') {
        return Err(unsupported(format!("{entry} holds several fields of a mosaic ({sizes})")));
    }
    if compression == Compression::JpegXr {
        return Err(unsupported(format!("{entry} holds several planes ({sizes}) in one JPEG-XR image")));
    }
    let count = entry.sizes.iter().try_fold(1_u64, |count, &(_, size)| count.checked_mul(size.into()));
    let count = count.filter(|&count| count <= MOST_PLANES);
    let of =
        count.ok_or_else(|| Error::format(path, format!("{entry} holds too many planes ({sizes})"), None))?;

    let whole = whole(entry, (of as u32, pixel_type, compression));
    let whole =
        whole.ok_or_else(|| unsupported(format!("{entry} of {sizes} planes of {} rows", entry.y.stored)))?;
    let length = HEAD_BYTES.min(source.size().saturating_sub(entry.position));
    let head = fetch(source, entry.position, length, &entry.to_string())?;
    let pixels = pixel_range(path, &whole, &head)?;
    let (needed, held) = (whole.decoded_bytes(), pixels.end - pixels.start);
    match compression {
        Compression::Uncompressed if needed == held => {
            let plane = needed / of;
            let first = entry.position + pixels.start;
            Ok((0..of).map(|nth| Within::Bytes(first + nth * plane..first + (nth + 1) * plane)).collect())
        }
        Compression::Uncompressed => {
            let each = needed / of;
            let what =
                format!("{entry} should hold {of} planes of {each} bytes ({sizes}), but has {held} bytes");
            Err(Error::format(path, what, entry.position))
        }
        _ => Ok((0..of as u32).map(|nth| Within::Nth { nth, of: of as u32, extent: pixels.end }).collect()),
    }
}

/// All planes of `entry`, one below the other; `None` when that is higher than any image.
fn whole(entry: &Entry, (of, pixel_type, compression): (u32, PixelType, Compression)) -> Option<Subblock> {
    Some(Subblock {
        number: entry.number,
        plane: Plane::default(),
        m: entry.m,
        rect: Rect::new(0, 0, entry.x.size, entry.y.size),
        stored_width: entry.x.stored,
        stored_height: entry.y.stored.checked_mul(of)?,
        shown: None,
        pixel_type,
        compression,
        offset: entry.position,
        extent: 0,
    })
}
