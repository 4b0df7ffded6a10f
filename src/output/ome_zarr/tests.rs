//! Round trips: blocks in, arrays read back through `zarrs`, against a naive pyramid of the whole image.

mod display;
mod shared_shards;
mod zarr_2;
mod zeros;

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use zarrs::array::Array;
use zarrs::filesystem::FilesystemStore;

use super::*;
use crate::error::Error;
use crate::output::testing::{Image, Place, metadata, positions, scattered, write};
use crate::output::{
    Block, ChannelRange, Cut, ImageLayout, ImageMetadata, ImageSink, Output, Pyramid, Shard, ShardRange,
    Target,
};
use crate::pixels::{SampleType, Samples};
use crate::plan::pyramid_bytes;
use crate::space::{Rect, Tczyx};

fn create(target: &Path, images: &[(ImageLayout, ImageMetadata)], provenance: &Value) -> OmeZarr {
    create_as(Settings::default(), target, images, provenance)
}

fn create_as(
    settings: Settings,
    target: &Path,
    images: &[(ImageLayout, ImageMetadata)],
    provenance: &Value,
) -> OmeZarr {
    OmeZarr::create(&Target::new(target), settings, images, provenance, &Arc::default()).unwrap().unwrap()
}

fn small(shape: Tczyx<u64>, sample: SampleType) -> ImageLayout {
    ImageLayout::new(shape, sample, Cut { chunk_px: 64, shard_px: 256, ..Cut::default() }).unwrap()
}

fn read_back(target: &Path, array: &str, kind: SampleType) -> Image {
    let store = Arc::new(FilesystemStore::new(target).unwrap());
    let array = Array::open(store, array).unwrap();
    let [t, c, z, y, x] = array.shape().try_into().unwrap();
    let all = array.subset_all();
    let values = match kind {
        SampleType::U8 => {
            array.retrieve_array_subset::<Vec<u8>>(&all).unwrap().into_iter().map(f64::from).collect()
        }
        SampleType::U16 => {
            array.retrieve_array_subset::<Vec<u16>>(&all).unwrap().into_iter().map(f64::from).collect()
        }
        SampleType::F32 => {
            array.retrieve_array_subset::<Vec<f32>>(&all).unwrap().into_iter().map(f64::from).collect()
        }
    };
    Image { shape: Tczyx::new(t, c, z, y, x), values }
}

/// Exact: integer means have one right answer, and float means are rounded once.
fn assert_levels(target: &Path, group: &str, mut want: Image, layout: &ImageLayout) {
    let is_float = layout.sample() == SampleType::F32;
    for k in 0..layout.levels().len() {
        if k > 0 {
            want = want.halved(is_float);
        }
        let got = read_back(target, &format!("{group}/{k}"), layout.sample());
        assert_eq!(got.shape, want.shape, "level {k}");
        let worst = (0..want.values.len())
            .max_by(|&a, &b| {
                let error = |i: usize| (got.values[i] - want.values[i]).abs();
                error(a).total_cmp(&error(b))
            })
            .unwrap();
        let at = positions(want.shape).nth(worst).unwrap();
        assert_eq!(got.values[worst], want.values[worst], "level {k} of {:?} at {at:?}", layout.shape());
    }
}

fn round_trip(shape: Tczyx<u64>, kind: SampleType, step: f64, (side, depth): (u64, u64)) {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("out.ome.zarr");
    let layout = small(shape, kind);
    let images = [(layout.clone(), metadata(&layout))];
    let zarr = create(&target, &images, &Value::Null);
    let image = Image::cycling(shape, step);
    let ranges = write(&zarr, 0, &image, &scattered(shape, side, depth));
    zarr.finish(&[ranges], &json!({})).unwrap();
    assert_levels(&target, "", image, &layout);
}

#[test]
fn every_boundary_of_chunk_and_shard_comes_back() {
    let sides = [1, 2, 63, 64, 65, 255, 256, 257, 511, 512, 513];
    for (i, &y) in sides.iter().enumerate() {
        // Every side meets every other within a few steps, without all 121 pairs.
        for x in [sides[(i + 3) % sides.len()], sides[(i * 4 + 1) % sides.len()]] {
            round_trip(Tczyx::new(1, 1, 1, y, x), SampleType::U8, 1.0, (256, 1));
        }
    }
}

#[test]
fn times_channels_and_slices_come_back_in_every_type() {
    let shape = Tczyx::new(2, 3, 5, 259, 130);
    for (kind, step) in [(SampleType::U8, 1.0), (SampleType::U16, 257.0), (SampleType::F32, 0.375)] {
        round_trip(shape, kind, step, (256, 2));
    }
}

#[test]
fn blocks_larger_than_a_shard_or_the_whole_image_come_back() {
    round_trip(Tczyx::new(1, 2, 1, 1100, 700), SampleType::U16, 200.0, (512, 1));
    round_trip(Tczyx::new(1, 1, 3, 1100, 700), SampleType::U16, 200.0, (2000, 3));
}

#[test]
fn blocks_off_the_grid_come_back() {
    round_trip(Tczyx::new(1, 1, 1, 600, 611), SampleType::U16, 200.0, (101, 1));
}

/// Sends an image of zeros in bands; gives the most bytes held after a block, and the shards emitted.
fn peak_of_bands(layout: &ImageLayout, side: u64, band: u64) -> (u64, u64) {
    let shape = layout.shape();
    let mut pyramid = Pyramid::new(layout);
    let (mut peak, mut emitted) = (0, 0);
    for (y, x) in (0..shape.y)
        .step_by(band as usize)
        .flat_map(|y| (0..shape.x).step_by(side as usize).map(move |x| (y, x)))
    {
        let rect = Rect::new(x as i64, y as i64, side.min(shape.x - x) as u32, band.min(shape.y - y) as u32);
        let samples = Samples::zeros(SampleType::U8, rect.area() as usize);
        let block = Block { t: 0, c: 0, z: 0, rect, samples: &samples };
        let Ok(()) = pyramid.add(&block, |_| {
            emitted += 1;
            Ok::<(), Infallible>(())
        });
        peak = peak.max(pyramid.held_bytes());
    }
    (peak, emitted)
}

#[test]
fn bands_hold_no_more_than_the_bound() {
    let shape = Tczyx::new(1, 1, 1, 4100, 5000);
    for (chunk_px, shard_px, side, band) in [
        (64, 256, 256, 512),
        (64, 256, 512, 256),
        (64, 192, 192, 192),
        (64, 64, 64, 320),
        (50, 150, 600, 300),
    ] {
        let cut = Cut { chunk_px, shard_px, ..Cut::default() };
        let layout = ImageLayout::new(shape, SampleType::U8, cut).unwrap();
        let (peak, emitted) = peak_of_bands(&layout, side, band);
        let bound = pyramid_bytes(shape.x, shard_px, SampleType::U8);
        assert!(0 < peak && peak <= bound, "held {peak}, bound {bound}: {cut:?}, band {band}");
        // The bound is of use: far below the image.
        assert!(bound < shape.x * shape.y / 7, "bound {bound}: {cut:?}, band {band}");
        assert_eq!(emitted, layout.shard_count());
    }
}

#[test]
fn a_block_that_never_came_is_an_error_and_what_came_stays_hidden() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("out.ome.zarr");
    let shape = Tczyx::new(1, 1, 2, 300, 300);
    let layout = small(shape, SampleType::U8);
    let zarr = create(&target, &[(layout.clone(), metadata(&layout))], &Value::Null);
    let image = Image::cycling(shape, 1.0);
    let mut places = scattered(shape, 256, 1);
    places.pop();
    let writer = zarr.image(0);
    let mut pyramid = Pyramid::new(&layout);
    for ((t, c), depth, rect) in places {
        let samples = image.samples(SampleType::U8, (t, c), depth.clone(), rect);
        let block = Block { t, c, z: depth.start, rect, samples: &samples };
        pyramid.add(&block, |shard| writer.store(shard).map(drop)).unwrap();
    }
    let error = zarr.finish(&[pyramid.ranges()], &json!({})).unwrap_err();
    // Two planes with four shards on each of two levels; one of each level waits for the block.
    assert!(error.to_string().contains("14 of 16 shards"), "{error}");
    assert_eq!(names(home.path()), [".out.ome.zarr.partial"]);
}

#[test]
fn dropping_midway_leaves_what_is_finished_hidden() {
    let home = tempfile::tempdir().unwrap();
    let layout = small(Tczyx::new(1, 1, 1, 300, 300), SampleType::U8);
    let images = [(layout.clone(), metadata(&layout))];
    let zarr = create(&home.path().join("out.ome.zarr"), &images, &Value::Null);
    drop(zarr);
    assert_eq!(names(home.path()), [""; 0], "nothing was finished");
    let zarr = create(&home.path().join("out.ome.zarr"), &images, &Value::Null);
    let samples = Samples::U8(vec![1; 256 * 256]);
    let shard = Shard { level: 0, index: Tczyx::new(0, 0, 0, 0, 0), samples, range: None };
    assert!(zarr.image(0).store(shard).unwrap() > 0);
    drop(zarr);
    assert_eq!(names(home.path()), [".out.ome.zarr.partial"]);
}

#[test]
fn several_images_are_a_collection() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("out.ome.zarr");
    let shapes = [Tczyx::new(1, 1, 1, 300, 20), Tczyx::new(1, 2, 1, 40, 50)];
    let images = shapes.map(|shape| {
        let layout = small(shape, SampleType::U16);
        let metadata = metadata(&layout);
        (layout, metadata)
    });
    let zarr = create(&target, &images, &json!({ "version": "1.2.3" }));
    let written = shapes.map(|shape| Image::cycling(shape, 100.0));
    let ranges = [0, 1].map(|i| write(&zarr, i, &written[i], &scattered(shapes[i], 256, 1)));
    zarr.finish(&ranges, &json!({})).unwrap();
    for (i, image) in written.into_iter().enumerate() {
        assert_levels(&target, &format!("/{i}"), image, &images[i].0);
    }
    let attributes = |path: &str| {
        let text = fs::read_to_string(target.join(path)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["attributes"].clone()
    };
    assert_eq!(attributes("zarr.json")["ome"]["bioformats2raw.layout"], 3);
    assert_eq!(attributes("zarr.json")["decon-gpu"]["version"], "1.2.3");
    assert_eq!(attributes("OME/zarr.json")["ome"]["series"], json!(["0", "1"]));
    assert!(target.join("OME/METADATA.ome.xml").is_file());
    assert_eq!(attributes("1/zarr.json")["ome"]["omero"]["channels"][1]["label"], "channel 1");
    assert_eq!(attributes("1/zarr.json")["ome"]["omero"]["channels"][1]["window"]["max"], 25100.0);
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Stores a shard whose file, while it has no name, is a link to `device`.
#[cfg(target_os = "linux")]
fn store_onto(device: &str) -> Error {
    let home = tempfile::tempdir().unwrap();
    let layout = small(Tczyx::new(1, 1, 1, 64, 64), SampleType::U8);
    let images = [(layout.clone(), metadata(&layout))];
    let zarr = create(&home.path().join("out.ome.zarr"), &images, &Value::Null);
    let unnamed = home.path().join(".out.ome.zarr.partial/unnamed");
    std::os::unix::fs::symlink(device, unnamed.join("0-0-0-0-0-0-0")).unwrap();
    let samples = Samples::U8((0..64 * 64).map(|i| (i % 251) as u8).collect());
    let shard = Shard { level: 0, index: Tczyx::new(0, 0, 0, 0, 0), samples, range: None };
    zarr.image(0).store(shard).unwrap_err()
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_io_error_with_the_shard() {
    match store_onto("/dev/full") {
        Error::Io { path, source } => {
            assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
            assert!(path.ends_with("0/c/0/0/0/0/0"), "{}", path.display());
        }
        other => panic!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_refused_write_is_an_io_error() {
    // Not writable even for root.
    assert!(matches!(store_onto("/proc/version"), Error::Io { .. }));
}

#[test]
fn a_shard_of_zeros_takes_no_space_but_counts() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("out.ome.zarr");
    let shape = Tczyx::new(1, 1, 1, 10, 10);
    let layout = small(shape, SampleType::F32);
    let zarr = create(&target, &[(layout.clone(), metadata(&layout))], &Value::Null);
    let image = Image { shape, values: vec![0.0; 100] };
    let ranges = write(&zarr, 0, &image, &scattered(shape, 256, 1));
    zarr.finish(&[ranges], &json!({})).unwrap();
    assert!(!target.join("0/c").exists());
    assert_levels(&target, "", image, &layout);
}
