//! What the directory's entries add up to: which of them are asked for, their scenes and planes, and how many bytes of
//! the file each takes. Pure: nothing is read here.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use super::directory::Entry;
use crate::dataset::{Plane, Scene, Subblock};
use crate::error::{Error, Result};
use crate::pixels::PixelType;
use crate::space::{Rect, Stored, Zyx};

/// Dimensions that a dataset keeps; any other is fixed at one index.
const KEPT: [char; 4] = ['S', 'T', 'C', 'Z'];
/// More indices in one dimension than any file has: a broken entry must not make a list of 2³¹ channels.
const MAX_SPAN: [(char, u32); 3] = [('T', 1 << 24), ('C', 1 << 10), ('Z', 1 << 24)];
/// Planes that a few stray subblocks may span.
const SPARSE_PLANES: u64 = 1 << 16;
/// Beyond that, planes to one subblock at most: an acquisition that was stopped has most of its planes.
const PLANES_A_SUBBLOCK: u64 = 1000;
/// Longest side of a scene in pixels: no stage travels 0.8 m, which so many pixels of 0.05 µm are.
const MAX_SIDE: i64 = 1 << 24;
/// Most pixels of one subblock.
const MAX_PIXELS: u64 = 1 << 32;
/// How much more than its decoded pixels a subblock may take before the reader asks what the rest is: headers,
/// metadata and a mask fit, a gap in the file or an attachment of many megabytes does not.
const EXTENT_SLACK: u64 = 64 * 1024;

/// The file's own numbers of one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Lowest index.
    pub first: i32,
    /// From the lowest to the highest.
    pub count: u32,
}

/// The subblocks in order.
#[derive(Debug)]
pub(super) struct Layout {
    /// At least one, by index.
    pub scenes: Vec<Scene>,
    /// Planes in depth.
    pub slices: u32,
    /// Planes in time.
    pub times: u32,
    /// Channels that are taken.
    pub channels: Span,
    /// Channels of the file, before any is selected.
    pub channels_in_file: Span,
    /// For each channel that is taken.
    pub pixel_types: Vec<Option<PixelType>>,
    /// What was fixed and what is missing.
    pub notes: Vec<String>,
}

/// The file around the entries.
pub(super) struct Surroundings<'a> {
    /// For messages.
    pub path: &'a Path,
    /// Bytes of the file.
    pub size: u64,
    /// Where segments start, in order.
    pub landmarks: Vec<u64>,
}

impl Layout {
    /// Puts the entries in order. `select` fixes dimensions at an index of the file.
    ///
    /// # Errors
    /// `Option` for an index that is not there; `Format` and `Unsupported` for entries that cannot be read.
    pub fn new(entries: &[Entry], select: &BTreeMap<char, i32>, around: &Surroundings<'_>) -> Result<Self> {
        let path = around.path;
        if entries.iter().all(Entry::is_pyramid) {
            let what = if entries.is_empty() { "no subblocks" } else { "no subblock at full resolution" };
            return Err(Error::format(path, format!("the file has {what}"), None));
        }
        let mut notes = Vec::new();
        let channels_in_file = span('C', entries, path)?;
        let chosen = choose(entries, select, &mut notes)?;
        let [t, c, z] = ['T', 'C', 'Z'].map(|letter| span(letter, chosen.iter().copied(), path));
        let origin = Origin { t: t?, c: c?, z: z? };
        check_planes(origin, chosen.len(), path)?;

        let placed = place(&chosen, origin, around)?;
        let mut layout = Self {
            scenes: Vec::new(),
            slices: origin.z.count,
            times: origin.t.count,
            channels: origin.c,
            channels_in_file,
            pixel_types: vec![None; origin.c.count as usize],
            notes,
        };
        for (index, subblocks) in placed {
            layout.scenes.extend(scene(index, subblocks, path)?);
        }
        layout.note_missing_planes();
        layout.find_pixel_types(path)?;
        Ok(layout)
    }

    fn note_missing_planes(&mut self) {
        let present: usize = self.scenes.iter().map(|scene| planes(scene).len()).sum();
        let each = u64::from(self.times) * u64::from(self.slices) * u64::from(self.channels.count);
        let all = each.saturating_mul(self.scenes.len() as u64);
        let missing = all - present as u64;
        if missing > 0 {
            self.notes.push(format!("{missing} of {all} planes are missing in the file; they stay empty"));
        }
    }

    fn find_pixel_types(&mut self, path: &Path) -> Result<()> {
        for field in self.scenes.iter().flat_map(|scene| &scene.fields) {
            let known = &mut self.pixel_types[field.plane.c as usize];
            let first = *known.get_or_insert(field.pixel_type);
            if first != field.pixel_type {
                let what = format!("channel {} mixes {first:?} and {:?}", field.plane.c, field.pixel_type);
                return Err(Error::unsupported(path, what));
            }
        }
        Ok(())
    }
}

fn planes(scene: &Scene) -> HashSet<Plane> {
    scene.fields.iter().map(|field| field.plane).collect()
}

#[derive(Clone, Copy)]
struct Origin {
    t: Span,
    c: Span,
    z: Span,
}

/// The indices that full-resolution entries have in a kept dimension; one without the dimension counts as 0.
fn span<'a>(letter: char, entries: impl IntoIterator<Item = &'a Entry>, path: &Path) -> Result<Span> {
    let indices = entries.into_iter().filter(|entry| !entry.is_pyramid());
    let indices = indices.map(|entry| entry.index(letter).unwrap_or(0));
    let (first, last) = indices.fold((i32::MAX, i32::MIN), |(low, high), i| (low.min(i), high.max(i)));
    let count = i64::from(last) - i64::from(first) + 1;
    let allowed = MAX_SPAN.iter().find(|(name, _)| *name == letter).map_or(u32::MAX, |&(_, most)| most);
    match u32::try_from(count) {
        Ok(count) if count <= allowed => Ok(Span { first, count }),
        _ => Err(Error::format(path, format!("dimension {letter} runs from {first} to {last}"), None)),
    }
}

/// A broken index must not make millions of empty planes.
fn check_planes(origin: Origin, subblocks: usize, path: &Path) -> Result<()> {
    let Origin { t, c, z } = origin;
    let planes = [t, c, z].map(|span| u64::from(span.count)).iter().product::<u64>();
    if planes > SPARSE_PLANES.max(PLANES_A_SUBBLOCK * subblocks as u64) {
        let what = format!(
            "{subblocks} subblocks span {planes} planes ({} × {} × {}: t, c, z)",
            t.count, c.count, z.count
        );
        return Err(Error::format(path, what, None));
    }
    Ok(())
}

/// Leaves one index in each dimension that is selected, or that a dataset does not keep.
fn choose<'a>(
    entries: &'a [Entry],
    select: &BTreeMap<char, i32>,
    notes: &mut Vec<String>,
) -> Result<Vec<&'a Entry>> {
    let mut chosen: Vec<&Entry> = entries.iter().collect();
    for (letter, &index) in select {
        let letter = letter.to_ascii_uppercase();
        let present = indices_of(letter, &chosen);
        if !present.contains(&index) {
            let reason = match (present.first(), present.last()) {
                (Some(first), Some(last)) => {
                    format!("dimension {letter} has no index {index}: it runs from {first} to {last}")
                }
                _ => format!("the file has no dimension {letter} to select from"),
            };
            return Err(Error::option("--select", reason));
        }
        keep(letter, index, &mut chosen);
    }
    let letters: BTreeSet<char> = chosen.iter().flat_map(|entry| &entry.indices).map(|i| i.0).collect();
    for letter in letters.into_iter().filter(|letter| !KEPT.contains(letter)) {
        let present = indices_of(letter, &chosen);
        let mut present_in_order = present.iter();
        let Some(&first) = present_in_order.next() else { continue };
        if let Some(second) = present_in_order.next() {
            let count = present.len();
            notes.push(format!(
                "dimension {letter} has {count} values: taking {letter}={first}; --select {letter}={second} takes another"
            ));
        }
        keep(letter, first, &mut chosen);
    }
    Ok(chosen)
}

fn indices_of(letter: char, entries: &[&Entry]) -> BTreeSet<i32> {
    entries.iter().filter(|entry| !entry.is_pyramid()).filter_map(|entry| entry.index(letter)).collect()
}

/// An entry that does not have the dimension belongs to every index of it.
fn keep(letter: char, index: i32, entries: &mut Vec<&Entry>) {
    entries.retain(|entry| entry.index(letter).is_none_or(|own| own == index));
}

/// The chosen entries as subblocks, in file order, by scene.
fn place(
    chosen: &[&Entry],
    origin: Origin,
    around: &Surroundings<'_>,
) -> Result<BTreeMap<i32, Vec<Subblock>>> {
    let mut in_file_order = chosen.to_vec();
    in_file_order.sort_by_key(|entry| entry.position);
    let mut scenes = BTreeMap::<i32, Vec<Subblock>>::new();
    for entry in in_file_order {
        let shifted = |letter, span: Span| {
            let index = i64::from(entry.index(letter).unwrap_or(0)) - i64::from(span.first);
            u32::try_from(index).ok().filter(|&index| index < span.count)
        };
        // Only pyramids can lie outside: the spans are those of the fields.
        let (Some(t), Some(c), Some(z)) =
            (shifted('T', origin.t), shifted('C', origin.c), shifted('Z', origin.z))
        else {
            continue;
        };
        let subblock = subblock(entry, Plane { t, c, z }, around)?;
        scenes.entry(entry.index('S').unwrap_or(0)).or_default().push(subblock);
    }
    Ok(scenes)
}

fn subblock(entry: &Entry, plane: Plane, around: &Surroundings<'_>) -> Result<Subblock> {
    let path = around.path;
    let unsupported = |what| Error::unsupported(path, what);
    if u64::from(entry.x.stored) * u64::from(entry.y.stored) > MAX_PIXELS {
        let what = format!("{entry} of {} × {} pixels", entry.x.stored, entry.y.stored);
        return Err(unsupported(what));
    }
    let mut subblock = Subblock {
        number: entry.number,
        plane,
        m: entry.m,
        rect: Rect::new(entry.x.start.into(), entry.y.start.into(), entry.x.size, entry.y.size),
        stored_width: entry.x.stored,
        stored_height: entry.y.stored,
        shown: None,
        pixel_type: entry.known_pixel_type().map_err(unsupported)?,
        compression: entry.known_compression().map_err(unsupported)?,
        offset: entry.position,
        extent: 0,
    };
    let in_file = around.size.checked_sub(entry.position).filter(|&bytes| bytes > 0).ok_or_else(|| {
        let what =
            format!("{entry} should be at byte {}, but the file ends at {}", entry.position, around.size);
        Error::format(path, what, None)
    })?;
    let pixels = subblock.decoded_bytes();
    let most = pixels + pixels / 4 + EXTENT_SLACK;
    let landmarks = &around.landmarks;
    let following = landmarks.get(landmarks.partition_point(|&start| start <= entry.position));
    let distance = following.map_or(in_file, |start| start - entry.position);
    subblock.extent = distance.min(in_file).min(most);
    Ok(subblock)
}

/// The scene of these subblocks; `None` when only its pyramid is there.
fn scene(index: i32, subblocks: Vec<Subblock>, path: &Path) -> Result<Option<Scene>> {
    let (pyramid, fields): (Vec<_>, Vec<_>) = subblocks.into_iter().partition(Subblock::is_pyramid);
    if fields.is_empty() {
        return Ok(None);
    }
    let index = u32::try_from(index)
        .map_err(|_| Error::format(path, format!("scene {index} has a negative number"), None))?;
    let rect = bounding_box(&fields).ok_or_else(|| {
        Error::format(path, format!("scene {index} is more than 2²⁴ pixels wide or high"), None)
    })?;
    let (origin_um, origin_secs) = (Zyx::default(), None);
    Ok(Some(Scene { index, name: None, rect, origin_um, origin_secs, fields, pyramid }))
}

fn bounding_box(fields: &[Subblock]) -> Option<Rect<Stored>> {
    let (mut left, mut top, mut right, mut bottom) = (i64::MAX, i64::MAX, i64::MIN, i64::MIN);
    for Subblock { rect, .. } in fields {
        (left, top) = (left.min(rect.x), top.min(rect.y));
        (right, bottom) = (right.max(rect.right()), bottom.max(rect.bottom()));
    }
    if right - left > MAX_SIDE || bottom - top > MAX_SIDE {
        return None;
    }
    Rect::between((left, top), (right, bottom))
}
