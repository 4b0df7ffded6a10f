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
    assert_eq!((dataset.scenes[0].slices, dataset.scenes[0].times, dataset.channels.len()), (3, 2, 2));
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
    assert_eq!((stack.dataset().scenes[0].slices, stack.dataset().channels.len()), (5, 1));
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
    for (unit, is_noted) in [("inch", true), ("furlong", true), ("pixel", false), ("", false), ("um", false)]
    {
        let text = format!("ImageJ=1.53t\nimages=2\nslices=2\nunit={unit}\n");
        let notes = ImageJ::parse(&text).unwrap().describe(2, resolution).notes;
        assert_eq!(!notes.is_empty(), is_noted, "{unit} {notes:?}");
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
fn imagej_stacks_have_the_order_that_they_say() {
    let zct = IMAGEJ.replace("hyperstack=true", "order=zct");
    let stack = TiffStack::open(gray16(12, &zct).path()).unwrap();
    let planes: Vec<Plane> = stack.dataset().scenes[0].fields.iter().map(|f| f.plane).collect();
    assert_eq!(planes[1], Plane { t: 0, c: 0, z: 1 });
    assert_eq!(planes[3], Plane { t: 0, c: 1, z: 0 });
    assert_eq!(planes[6], Plane { t: 1, c: 0, z: 0 });
}

#[test]
fn imagej_values_that_are_shown_otherwise_are_noted() {
    let signed = IMAGEJ.to_owned() + "cf=0\nc0=-32768.0\nc1=1.0\n";
    let stack = TiffStack::open(gray16(12, &signed).path()).unwrap();
    assert!(
        stack.dataset().notes[0].contains("-32768 + 1 × the stored values"),
        "{:?}",
        stack.dataset().notes
    );
    let same = IMAGEJ.to_owned() + "cf=0\nc0=0.0\nc1=1.0\n";
    assert_eq!(TiffStack::open(gray16(12, &same).path()).unwrap().dataset().notes, Vec::<String>::new());
}

#[test]
fn units_are_known_by_all_their_names() {
    for (unit, um) in [
        ("Micron", 1.0),
        ("micrometers", 1.0),
        ("µ", 1.0),
        ("\\u00B5m", 1.0),
        ("nanometers", 1e-3),
        ("Å", 1e-4),
        ("mm", 1e3),
        ("inch", 25_400.0),
    ] {
        assert_eq!(description::micrometres(2.0, unit), Some(2.0 * um), "{unit}");
    }
    for unit in ["pixel", "reference frame", "", "s"] {
        assert_eq!(description::micrometres(2.0, unit), None, "{unit}");
    }
}

#[test]
fn a_resolution_alone_gives_a_microscopes_pixels_and_no_printers() {
    let voxel = |pixels, unit| {
        let mut tiff = RawTiff::new();
        let at = tiff.page(0);
        tiff.gray_directory(
            at,
            vec![fraction(282, pixels, 1), fraction(283, pixels, 1), short(296, &[unit])],
        );
        let stack = TiffStack::open(tiff.file().path()).unwrap();
        (stack.dataset().voxel_um, stack.dataset().notes.join("\n"))
    };
    let (um, note) = voxel(10_000, 3);
    assert_eq!(um, Zyx::new(None, Some(1.0), Some(1.0)));
    assert!(note.contains("ResolutionUnit") && note.contains("--voxel-um"), "{note}");
    assert_eq!(voxel(25_400, 2).0, Zyx::new(None, Some(1.0), Some(1.0)));
    for (pixels, unit) in [(72, 2), (300, 2), (118, 3), (10_000, 1)] {
        assert_eq!(voxel(pixels, unit), (Zyx::default(), String::new()), "{pixels} {unit}");
    }
    // 4294967295 an inch stands for no number.
    let (um, note) = voxel(u32::MAX, 2);
    assert_eq!(um, Zyx::default());
    assert!(note.contains("not between 1 nm and 1 mm"), "{note}");
}

#[test]
fn tifffiles_axes_say_which_plane_a_page_is() {
    let planes = |description: &str, pages: usize| {
        let stack = TiffStack::open(gray16(pages, description).path()).unwrap();
        let dataset = stack.dataset();
        let planes: Vec<_> =
            dataset.scenes[0].fields.iter().map(|f| (f.plane.t, f.plane.c, f.plane.z)).collect();
        (planes, dataset.notes.join("\n"))
    };
    let (found, notes) = planes(r#"{"shape": [2, 3, 29, 37], "axes": "ZCYX"}"#, 6);
    assert_eq!(found, [(0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 0, 1), (0, 1, 1), (0, 2, 1)]);
    assert_eq!(notes, "");
    let (found, _) = planes(r#"{"shape": [2, 1, 29, 37], "axes": "TQYX"}"#, 2);
    assert_eq!(found, [(0, 0, 0), (1, 0, 0)]);
    for (description, pages) in [
        (r#"{"shape": [2, 29, 37]}"#, 2),
        (r#"{"shape": [2, 29, 37], "axes": "QYX"}"#, 2),
        ("made by hand", 2),
        ("", 2),
    ] {
        let (found, notes) = planes(description, pages);
        assert_eq!(found, [(0, 0, 0), (0, 0, 1)]);
        assert!(notes.contains("2 pages without axes: taken as slices; --axes"), "{notes}");
    }
    let (_, notes) = planes(r#"{"shape": [4, 29, 37], "axes": "TYX"}"#, 2);
    assert!(notes.contains("counts 4 planes (TYX), but there are 2"), "{notes}");
    assert_eq!(planes("", 1).1, "");

    let truncated = single_directory(r#"{"shape": [4, 29, 37], "axes": "TYX", "truncated": true}"#, 4, WIDTH);
    let stack = TiffStack::open(truncated.path()).unwrap();
    assert_eq!((stack.dataset().scenes[0].times, decoded(&stack).len()), (4, 4));
}

#[test]
fn axes_of_the_user_come_before_all_that_is_told() {
    let open = |file: &NamedTempFile, axes: &str| {
        let source = Box::new(FileSource::open(file.path()).unwrap());
        TiffStack::from_source(source, Some(&axes.parse().unwrap()), &|_| Ok(None))
            .map(|stack| stack.dataset().clone())
    };
    let ten = gray16(10, "ImageJ=1.53t\nimages=10\nchannels=10\nunit=um\n");
    let guessed = TiffStack::open(ten.path()).unwrap();
    assert_eq!((guessed.dataset().scenes[0].slices, guessed.dataset().channels.len()), (10, 1));
    assert!(
        guessed.dataset().notes[0].contains("taken for a z stack; --axes"),
        "{:?}",
        guessed.dataset().notes
    );
    let channels = open(&ten, "c").unwrap();
    assert_eq!((channels.scenes[0].slices, channels.channels.len(), channels.notes.len()), (1, 10, 0));
    // With numbers as the file has them.
    let turned = open(&gray16(12, IMAGEJ), "tcz").unwrap();
    assert_eq!(turned.scenes[0].fields[1].plane, Plane { t: 0, c: 0, z: 1 });
    assert_eq!(turned.voxel_um.z, Some(0.25));
    let Err(error) = open(&gray16(12, IMAGEJ), "z5c") else { panic!("fits") };
    assert!(error.to_string().starts_with("--axes: z5c does not fit 12 pages"), "{error}");
}

#[test]
fn ome_xml_gives_sizes_order_channels_and_optics() {
    let file = gray16(6, OME);
    let stack = TiffStack::open(file.path()).unwrap();
    let dataset = stack.dataset();
    assert_eq!((dataset.scenes[0].slices, dataset.scenes[0].times, dataset.channels.len()), (3, 1, 2));
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
