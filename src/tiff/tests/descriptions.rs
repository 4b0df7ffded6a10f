//! What ImageJ's and OME's texts say about pages.

use super::raw::*;
use super::*;
use crate::tiff::header::{Resolution, ResolutionUnit};
use crate::tiff::imagej::ImageJ;

#[test]
fn imagej_hyperstacks_count_channels_then_slices_then_frames() {
    let file = gray16(12, IMAGEJ);
    let stack = TiffStack::open(file.path()).unwrap();
    let dataset = stack.dataset();
    assert_eq!((dataset.slices, dataset.times, dataset.channels.len()), (3, 2, 2));
    assert_eq!((dataset.voxel_um.z, dataset.interval_secs), (Some(0.25), Some(1.5)));
    let planes: Vec<Plane> = dataset.scenes[0].fields.iter().map(|f| f.plane).collect();
    assert_eq!(planes[1], Plane { t: 0, c: 1, z: 0 });
    assert_eq!(planes[2], Plane { t: 0, c: 0, z: 1 });
    assert_eq!(planes[6], Plane { t: 1, c: 0, z: 0 });
    assert_eq!(dataset.notes, Vec::<String>::new());
}

#[test]
fn imagej_counts_that_contradict_the_pages_are_noted() {
    let file = gray16(5, IMAGEJ);
    let stack = TiffStack::open(file.path()).unwrap();
    assert_eq!((stack.dataset().slices, stack.dataset().channels.len()), (5, 1));
    assert!(stack.dataset().notes[0].contains("5 pages"), "{:?}", stack.dataset().notes);
}

#[test]
fn imagej_resolution_is_in_its_unit() {
    let resolution = Resolution { x: Some(0.01), y: Some(0.02), unit: ResolutionUnit::None };
    let imagej = |unit: &str| {
        let text = format!("ImageJ=1.53t\nimages=2\nslices=2\nunit={unit}\nspacing=300.0\n");
        ImageJ::parse(&text).unwrap().describe(2, resolution).voxel_um
    };
    // 0.01 pixels a nanometre: 100 nm.
    let um = imagej("nm");
    for (actual, expected) in [(um.x, 0.1), (um.y, 0.05), (um.z, 0.3)] {
        assert!((actual.unwrap() - expected).abs() < 1e-12, "{um:?}");
    }
    for escaped in ["\\u00B5m", "µm", "um"] {
        assert_eq!(imagej(escaped).x, Some(100.0));
    }
    // A printer's resolution is no pixel size.
    assert_eq!(imagej("inch"), Zyx::default());
    assert_eq!(imagej("pixel"), Zyx::default());
}

#[test]
fn micrometres_beside_a_resolution_in_centimetres_are_counted_in_centimetres() {
    let mut tiff = RawTiff::new();
    let imagej = "ImageJ=1.54f\nimages=1\nunit=um\nspacing=0.5\n";
    let at = tiff.page(0);
    let resolution = [fraction(282, 100_000, 1), fraction(283, 50_000, 1), short(296, &[3])];
    tiff.gray_directory(at, [text(270, imagej)].into_iter().chain(resolution).collect());
    let file = tiff.file();
    let um = TiffStack::open(file.path()).unwrap().dataset().voxel_um;
    assert_eq!(um, Zyx::new(Some(0.5), Some(0.2), Some(0.1)));
}

#[test]
fn ome_xml_gives_sizes_order_channels_and_optics() {
    let file = gray16(6, OME);
    let stack = TiffStack::open(file.path()).unwrap();
    let dataset = stack.dataset();
    assert_eq!((dataset.slices, dataset.times, dataset.channels.len()), (3, 1, 2));
    assert_eq!(dataset.voxel_um, Zyx::new(Some(0.3), Some(0.07), Some(0.065)));
    assert_eq!(dataset.interval_secs, Some(0.25));
    let [dapi, gfp] = &dataset.channels[..] else { panic!("{:?}", dataset.channels) };
    assert_eq!((dapi.name.as_deref(), dapi.color, dapi.bits), (Some("DAPI"), Some([0, 0, 255]), Some(12)));
    assert_eq!((dapi.emission_nm, gfp.emission_nm), (Some(461.0), Some(509.0)));
    assert_eq!(dapi.acquisition_mode.as_deref(), Some("WideField"));
    let optics = &dataset.optics;
    assert_eq!(
        (optics.na, optics.refractive_index, optics.magnification),
        (Some(1.4), Some(1.518), Some(63.0))
    );
    let planes: Vec<Plane> = dataset.scenes[0].fields.iter().map(|f| f.plane).collect();
    assert_eq!(planes[2], Plane { t: 0, c: 0, z: 2 });
    assert_eq!(planes[3], Plane { t: 0, c: 1, z: 0 });
}

#[test]
fn ome_tiff_data_says_which_page_is_which_plane() {
    let mapped = r#"<TiffData IFD="1" FirstC="1" FirstZ="2"><UUID FileName="old.tif">u</UUID></TiffData>"#;
    let file = gray16(2, &OME.replace("<TiffData/>", mapped));
    let stack = TiffStack::open(file.path()).unwrap();
    let fields = &stack.dataset().scenes[0].fields;
    assert_eq!(fields.iter().map(|f| f.plane).collect::<Vec<_>>(), [Plane { t: 0, c: 1, z: 2 }]);
    assert!(stack.dataset().notes[0].contains("5 of 6 planes are missing"));
    assert_eq!(decoded(&stack)[0], Samples::U16(values(1, 1).map(|v| (v * 257) as u16).collect()));

    let elsewhere = mapped.to_owned() + &mapped.replace("old", "other");
    let file = gray16(2, &OME.replace("<TiffData/>", &elsewhere));
    assert!(matches!(failure(file.path()), Error::Unsupported { .. }));
}

#[test]
fn broken_ome_xml_is_refused() {
    for (from, to) in [
        ("SizeC=\"2\"", "SizeC=\"4000000000\""),
        ("SizeZ=\"3\"", "SizeZ=\"0\""),
        ("</Pixels>", ""),
        ("XYZTC", "XYZZZ"),
        ("<TiffData/>", "<TiffData IFD=\"77\"/>"),
    ] {
        let file = gray16(6, &OME.replace(from, to));
        assert!(matches!(failure(file.path()), Error::Format { .. }), "{from} → {to}");
    }
}
