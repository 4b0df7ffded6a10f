//! Flat-fields and dark-fields: applied before fields are stitched, refused where they do not fit.

use std::path::Path;

use decon_gpu::dataset::Plane;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::tiff::{Planes, read_planes, write_planes};

use crate::cli::mosaic::{Painted, Piece, feather, five_fields, metadata, paint, rounded, write};
use crate::cli::output::{image, json};
use crate::cli::program::{decon_gpu, run, text};

const SIZE: (u32, u32) = (60, 38);

/// `planes` planes of the fields' size, each of another shape.
fn field(planes: usize, value: impl Fn(usize, usize) -> f32) -> Planes {
    let count = (SIZE.0 * SIZE.1) as usize;
    let plane = |plane| (0..count).map(|i| value(plane, i)).collect();
    Planes { width: SIZE.0, height: SIZE.1, planes: (0..planes).map(plane).collect() }
}

fn flat(plane: usize, i: usize) -> f32 {
    0.5 + ((i * 31 + 7 * plane) % 101) as f32 * 0.02
}

fn dark(plane: usize, i: usize) -> f32 {
    3.0 + ((i + plane) % 5) as f32
}

/// The pieces as the definition corrects them; plane `p` of the output is for sample `samples − 1 − p`.
fn corrected(pieces: &[Piece], flats: &Planes, darks: &Planes) -> Vec<Piece> {
    let mean = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let means: Vec<f64> = flats.planes.iter().map(|plane| mean(plane)).collect();
    let correct = |piece: &Piece| {
        let samples = piece.pixel_type.samples() as usize;
        let raw: Vec<f32> = match &piece.samples {
            Samples::U8(values) => values.iter().map(|&v| v.into()).collect(),
            Samples::U16(values) => values.iter().map(|&v| v.into()).collect(),
            Samples::F32(values) => values.clone(),
        };
        let value = |(i, &raw): (usize, &f32)| {
            let (pixel, plane) = (i / samples, samples - 1 - i % samples);
            let (flat, mean) = (&flats.planes[plane % flats.planes.len()], means[plane % means.len()]);
            let dark = darks.planes[plane % darks.planes.len()][pixel];
            ((f64::from(raw) - f64::from(dark)) / f64::from(flat[pixel]) * mean) as f32
        };
        Piece { samples: Samples::F32(raw.iter().enumerate().map(value).collect()), ..piece.clone() }
    };
    pieces.iter().map(correct).collect()
}

fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        // A few roundings of 6e-8 of up to three times 65535.
        assert!((found - expected).abs() < 0.06, "{found}, not {expected}: {what}");
    }
}

#[test]
fn fields_are_corrected_before_they_are_stitched() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let (input, output, flatfield, darkfield) =
        (file("in.czi"), file("out.zarr"), file("flat.tif"), file("dark.tif"));
    for (pixel_type, channels, planes) in
        [(PixelType::Gray16, 1, 1), (PixelType::Bgr24, 3, 3), (PixelType::Bgr48, 3, 1)]
    {
        let pieces = five_fields(pixel_type);
        write(&input, &pieces, &metadata(1));
        let (flats, darks) = (field(planes, flat), field(1, dark));
        write_planes(&flatfield, &flats).unwrap();
        write_planes(&darkfield, &darks).unwrap();
        let pieces = corrected(&pieces, &flats, &darks);
        type Stitcher = fn(&[Piece], Plane, u32) -> Painted;
        for (overlap, scale, stitch) in
            [("paint", 1, paint as Stitcher), ("paint", 4, paint), ("feather", 2, feather)]
        {
            let flags = format!(
                "--iterations 0 --overwrite --fill 0 --output-type f32 --overlap {overlap} --scale {scale} \
                 --tile 16 --flatfield {} --darkfield 0={}",
                text(&flatfield),
                text(&darkfield)
            );
            let ended = run(&input, &output, &flags).done();
            assert!(ended.stderr.contains("the flat-field multiplies by 0.6"), "{}", ended.stderr);
            let found = image(&output);
            for channel in 0..channels {
                let expected = stitch(&pieces, Plane::default(), (channels - 1 - channel) as u32);
                let expected = expected.averaged(scale).filled(0.0);
                assert_near(found.plane(0, channel, 0), &expected, &format!("{pixel_type:?} {flags}"));
            }
        }
    }
}

#[test]
fn integers_are_rounded_once_and_what_does_not_fit_is_counted() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let (input, output, darkfield, summary) =
        (file("in.czi"), file("out.zarr"), file("dark.tif"), file("summary.json"));
    let pieces = five_fields(PixelType::Gray8);
    write(&input, &pieces, &metadata(1));
    // Halves, and dark counts above some of the light.
    let darks = field(1, |_, i| (i % 40) as f32 + 0.5);
    write_planes(&darkfield, &darks).unwrap();
    let flags =
        format!("--iterations 0 --fill 0 --darkfield {} --summary {}", text(&darkfield), text(&summary));
    run(&input, &output, &flags).done();
    let painted = paint(&corrected(&pieces, &field(1, |_, _| 1.0), &darks), Plane::default(), 0);
    let values: Vec<f32> = painted.pixels.iter().copied().flatten().collect();
    let (_, outside) = rounded(&values, 255.0);
    assert!(outside > 0, "some are below zero");
    assert_eq!(json(&summary)["clamped"], serde_json::json!(outside));
    let (expected, _) = rounded(&painted.filled(0.0), 255.0);
    assert_eq!(image(&output).plane(0, 0, 0), expected);
}

/// Seven by six fields of a grainy slide under light that falls to the right.
fn uneven_fields() -> Vec<Piece> {
    let piece = |m: u32| {
        let (left, top) = (i64::from(m % 7) * 50, i64::from(m / 7) * 30);
        let piece = Piece::new(m, left, top, SIZE, PixelType::Gray16);
        let value = |i: i64| {
            let (x, y) = (i % 60, i / 60);
            let (across, down) = (left + x, top + y);
            let slide =
                1000.0 + ((31 * across * across + 57 * down * down + 13 * across * down) % 601) as f32;
            (slide * (1.2 - 0.4 * x as f32 / 59.0)).round() as u16
        };
        Piece { samples: Samples::U16((0..60 * 38).map(value).collect()), ..piece }
    };
    (0..42).map(piece).collect()
}

#[test]
fn an_estimate_is_shown_measured_and_read_back() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let (input, output, flatfield, picture) =
        (file("in.czi"), file("out.zarr"), file("flat.tif"), file("picture.png"));
    let other = Piece::new(0, 0, 0, SIZE, PixelType::Gray16).at(0, 1, 0);
    let pieces: Vec<_> = uneven_fields().into_iter().chain([other]).collect();
    write(&input, &pieces, &metadata(2));
    let arguments = ["flatfield", text(&input), "--output", text(&flatfield), "--channels", "0"];
    let ended = decon_gpu(&[&arguments[..], &["--picture", text(&picture)]].concat()).done();
    assert!(ended.stdout.contains("channel 0: estimated from 42 of 42 fields"), "{}", ended.stdout);

    let found = read_planes(&flatfield).unwrap();
    assert_eq!((found.width, found.height, found.planes.len()), (60, 38, 2));
    assert!(found.planes[1].iter().all(|&value| value == 1.0), "nobody asked for channel 1");
    for (i, value) in found.planes[0].iter().enumerate() {
        let light = 1.2 - 0.4 * (i % 60) as f32 / 59.0;
        // The grains of 42 fields do not quite average out.
        assert!((value / light - 1.0).abs() < 0.02, "{value}, not {light}, at {i}");
    }

    // The seams that it reports are those that a run is without.
    let numbers: Vec<f64> = ended
        .stdout
        .lines()
        .find(|line| line.contains("neighbours differ"))
        .unwrap()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [without, with, overlaps] = numbers[..] else { panic!("three numbers in {}", ended.stdout) };
    assert!(without > 10.0 * with && overlaps == 71.0, "{numbers:?}");
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    let flags = format!("--iterations 0 --channels 0 --output-type f32 --flatfield {}", text(&flatfield));
    run(&input, &output, &flags).done();
    let nothing = field(1, |_, _| 0.0);
    let expected = paint(&corrected(&pieces[..42], &found, &nothing), Plane::default(), 0);
    assert_near(image(&output).plane(0, 0, 0), &expected.filled(0.0), "what was estimated is applied");
}

#[test]
fn a_flat_field_that_does_not_fit_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let (input, output, flatfield) = (file("in.czi"), file("out.zarr"), file("flat.tif"));
    let pieces = [0, 1].map(|c| Piece::new(0, 0, 0, SIZE, PixelType::Gray16).at(0, c, 0));
    write(&input, &pieces, &metadata(2));
    let refused = |planes: &Planes, flag: &str, what: &str| {
        write_planes(&flatfield, planes).unwrap();
        let flags = format!("--iterations 0 --overwrite {flag}{}", text(&flatfield));
        run(&input, &output, &flags).failed(2, what);
    };
    let small =
        Planes { width: 30, height: 38, planes: vec![(0..30 * 38).map(|i| 1.0 + i as f32).collect()] };
    refused(&small, "--flatfield ", "30 × 38 pixels; subblock t=0 c=0 z=0 m=0 has 60 × 38");
    refused(&small, "--darkfield 1=", "30 × 38 pixels");
    refused(&field(3, flat), "--flatfield ", "3 planes; 1 is needed, or 2");
    refused(&field(1, flat), "--flatfield 2=", "channel 2 is not there");
    let at_65 = |value: f32| field(1, move |_, i| if i == 65 { value } else { 1.0 });
    refused(&at_65(0.0), "--flatfield ", "the value 0 at x 5, y 1 (1 such)");
    refused(&at_65(f32::NAN), "--flatfield ", "the value NaN at x 5, y 1");
    refused(&at_65(f32::INFINITY), "--darkfield ", "the value inf at x 5, y 1");
    let missing =
        format!("--iterations 0 --flatfield {}", text(Path::new("not there.tif")).replace(' ', "_"));
    run(&input, &output, &missing).failed(1, "not_there.tif");
    // A flat-field that changes nothing needs no size, and other channels stay as they are.
    write_planes(&flatfield, &field(2, |plane, i| if plane == 0 { 1.0 } else { flat(1, i) })).unwrap();
    run(&input, &output, &format!("--iterations 0 --overwrite --flatfield {}", text(&flatfield))).done();
    let found = image(&output);
    assert_eq!(found.plane(0, 0, 0), paint(&pieces, Plane::default(), 0).filled(0.0));
    assert_ne!(found.plane(0, 1, 0), paint(&pieces, Plane { c: 1, ..Plane::default() }, 0).filled(0.0));
}
