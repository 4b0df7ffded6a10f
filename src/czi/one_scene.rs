//! One scene of a file: which of its entries are fields and which are pyramid, and the subblocks that they become.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::directory::{Entry, Within};
use super::span::{Span, span};
use super::surroundings::Surroundings;
use super::unusual::Unusual;
use crate::dataset::{Fault, Plane, Scene, Subblock, Subblocks, Unreadable};
use crate::error::{Error, Result};
use crate::pixels::PixelType;
use crate::space::{Rect, Stored, Zyx};

/// Planes that a few stray subblocks may span.
const SPARSE_PLANES: u64 = 1 << 16;
/// Beyond that, planes to one subblock at most: an acquisition that was stopped has most of its planes.
const PLANES_A_SUBBLOCK: u64 = 1000;
/// Longest side of a scene in pixels: no stage travels 0.8 m, which so many pixels of 0.05 µm are.
const MAX_SIDE: i64 = 1 << 24;
/// How much more than its decoded pixels a subblock may take before the reader asks what the rest is: headers,
/// metadata and a mask fit, a gap in the file or an attachment of many megabytes does not.
const EXTENT_SLACK: u64 = 64 * 1024;

/// What the entries of one scene are put in order with.
pub(super) struct OneScene<'a> {
    /// As the file counts scenes.
    pub index: u32,
    /// Of the file.
    pub channels: Span,
    /// Lowest T and Z of the file.
    pub first_in_file: (i32, i32),
    /// The file.
    pub around: &'a Surroundings<'a>,
}

/// Times and slices of the file before the first of a scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    /// Time.
    pub t: u32,
    /// Slice.
    pub z: u32,
}

impl OneScene<'_> {
    /// The scene of `entries`, which are in file order, and where it begins in the file. What of its fields is stored in another way than one plane of their
    /// size goes to `unusual`.
    ///
    /// # Errors
    /// `Format` for indices that no file has, `Limit` for a scene that is too large.
    pub fn put_in_order(
        &self,
        entries: &[&Entry],
        unusual: &mut BTreeMap<usize, Unusual>,
    ) -> Result<(Scene, First)> {
        let path = self.around.path;
        let is_field = fields_among(entries);
        let fields =
            || entries.iter().zip(&is_field).filter(|(_, is_field)| **is_field).map(|(entry, _)| *entry);
        let (times, slices) = (span('T', fields(), path)?, span('Z', fields(), path)?);
        self.check_planes(times, slices, entries.len())?;
        let mut scene = Scene {
            index: self.index,
            name: None,
            rect: self.bounding_box(fields())?,
            slices: slices.count,
            times: times.count,
            origin_um: Zyx::default(),
            origin_secs: None,
            channels: Vec::new(),
            fields: Subblocks::default(),
            pyramid: Subblocks::default(),
            unreadable: Vec::new(),
        };
        let mut types = HashMap::new();
        for (entry, &is_field) in entries.iter().zip(&is_field) {
            let shifted = |letter, span: Span| {
                let index = i64::from(entry.index(letter).unwrap_or(0)) - i64::from(span.first);
                u32::try_from(index).ok().filter(|&index| index < span.count)
            };
            // Only pyramids can lie outside: the spans are those of the fields.
            let (Some(t), Some(c), Some(z)) =
                (shifted('T', times), shifted('C', self.channels), shifted('Z', slices))
            else {
                continue;
            };
            let plane = Plane { t, c, z };
            let subblock = self.subblock(entry, plane).and_then(|subblock| match is_field {
                true => of_one_type(&mut types, subblock),
                false => Ok(subblock),
            });
            if let (true, Ok(subblock), Some(kind)) = (is_field, &subblock, Unusual::of(entry)) {
                unusual.insert(subblock.number, kind);
            }
            match subblock {
                Ok(subblock) if is_field => scene.fields.push(as_covered(subblock)),
                Ok(subblock) => scene.pyramid.push(subblock),
                Err(fault) => {
                    let (rect, is_pyramid) = (rect_of(entry), !is_field);
                    let offset = Some(entry.position);
                    scene.unreadable.push(Unreadable { plane, rect, is_pyramid, offset, fault });
                }
            }
        }
        let (first_t, first_z) = self.first_in_file;
        let first = First { t: times.first.abs_diff(first_t), z: slices.first.abs_diff(first_z) };
        Ok((scene, first))
    }

    /// A broken index must not make millions of empty planes.
    fn check_planes(&self, times: Span, slices: Span, subblocks: usize) -> Result<()> {
        let (t, c, z) = (times.count, self.channels.count, slices.count);
        let planes = [t, c, z].map(u64::from).iter().product::<u64>();
        if planes > SPARSE_PLANES.max(PLANES_A_SUBBLOCK * subblocks as u64) {
            let what = format!("{subblocks} subblocks span {planes} planes ({t} × {c} × {z}: t, c, z)");
            return Err(Error::format(self.around.path, what, None));
        }
        Ok(())
    }

    fn bounding_box<'a>(&self, fields: impl Iterator<Item = &'a Entry>) -> Result<Rect<Stored>> {
        let (mut left, mut top, mut right, mut bottom) = (i64::MAX, i64::MAX, i64::MIN, i64::MIN);
        for rect in fields.map(rect_of) {
            (left, top) = (left.min(rect.x), top.min(rect.y));
            (right, bottom) = (right.max(rect.right()), bottom.max(rect.bottom()));
        }
        let (width, height) = (right - left, bottom - top);
        let fits = width <= MAX_SIDE && height <= MAX_SIDE;
        let rect = if fits { Rect::between((left, top), (right, bottom)) } else { None };
        rect.ok_or_else(|| Error::Limit {
            what: format!(
                "{}: pixels between the fields of scene {}",
                self.around.path.display(),
                self.index
            ),
            needed: format!("{width} × {height}"),
            available: format!("{MAX_SIDE} × {MAX_SIDE}"),
        })
    }

    fn subblock(&self, entry: &Entry, plane: Plane) -> Result<Subblock, Fault> {
        let Surroundings { size, part, landmarks, .. } = self.around;
        if let Some(fault) = entry.flaw(*part) {
            return Err(fault);
        }
        let mut subblock = Subblock {
            number: entry.id,
            plane,
            m: entry.m,
            rect: rect_of(entry),
            stored_width: entry.x.stored,
            stored_height: entry.y.stored,
            shown: None,
            pixel_type: entry.known_pixel_type().map_err(Fault::Unsupported)?,
            compression: entry.known_compression().map_err(Fault::Unsupported)?,
            offset: entry.position,
            extent: 0,
        };
        let in_file = size.checked_sub(entry.position).filter(|&bytes| bytes > 0).ok_or_else(|| {
            let what = format!("{entry} should be at byte {}, but the file ends at {size}", entry.position);
            Fault::Broken(what)
        })?;
        match &entry.within {
            Some(Within::Bytes(bytes)) => {
                (subblock.offset, subblock.extent) = (bytes.start, bytes.end - bytes.start);
                return Ok(subblock);
            }
            Some(Within::Nth { extent, .. }) => return Ok(Subblock { extent: *extent, ..subblock }),
            None => {}
        }
        let pixels = subblock.decoded_bytes();
        let most = pixels + pixels / 4 + EXTENT_SLACK;
        let following = landmarks.get(landmarks.partition_point(|&start| start <= entry.position));
        let distance = following.map_or(in_file, |start| start - entry.position);
        subblock.extent = distance.min(in_file).min(most);
        Ok(subblock)
    }
}

/// Which of `entries` are fields: those of full resolution, and the finest of a plane that has none, as planes of Fast
/// Airyscan are stored.
fn fields_among(entries: &[&Entry]) -> Vec<bool> {
    let plane = |entry: &Entry| ['T', 'C', 'Z'].map(|letter| entry.index(letter).unwrap_or(0));
    let full: HashSet<_> =
        entries.iter().filter(|entry| !entry.is_reduced()).map(|entry| plane(entry)).collect();
    let mut finest: HashMap<_, u64> = HashMap::new();
    for entry in entries.iter().filter(|entry| !full.contains(&plane(entry))) {
        let known = finest.entry(plane(entry)).or_insert(u64::MAX);
        *known = entry.reduction().min(*known);
    }
    let is_field = |entry: &&Entry| match finest.get(&plane(entry)) {
        // What is small at an edge is rounded; the next coarser level is at twice that.
        Some(&finest) => entry.reduction() < 2 * finest,
        None => !entry.is_reduced(),
    };
    entries.iter().map(is_field).collect()
}

/// A field with as many pixels as it covers, as it is once it is decoded.
fn as_covered(field: Subblock) -> Subblock {
    Subblock { stored_width: field.rect.width, stored_height: field.rect.height, ..field }
}

fn rect_of(entry: &Entry) -> Rect<Stored> {
    Rect::new(entry.x.start.into(), entry.y.start.into(), entry.x.size, entry.y.size)
}

/// All fields of a channel have the type of the first.
fn of_one_type(types: &mut HashMap<u32, PixelType>, field: Subblock) -> Result<Subblock, Fault> {
    let (c, own) = (field.plane.c, field.pixel_type);
    match *types.entry(c).or_insert(own) {
        first if first == own => Ok(field),
        first => Err(Fault::Unsupported(format!("channel {c} mixes {first:?} and {own:?}: {field}"))),
    }
}
