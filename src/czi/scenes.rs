//! What the directory's entries add up to: which of them are asked for, their scenes and planes, and how many bytes of
//! the file each takes. Pure: nothing is read here.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::choose::choose;
use super::directory::Entry;
use super::one_scene::{First, OneScene};
use super::span::{Span, span};
use super::surroundings::Surroundings;
use super::unusual::Unusual;
use crate::dataset::{Plane, Scene};
use crate::error::{Error, Result};
use crate::pixels::PixelType;

/// The subblocks in order.
#[derive(Debug)]
pub(super) struct Layout {
    /// At least one, by index.
    pub scenes: Vec<Scene>,
    /// Where each begins in the file.
    pub firsts: Vec<First>,
    /// Channels that are taken.
    pub channels: Span,
    /// Channels of the file, before any is selected.
    pub channels_in_file: Span,
    /// For each channel that is taken, in the first scene that has it.
    pub pixel_types: Vec<Option<PixelType>>,
    /// Subblocks whose pixels are not simply one plane of their size, by `Subblock::number`.
    pub unusual: BTreeMap<usize, Unusual>,
    /// What was fixed and what is missing.
    pub notes: Vec<String>,
}

impl Layout {
    /// Puts the entries in order. `select` fixes dimensions at an index of the file.
    ///
    /// # Errors
    /// `Option` for an index that is not there; `Format` for numbers that no file has; `Limit` for a scene that is too large.
    pub fn new(entries: &[Entry], select: &BTreeMap<char, i32>, around: &Surroundings<'_>) -> Result<Self> {
        let path = around.path;
        if entries.is_empty() {
            return Err(Error::format(path, "the file has no subblocks", None));
        }
        let mut notes = Vec::new();
        let channels_in_file = span('C', entries, path)?;
        let chosen = choose(entries, select, &mut notes)?;
        let channels = span('C', chosen.iter().copied(), path)?;
        let [times, slices] = ['T', 'Z'].map(|letter| span(letter, chosen.iter().copied(), path));
        let first_in_file = (times?.first, slices?.first);
        let mut layout = Self {
            scenes: Vec::new(),
            firsts: Vec::new(),
            channels,
            channels_in_file,
            pixel_types: vec![None; channels.count as usize],
            unusual: BTreeMap::new(),
            notes,
        };
        for (index, entries) in by_scene(&chosen) {
            let scene = OneScene { index, channels, first_in_file, around };
            let (scene, first) = scene.put_in_order(&entries, &mut layout.unusual)?;
            layout.scenes.push(scene);
            layout.firsts.push(first);
        }
        layout.share_channels();
        layout.note_unusual_planes();
        layout.note_missing_planes();
        layout.find_pixel_types();
        Ok(layout)
    }

    /// A scene has the channels of its fields, and those that the file counts and no scene has.
    fn share_channels(&mut self) {
        let own: Vec<BTreeSet<u32>> =
            self.scenes.iter().map(|scene| planes(scene).map(|plane| plane.c).collect()).collect();
        let known: BTreeSet<u32> = own.iter().flatten().copied().collect();
        for (scene, own) in self.scenes.iter_mut().zip(own) {
            let has = |c: &u32| own.contains(c) || !known.contains(c);
            scene.channels = (0..self.channels.count).filter(has).collect();
        }
    }

    fn note_unusual_planes(&mut self) {
        let fields = self.scenes.iter().flat_map(|scene| &scene.fields);
        let unusual = fields.filter_map(|field| Some((field, self.unusual.get(&field.number)?)));
        self.notes.extend(super::unusual::notes(unusual));
    }

    fn note_missing_planes(&mut self) {
        let present: usize =
            self.scenes.iter().map(|scene| planes(scene).collect::<HashSet<_>>().len()).sum();
        let of =
            |scene: &Scene| u64::from(scene.times) * u64::from(scene.slices) * scene.channels.len() as u64;
        let all: u64 = self.scenes.iter().map(of).sum();
        let missing = all - present as u64;
        if missing > 0 {
            self.notes.push(format!("{missing} of {all} planes are missing in the file; they stay empty"));
        }
    }

    fn find_pixel_types(&mut self) {
        for field in self.scenes.iter().flat_map(|scene| &scene.fields) {
            self.pixel_types[field.plane.c as usize].get_or_insert(field.pixel_type);
        }
    }
}

/// Of all that is there at full resolution, readable or not; some more than once.
fn planes(scene: &Scene) -> impl Iterator<Item = Plane> {
    let unreadable = scene.unreadable.iter().filter(|unreadable| !unreadable.is_pyramid);
    let fields = scene.fields.iter().map(|field| field.plane);
    fields.chain(unreadable.map(|unreadable| unreadable.plane))
}

/// The entries of each scene, in file order. What has no scene, or a negative one, is of the only scene, else of scene 0: as
/// ZEISS's reader has it, which shows such fields with any scene. But a pyramid without a scene is of none where there are
/// several: where they overlap, it shows the one on top.
fn by_scene<'a>(chosen: &[&'a Entry]) -> BTreeMap<u32, Vec<&'a Entry>> {
    let of = |entry: &Entry| entry.index('S').and_then(|scene| u32::try_from(scene).ok());
    let known: BTreeSet<u32> = chosen.iter().filter_map(|entry| of(entry)).collect();
    let otherwise = known.first().copied().filter(|_| known.len() == 1).unwrap_or(0);
    let mut in_file_order = chosen.to_vec();
    in_file_order.sort_by_key(|entry| entry.position);
    let mut scenes = BTreeMap::<u32, Vec<&Entry>>::new();
    for entry in in_file_order {
        let scene = match of(entry) {
            None if known.len() > 1 && entry.is_reduced() => continue,
            scene => scene.unwrap_or(otherwise),
        };
        scenes.entry(scene).or_default().push(entry);
    }
    scenes
}
