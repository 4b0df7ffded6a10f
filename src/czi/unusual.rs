//! Subblocks whose pixels are not simply one plane of the size that they cover: several planes in one segment, as of line
//! scans, and planes that are stored at a reduced size only, as those of Fast Airyscan.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::decode::{self, Payload};
use super::directory::{Entry, Within};
use crate::dataset::{LastDecoded, Subblock};
use crate::error::Result;
use crate::pixels::Samples;
use crate::space::{Local, Rect};

/// How the pixels of a subblock are stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unusual {
    /// Where its plane is, when its segment holds several.
    pub within: Option<Within>,
    /// Stored pixels across.
    pub width: u32,
    /// Stored pixels down, of its own plane.
    pub height: u32,
}

impl Unusual {
    /// `None` for a plane that is stored as it is covered.
    pub fn of(entry: &Entry) -> Option<Self> {
        let unusual = Self { within: entry.within.clone(), width: entry.x.stored, height: entry.y.stored };
        (entry.within.is_some() || entry.is_reduced()).then_some(unusual)
    }

    /// Whether the bytes that are read of it begin with its pixels, and not with its segment's headers.
    pub fn is_bare(&self) -> bool {
        matches!(self.within, Some(Within::Bytes(_)))
    }

    /// What its segment holds, as a subblock: all planes one below the other.
    pub fn whole(&self, subblock: &Subblock) -> Subblock {
        let planes = match self.within {
            Some(Within::Nth { of, .. }) => of,
            _ => 1,
        };
        Subblock { stored_width: self.width, stored_height: self.height * planes, ..subblock.clone() }
    }

    /// Rectangles of stored pixels as those of the pixels that they are repeated over.
    pub fn repeated_rects(&self, subblock: &Subblock, rects: &[Rect<Local>]) -> Vec<Rect<Local>> {
        let first = |i: i64, stored: u32, covered: u32| {
            (i * i64::from(covered) + i64::from(stored) - 1) / i64::from(stored)
        };
        let x = |i: i64| first(i, self.width, subblock.stored_width);
        let y = |i: i64| first(i, self.height, subblock.stored_height);
        let repeated =
            |rect: &Rect<Local>| Rect::between((x(rect.x), y(rect.y)), (x(rect.right()), y(rect.bottom())));
        rects.iter().filter_map(repeated).collect()
    }

    /// Bytes that its segment is decoded to, which is kept until another one is, and the one that takes its place.
    pub fn decoding_bytes(&self, pixel_bytes: usize) -> u64 {
        let planes = match self.within {
            Some(Within::Nth { of, .. }) => 2 * u64::from(of) + 1,
            _ => 1,
        };
        planes * u64::from(self.width) * u64::from(self.height) * pixel_bytes as u64
    }

    /// The pixels of `subblock`, each stored one repeated over the pixels that it covers: as ZEISS's reader shows it.
    ///
    /// # Errors
    /// As [`decode::decode`].
    pub fn decode(
        &self,
        subblock: &Subblock,
        payload: Payload<'_>,
        stacks: &LastDecoded<u64, Samples>,
    ) -> Result<Samples> {
        let stored = Subblock { stored_width: self.width, stored_height: self.height, ..subblock.clone() };
        let plane = match self.within {
            Some(Within::Nth { nth, of, .. }) => plane_of_stack(&stored, payload, (nth, of), stacks)?,
            _ => decode::decode(&stored, payload)?,
        };
        if (self.width, self.height) == (subblock.stored_width, subblock.stored_height) {
            return Ok(plane);
        }
        Ok(repeated(&plane, &stored, (subblock.stored_width, subblock.stored_height)))
    }
}

/// Plane `nth` of the `of` that `payload` holds, one below the other.
fn plane_of_stack(
    stored: &Subblock,
    payload: Payload<'_>,
    (nth, of): (u32, u32),
    stacks: &LastDecoded<u64, Samples>,
) -> Result<Samples> {
    let all = stacks.get(payload.offset, || {
        let whole = Subblock { stored_height: stored.stored_height * of, ..stored.clone() };
        decode::decode(&whole, payload)
    })?;
    let bytes = stored.decoded_bytes() as usize;
    let mut plane = Samples::unset(all.kind(), bytes / all.kind().bytes());
    plane.as_bytes_mut().copy_from_slice(&all.as_bytes()[nth as usize * bytes..][..bytes]);
    Ok(plane)
}

/// `plane`, each pixel over those of `width` × `height` that it covers.
fn repeated(plane: &Samples, stored: &Subblock, (width, height): (u32, u32)) -> Samples {
    let pixel = stored.pixel_type.bytes();
    let row = stored.stored_width as usize * pixel;
    let nearest =
        |i: u32, stored: u32, covered: u32| (u64::from(i) * u64::from(stored) / u64::from(covered)) as usize;
    let columns: Vec<usize> = (0..width).map(|x| nearest(x, stored.stored_width, width) * pixel).collect();
    let mut large =
        Samples::unset(plane.kind(), width as usize * height as usize * pixel / plane.kind().bytes());
    let rows = large.as_bytes_mut().chunks_exact_mut(width as usize * pixel);
    for (y, target) in (0..height).zip(rows) {
        let source = &plane.as_bytes()[nearest(y, stored.stored_height, height) * row..][..row];
        for (target, &column) in target.chunks_exact_mut(pixel).zip(&columns) {
            target.copy_from_slice(&source[column..column + pixel]);
        }
    }
    large
}

/// What of the `fields` is for the user to know.
pub(super) fn notes<'a>(fields: impl Iterator<Item = (&'a Subblock, &'a Unusual)>) -> Vec<String> {
    let mut reduced: BTreeMap<(u32, [u32; 2]), u64> = BTreeMap::new();
    let (mut planes, mut is_scanned_line) = (0_u64, true);
    for (field, unusual) in fields {
        if unusual.within.is_some() {
            planes += 1;
            is_scanned_line &= unusual.height == 1;
        }
        let ratio = |covered: u32, stored: u32| (covered + stored / 2) / stored;
        let ratios = [ratio(field.rect.height, unusual.height), ratio(field.rect.width, unusual.width)];
        if ratios != [1, 1] {
            *reduced.entry((field.plane.c, ratios)).or_default() += 1;
        }
    }
    let mut notes: Vec<String> = Vec::new();
    if planes > 0 {
        let each: Cow<'_, str> = match is_scanned_line {
            true => "scanned lines, each a plane of one row".into(),
            false => "planes".into(),
        };
        notes.push(format!("subblocks hold several planes each: they are read as {planes} {each}"));
    }
    for ((c, [down, across]), count) in reduced {
        notes.push(format!(
            "channel {c}: {count} subblocks are stored at 1/{down} in y and 1/{across} in x only; each pixel is repeated over what it covers"
        ));
    }
    notes
}
