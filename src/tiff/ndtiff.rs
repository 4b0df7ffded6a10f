//! NDTiff, of Micro-Manager 2 and Pycro-Manager: what the pages are stands in a file NDTiff.index beside them.
//!
//! Source: <https://github.com/micro-manager/NDTiffStorage>, README ("NDTiff specification").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::description::{Description, PageList, Sizes};
use super::header::number_in_json;
use super::ifd::ByteOrder;
use crate::dataset::{Channel, Plane};
use crate::error::{Error, Result};
use crate::source::ReadAt;

/// The name of the file.
pub(super) const INDEX: &str = "NDTiff.index";
/// The number behind a TIFF's header that says what it is.
const MAGIC: u32 = 483_729;
/// Where the file tells of the acquisition, how that begins, and how long it may be.
const SUMMARY_AT: u64 = 20;
const SUMMARY_MAGIC: u64 = 2_355_492;
const LONGEST_SUMMARY: u64 = 1 << 24;
/// Numbers of 32 bits behind the names of an entry: where the image is, its size and type.
const TAIL_BYTES: usize = 32;

/// Whether `source` says that it is one.
///
/// # Errors
/// `Io`.
pub(super) fn is_ndtiff(source: &dyn ReadAt) -> Result<bool> {
    let mut bytes = [0; 12];
    if source.size() < bytes.len() as u64 {
        return Ok(false);
    }
    source.read_exact_at(0, &mut bytes)?;
    let number = [bytes[8], bytes[9], bytes[10], bytes[11]];
    Ok(u32::from_le_bytes(number) == MAGIC || u32::from_be_bytes(number) == MAGIC)
}

/// The images of all files, in the order in which they were written: that of their directories, too.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct NdTiff {
    images: Vec<Image>,
    /// Distance between slices in micrometres.
    pub z_step_um: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
struct Image {
    /// Whole numbers, or names.
    axes: BTreeMap<String, Value>,
    file: String,
}

impl NdTiff {
    /// What `index` holds, up to its end or what is cut off, and what the file itself says of the acquisition.
    ///
    /// # Errors
    /// `Io`.
    pub fn read(source: &dyn ReadAt, index: &[u8]) -> Result<Self> {
        Ok(Self { images: images(index), z_step_um: z_step_um(source)? })
    }

    /// Which plane each page is, of this file and of others.
    ///
    /// # Errors
    /// `Unsupported` for axes beside time, channel and z, and where the index is of other files.
    pub fn describe(&self, pages: &PageList<'_>) -> Result<Description> {
        let unsupported =
            |what: String| Error::unsupported(pages.path, format!("{what}; --axes says what its pages are"));
        let count = pages.numbers.len();
        if self.images.is_empty() {
            let guess = format!("an NDTiff file without {INDEX} beside it: {count} pages taken as slices");
            return Ok(Description { guess: Some(guess), ..Description::plain(count) });
        }
        let values = self.values();
        let is_known = |axis: &str| ["time", "channel", "z"].contains(&axis);
        if let Some((axis, values)) = values.iter().find(|(axis, values)| !is_known(axis) && values.len() > 1)
        {
            let what = format!("an NDTiff data set of {} × {axis}: save each on its own", values.len());
            return Err(unsupported(what));
        }
        let own = self
            .own_file(pages)
            .ok_or_else(|| unsupported(format!("an NDTiff file that its {INDEX} does not name")))?;
        let counted = self.images.iter().filter(|image| image.file == own).count();
        if counted != count {
            let what = format!("an NDTiff file of {count} pages, where its {INDEX} counts {counted}");
            return Err(unsupported(what));
        }
        let size = |axis: &str| values.get(axis).map_or(1, |values| values.len() as u32);
        let sizes = Sizes { c: size("channel"), z: size("z"), t: size("time") };
        let mut description =
            Description { planes: vec![None; count], ..Description::ordered(0, sizes, "CZT") };
        let assigned = self.assigned(&values);
        let total = sizes.pages().unwrap_or(usize::MAX);
        if assigned.len() < total {
            description.notes.push(format!("{} of {total} planes are missing", total - assigned.len()));
        }
        for (plane, (file, number)) in assigned {
            if file == own {
                description.planes[number] = Some(plane);
            } else {
                description.elsewhere.entry(file.to_owned()).or_default().push((number, plane));
            }
        }
        let names = values.get("channel").into_iter().flatten();
        for (channel, name) in description.channels.iter_mut().zip(names) {
            *channel = Channel { name: name.as_str().map(str::to_owned), ..Channel::default() };
        }
        Ok(description)
    }

    /// The file that was opened, by its name, or because there is no other.
    fn own_file(&self, pages: &PageList<'_>) -> Option<&str> {
        let own_name = pages.path.file_name()?.to_str()?;
        let first = self.images.first()?.file.as_str();
        let files = || self.images.iter().map(|image| image.file.as_str());
        files().find(|file| *file == own_name).or_else(|| files().all(|file| file == first).then_some(first))
    }

    /// By plane, its file, and the number of its directory there. What is written again replaces a plane.
    fn assigned(&self, values: &BTreeMap<String, Vec<Value>>) -> BTreeMap<Plane, (&str, usize)> {
        let known = |axis: &str| {
            let values = values.get(axis).into_iter().flatten().zip(0..);
            values.map(|(value, index)| (value.to_string(), index)).collect::<BTreeMap<String, u32>>()
        };
        let (times, channels, slices) = (known("time"), known("channel"), known("z"));
        let index = |image: &Image, axis: &str, known: &BTreeMap<String, u32>| {
            image.axes.get(axis).and_then(|value| known.get(&value.to_string())).copied().unwrap_or(0)
        };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut assigned = BTreeMap::new();
        for image in &self.images {
            let number = counts.entry(&image.file).or_default();
            let plane = Plane {
                t: index(image, "time", &times),
                c: index(image, "channel", &channels),
                z: index(image, "z", &slices),
            };
            assigned.insert(plane, (image.file.as_str(), *number));
            *number += 1;
        }
        assigned
    }

    /// By axis, its values: numbers by size, names as they first come.
    fn values(&self) -> BTreeMap<String, Vec<Value>> {
        let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (axis, value) in self.images.iter().flat_map(|image| &image.axes) {
            if seen.insert((axis, value.to_string())) {
                values.entry(axis.clone()).or_default().push(value.clone());
            }
        }
        values.values_mut().for_each(|values| {
            if values.iter().all(Value::is_i64) {
                values.sort_by_key(Value::as_i64);
            }
        });
        values
    }
}

/// Behind the first numbers of the file: another magic number, and JSON behind its length.
fn z_step_um(source: &dyn ReadAt) -> Result<Option<f64>> {
    let mut head = [0; 8];
    if source.size() < SUMMARY_AT + head.len() as u64 {
        return Ok(None);
    }
    source.read_exact_at(SUMMARY_AT, &mut head)?;
    let (magic, length) = head.split_at(4);
    let number = |bytes: &[u8], is_little: bool| {
        let order = if is_little { ByteOrder::Little } else { ByteOrder::Big };
        order.number(bytes)
    };
    let Some(is_little) = [true, false].into_iter().find(|&order| number(magic, order) == SUMMARY_MAGIC)
    else {
        return Ok(None);
    };
    let mut json = vec![0; number(length, is_little).min(LONGEST_SUMMARY) as usize];
    let start = SUMMARY_AT + head.len() as u64;
    if start + json.len() as u64 > source.size() {
        return Ok(None);
    }
    source.read_exact_at(start, &mut json)?;
    Ok(number_in_json(&String::from_utf8_lossy(&json), "z-step_um"))
}

fn images(mut index: &[u8]) -> Vec<Image> {
    fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        *bytes = rest;
        Some(text)
    }
    let mut image = || {
        let axes = serde_json::from_slice(text(&mut index)?).ok()?;
        let file = String::from_utf8_lossy(text(&mut index)?).into_owned();
        index = index.get(TAIL_BYTES..)?;
        Some(Image { axes, file })
    };
    std::iter::from_fn(&mut image).collect()
}
