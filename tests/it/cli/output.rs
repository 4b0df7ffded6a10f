//! Reads outputs back, by the `zarrs` crate and as plain files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use zarrs::array::{Array, ArraySubset, data_type};
use zarrs::filesystem::FilesystemStore;

/// Level 0 of an image.
pub struct Image {
    /// `[t, c, z, y, x]`.
    pub shape: [u64; 5],
    pub type_name: &'static str,
    pixels: Vec<f32>,
}

/// Level 0 of the image whose group is `folder`.
pub fn image(folder: &Path) -> Image {
    let array = Array::open(Arc::new(FilesystemStore::new(folder).unwrap()), "/0").unwrap();
    let all = ArraySubset::new_with_shape(array.shape().to_vec());
    let shape = array.shape().try_into().unwrap();
    let (type_name, pixels) = if *array.data_type() == data_type::uint8() {
        let pixels = array.retrieve_array_subset::<Vec<u8>>(&all).unwrap();
        ("u8", pixels.into_iter().map(f32::from).collect())
    } else if *array.data_type() == data_type::uint16() {
        let pixels = array.retrieve_array_subset::<Vec<u16>>(&all).unwrap();
        ("u16", pixels.into_iter().map(f32::from).collect())
    } else {
        ("f32", array.retrieve_array_subset::<Vec<f32>>(&all).unwrap())
    };
    Image { shape, type_name, pixels }
}

impl Image {
    pub fn plane(&self, t: usize, c: usize, z: usize) -> &[f32] {
        let [_, channels, slices, height, width] = self.shape.map(|n| n as usize);
        let plane = (t * channels + c) * slices + z;
        &self.pixels[plane * height * width..][..height * width]
    }

    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }
}

/// The attributes of a group.
pub fn attributes(folder: &Path) -> Value {
    json(&folder.join("zarr.json"))["attributes"].clone()
}

pub fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// Every file below `folder`.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

/// What lies in `folder`, hidden or not.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Both are the same, pixel by pixel.
#[track_caller]
pub fn assert_same(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let wrong = (0..found.len()).find(|&i| found[i] != expected[i]);
    assert_eq!(
        wrong,
        None,
        "{what}: pixel {wrong:?} is {:?}, not {:?}",
        wrong.map(|i| found[i]),
        wrong.map(|i| expected[i])
    );
}
