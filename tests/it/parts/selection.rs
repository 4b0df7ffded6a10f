//! `--region`, `--channels`, `--slices`, `--times`.

use serde_json::{Value, json};

use crate::parts::{complaint, convert, path, succeed, value, write_mosaic};

fn translation(attributes: &Value) -> Value {
    attributes["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"][1]["translation"].clone()
}

#[test]
fn a_selection_is_that_part_of_the_whole_and_says_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.czi");
    write_mosaic(&file);
    let flags =
        ["--region", "11,3,70,80", "--channels", "0,2", "--slices", "1-2", "--times", "1", "--chunk", "16"];
    let (image, attributes) = convert(&file, &flags);
    assert_eq!(image.shape, [1, 2, 2, 80, 70]);
    for index in image.indices() {
        let [t, c, z, y, x] = index;
        assert_eq!(image.at(index), value(t + 1, 2 * c, z + 1, y + 3, x + 11), "at {index:?}");
    }
    assert_eq!(translation(&attributes), json!([1.0, 0.0, 2.0, 5.5, -4.75]));
    let channels = &attributes["ome"]["omero"]["channels"];
    assert_eq!((&channels[0]["label"], &channels[1]["label"]), (&json!("DAPI"), &json!("Cy5")));
    let scale = &attributes["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"];
    assert_eq!(scale, &json!([1.0, 1.0, 2.0, 0.5, 0.25]));
    let options = &attributes["decon-gpu"]["options"];
    assert_eq!(options["slices"], json!([{ "start": 1, "end": 2 }]), "{attributes}");
}

#[test]
fn a_region_in_micrometres_is_the_same_as_in_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.czi");
    write_mosaic(&file);
    let (pixels, _) = convert(&file, &["--region", "20,10,40,30", "--channels", "1", "--scale", "2"]);
    let um = ["--region", "5um,5um,10um,15um", "--channels", "1", "--scale", "2"];
    let (micrometres, attributes) = convert(&file, &um);
    assert_eq!((&pixels.shape, &pixels.pixels), (&micrometres.shape, &micrometres.pixels));
    assert_eq!(pixels.shape, [2, 1, 4, 15, 20]);
    // The mean of 2 × 2 pixels lies half a pixel (of 0.5 and 0.25 µm) behind the centre of the first.
    assert_eq!(translation(&attributes), json!([0.0, 0.0, 0.0, 9.25, -2.375]));
}

#[test]
fn only_the_needed_subblocks_are_planned() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.czi");
    write_mosaic(&file);
    // Requests too small for two subblocks: each subblock is one.
    let fixed = ["plan", path(&file), "--iterations", "0", "--request-size", "1"];
    let plan = |flags: &[&str]| succeed(&[&fixed, flags].concat());
    assert!(plan(&[]).contains("96 requests"));
    let text = plan(&["--region", "0,0,50,40", "--channels", "1", "--slices", "0-1"]);
    assert!(text.contains("4 requests"), "{text}");
    assert!(text.contains("4 of 96 subblocks are needed"), "{text}");
}

#[test]
fn what_is_not_there_is_refused_with_the_flag_and_what_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.czi");
    write_mosaic(&file);
    let refused = |flags: &[&str]| complaint(&[&["plan", path(&file)], flags].concat());
    for (flags, sentence) in [
        (["--channels", "1,3"], "--channels: index 3 is not there; the file has 3 channels (from 0)"),
        (["--slices", "2-4"], "--slices: index 4 is not there; the file has 4 slices (from 0)"),
        (["--times", "2"], "--times: index 2 is not there; the file has 2 times (from 0)"),
        (["--slices", "1,3"], "--slices: 1,3 is not one range"),
        (["--region", "50,0,61,90"], "scene 0, which has 110 × 90"),
        (["--region", "-1,0,5,5"], "--region: -1,0,5,5 is not of the form"),
        (["--psf", "3=auto"], "--psf: channel 3 is not there; the file has 3"),
    ] {
        let text = refused(&flags);
        assert!(text.contains(sentence), "{flags:?}: {text}");
    }
}

#[test]
fn values_for_a_channel_keep_the_numbers_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.czi");
    write_mosaic(&file);
    let output = folder.path().join("out.ome.zarr");
    let optics = ["--na", "0.3", "--immersion-index", "1", "--emission-nm", "2=600", "--background", "2=7"];
    let common = ["run", path(&file), "-o", path(&output), "--backend", "cpu", "--iterations", "1"];
    let part = ["--channels", "2", "--slices", "0", "--times", "0", "--psf-size", "1,9,9"];
    succeed(&[&common[..], &optics, &part].concat());
    let attributes = std::fs::read_to_string(output.join("zarr.json")).unwrap();
    let attributes: Value = serde_json::from_str(&attributes).unwrap();
    let psfs = &attributes["attributes"]["decon-gpu"]["psf"];
    assert_eq!(psfs.as_array().map(Vec::len), Some(1));
    assert_eq!(psfs[0]["background"], json!(7.0));
}
