//! Sizes of pixels and times between frames as programs write them: Aperio, MetaMorph, ImageJ, OME.

use super::raw::*;
use super::*;

fn described(pages: usize, description: &str) -> Dataset {
    let mut tiff = RawTiff::new();
    for page in 0..pages {
        let at = tiff.page(page);
        tiff.gray_directory(at, vec![text(270, description)]);
    }
    TiffStack::open(tiff.file().path()).unwrap().dataset().clone()
}

#[test]
fn aperio_says_micrometres_a_pixel_and_the_objective() {
    let slide = "Aperio Image Library v11.2.1 \r\n46000x32914 [0,100 46000x32814] (256x256) |AppMag = 20|MPP = 0.4990";
    let dataset = described(1, slide);
    assert_eq!(dataset.voxel_um, Zyx::new(None, Some(0.499), Some(0.499)));
    assert_eq!((dataset.optics.magnification, dataset.notes), (Some(20.0), Vec::new()));
    for nothing in ["Aperio Image Library v1.0", "Aperio x|MPP = unknown|AppMag", "Aperio x|MPP = 0"] {
        assert_eq!(described(1, nothing).voxel_um, Zyx::default(), "{nothing}");
    }
    // Four digits of a metre are no micrometres.
    let doubted = described(1, "Aperio x|MPP = 4990");
    assert_eq!(doubted.voxel_um, Zyx::default());
    assert!(doubted.notes[0].contains("not between 1 nm and 1 mm"), "{:?}", doubted.notes);
    // Pages of one size are slices, and nothing says so.
    let stack = described(3, slide);
    assert_eq!((stack.scenes[0].slices, stack.voxel_um.x), (3, Some(0.499)));
    assert!(stack.notes[0].contains("3 pages without axes"), "{:?}", stack.notes);
}

/// As MetaMorph 7 writes it, cut short.
fn metamorph(state: &str, x: &str, units: &str) -> String {
    format!(
        "<MetaData>\n<prop id=\"Description\" type=\"string\" value=\"Exposure: 50 ms&#13;&#10;\"/>\n<PlaneInfo>\n\
         <prop id=\"spatial-calibration-state\" type=\"bool\" value=\"{state}\"/>\n\
         <prop id=\"spatial-calibration-x\" type=\"float\" value=\"{x}\"/>\n\
         <prop id=\"spatial-calibration-y\" type=\"float\" value=\"0.17\"/>\n\
         <prop id=\"spatial-calibration-units\" type=\"string\" value=\"{units}\"/>\n</PlaneInfo>\n</MetaData>\0"
    )
}

#[test]
fn metamorphs_xml_says_the_size_of_a_pixel() {
    let um = |state, x, units| described(1, &metamorph(state, x, units)).voxel_um;
    assert_eq!(um("on", "0.16", "um"), Zyx::new(None, Some(0.17), Some(0.16)));
    assert_eq!(um("on", "0.16", "mm"), Zyx::new(None, Some(170.0), Some(160.0)));
    for (state, x, units) in [("off", "0.16", "um"), ("on", "1", "pixel"), ("on", "1", "")] {
        assert_eq!(um(state, x, units), Zyx::default(), "{state} {x} {units}");
    }
    assert_eq!(described(1, "<MetaData><PlaneInfo>").voxel_um, Zyx::default());
}

#[test]
fn times_are_in_the_unit_that_is_named() {
    let imagej = |unit: &str| {
        let text = format!("ImageJ=1.54f\nimages=4\nframes=4\nunit=um\nfinterval=3.0\n{unit}");
        let dataset = described(4, &text);
        assert_eq!((dataset.scenes[0].times, dataset.scenes[0].slices), (4, 1));
        (dataset.interval_secs, dataset.notes.join("\n"))
    };
    for (unit, secs) in [("", 3.0), ("tunit=sec\n", 3.0), ("tunit=min\n", 180.0), ("tunit=hr\n", 10_800.0)] {
        assert_eq!(imagej(unit), (Some(secs), String::new()), "{unit}");
    }
    assert!((imagej("tunit=ms\n").0.unwrap() - 0.003).abs() < 1e-12);
    let (unknown, note) = imagej("tunit=fortnight\n");
    assert_eq!(unknown, None);
    assert!(note.contains("\"fortnight\""), "{note}");
    for (unit, secs) in
        [("µs", 2e-6), ("ns", 2e-9), ("ms", 2e-3), ("min", 120.0), ("h", 7200.0), ("d", 172_800.0)]
    {
        let found = description::seconds(2.0, unit).unwrap();
        assert!((found - secs).abs() < 1e-12 * secs.max(1.0), "{unit}: {found}");
    }
}

#[test]
fn pages_that_imagej_does_not_count_are_noted() {
    let counted = described(3, "ImageJ=1.54f\nimages=3\nunit=um\n");
    assert_eq!((counted.scenes[0].slices, counted.notes), (3, Vec::new()));
    for text in ["ImageJ=1.54f\nunit=um\n", "ImageJ=1.54f\nimages=2\n"] {
        let dataset = described(3, text);
        assert_eq!(dataset.scenes[0].slices, 3);
        assert!(dataset.notes[0].contains("does not count: taken as slices; --axes"), "{:?}", dataset.notes);
    }
}

#[test]
fn samples_that_tifffile_calls_channels_are_no_pages() {
    // `imwrite(path, a, photometric='rgb', planarconfig='separate', metadata={'axes': 'TCYX'})`.
    let text = r#"{"shape": [5, 3, 29, 37], "axes": "TCYX"}"#;
    let file = write::<colortype::RGB8>(5, 3, text, Packing::Uncompressed, |v| v as u8);
    let dataset = TiffStack::open(file.path()).unwrap().dataset().clone();
    assert_eq!((dataset.scenes[0].times, dataset.scenes[0].slices, dataset.channels.len()), (5, 1, 1));
    assert_eq!(dataset.notes, Vec::<String>::new());
}
