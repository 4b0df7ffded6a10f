//! Round trips: blocks in, files read back by a parser of their own, against a naive pyramid of the whole image.

mod parsed;
mod resume;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use self::parsed::{Page, Parsed};
use super::*;
use crate::output::testing::{Image, metadata, scattered, write};
use crate::output::{Cut, ImageLayout, ImageMetadata, Output, Target};
use crate::pixels::SampleType;
use crate::space::{Tczyx, Zyx};

fn layout(shape: Tczyx<u64>, sample: SampleType) -> ImageLayout {
    let cut = Cut { chunk_px: 64, shard_px: 128, ..Cut::default() };
    ImageLayout::new(shape, sample, cut).unwrap()
}

fn create(target: &Target, compression: Compression, images: &[(ImageLayout, ImageMetadata)]) -> OmeTiff {
    let provenance = json!({ "identity": { "a": "<µ>" } });
    OmeTiff::create(target, Settings { compression }, images, &provenance, &Arc::default()).unwrap().unwrap()
}

/// Exact: integer means have one right answer, and float means are rounded once.
fn assert_levels(path: &Path, mut want: Image, is_float: bool) {
    let file = Parsed::open(path);
    let pages = file.pages();
    let samples = pages[0].number(277);
    let Tczyx { t, c, z, .. } = want.shape;
    assert_eq!(pages.len() as u64, t * c / samples * z);
    let levels = pages[0].numbers(330).len();
    for level in 0..=levels {
        if level > 0 {
            want = want.halved(is_float);
        }
        for (number, page) in (0..).zip(&pages) {
            let below = page.numbers(330);
            let page = match level {
                0 => page.clone(),
                level => file.page(below[level - 1]),
            };
            assert_eq!(page.number(254), u64::from(level > 0), "NewSubfileType");
            let (time, channel, slice) = (number / (z * c / samples), number / z % (c / samples), number % z);
            let Tczyx { y, x, .. } = want.shape;
            assert_eq!((page.number(257), page.number(256)), (y, x));
            let found = file.pixels(&page);
            let expected = (0..y * x * samples).map(|i| {
                let (at, sample) = (i / samples, i % samples);
                want.at(Tczyx::new(time, channel * samples + sample, slice, at / x, at % x))
            });
            assert!(found.into_iter().eq(expected), "page {number}, level {level} of {:?}", want.shape);
        }
    }
}

fn round_trip(shape: Tczyx<u64>, sample: SampleType, compression: Compression, is_rgb: bool) {
    let home = tempfile::tempdir().unwrap();
    let target = Target::new(home.path().join("out.ome.tif"));
    let layout = layout(shape, sample);
    let images = [(layout.clone(), ImageMetadata { is_rgb, ..metadata(&layout) })];
    let output = create(&target, compression, &images);
    let step = match sample {
        SampleType::U8 => 1.0,
        SampleType::U16 => 257.0,
        SampleType::F32 => 0.375,
    };
    let image = Image::cycling(shape, step);
    let ranges = write(&output, 0, &image, &scattered(shape, 100, 2));
    output.finish(&[ranges], &json!({})).unwrap();
    assert_levels(&target.path, image, sample == SampleType::F32);
    let names: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["out.ome.tif"]);
}

#[test]
fn every_boundary_of_tile_and_shard_comes_back() {
    for side in [1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 300] {
        round_trip(Tczyx::new(1, 1, 1, side, 1 + side * 5 % 260), SampleType::U8, Compression::None, false);
    }
}

#[test]
fn times_channels_and_slices_come_back_in_every_type_and_compression() {
    let shape = Tczyx::new(2, 3, 3, 150, 259);
    for sample in [SampleType::U8, SampleType::U16, SampleType::F32] {
        for compression in [Compression::Deflate, Compression::Zstd, Compression::Lzw] {
            round_trip(shape, sample, compression, false);
        }
    }
}

#[test]
fn colours_are_samples_of_one_pixel() {
    for sample in [SampleType::U8, SampleType::U16] {
        round_trip(Tczyx::new(1, 3, 1, 150, 259), sample, Compression::Deflate, true);
        round_trip(Tczyx::new(2, 6, 2, 70, 30), sample, Compression::None, true);
    }
}

#[test]
fn tiles_of_zeros_are_one() {
    let home = tempfile::tempdir().unwrap();
    let target = Target::new(home.path().join("out.tif"));
    let layout = layout(Tczyx::new(1, 1, 1, 300, 300), SampleType::U16);
    let output = create(&target, Compression::Deflate, &[(layout.clone(), metadata(&layout))]);
    let mut image = Image { shape: layout.shape(), values: vec![0.0; 300 * 300] };
    image.values[65 * 300 + 70] = 9.0;
    let ranges = write(&output, 0, &image, &scattered(layout.shape(), 128, 1));
    output.finish(&[ranges], &json!({})).unwrap();
    let file = Parsed::open(&target.path);
    let offsets = file.pages()[0].numbers(324);
    let zeros: Vec<_> = (0..25).filter(|&i| i != 6).map(|i| offsets[i]).collect();
    assert!(zeros.iter().all(|&offset| offset == zeros[0] && offset != offsets[6] && offset > 0));
    assert_levels(&target.path, image, false);
}

#[test]
fn the_xml_says_what_the_pages_are() {
    let home = tempfile::tempdir().unwrap();
    let target = Target::new(home.path().join("out.ome.tif"));
    let layout = layout(Tczyx::new(2, 2, 3, 20, 30), SampleType::U16);
    let mut described = ImageMetadata {
        voxel_um: Zyx::new(Some(2.0), Some(0.25), Some(0.5)),
        origin: (0.0, Zyx::new(10.0, -3.5, 7.0)),
        interval_secs: Some(4.0),
        name: "µ & <scene>".into(),
        ..metadata(&layout)
    };
    described.channels[1].name = "DAPI \"1\"".into();
    described.channels[1].color = [255, 0, 0];
    let output = create(&target, Compression::Deflate, &[(layout.clone(), described)]);
    let image = Image::cycling(layout.shape(), 1.0);
    let ranges = write(&output, 0, &image, &scattered(layout.shape(), 64, 1));
    output.finish(&[ranges], &json!({ "iterations": [7] })).unwrap();
    let file = Parsed::open(&target.path);
    let pages = file.pages();
    let xml = pages[0].text(270);
    // Bio-Formats takes references to characters for text.
    assert!(!xml.contains("&#") && pages[1..].iter().all(|page| !page.has(270)));
    let parsed = roxmltree::Document::parse(&xml).unwrap();
    let all = |name: &'static str| parsed.descendants().filter(move |node| node.has_tag_name(name));
    let named = |name: &'static str| {
        let namespaced = parsed.descendants().filter(move |node| node.tag_name().name() == name);
        all(name).chain(namespaced).next().unwrap()
    };
    assert_eq!(named("Image").attribute("Name"), Some("µ & <scene>"));
    let pixels = named("Pixels");
    let value = |name: &str| pixels.attribute(name).unwrap().to_owned();
    let sizes = ["SizeT", "SizeC", "SizeZ", "SizeY", "SizeX"].map(value);
    assert_eq!(sizes, ["2", "2", "3", "20", "30"]);
    assert_eq!(["PhysicalSizeZ", "PhysicalSizeY", "PhysicalSizeX"].map(value), ["2", "0.25", "0.5"]);
    assert_eq!(named("TiffData").attribute("PlaneCount"), Some("12"));
    let channels: Vec<_> = parsed.descendants().filter(|node| node.tag_name().name() == "Channel").collect();
    assert_eq!(channels[1].attribute("Name"), Some("DAPI \"1\""));
    assert_eq!(channels[1].attribute("Color"), Some("-16776961"));
    let planes: Vec<_> = parsed.descendants().filter(|node| node.tag_name().name() == "Plane").collect();
    let last = planes.last().unwrap();
    let places = ["PositionX", "PositionY", "PositionZ", "PositionZUnit"].map(|n| last.attribute(n).unwrap());
    assert_eq!((planes.len(), places), (12, ["0.007", "-0.0035", "0.014", "mm"]));
    let made: Value = serde_json::from_str(named("Value").text().unwrap()).unwrap();
    assert_eq!(made, json!({ "identity": { "a": "<µ>" }, "iterations": [7] }));
    // 0.5 and 0.25 µm: 20 000 and 40 000 pixels a centimetre.
    let per_cm = |page: &Page, tag| page.fraction(tag);
    assert_eq!([282, 283].map(|tag| per_cm(&pages[0], tag)), [20_000.0, 40_000.0]);
    assert_eq!(pages[0].number(296), 3);
}
