//! `run --iterations 0` against naive painting: order, gaps, colours, means, types.

use decon_gpu::dataset::Plane;
use decon_gpu::pixels::PixelType;
use serde_json::json;

use crate::cli::mosaic::{Painted, Piece, feather, five_fields, metadata, paint, rounded, write};
use crate::cli::output::{assert_same, attributes, image, json};
use crate::cli::program::run;

fn painted(pieces: &[Piece]) -> Painted {
    paint(pieces, Plane::default(), 0)
}

#[test]
fn the_highest_m_is_on_top_and_gaps_are_filled() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    for pixel_type in [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float] {
        let pieces = five_fields(pixel_type);
        write(&input, &pieces, &metadata(1));
        let expected = painted(&pieces);
        assert!(expected.pixels.contains(&None), "the mosaic has a gap");
        for (flags, fill) in [("", 0.0), ("--fill 77", 77.0)] {
            run(&input, &output, &format!("--iterations 0 --overwrite --quiet {flags}")).done();
            let found = image(&output);
            assert_eq!(found.shape, [1, 1, 1, 93, 131]);
            assert_same(found.plane(0, 0, 0), &expected.filled(fill), &format!("{pixel_type:?} {flags}"));
        }
    }
    run(&input, &output, "--iterations 0 --overwrite --fill -3.5").done();
    assert_same(
        image(&output).pixels(),
        &painted(&five_fields(PixelType::Gray32Float)).filled(-3.5),
        "--fill -3.5",
    );
}

#[test]
fn planes_go_where_their_indices_say() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let planes = [(0, 0, 0), (0, 1, 2), (1, 0, 1), (1, 1, 0)];
    let piece =
        |(i, &(t, c, z))| Piece::new(i, 40 * i64::from(i), 0, (50, 30), PixelType::Gray16).at(t, c, z);
    let pieces: Vec<_> = (0..).zip(&planes).map(piece).collect();
    write(&input, &pieces, &metadata(2));
    let ended = run(&input, &output, "--iterations 0").done();
    assert!(ended.stderr.contains("8 of 12 planes are missing"), "{}", ended.stderr);
    let found = image(&output);
    assert_eq!(found.shape, [2, 2, 3, 30, 170]);
    for (t, c, z) in (0..12).map(|i| (i / 6, i / 3 % 2, i % 3)) {
        let expected = paint(&pieces, Plane { t, c, z }, 0).filled(0.0);
        assert_same(
            found.plane(t as usize, c as usize, z as usize),
            &expected,
            &format!("t {t}, c {c}, z {z}"),
        );
    }
}

#[test]
fn bgr_becomes_red_green_blue_on_white() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    for (pixel_type, white) in [(PixelType::Bgr24, 255.0), (PixelType::Bgr48, 65535.0)] {
        let mut pieces = five_fields(pixel_type);
        for piece in &mut pieces {
            piece.compression = decon_gpu::dataset::Compression::Zstd0;
        }
        write(&input, &pieces, &metadata(1));
        for (flags, fill) in [("", white), ("--fill 9", 9.0)] {
            run(&input, &output, &format!("--iterations 0 --overwrite {flags}")).done();
            let found = image(&output);
            assert_eq!(found.shape, [1, 3, 1, 93, 131]);
            // Stored as blue, green, red.
            for (channel, sample) in [2, 1, 0].into_iter().enumerate() {
                let expected = paint(&pieces, Plane::default(), sample).filled(fill);
                assert_same(
                    found.plane(0, channel, 0),
                    &expected,
                    &format!("{pixel_type:?} channel {channel} {flags}"),
                );
            }
        }
        let attributes = attributes(&output);
        assert_eq!(
            attributes["omero"], attributes["ome"]["omero"],
            "for programs that look where 0.4 has it"
        );
        let shown = &attributes["ome"]["omero"]["channels"];
        for (i, (label, color)) in
            [("Red", "FF0000"), ("Green", "00FF00"), ("Blue", "0000FF")].into_iter().enumerate()
        {
            assert_eq!((&shown[i]["label"], &shown[i]["color"]), (&label.into(), &color.into()));
        }
    }
}

#[test]
fn downsampling_is_the_mean_of_what_is_there() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    // 131 × 93 pixels are a multiple of no scale; their gap has an odd edge.
    let pieces = five_fields(PixelType::Gray16);
    write(&input, &pieces, &metadata(1));
    for scale in [2, 4, 8] {
        let expected = painted(&pieces).averaged(scale);
        for tile in ["", "--tile 7"] {
            let flags = format!("--iterations 0 --overwrite --scale {scale} {tile}");
            run(&input, &output, &format!("{flags} --output-type f32")).done();
            let found = image(&output);
            assert_eq!(found.shape[3..], [expected.height as u64, expected.width as u64]);
            assert_same(found.pixels(), &expected.filled(0.0), &flags);
        }
        run(&input, &output, &format!("--iterations 0 --overwrite --scale {scale}")).done();
        let (whole, _) = rounded(&expected.filled(0.0), 65535.0);
        assert_same(image(&output).pixels(), &whole, &format!("u16, scale {scale}"));
    }
}

#[test]
fn feathered_overlaps_are_the_weighted_mean_however_tiles_lie() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    for (pixel_type, channels) in [(PixelType::Gray16, 1), (PixelType::Bgr24, 3)] {
        let pieces = five_fields(pixel_type);
        write(&input, &pieces, &metadata(1));
        for (scale, flags) in [(1, ""), (1, "--tile 7"), (4, "--tile 5")] {
            let flags = format!(
                "--iterations 0 --overwrite --overlap feather --output-type f32 --scale {scale} --fill 0 {flags}"
            );
            run(&input, &output, &flags).done();
            let found = image(&output);
            for channel in 0..channels {
                let expected = feather(&pieces, Plane::default(), (channels - 1 - channel) as u32);
                let expected = expected.averaged(scale).filled(0.0);
                for (found, expected) in found.plane(0, channel, 0).iter().zip(&expected) {
                    // Ten roundings of 6e-8 of up to 65535.
                    assert!(
                        (found - expected).abs() < 0.05,
                        "{found}, not {expected}: {pixel_type:?} {flags}"
                    );
                }
            }
        }
    }
}

#[test]
fn output_types_round_clamp_and_count() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let summary = home.path().join("summary.json");
    let mut float = five_fields(PixelType::Gray32Float);
    if let decon_gpu::pixels::Samples::F32(values) = &mut float[0].samples {
        // Ties, both edges of both types, and far outside.
        let edges = [0.5, 1.5, 2.5, -0.5, -0.51, 255.49, 255.5, 256.0, 65535.49, 65535.5, -1e30, 1e30];
        values[..edges.len()].copy_from_slice(&edges);
    }
    for pieces in [float, five_fields(PixelType::Gray16), five_fields(PixelType::Gray8)] {
        write(&input, &pieces, &metadata(1));
        let values = painted(&pieces);
        for (name, most) in [("u8", 255.0), ("u16", 65535.0), ("f32", f32::INFINITY)] {
            let what = format!("{:?} as {name}", pieces[0].pixel_type);
            let flags = format!(
                "--iterations 0 --overwrite --fill 4 --output-type {name} --summary {}",
                summary.display()
            );
            run(&input, &output, &flags).done();
            let found = image(&output);
            assert_eq!(found.type_name, name);
            let data: Vec<f32> = values.pixels.iter().copied().flatten().collect();
            let (expected, clamped) = match name {
                "f32" => (values.filled(4.0), 0),
                _ => (rounded(&values.filled(4.0), most).0, rounded(&data, most).1),
            };
            assert_same(found.pixels(), &expected, &what);
            assert_eq!(json(&summary)["clamped"], json!(clamped), "{what}");
        }
    }
}

#[test]
fn voxels_and_names_are_written() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let pieces = [0, 1].map(|c| Piece::new(0, 0, 0, (40, 30), PixelType::Gray16).at(0, c, 0));
    write(&input, &pieces, &metadata(2));
    let scale_of = |flags: &str| {
        run(&input, &output, &format!("--iterations 0 --overwrite {flags}")).done();
        let image = attributes(&output)["ome"]["multiscales"][0].clone();
        assert_eq!(image["axes"][4], json!({ "name": "x", "type": "space", "unit": "micrometer" }));
        image["datasets"][0]["coordinateTransformations"][0]["scale"].clone()
    };
    assert_eq!(scale_of(""), json!([1.0, 1.0, 0.4, 0.1, 0.1]));
    assert_eq!(scale_of("--voxel-um 2,0.25,0.5 --scale 4"), json!([1.0, 1.0, 2.0, 1.0, 2.0]));

    let shown = &attributes(&output)["ome"]["omero"]["channels"];
    assert_eq!((&shown[0]["label"], &shown[0]["color"]), (&json!("dye 0"), &json!("0A141E")));
    assert_eq!((&shown[1]["label"], &shown[1]["color"]), (&json!("dye 1"), &json!("0A151E")));
    let made_by = &attributes(&output)["decon-gpu"];
    assert_eq!(made_by["options"]["scale"], json!(4), "{made_by}");
}
