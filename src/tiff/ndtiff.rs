//! NDTiff, of Micro-Manager 2 and Pycro-Manager: what the pages are stands in a file NDTiff.index beside them.
//!
//! Source: <https://github.com/micro-manager/NDTiffStorage>, README ("NDTiff specification").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::description::{Description, PageList, Sizes};
use crate::dataset::{Channel, Plane};
use crate::error::{Error, Result};
use crate::source::ReadAt;

/// The name of the file.
pub(super) const INDEX: &str = "NDTiff.index";
/// The number behind a TIFF's header that says what it is.
const MAGIC: u32 = 483_729;
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
pub(super) struct NdTiff(Vec<Image>);

#[derive(Clone, Debug, PartialEq)]
struct Image {
    /// Whole numbers, or names.
    axes: BTreeMap<String, Value>,
    file: String,
}

impl NdTiff {
    /// What `index` holds, up to its end or what is cut off.
    pub fn parse(mut index: &[u8]) -> Self {
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
        Self(std::iter::from_fn(&mut image).collect())
    }

    /// Which plane each page is, of this file and of others.
    ///
    /// # Errors
    /// `Unsupported` for axes beside time, channel and z, and where the index is of other files.
    pub fn describe(&self, pages: &PageList<'_>) -> Result<Description> {
        let unsupported = |what: String| Error::unsupported(pages.path, what);
        if self.0.is_empty() {
            let count = pages.numbers.len();
            let guess = format!("an NDTiff file without {INDEX} beside it: {count} pages taken as slices");
            return Ok(Description { guess: Some(guess), ..Description::plain(count) });
        }
        let values = self.values();
        if let Some((axis, values)) = values
            .iter()
            .find(|(axis, values)| !["time", "channel", "z"].contains(&axis.as_str()) && values.len() > 1)
        {
            let what = format!("an NDTiff data set of {} × {axis}", values.len());
            return Err(unsupported(format!(
                "{what}: save each on its own, or say with --axes what this file's pages are"
            )));
        }
        let own_name = pages.path.file_name().and_then(|name| name.to_str());
        let files: BTreeSet<&str> = self.0.iter().map(|image| image.file.as_str()).collect();
        let own = match own_name.filter(|name| files.contains(name)) {
            Some(name) => name,
            None if files.len() == 1 => files.iter().copied().next().unwrap_or_default(),
            None => {
                return Err(unsupported(format!(
                    "an NDTiff file that its {INDEX} does not name; --axes says what its pages are"
                )));
            }
        };
        let mut assigned: BTreeMap<Plane, (&str, usize)> = BTreeMap::new();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for image in &self.0 {
            let number = counts.entry(&image.file).or_default();
            // What is written again replaces the plane.
            assigned.insert(plane(image, &values), (&image.file, *number));
            *number += 1;
        }
        if counts.get(own) != Some(&pages.numbers.len()) {
            let what = format!(
                "an NDTiff file of {} pages, where its {INDEX} counts {}",
                pages.numbers.len(),
                counts[own]
            );
            return Err(unsupported(format!("{what}; --axes says what they are")));
        }
        let size = |axis: &str| values.get(axis).map_or(1, |values| values.len() as u32);
        let sizes = Sizes { c: size("channel"), z: size("z"), t: size("time") };
        let mut description =
            Description { planes: vec![None; pages.numbers.len()], ..Description::ordered(0, sizes, "CZT") };
        for (plane, (file, number)) in assigned {
            if file == own {
                description.planes[number] = Some(plane);
            } else {
                description.elsewhere.entry(file.to_owned()).or_default().push((number, plane));
            }
        }
        for (channel, name) in
            description.channels.iter_mut().zip(values.get("channel").into_iter().flatten())
        {
            *channel = Channel { name: name.as_str().map(str::to_owned), ..Channel::default() };
        }
        let found: usize = description.elsewhere.values().map(Vec::len).sum::<usize>()
            + description.planes.iter().flatten().count();
        let total = sizes.pages().unwrap_or(usize::MAX);
        if found < total {
            description.notes.push(format!("{} of {total} planes are missing", total - found));
        }
        Ok(description)
    }

    /// By axis, its values: numbers by size, names as they first come.
    fn values(&self) -> BTreeMap<String, Vec<Value>> {
        let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (axis, value) in self.0.iter().flat_map(|image| &image.axes) {
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

fn plane(image: &Image, values: &BTreeMap<String, Vec<Value>>) -> Plane {
    let index = |axis: &str| {
        let value = image.axes.get(axis)?;
        values.get(axis)?.iter().position(|known| known == value)
    };
    let index = |axis: &str| index(axis).unwrap_or(0) as u32;
    Plane { t: index("time"), c: index("channel"), z: index("z") }
}
