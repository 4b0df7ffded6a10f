//! Real files against what ZEISS's own reader says of them and against another reader's pixels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use czi_rs::CziFile;

use super::bytes::Memory;
use super::decode_all;
use crate::czi::Czi;
use crate::dataset::{Input, Scene};
use crate::pixels::{PixelType, Samples};
use crate::source::FileSource;
use crate::space::Rect;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/czi")
}

fn open(path: &Path, select: &BTreeMap<char, i32>) -> Czi {
    Czi::open(Box::new(FileSource::open(path).unwrap()), select).unwrap()
}

/// Name; (t, c, z); for each scene x, y, width, height, fields, pyramid subblocks. From pylibCZIrw 6.1
/// (`total_bounding_box_no_pyramid`, `scenes_bounding_rectangle_no_pyramid`) and aicspylibczi 4.0 (mosaic tiles).
type Expected = (&'static str, (u32, usize, u32), &'static [(i64, i64, u32, u32, usize, usize)]);
const EXPECTED: &[Expected] = &[
    ("1_tileregion", (1, 1, 1), &[(118_583, 88_865, 1480, 570, 7, 1)]),
    ("488_PSF", (1, 1, 40), &[(0, 0, 14, 12, 40, 0)]),
    ("CellDivision_T3_Z5_CH2_X240_Y170_comp1", (3, 2, 5), &[(0, 0, 240, 170, 30, 0)]),
    ("CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD", (3, 1, 6), &[(0, 0, 300, 200, 18, 0)]),
    ("Fluorescence_RGB", (1, 1, 1), &[(0, 0, 275, 272, 1, 0)]),
    ("LLS7_small", (2, 2, 3), &[(0, 0, 64, 64, 12, 0)]),
    ("LSM880_AiryScan", (1, 8, 1), &[(0, 0, 38, 36, 8, 0)]),
    ("RGB-multichannel", (1, 7, 1), &[(0, 0, 147, 81, 7, 0)]),
    (
        "S3_1Pos_2Mosaic_T1_Z1_CH1",
        (1, 1, 1),
        &[(145, 0, 295, 122, 10, 0), (0, 213, 64, 64, 1, 0), (293, 277, 352, 237, 17, 0)],
    ),
    ("WellD6-7_S2", (1, 1, 1), &[(0, 0, 544, 440, 1, 1), (90_000, 0, 544, 440, 1, 1)]),
    ("mandelbrot", (1, 1, 1), &[(0, 0, 200, 200, 4, 0)]),
    ("mosaic_test", (1, 1, 1), &[(0, 0, 1756, 624, 2, 0)]),
    ("testwell96_A9_1024x1024_Nuc", (1, 1, 1), &[(0, 0, 1024, 1024, 1, 0)]),
    ("tiles_z", (1, 2, 2), &[(-127, -128, 510, 512, 16, 0)]),
    ("xyz__multiple_images", (1, 1, 2), &[(0, 0, 251, 251, 2, 0), (0, 0, 251, 251, 2, 0)]),
];

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn geometry_is_that_of_the_other_readers() {
    let folder = folder();
    for &(name, dimensions, scenes) in EXPECTED {
        let path = folder.join(name).with_extension("czi");
        let czi = open(&path, &BTreeMap::new());
        let found = czi.dataset();
        assert_eq!(
            (found.scenes[0].times, found.channels.len(), found.scenes[0].slices),
            dimensions,
            "{name}"
        );
        assert_eq!(found.scenes.len(), scenes.len(), "{name}");
        for (scene, &(x, y, width, height, fields, pyramid)) in found.scenes.iter().zip(scenes) {
            assert_eq!(scene.rect, Rect::new(x, y, width, height), "{name}");
            assert_eq!((scene.fields.len(), scene.pyramid.len()), (fields, pyramid), "{name}");
            assert!(scene.fields.is_sorted_by_key(|field| field.offset), "{name}");
        }

        let mut other = CziFile::open(&path).unwrap();
        let summary = other.summary().unwrap();
        let size = |letter: &str| summary.sizes[letter];
        assert_eq!(size("S"), scenes.len(), "{name}");
        assert_eq!((size("T") as u32, size("C"), size("Z") as u32), dimensions, "{name}");
        let types = |channel: &Option<String>| channel.clone().map(|name| name.to_lowercase());
        for (ours, theirs) in found.channels.iter().zip(&summary.channels) {
            let ours = ours.pixel_type.map(|known| format!("{known:?}"));
            // What this one reader takes from the metadata is wrong there: 8 bits for what are 16.
            let metadata_is_wrong = ["LSM880_AiryScan", "mandelbrot"].contains(&name);
            assert!(metadata_is_wrong || types(&ours) == types(&theirs.pixel_type), "{name}");
        }
    }
}

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn metadata_is_found() {
    let folder = folder();
    let dataset =
        |name: &str| open(&folder.join(name).with_extension("czi"), &BTreeMap::new()).dataset().clone();
    let lls = dataset("LLS7_small");
    assert_eq!(lls.optics.objective.as_deref(), Some("Objective Observation"));
    assert_eq!((lls.optics.na, lls.optics.refractive_index), (Some(1.0), Some(1.33)));
    assert_eq!(lls.interval_secs, Some(90.038));
    assert_eq!(lls.voxel_um.z, Some(0.144_992));
    let airy = dataset("LSM880_AiryScan");
    let note = "dimension H has 32 values: taking H=0; --select H=1 takes another";
    assert_eq!(airy.notes, [note]);
    let names: Vec<_> = airy.channels.iter().map(|channel| channel.name.clone().unwrap()).collect();
    assert_eq!(names, ["ChA-T1", "ChA-T2", "ChA-T3", "ChA-T4", "ChA-T1#", "ChA-T2#", "ChA-T3#", "ChA-T4#"]);
    let wells = dataset("WellD6-7_S2");
    let names: Vec<_> = wells.scenes.iter().map(|scene| scene.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["D6", "D7"]);
    let mandelbrot = dataset("mandelbrot");
    assert_eq!(mandelbrot.voxel_um.map(|um| um == Some(1.0)), crate::space::Zyx::new(true, true, true));
    assert_eq!(mandelbrot.channels[0].name.as_deref(), Some("C1"));
    assert!(dataset("Fluorescence_RGB").voxel_um.x.is_none());
}

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn a_phase_without_half_of_its_channels_has_the_others() {
    let folder = folder();
    let czi = open(&folder.join("LSM880_AiryScan.czi"), &BTreeMap::from([('H', 31)]));
    assert_eq!((czi.dataset().channels.len(), czi.dataset().scenes[0].fields.len()), (4, 4));
    let czi = open(&folder.join("LSM880_AiryScan.czi"), &BTreeMap::from([('C', 6)]));
    assert_eq!(czi.dataset().channels[0].name.as_deref(), Some("ChA-T3#"));
}

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn mosaics_are_those_of_another_reader() {
    let folder = folder();
    let mut compared = 0;
    for &(name, ..) in EXPECTED {
        let path = folder.join(name).with_extension("czi");
        let czi = open(&path, &BTreeMap::new());
        let mut other = CziFile::open(&path).unwrap();
        let dataset = czi.dataset();
        // The other reader makes gray of colours, rounds floats, and has no way to choose a phase.
        let gray =
            [Some(PixelType::Gray8), Some(PixelType::Gray16)].contains(&dataset.channels[0].pixel_type);
        if !gray || !dataset.notes.iter().all(|note| !note.contains("--select")) {
            continue;
        }
        for (s, scene) in dataset.scenes.iter().enumerate() {
            for ((t, c, z), ours) in mosaics(&czi, scene) {
                let theirs = other.read_frame_2d(s, t as usize, c as usize, z as usize).unwrap();
                let wrong = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
                assert_eq!((ours.len(), wrong), (theirs.len(), None), "{name} s={s} t={t} c={c} z={z}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 1 + 30 + 18 + 12 + 3 + 2 + 1 + 1 + 1 + 4 + 4);
}

/// All planes of a scene, its fields painted by rising m.
fn mosaics(czi: &Czi, scene: &Scene) -> BTreeMap<(u32, u32, u32), Vec<u16>> {
    let mut fields: Vec<usize> = (0..scene.fields.len()).collect();
    let raw = czi.read(scene, &fields).unwrap();
    fields.sort_by_key(|&field| scene.fields[field].m);
    let mut planes = BTreeMap::new();
    for field in fields {
        let subblock = &scene.fields[field];
        let raw = raw.iter().find(|raw| raw.field == field).unwrap();
        let pixels: Vec<u16> = match czi.decode(subblock, raw).unwrap() {
            Samples::U8(values) => values.into_iter().map(u16::from).collect(),
            Samples::U16(values) => values,
            Samples::F32(_) => unreachable!("only gray files are compared"),
        };
        let plane = subblock.plane;
        assert!(plane.t < scene.times && plane.z < scene.slices);
        let width = scene.rect.width as usize;
        let canvas = planes
            .entry((plane.t, plane.c, plane.z))
            .or_insert_with(|| vec![0; width * scene.rect.height as usize]);
        let (x, y) = (subblock.rect.x - scene.rect.x, subblock.rect.y - scene.rect.y);
        for (row, line) in pixels.chunks_exact(subblock.rect.width as usize).enumerate() {
            let start = (y as usize + row) * width + x as usize;
            canvas[start..start + line.len()].copy_from_slice(line);
        }
    }
    planes
}

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn a_real_file_that_ends_anywhere_is_read_or_refused() {
    let folder = folder();
    let whole = std::fs::read(folder.join("mandelbrot.czi")).unwrap();
    let fields = decode_all(Memory::new(whole.clone())).unwrap();
    // Every byte of header, directory and metadata; beyond, steps that meet every part of a subblock.
    for end in (0..4600).chain((4600..whole.len()).step_by(83)) {
        match decode_all(Memory::new(whole[..end].to_vec())) {
            Ok(samples) => assert_eq!(samples, fields, "cut at byte {end}"),
            Err(error) => assert!(error.to_string().contains("memory.czi: broken file"), "{end}: {error}"),
        }
    }
}
