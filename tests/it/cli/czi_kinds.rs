//! CZI files that are not simply mosaics of fields: scanned lines, planes stored at a reduced size, subblocks that nobody reads,
//! brightfield beside fluorescence, merged images.

use std::fs;
use std::path::Path;

use decon_gpu::czi::write::{CziWriter, NewSubblock};
use decon_gpu::dataset::Plane;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::space::Rect;

use crate::cli::bytes::{COMPRESSION, PIXEL_TYPE, entry, put, segments, size_of};
use crate::cli::mosaic::{Piece, feather, metadata, paint, write};
use crate::cli::output::{assert_same, files, image};
use crate::cli::program::{decon_gpu, run, text};

/// X, Y, C, Z, T.
const DIMENSIONS: usize = 5;
const T: usize = 4;

/// One subblock for each of `parts`, which holds so many lines, one after the other in time.
fn write_lines(path: &Path, width: u32, parts: &[u32]) -> Vec<u16> {
    let all: Vec<u16> = (0..parts.iter().sum::<u32>() * width).map(|i| (i % 60_013) as u16).collect();
    let mut writer = CziWriter::create(path).unwrap();
    let (mut t, mut rest) = (0, &all[..]);
    for &count in parts {
        let (lines, others) = rest.split_at((count * width) as usize);
        let plane = Plane { t, ..Plane::default() };
        let subblock = NewSubblock::new(plane, Rect::new(0, 0, width, 1), PixelType::Gray16);
        let bytes: Vec<u8> = lines.iter().flat_map(|value| value.to_le_bytes()).collect();
        writer.add_encoded(&subblock, &bytes).unwrap();
        (t, rest) = (t + count, others);
    }
    writer.finish(&metadata(1)).unwrap();
    let mut file = fs::read(path).unwrap();
    for (i, &count) in parts.iter().enumerate() {
        let at = entry(&file, i, DIMENSIONS) + size_of(T);
        put(&mut file, at, &count.to_le_bytes());
    }
    fs::write(path, file).unwrap();
    all
}

#[test]
fn scanned_lines_are_as_many_times_as_the_subblocks_hold() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let lines = write_lines(&input, 64, &[4, 1, 7]);
    let ended = run(&input, &output, "--iterations 0").done();
    assert!(ended.stderr.contains("11 scanned lines, each a plane of one row"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("missing"), "{}", ended.stderr);
    assert_eq!(image(&output).shape, [12, 1, 1, 1, 64]);
    let expected: Vec<f32> = lines.iter().map(|&value| value.into()).collect();
    assert_same(image(&output).pixels(), &expected, "all lines");
    run(&input, &output, "--iterations 0 --times 3-5 --overwrite").done();
    assert_same(image(&output).pixels(), &expected[3 * 64..6 * 64], "times 3 to 5");

    let mut file = fs::read(&input).unwrap();
    let at = entry(&file, 2, DIMENSIONS) + size_of(T);
    put(&mut file, at, &9_u32.to_le_bytes());
    fs::write(&input, file).unwrap();
    let run = |flags: &str| run(&input, &output, &format!("--iterations 0 --overwrite {flags}"));
    run("").failed(1, "should hold 9 planes of 128 bytes (9 in T), but has 896 bytes");
    run("--times 0-4").done();
    assert_same(image(&output).pixels(), &expected[..5 * 64], "what is whole");
}

#[test]
fn many_lines_share_files() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let lines = write_lines(&input, 300, &[500, 500]);
    let expected: Vec<f32> = lines.iter().map(|&value| value.into()).collect();
    run(&input, &output, "--iterations 0").done();
    // 600 bytes a line: all in one shard of each of two levels.
    let chunks = files(&output).into_keys().filter(|path| path.to_str().unwrap().contains("/c/"));
    assert_eq!(chunks.count(), 2);
    assert_eq!(image(&output).shape, [1000, 1, 1, 1, 300]);
    assert_same(image(&output).pixels(), &expected, "all lines");
}

/// As Fast Airyscan stores its raw channel: a quarter of the rows, and nothing else of that channel.
#[test]
fn a_channel_stored_at_a_reduced_size_keeps_its_number_and_its_place() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let value = |c: u32, x: u32, y: u32| (c * 20_000 + y * 100 + x) as u16;
    let rect = Rect::new(0, 0, 40, 32);
    let mut writer = CziWriter::create(&input).unwrap();
    for (c, rows) in [(0, 8), (1, 32)] {
        let plane = Plane { c, ..Plane::default() };
        let subblock =
            NewSubblock { stored_height: rows, ..NewSubblock::new(plane, rect, PixelType::Gray16) };
        let pixels = (0..rows).flat_map(|y| (0..40).map(move |x| value(c, x, y))).collect();
        writer.add(&subblock, &Samples::U16(pixels)).unwrap();
    }
    writer.finish(&metadata(2)).unwrap();
    let expected = |c: u32, step: u32| -> Vec<f32> {
        (0..32).flat_map(|y| (0..40).map(move |x| value(c, x, y / step).into())).collect()
    };
    let ended = run(&input, &output, "--iterations 0").done();
    assert!(ended.stderr.contains("channel 0: 1 subblocks are stored at 1/4 in y"), "{}", ended.stderr);
    assert_same(image(&output).plane(0, 0, 0), &expected(0, 4), "channel 0");
    assert_same(image(&output).plane(0, 1, 0), &expected(1, 1), "channel 1");
    run(&input, &output, "--iterations 0 --channels 1 --overwrite").done();
    assert_same(image(&output).pixels(), &expected(1, 1), "channel 1 alone");
}

#[test]
fn a_subblock_that_cannot_be_read_stops_only_who_needs_it() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let piece = |c: u32| Piece::new(c, 0, 0, (40, 30), PixelType::Gray16).at(0, c, 0);
    write(&input, &[piece(0), piece(1)], &metadata(2));
    let whole = fs::read(&input).unwrap();
    // With M.
    let second = entry(&whole, 1, 6);
    for (at, value, why) in
        [(PIXEL_TYPE, 12, "pixel type 12 (Gray32)"), (COMPRESSION, 1, "compression 1 (JPEG)")]
    {
        let mut file = whole.clone();
        put(&mut file, second + at, &i32::to_le_bytes(value));
        fs::write(&input, &file).unwrap();
        run(&input, &output, "--iterations 0 --overwrite").failed(1, why).failed(1, "--channels");
        run(&input, &output, "--iterations 0 --overwrite --channels 0").done();
        assert_same(image(&output).pixels(), &paint(&[piece(0)], Plane::default(), 0).filled(0.0), why);
        let info = decon_gpu(&["info", text(&input)]).done();
        assert!(
            info.stdout.contains("1 subblocks cannot be read") && info.stdout.contains(why),
            "{}",
            info.stdout
        );
    }
    assert_eq!(segments(&whole, "ZISRAWSUBBLOCK").len(), 2);
}

#[test]
fn gaps_of_brightfield_are_white_beside_fluorescence_whose_gaps_are_black() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    for gray in [PixelType::Gray8, PixelType::Gray16] {
        let fields = |c: u32, pixel_type| {
            [0, 1].map(|m| Piece::new(m, 80 * i64::from(m), 0, (30, 20), pixel_type).at(0, c, 0))
        };
        let all = [fields(0, PixelType::Bgr24), fields(1, gray)].concat();
        write(&input, &all, &metadata(2));
        let expected = |c: u32, sample: u32, fill: f32| {
            paint(&all, Plane { c, ..Plane::default() }, sample).filled(fill)
        };
        for backend in ["", "--tile 64"] {
            run(&input, &output, &format!("--iterations 0 --overwrite {backend}")).done();
            let found = image(&output);
            for (channel, sample) in [(0, 2), (1, 1), (2, 0)] {
                assert_same(found.plane(0, channel, 0), &expected(0, sample, 255.0), "brightfield");
            }
            assert_same(found.plane(0, 3, 0), &expected(1, 0, 0.0), "fluorescence");
        }
        run(&input, &output, "--iterations 0 --overwrite --fill 7").done();
        assert_same(image(&output).plane(0, 0, 0), &expected(0, 2, 7.0), "--fill");
        assert_same(image(&output).plane(0, 3, 0), &expected(1, 0, 7.0), "--fill");
    }
}

#[test]
fn a_merged_image_without_a_number_is_not_blended_into_its_fields() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let field = |m: u32| Piece::new(m, 15 * i64::from(m), 0, (30, 20), PixelType::Gray16);
    let fields = [field(0), field(1)];
    let merged = Piece { m: None, ..Piece::new(9, 0, 0, (45, 20), PixelType::Gray16) };
    write(&input, &[fields.to_vec(), vec![merged]].concat(), &metadata(1));
    run(&input, &output, "--iterations 0 --overlap feather --output-type f32").done();
    let expected = feather(&fields, Plane::default(), 0).filled(0.0);
    for (found, expected) in image(&output).pixels().iter().zip(&expected) {
        // Ten roundings of 6e-8 of up to 65535.
        assert!((found - expected).abs() < 0.05, "{found}, not {expected}");
    }
    run(&input, &output, "--iterations 0 --overwrite").done();
    assert_same(image(&output).pixels(), &paint(&fields, Plane::default(), 0).filled(0.0), "paint");
}
