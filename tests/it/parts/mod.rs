//! Parts of files as users ask for them: regions, channels, slices, times, and levels of the stored pyramid. Inputs are
//! made with the library's writer; the processor computes, so no device is needed.

mod map;
mod masks;
mod pyramid;
mod selection;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Channel, Plane};
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::space::{Rect, Zyx};
use serde_json::Value;
use zarrs::array::Array;
use zarrs::filesystem::FilesystemStore;

/// Runs the program.
pub fn decon_gpu(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_decon-gpu")).args(args).output().expect("the program starts")
}

/// What it printed, after it succeeded.
pub fn succeed(args: &[&str]) -> String {
    let output = decon_gpu(args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    format!("{out}{err}")
}

/// What it complained, after it failed with wrong usage or otherwise.
pub fn complaint(args: &[&str]) -> String {
    let output = decon_gpu(args);
    assert!(!output.status.success(), "{args:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Stitches `input` with `flags` into a new folder, and gives level 0 and the attributes.
pub fn convert(input: &Path, flags: &[&str]) -> (Image, Value) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.ome.zarr");
    let fixed = ["run", path(input), "-o", path(&output), "--iterations", "0", "--backend", "cpu"];
    succeed(&[&fixed, flags].concat());
    let attributes = std::fs::read_to_string(output.join("zarr.json")).unwrap();
    let attributes: Value = serde_json::from_str(&attributes).unwrap();
    (Image::read(&output), attributes["attributes"].clone())
}

pub fn path(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

/// `[t, c, z, y, x]` of an output with 16 bits.
pub struct Image {
    pub shape: Vec<u64>,
    pub pixels: Vec<u16>,
}

impl Image {
    fn read(folder: &Path) -> Self {
        let array = Array::open(Arc::new(FilesystemStore::new(folder).unwrap()), "/0").unwrap();
        let pixels = array.retrieve_array_subset::<Vec<u16>>(&array.subset_all()).unwrap();
        Self { shape: array.shape().to_vec(), pixels }
    }

    pub fn at(&self, index: [u64; 5]) -> u16 {
        let flat = index.iter().zip(&self.shape).fold(0, |flat, (i, side)| flat * side + i);
        self.pixels[flat as usize]
    }

    /// Every index, in order.
    pub fn indices(&self) -> impl Iterator<Item = [u64; 5]> {
        let shape = self.shape.clone();
        (0..self.pixels.len() as u64).map(move |mut flat| {
            let mut index = [0; 5];
            for axis in (0..5).rev() {
                (index[axis], flat) = (flat % shape[axis], flat / shape[axis]);
            }
            index
        })
    }
}

/// The folder of real files.
pub fn real_files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/czi")
}

/// A value for each place, that no shift leaves as it is.
pub fn value(t: u64, c: u64, z: u64, y: u64, x: u64) -> u16 {
    ((t * 7919 + c * 1009 + z * 131 + y * 17 + x * 3) % 60_000) as u16
}

/// Two times, three channels, four slices of 2 × 2 fields of 60 × 50 that overlap by 10: 110 × 90 px of 0.25 µm (y 0.5).
/// Fields agree where they overlap.
pub fn write_mosaic(file: &Path) {
    let mut writer = CziWriter::create(file).unwrap();
    for (t, z, c) in (0..2).flat_map(|t| (0..4).flat_map(move |z| (0..3).map(move |c| (t, z, c)))) {
        for (m, (left, top)) in (0..).zip([(0, 0), (50, 0), (0, 40), (50, 40)]) {
            let rect = Rect::new(left as i64 - 30, top as i64 + 8, 60, 50);
            let plane = Plane { t, c, z };
            let subblock = NewSubblock { m: Some(m), ..NewSubblock::new(plane, rect, PixelType::Gray16) };
            let pixel = |y: u64, x: u64| value(t.into(), c.into(), z.into(), y + top, x + left);
            let pixels = (0..50).flat_map(|y| (0..60).map(move |x| pixel(y, x))).collect();
            writer.add(&subblock, &Samples::U16(pixels)).unwrap();
        }
    }
    let channel = |name: &str| Channel { name: Some(name.into()), ..Channel::default() };
    let metadata = Metadata {
        voxel_um: Zyx::new(Some(2.0), Some(0.5), Some(0.25)),
        channels: vec![channel("DAPI"), channel("GFP"), channel("Cy5")],
        ..Metadata::default()
    };
    writer.finish(&metadata).unwrap();
}
