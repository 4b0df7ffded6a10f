//! Several images in one file: scenes become a collection, other dimensions are selected.

use std::fs::File;

use decon_gpu::dataset::Plane;
use decon_gpu::pixels::PixelType;
use serde_json::json;
use tiff::encoder::{TiffEncoder, colortype::Gray16};
use tiff::tags::Tag;

use crate::cli::mosaic::{Piece, metadata, paint, write};
use crate::cli::output::{assert_same, attributes, image};
use crate::cli::program::run;

fn scene(index: u32, corner: (i64, i64), size: (u32, u32)) -> Vec<Piece> {
    let field = |m: u32| {
        let x = corner.0 + i64::from(m) * i64::from(size.0 - 7);
        Piece { scene: Some(index), ..Piece::new(10 * index + m, x, corner.1, size, PixelType::Gray8) }
    };
    vec![field(0), field(1)]
}

#[test]
fn scenes_become_a_collection_and_one_alone_lies_at_the_root() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let scenes = [scene(0, (-900, 50), (64, 40)), scene(1, (3000, -80), (33, 71))];
    write(&input, &scenes.concat(), &metadata(1));

    let ended = run(&input, &output, "--iterations 0").done();
    let where_to = format!("open {0}/0 and {0}/1", output.display());
    assert!(ended.stderr.contains(&where_to), "{}", ended.stderr);
    assert_eq!(attributes(&output)["ome"]["bioformats2raw.layout"], 3);
    assert_eq!(attributes(&output.join("OME"))["ome"]["series"], json!(["0", "1"]));
    let xml = std::fs::read_to_string(output.join("OME/METADATA.ome.xml")).unwrap();
    assert_eq!(xml.matches("<Image ").count(), 2, "{xml}");
    for (index, pieces) in scenes.iter().enumerate() {
        let group = output.join(index.to_string());
        let expected = paint(pieces, Plane::default(), 0);
        assert_eq!(image(&group).shape[3..], [expected.height as u64, expected.width as u64]);
        assert_same(image(&group).pixels(), &expected.filled(0.0), &format!("scene {index}"));
        let name = attributes(&group)["ome"]["multiscales"][0]["name"].clone();
        assert_eq!(name, format!("in P{}", index + 1));

        let alone = home.path().join(format!("alone{index}.zarr"));
        run(&input, &alone, &format!("--iterations 0 --scene {index}")).done();
        assert_same(image(&alone).pixels(), &expected.filled(0.0), &format!("--scene {index}"));
        assert_eq!(attributes(&alone)["ome"]["multiscales"].as_array().unwrap().len(), 1);
    }
    run(&input, &home.path().join("none.zarr"), "--iterations 0 --scene 2").failed(2, "--scene");
}

#[test]
fn another_dimension_is_taken_at_its_lowest_or_selected_index() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let phase = |h: i32| {
        let field = |m| Piece::new(m + 10 * h as u32, 30 * i64::from(m), 0, (40, 25), PixelType::Gray16);
        [0, 1].map(|m| Piece { extra: vec![('H', h)], ..field(m) })
    };
    write(&input, &[phase(1), phase(0), phase(2)].concat(), &metadata(1));
    for (flags, h) in [("", 0), ("--select H=1", 1), ("--select h=2", 2)] {
        let ended = run(&input, &output, &format!("--iterations 0 --overwrite {flags}")).done();
        assert_same(image(&output).pixels(), &paint(&phase(h), Plane::default(), 0).filled(0.0), flags);
        assert_eq!(ended.stderr.contains("dimension H has 3 values"), h == 0, "{}", ended.stderr);
    }
    run(&input, &output, "--iterations 0 --overwrite --select H=3").failed(2, "runs from 0 to 2");
    run(&input, &output, "--iterations 0 --overwrite --select V=0").failed(2, "--select");
}

/// Scene 0: two times, two channels, three slices; scene 1: channel 0 only, one slice, one time, from slice 2 and time 1 on.
fn scenes_of_different_sizes() -> [Vec<Piece>; 2] {
    let places = (0..2).flat_map(|t| (0..2).flat_map(move |c| (0..3).map(move |z| (t, c, z))));
    let large = places.map(|(t, c, z)| Piece {
        scene: Some(0),
        ..Piece::new(t * 6 + c * 3 + z, 0, 0, (40, 30), PixelType::Gray16).at(t, c, z)
    });
    let small = Piece::new(50, 400, 100, (33, 21), PixelType::Gray16).at(1, 0, 2);
    [large.collect(), vec![Piece { scene: Some(1), ..small }]]
}

#[test]
fn each_scene_has_its_own_slices_times_and_channels() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let [large, small] = scenes_of_different_sizes();
    write(&input, &[large, small.clone()].concat(), &metadata(2));
    let expected = paint(&small, small[0].plane, 0).filled(0.0);

    let ended = run(&input, &output, "--iterations 0").done();
    assert!(!ended.stderr.contains("missing"), "{}", ended.stderr);
    assert_eq!(image(&output.join("0")).shape, [2, 2, 3, 30, 40]);
    assert_eq!(image(&output.join("1")).shape, [1, 1, 1, 21, 33]);
    assert_same(image(&output.join("1")).pixels(), &expected, "scene 1 of two");

    let ended = run(&input, &output, "--iterations 0 --scene 1 --overwrite").done();
    assert!(!ended.stderr.contains("missing"), "{}", ended.stderr);
    assert_eq!(image(&output).shape, [1, 1, 1, 21, 33]);
    assert_same(image(&output).pixels(), &expected, "scene 1 alone");

    let run = |flags: &str| run(&input, &output, &format!("--iterations 0 --overwrite {flags}"));
    let ended = run("--channels 1").done();
    assert!(ended.stderr.contains("scene 1: none of these channels is there"), "{}", ended.stderr);
    assert_eq!(image(&output).shape, [2, 1, 3, 30, 40]);
    run("--channels 1 --scene 1").failed(2, "--channels: scene 1: none of these channels is there");
    run("--slices 1-2").failed(2, "scene 1 has 1 slices (from 0); choose scenes one at a time with --scene");
    run("--slices 1-2 --scene 0").done();
    assert_eq!(image(&output).shape, [2, 2, 2, 30, 40]);
}

#[test]
fn a_scene_of_one_slice_beside_a_stack_is_deconvolved_in_two_dimensions() {
    let home = tempfile::tempdir().unwrap();
    let (both, alone) = (home.path().join("both.czi"), home.path().join("alone.czi"));
    let [large, small] = scenes_of_different_sizes();
    write(&both, &[large, small.clone()].concat(), &metadata(2));
    write(&alone, &small, &metadata(2));
    let flags = "--iterations 2 --psf-size 3,9,9";
    let (of_both, of_one) = (home.path().join("both.zarr"), home.path().join("one.zarr"));
    run(&both, &of_both, flags).done();
    run(&alone, &of_one, flags).done();
    assert_same(image(&of_both.join("1")).pixels(), image(&of_one).pixels(), "scene 1");
    let psfs = attributes(&of_both)["decon-gpu"]["psf"].clone();
    let depths: Vec<_> = psfs.as_array().unwrap().iter().map(|psf| psf["shape_zyx"]["z"].clone()).collect();
    assert_eq!(depths.last(), Some(&json!(1)), "{psfs}");
    assert_ne!(depths.first(), Some(&json!(1)), "{psfs}");
}

/// OME-XML of two images: two slices of two channels, then three times.
const TWO_IMAGES: &str = r#"<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Image ID="Image:0" Name="stack"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="5" SizeY="4" SizeC="2" SizeZ="2"
 SizeT="1"><TiffData IFD="0" PlaneCount="4"/></Pixels></Image>
<Image ID="Image:1"><Pixels ID="Pixels:1" DimensionOrder="XYCZT" Type="uint16" SizeX="5" SizeY="4" SizeC="1" SizeZ="1" SizeT="3">
<TiffData IFD="4" PlaneCount="3"/></Pixels></Image></OME>"#;

#[test]
fn images_of_an_ome_tiff_are_scenes_with_their_own_slices_times_and_channels() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.ome.tif"), home.path().join("out.zarr"));
    let mut file = TiffEncoder::new(File::create(&input).unwrap()).unwrap();
    for page in 0..7_u16 {
        let mut image = file.new_image::<Gray16>(5, 4).unwrap();
        if page == 0 {
            image.encoder().write_tag(Tag::ImageDescription, TWO_IMAGES).unwrap();
        }
        image.write_data(&[page + 1; 20]).unwrap();
    }
    drop(file);
    let first_of_each = |folder: &std::path::Path| {
        let image = image(folder);
        (image.shape, image.pixels().chunks(20).map(|plane| plane[0]).collect::<Vec<_>>())
    };
    run(&input, &output, "--iterations 0").done();
    // Channel by channel, as an OME-Zarr has them.
    assert_eq!(first_of_each(&output.join("0")), ([1, 2, 2, 4, 5], vec![1.0, 3.0, 2.0, 4.0]));
    assert_eq!(first_of_each(&output.join("1")), ([3, 1, 1, 4, 5], vec![5.0, 6.0, 7.0]));
    run(&input, &output, "--iterations 0 --overwrite --scene 1 --times 1-2").done();
    assert_eq!(first_of_each(&output), ([2, 1, 1, 4, 5], vec![6.0, 7.0]));
}
