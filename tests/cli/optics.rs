//! What the file says of the microscope, and what a deconvolution makes of it.

use std::path::Path;

use decon_gpu::czi::write::Metadata;
use decon_gpu::pixels::PixelType;

use crate::mosaic::{Piece, five_fields, metadata, write};
use crate::program::run;

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
