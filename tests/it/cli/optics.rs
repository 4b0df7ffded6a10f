//! What the file says of the microscope, and what a deconvolution makes of it.

use std::fs::File;
use std::path::Path;

use decon_gpu::czi::write::Metadata;
use decon_gpu::dataset::Plane;
use decon_gpu::pixels::{PixelType, Samples};
use tiff::encoder::{TiffEncoder, colortype::Gray32Float};

use crate::cli::deconvolution::relative_rms;
use crate::cli::mosaic::{Piece, five_fields, metadata, paint, write};
use crate::cli::output::{assert_same, image, json};
use crate::cli::program::run;

/// `metadata(channels)`, changed.
fn changed(channels: u32, change: impl Fn(&mut Metadata)) -> Metadata {
    let mut metadata = metadata(channels);
    change(&mut metadata);
    metadata
}

fn taken_by(mode: &str) -> Metadata {
    changed(1, |metadata| metadata.channels[0].acquisition_mode = Some(mode.into()))
}

#[test]
fn a_psf_is_computed_for_widefield_alone() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let fields = five_fields(PixelType::Gray16);
    let flags = "--iterations 1 --overwrite";
    for (mode, said) in [
        (
            "LaserScanningConfocalMicroscopy",
            "is confocal, as the file says (LaserScanningConfocalMicroscopy)",
        ),
        ("SpinningDiskConfocal", "spinning-disk"),
        ("AiryScanRawSr", "Airyscan"),
        ("LatticeLightsheet", "light-sheet"),
        ("MultiPhotonMicroscopy", "multiphoton"),
    ] {
        write(&input, &fields, &taken_by(mode));
        for ways_on in [said, "--psf FILE", "--microscope widefield", "--iterations 0", "channel 0 (dye 0)"] {
            run(&input, &output, flags).failed(2, ways_on);
        }
        run(&input, &output, &format!("{flags} --psf objective:20x-0.8-air")).failed(2, said);
        run(&input, &output, &format!("{flags} --microscope widefield")).done();
        run(&input, &output, "--iterations 0 --overwrite").done();
    }
    for mode in ["WideField", "Other"] {
        write(&input, &fields, &taken_by(mode));
        assert!(!run(&input, &output, flags).done().stderr.contains("widefield"));
    }
    write(&input, &fields, &taken_by("SpectralImaging"));
    let ended = run(&input, &output, flags).done();
    assert!(
        ended.stderr.contains("SpectralImaging, which is not known: taken for widefield"),
        "{}",
        ended.stderr
    );
    run(&input, &output, &format!("{flags} --microscope light-sheet"))
        .failed(2, "no model of a PSF for light-sheet");
    run(&input, &output, &format!("{flags} --microscope telescope")).failed(2, "telescope");
}

/// Two planes.
fn stack(path: &Path, metadata: &Metadata) {
    let plane = |z| Piece::new(0, 0, 0, (40, 32), PixelType::Gray16).at(0, 0, z);
    write(path, &[0, 1].map(plane), metadata);
}

#[test]
fn sheared_planes_have_no_computed_psf() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let sheared = |shear: &str| changed(1, |metadata| metadata.optics.z_axis_shear = Some(shear.into()));
    stack(&input, &sheared("Skew60"));
    run(&input, &output, "--iterations 1").failed(2, "ZAxisShear Skew60");
    // Plane by plane the shear does not matter.
    run(&input, &output, "--iterations 1 --dimensions 2").done();
    run(&input, &output, "--iterations 1 --microscope widefield --overwrite").done();
    stack(&input, &sheared("None"));
    run(&input, &output, "--iterations 1 --overwrite").done();
}

#[test]
fn an_emission_that_is_an_excitation_is_said() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let mut fields = five_fields(PixelType::Gray16);
    let mut second = five_fields(PixelType::Gray16);
    second.iter_mut().for_each(|piece| piece.plane.c = 1);
    fields.extend(second);
    let notes = |emission: [f64; 2], excitation: [f64; 2], flags: &str| {
        let metadata = changed(2, |metadata| {
            for (channel, (emission, excitation)) in
                metadata.channels.iter_mut().zip(emission.into_iter().zip(excitation))
            {
                (channel.emission_nm, channel.excitation_nm) = (Some(emission), Some(excitation));
            }
        });
        write(&input, &fields, &metadata);
        run(&input, &output, &format!("--iterations 1 --overwrite {flags}")).done().stderr
    };
    let said = notes([561.2, 642.0], [488.0, 561.0], "");
    assert!(
        said.contains("561.2 nm, is the wavelength of the excitation of channel 1: --emission-nm 0=NM"),
        "{said}"
    );
    let said = notes([488.0, 600.0], [488.0, 561.0], "");
    assert!(said.contains("488 nm, is the wavelength of its own excitation"), "{said}");
    let said = notes([515.521_824_000_000_2, 600.0], [488.0, 561.0], "--na 0=0.9 --na 1.0000000000000002");
    assert!(
        said.contains("channel 0: Born-Wolf PSF: NA 0.9, refractive index 1.333, emission 515.5 nm"),
        "{said}"
    );
    assert!(said.contains("channel 1: Born-Wolf PSF: NA 1, ") && !said.contains("excitation"), "{said}");
    assert!(!notes([488.0, 600.0], [488.0, 561.0], "--emission-nm 0=520").contains("excitation"));
}

/// A camera's offset of 1000, light below and above it.
fn dim_fields() -> Vec<Piece> {
    let mut fields = five_fields(PixelType::Gray16);
    for piece in &mut fields {
        let Samples::U16(values) = &mut piece.samples else { panic!("words were asked for") };
        values.iter_mut().for_each(|value| *value = 990 + *value / 64);
    }
    fields
}

#[test]
fn an_offset_is_subtracted_and_what_falls_below_zero_kept() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let (flat, summary) = (home.path().join("flat.tif"), home.path().join("summary.json"));
    let fields = dim_fields();
    write(&input, &fields, &metadata(1));
    let raw = paint(&fields, Plane::default(), 0);
    let light: Vec<f32> = raw.filled(1000.0).iter().map(|value| value - 1000.0).collect();
    let flags = format!("--iterations 0 --overwrite --offset 1000 --summary {}", summary.display());
    let ended = run(&input, &output, &format!("{flags} --output-type f32")).done();
    assert!(ended.stderr.contains("a camera offset of 1000 counts is subtracted"), "{}", ended.stderr);
    assert_same(image(&output).pixels(), &light, "f32");

    run(&input, &output, &flags).done();
    assert_same(image(&output).pixels(), &light.iter().map(|v| v.max(0.0)).collect::<Vec<_>>(), "u16");
    let below = raw.pixels.iter().flatten().filter(|value| **value < 1000.0).count();
    assert_eq!(json(&summary)["clamped"], serde_json::json!(below));
    let (lost, kept) =
        light.iter().fold((0.0, 0.0), |(lost, kept), &v| (lost + (-v).max(0.0), kept + v.max(0.0)));
    let share = json(&summary)["clamped_light"].as_f64().unwrap();
    assert!((share - f64::from(lost / (lost + kept))).abs() < 1e-3, "{share}");

    // A flat-field divides light, not the offset.

    let pixels: Vec<f32> = (0..60 * 38).map(|i| if i == 700 { 0.5 } else { 1.0 }).collect();
    let mean = pixels.iter().sum::<f32>() / pixels.len() as f32;
    let file = File::create(&flat).unwrap();
    TiffEncoder::new(file).unwrap().write_image::<Gray32Float>(60, 38, &pixels).unwrap();
    let one = [Piece { m: Some(0), ..fields[4].clone() }];
    write(&input, &one, &metadata(1));
    run(&input, &output, &format!("{flags} --output-type f32 --flatfield {}", flat.display())).done();
    let Samples::U16(values) = &one[0].samples else { panic!("words were asked for") };
    for (i, (found, value)) in image(&output).pixels().iter().zip(values).enumerate() {
        let expected = (f32::from(*value) - 1000.0) * mean / pixels[i];
        assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{found} at {i}, not {expected}");
    }
    let both = format!("--iterations 0 --overwrite --offset 5 --darkfield {}", flat.display());
    run(&input, &output, &both).failed(2, "give one of both");
    run(&input, &output, "--iterations 0 --read-noise 2").failed(2, "--offset");
    run(&input, &output, "--iterations 0 --offset 3=2").failed(2, "channel 3 is not there");
    run(&input, &output, "--iterations 0 --offset -2").failed(2, "not a number from 0 on");
}

#[test]
fn tiles_with_an_offset_are_those_of_the_whole() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    write(&input, &dim_fields(), &metadata(1));
    let restored = |flags: &str| {
        let flags = format!("--iterations 10 --output-type f32 --overwrite --psf-size 1,15,15 {flags}");
        let ended = run(&input, &output, &flags).done();
        (image(&output).pixels().to_vec(), ended.stderr)
    };
    let (whole, said) = restored("--offset 950 --read-noise 1.5");
    assert!(said.contains("variance of 1.5 counts of read noise"), "{said}");
    let (tiles, _) = restored("--offset 950 --read-noise 1.5 --tile 32");
    let error = relative_rms(&tiles, &whole);
    assert!(error <= 1e-3, "relative rms {error:e}");
    // As background that light would have shot noise: another result.
    let (as_light, _) = restored("--background 950");
    assert!(relative_rms(&as_light, &whole) > 0.01);
    let (found, said) = restored("--offset auto");
    assert!(said.contains("--offset auto is "), "{said}");
    assert!(relative_rms(&found, &whole) > 0.001);
}

#[test]
fn what_is_restored_from_bytes_is_written_as_words() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    write(&input, &five_fields(PixelType::Gray8), &metadata(1));
    let ended = run(&input, &output, "--iterations 10").done();
    assert!(ended.stderr.contains("written as u16"), "{}", ended.stderr);
    assert_eq!(image(&output).type_name, "u16");
    let words = image(&output).pixels().to_vec();
    run(&input, &output, "--iterations 0 --overwrite").done();
    assert_eq!(image(&output).type_name, "u8");
    for told in ["u8", "same"] {
        let ended = run(&input, &output, &format!("--iterations 10 --overwrite --output-type {told}")).done();
        assert_eq!(image(&output).type_name, "u8");
        let lost: f32 = words.iter().map(|v| (v - 255.0).max(0.0)).sum();
        let share = 100.0 * lost / words.iter().sum::<f32>();
        let said = format!("clamped: {share:.1} % of the light of their tiles (--output-type f32 keeps it)");
        assert!(ended.stderr.contains(&said), "{said} is not in {}", ended.stderr);
    }
}

#[test]
fn saturated_pixels_are_counted_where_they_are_deconvolved() {
    let home = tempfile::tempdir().unwrap();
    let (input, output, summary) =
        (home.path().join("in.czi"), home.path().join("out.zarr"), home.path().join("summary.json"));
    let mut fields = five_fields(PixelType::Gray16);
    for piece in &mut fields {
        let Samples::U16(values) = &mut piece.samples else { panic!("words were asked for") };
        values.iter_mut().for_each(|value| *value = (*value / 64).min(1000));
        values[3..7].fill(u16::MAX);
        values[20..29].fill(4095);
    }
    let counted = |bits: Option<u32>, flags: &str| {
        write(&input, &fields, &changed(1, |metadata| metadata.channels[0].bits = bits));
        let ended =
            run(&input, &output, &format!("{flags} --overwrite --summary {}", summary.display())).done();
        let count = json(&summary)["saturated"].as_u64().unwrap();
        assert_eq!(
            count > 0,
            ended.stderr.contains(&format!("saturated pixels: {count},")),
            "{}",
            ended.stderr
        );
        count
    };
    // Five fields; tiles read some of them again, and count them once.
    assert_eq!(counted(None, "--iterations 1 --tile 16 --memory 300MiB"), 20);
    assert_eq!(counted(Some(12), "--iterations 1"), 45);
    assert_eq!(counted(None, "--iterations 0"), 0);
}
