//! `--scale` from a level of the stored pyramid: exactly its pixels, or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use decon_gpu::czi::Czi;
use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Input, Plane, Scene};
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::source::FileSource;
use decon_gpu::space::Rect;
use serde_json::json;

use crate::parts::{convert, path, real_files, succeed};

const SIDE: u64 = 64;

/// Unlike any mean of level-0 pixels, so that it shows which were read.
fn stored(ratio: u64, c: u64, y: u64, x: u64) -> u16 {
    (20_000 + ratio * 1000 + c * 500 + y * 23 + x * 7) as u16
}

fn add(writer: &mut CziWriter<impl std::io::Write + std::io::Seek>, c: u32, rect: [u64; 4], ratio: u64) {
    let [left, top, width, height] = rect;
    let area = Rect::new(left as i64 + 9, top as i64 - 5, width as u32, height as u32);
    let plane = Plane { c, ..Plane::default() };
    let (stored_width, stored_height) = (width / ratio, height / ratio);
    let subblock = NewSubblock {
        m: (ratio == 1).then_some(0),
        stored_width: stored_width as u32,
        stored_height: stored_height as u32,
        ..NewSubblock::new(plane, area, PixelType::Gray16)
    };
    let pixel = |y: u64, x: u64| {
        if ratio == 1 { 100 } else { stored(ratio, c.into(), y + top / ratio, x + left / ratio) }
    };
    let pixels = (0..stored_height).flat_map(|y| (0..stored_width).map(move |x| pixel(y, x))).collect();
    writer.add(&subblock, &Samples::U16(pixels)).unwrap();
}

/// 64 × 64 pixels, all 100, in two channels; level 2 in two pieces and level 4 in one, on the channels below `pyramids`.
fn write(file: &Path, pyramids: u32) {
    let mut writer = CziWriter::create(file).unwrap();
    for c in 0..2 {
        add(&mut writer, c, [0, 0, SIDE, SIDE], 1);
        if c < pyramids {
            add(&mut writer, c, [0, 0, 40, SIDE], 2);
            add(&mut writer, c, [40, 0, 24, SIDE], 2);
            add(&mut writer, c, [0, 0, SIDE, SIDE], 4);
        }
    }
    writer.finish(&Metadata::default()).unwrap();
}

#[test]
fn a_stored_level_is_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pyramid.czi");
    write(&file, 2);
    for ratio in [2, 4] {
        let (image, attributes) = convert(&file, &["--scale", &ratio.to_string()]);
        for index in image.indices() {
            let [_, c, _, y, x] = index;
            assert_eq!(image.at(index), stored(ratio, c, y, x), "1/{ratio} at {index:?}");
        }
        assert_eq!(attributes["decon-gpu"]["stored_ratio"], json!([ratio]));
    }
}

#[test]
fn a_scale_beyond_the_stored_levels_averages_the_coarsest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pyramid.czi");
    write(&file, 2);
    let (image, _) = convert(&file, &["--scale", "8"]);
    assert_eq!(image.shape, [1, 2, 1, 8, 8]);
    for index in image.indices() {
        let [_, c, _, y, x] = index;
        let block = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| stored(4, c, 2 * y + dy, 2 * x + dx));
        let mean = block.map(f64::from).iter().sum::<f64>() / 4.0;
        assert_eq!(f64::from(image.at(index)), mean.round_ties_even(), "at {index:?}");
    }
}

#[test]
fn without_all_that_is_needed_or_when_told_so_the_fields_are_averaged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pyramid.czi");
    write(&file, 1);
    let of_fields = |flags: &[&str]| convert(&file, flags).0.pixels.iter().all(|&pixel| pixel == 100);
    assert!(of_fields(&["--scale", "4"]), "channel 1 has no pyramid");
    assert!(!of_fields(&["--scale", "4", "--channels", "0"]));
    assert!(of_fields(&["--scale", "4", "--channels", "0", "--pyramid", "never"]));
    assert!(of_fields(&["--scale", "4", "--channels", "0", "--region", "1,0,40,40"]), "between its pixels");
    let text = succeed(&["plan", path(&file), "--iterations", "0", "--scale", "4"]);
    assert!(text.contains("level 1/4 of the stored pyramid is not used: it does not cover"), "{text}");
}

#[test]
fn a_region_is_read_from_the_subblocks_of_the_level_that_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pyramid.czi");
    write(&file, 2);
    let flags = ["--scale", "2", "--region", "42,10,20,30", "--channels", "1"];
    let (image, _) = convert(&file, &flags);
    assert_eq!(image.shape, [1, 1, 1, 15, 10]);
    for index in image.indices() {
        assert_eq!(image.at(index), stored(2, 1, index[3] + 5, index[4] + 21), "at {index:?}");
    }
    let text = succeed(&[&["plan", path(&file), "--iterations", "0"], &flags[..]].concat());
    assert!(text.contains("1 requests"), "{text}");
    assert!(text.contains("read from level 1/2 of the stored pyramid"), "{text}");
}

/// Pixels of the only subblock of the stored pyramid.
fn only_level(czi: &Czi, scene: &Scene) -> Vec<u16> {
    let level = Scene { fields: scene.pyramid.clone(), ..scene.clone() };
    let raw = czi.read(&level, &[0]).unwrap();
    match czi.decode(&level.fields[0], &raw[0]).unwrap() {
        Samples::U16(pixels) => pixels,
        Samples::U8(pixels) => pixels.into_iter().map(u16::from).collect(),
        Samples::F32(_) => panic!("integers were stored"),
    }
}

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn stored_levels_of_real_files_come_out_pixel_by_pixel() {
    let folder = real_files();
    for (name, scenes) in [("1_tileregion", 1), ("WellD6-7_S2", 2)] {
        let file = folder.join(name).with_extension("czi");
        let czi = Czi::open(Box::new(FileSource::open(&file).unwrap()), &BTreeMap::new()).unwrap();
        assert_eq!(czi.dataset().scenes.len(), scenes);
        for scene in &czi.dataset().scenes {
            // The mask of 1_tileregion hides the column beside its gap, which ZEN mixed with background.
            let scene_index = scene.index.to_string();
            let flags = ["--scale", "2", "--scene", &scene_index, "--output-type", "u16"];
            let (_, attributes) = convert(&file, &flags);
            let honoured = if name == "1_tileregion" { 1 } else { 2 };
            assert_eq!(attributes["decon-gpu"]["stored_ratio"], json!([honoured]), "{name}");
            let (image, attributes) = convert(&file, &[&flags[..], &["--masks", "ignore"]].concat());
            assert_eq!(attributes["decon-gpu"]["stored_ratio"], json!([2]), "{name}");
            let level = only_level(&czi, scene);
            let gap = |y: u64, x: u64| name == "1_tileregion" && y >= 150 && x < 180;
            let differ = image.indices().zip(&level).filter(|&([_, _, _, y, x], &stored)| {
                image.at([0, 0, 0, y, x]) != if gap(y, x) { 0 } else { stored }
            });
            assert_eq!(differ.count(), 0, "{name} scene {}", scene.index);
            assert_eq!(image.pixels.len(), level.len());
        }
    }
}
