//! OME-Zarr as input: what was written comes back, of every version and cut; what is not stored is the fill value.

use std::fs;
use std::path::Path;

use decon_gpu::dataset::Plane;
use decon_gpu::pixels::PixelType;
use serde_json::{Value, json};

use crate::cli::mosaic::{Piece, five_fields, metadata, paint, write};
use crate::cli::output::{self, assert_same, attributes, files, image};
use crate::cli::program::{decon_gpu, run, text};

fn put(path: &Path, document: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, document.to_string()).unwrap();
}

#[test]
fn what_this_program_wrote_comes_back_pixel_by_pixel() {
    let home = tempfile::tempdir().unwrap();
    let (slide, first, again) =
        (home.path().join("in.czi"), home.path().join("a.zarr"), home.path().join("b.zarr"));
    for pixel_type in [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24] {
        write(&slide, &five_fields(pixel_type), &metadata(1));
        // Several shards of several chunks, the last ones cut off.
        run(&slide, &first, "--iterations 0 --overwrite --chunk 16 --shard 48 --fill 9").done();
        let expected = image(&first);
        for flags in
            ["", "--io mmap --tile 32 --chunk 16", "--simulate-storage errors=0.2,seed=4 --retries 20"]
        {
            run(&first, &again, &format!("--iterations 0 --overwrite {flags}")).done();
            let found = image(&again);
            assert_eq!((found.shape, found.type_name), (expected.shape, expected.type_name));
            assert_same(found.pixels(), expected.pixels(), &format!("{pixel_type:?} {flags}"));
        }
        let (before, after) = (attributes(&first), attributes(&again));
        for what in ["axes", "datasets"] {
            assert_eq!(before["ome"]["multiscales"][0][what], after["ome"]["multiscales"][0][what], "{what}");
        }
        for (before, after) in
            [0, 1, 2].map(|c| (&before["ome"]["omero"]["channels"][c], &after["ome"]["omero"]["channels"][c]))
        {
            assert_eq!((&before["label"], &before["color"]), (&after["label"], &after["color"]));
        }
        assert_eq!(
            before["decon-gpu"]["optics"], after["decon-gpu"]["optics"],
            "the microscope is not forgotten"
        );
    }
}

#[test]
fn a_part_is_read_from_what_holds_it_alone() {
    let home = tempfile::tempdir().unwrap();
    let (slide, first, part) =
        (home.path().join("in.czi"), home.path().join("a.zarr"), home.path().join("b.zarr"));
    let plane = |c, z| five_fields(PixelType::Gray16).into_iter().map(move |piece| piece.at(0, c, z));
    let pieces: Vec<_> =
        [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().flat_map(|(c, z)| plane(c, z)).collect();
    write(&slide, &pieces, &metadata(2));
    run(&slide, &first, "--iterations 0 --chunk 16 --shard 48").done();
    let whole = image(&first);
    // What is not needed is not looked at: of 2 × 2 planes of 2 × 3 shards, one.
    let stored = first.join("0/c");
    let needed = stored.join("0/1/1/0/1");
    for path in files(&stored).into_keys().filter(|path| *path != needed) {
        fs::write(path, "no shard").unwrap();
    }
    run(&first, &part, "--iterations 0 --channels 1 --slices 1 --region 50,3,40,44").done();
    let rows = (3..47).flat_map(|y| whole.plane(0, 1, 1)[y * 131 + 50..y * 131 + 90].to_vec());
    assert_same(image(&part).pixels(), &rows.collect::<Vec<_>>(), "the region");
    let name = &attributes(&part)["ome"]["omero"]["channels"][0]["label"];
    assert_eq!(name, "dye 1");

    let ended = run(&first, &part, "--iterations 0 --overwrite --channels 1 --slices 1");
    ended.failed(1, "a.zarr/0/c/0/1/1/");
}

#[test]
fn a_stored_level_is_taken_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let (slide, first, half) =
        (home.path().join("in.czi"), home.path().join("a.zarr"), home.path().join("b.zarr"));
    write(&slide, &[Piece::new(0, 0, 0, (600, 320), PixelType::Gray16)], &metadata(1));
    run(&slide, &first, "--iterations 0").done();
    // The fields are made unreadable: only the level can give pixels.
    files(&first.join("0/c")).into_keys().for_each(|path| fs::write(path, "gone").unwrap());
    let ended = run(&first, &half, "--iterations 0 --scale 2").done();
    assert!(ended.stderr.contains("level 1/2 of the stored pyramid"), "{}", ended.stderr);
    let stored = Piece::new(0, 0, 0, (600, 320), PixelType::Gray16);
    let means = paint(&[stored], Plane::default(), 0).averaged(2);
    let expected: Vec<f32> = means.filled(0.0).iter().map(|mean| mean.round_ties_even()).collect();
    assert_same(image(&half).pixels(), &expected, "means of 2 × 2");
}

/// An image as version 0.4 words it: z, y, x, nanometres, big-endian u16 in chunks of 2 × 3 × 4, not compressed.
fn version_0_4(folder: &Path) {
    let axis = |name: &str| json!({"name": name, "type": "space", "unit": "nanometer"});
    let scale = json!([{"type": "scale", "scale": [400.0, 65.0, 65.0]}]);
    let image = json!({"version": "0.4", "name": "old", "axes": [axis("z"), axis("y"), axis("x")],
        "datasets": [{"path": "full", "coordinateTransformations": scale}]});
    put(&folder.join(".zgroup"), &json!({"zarr_format": 2}));
    put(&folder.join(".zattrs"), &json!({"multiscales": [image]}));
    let array = json!({"zarr_format": 2, "shape": [3, 5, 7], "chunks": [2, 3, 4], "dtype": ">u2", "fill_value": 7,
        "order": "C", "compressor": null, "filters": null});
    put(&folder.join("full/.zarray"), &array);
    for (z, y, x) in (0..8).map(|i| (i / 4, i / 2 % 2, i % 2)) {
        let values = (0..24).map(|i| value(2 * z + i / 12, 3 * y + i / 4 % 3, 4 * x + i % 4));
        let bytes: Vec<u8> = values.flat_map(|value| (value as u16).to_be_bytes()).collect();
        fs::write(folder.join(format!("full/{z}.{y}.{x}")), bytes).unwrap();
    }
}

fn value(z: u32, y: u32, x: u32) -> u32 {
    10_000 * z + 100 * y + x
}

#[test]
fn an_image_of_version_0_4_is_read_and_what_is_not_stored_is_its_fill_value() {
    let home = tempfile::tempdir().unwrap();
    let (old, output) = (home.path().join("old.zarr"), home.path().join("out.zarr"));
    version_0_4(&old);
    fs::remove_file(old.join("full/1.0.1")).unwrap();
    run(&old, &output, "--iterations 0 --masks ignore").done();
    let found = image(&output);
    assert_eq!((found.shape, found.type_name), ([1, 1, 3, 5, 7], "u16"));
    let voxels = (0..105).map(|i| (i / 35, i / 7 % 5, i % 7));
    let stored = |(z, y, x)| if z == 2 && y < 3 && x > 3 { 7 } else { value(z, y, x) };
    let expected: Vec<f32> = voxels.map(|voxel| stored(voxel) as f32).collect();
    assert_same(found.pixels(), &expected, "0.4");
    let written = attributes(&output)["ome"]["multiscales"][0].clone();
    assert_eq!(
        written["datasets"][0]["coordinateTransformations"][0]["scale"],
        json!([1.0, 1.0, 0.4, 0.065, 0.065])
    );
    let with_units = output::json(&old.join(".zattrs"));
    let mut without = with_units.clone();
    without["multiscales"][0]["axes"] = json!(["z", "y", "x"]);
    put(&old.join(".zattrs"), &without);
    let told = decon_gpu(&["info", text(&old)]).done().stdout;
    assert!(told.contains("note: axes without a unit of length: whether their scale of 400,65,65"), "{told}");
    put(&old.join(".zattrs"), &with_units);
    let told = decon_gpu(&["info", text(&old)]).done().stdout;
    assert!(!told.contains("without a unit"), "{told}");
    assert!(told.contains("voxel      z 0.4000 µm, y 0.0650 µm, x 0.0650 µm"), "{told}");
    assert!(told.contains("a chunk holds 2 planes"), "{told}");
}

#[test]
fn positions_are_kept_and_a_part_lies_where_it_lay() {
    let home = tempfile::tempdir().unwrap();
    let [old, first, again] = ["old.zarr", "first.zarr", "again.zarr"].map(|name| home.path().join(name));
    version_0_4(&old);
    let mut document = output::json(&old.join(".zattrs"));
    let multiscale = &mut document["multiscales"][0];
    let of_level = multiscale["datasets"][0]["coordinateTransformations"].as_array_mut().unwrap();
    let translation = |nm: [f64; 3]| json!({"type": "translation", "translation": nm});
    of_level.push(translation([1000.0, -500.0, 250.5]));
    multiscale["coordinateTransformations"] = json!([translation([0.0, 0.0, 1e6])]);
    put(&old.join(".zattrs"), &document);

    // Voxels of 0.4, 0.065, 0.065 µm: z, y, x of the first sample.
    let part = "--slices 1-2 --region 3,2,4,2";
    for (flags, expected) in [
        ("", [1.0, -0.5, 1000.2505]),
        (part, [1.4, -0.5 + 2.0 * 0.065, 1000.2505 + 3.0 * 0.065]),
        ("--scale 2", [1.0, -0.5 + 0.0325, 1000.2505 + 0.0325]),
    ] {
        run(&old, &first, &format!("--iterations 0 --overwrite {flags}")).done();
        let datasets = |folder: &Path| attributes(folder)["ome"]["multiscales"][0]["datasets"].clone();
        let found = datasets(&first)[0]["coordinateTransformations"][1]["translation"].clone();
        let found: Vec<f64> = serde_json::from_value(found).unwrap();
        let is_near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        assert!(found[2..].iter().zip(&expected).all(is_near), "{flags}: {found:?}, not {expected:?}");
        run(&first, &again, "--iterations 0 --overwrite").done();
        assert_eq!(datasets(&again), datasets(&first), "{flags}: a run on an output moves nothing");
    }
    let told = decon_gpu(&["info", text(&old)]).done().stdout;
    assert!(told.contains("position   z 1.0000 µm, y -0.5000 µm, x 1000.2505 µm"), "{told}");
}

/// A type of samples, how a value is stored in it, and what is made of it.
struct Kind {
    name: &'static str,
    bytes: fn(u32) -> Vec<u8>,
    expected: fn(u32) -> f32,
    note: &'static str,
}

#[test]
fn other_types_are_read_as_floats_and_said() {
    let home = tempfile::tempdir().unwrap();
    let [old, output] = ["old.zarr", "out.zarr"].map(|name| home.path().join(name));
    version_0_4(&old);
    fs::remove_file(old.join("full/1.0.1")).unwrap();
    let array = fs::read_to_string(old.join("full/.zarray")).unwrap();
    let array = array.replace("\"fill_value\":7", "\"fill_value\":-7");
    // Big-endian, as the samples before them; an odd value in each.
    let types = [
        Kind {
            name: ">f8",
            bytes: |value| (f64::from(value) - 0.25).to_be_bytes().to_vec(),
            expected: |value| value as f32 - 0.25,
            note: "note: samples of float64 are read as float32, which keeps",
        },
        Kind {
            name: ">i2",
            bytes: |value| (value as i16 - 15_000).to_be_bytes().to_vec(),
            expected: |value| value as f32 - 15_000.0,
            note: "note: samples of int16 are read as float32, which holds",
        },
    ];
    for Kind { name, bytes, expected, note } in types {
        fs::write(old.join("full/.zarray"), array.replace(">u2", name)).unwrap();
        for (z, y, x) in (0..8).map(|i| (i / 4, i / 2 % 2, i % 2)).filter(|chunk| *chunk != (1, 0, 1)) {
            let values = (0..24).map(|i| value(2 * z + i / 12, 3 * y + i / 4 % 3, 4 * x + i % 4));
            fs::write(old.join(format!("full/{z}.{y}.{x}")), values.flat_map(bytes).collect::<Vec<_>>())
                .unwrap();
        }
        let ended = run(&old, &output, "--iterations 0 --overwrite").done();
        assert!(ended.stderr.contains(note), "{name}: {}", ended.stderr);
        let found = image(&output);
        assert_eq!((found.shape, found.type_name), ([1, 1, 3, 5, 7], "f32"));
        let voxels = (0..105).map(|i| (i / 35, i / 7 % 5, i % 7));
        let stored = |(z, y, x)| if z == 2 && y < 3 && x > 3 { -7.0 } else { expected(value(z, y, x)) };
        assert_same(found.pixels(), &voxels.map(stored).collect::<Vec<f32>>(), name);
    }
}

#[test]
fn a_metadata_file_means_its_folder_and_an_archive_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let [old, output] = ["old.zarr", "out.zarr"].map(|name| home.path().join(name));
    version_0_4(&old);
    for file in [".zattrs", ".zgroup"] {
        run(&old.join(file), &output, "--iterations 0 --overwrite").done();
        assert_eq!(image(&output).shape, [1, 1, 3, 5, 7], "{file}");
        let name = &attributes(&output)["ome"]["multiscales"][0]["name"];
        assert_eq!(name, "old", "{file}");
    }
    let ended = run(&old.join("full/.zarray"), &output, "--iterations 0 --overwrite");
    ended.failed(1, "one array of Zarr without its image; give the folder above it");
    let archive = home.path().join("image.ozx");
    fs::write(&archive, b"PK\x03\x04 and so on").unwrap();
    run(&archive, &output, "--iterations 0 --overwrite").failed(
        1,
        "image.ozx: not supported: a ZIP archive, as .zip and .ozx files of OME-Zarr are; unpack it",
    );
}

#[test]
fn a_collection_comes_back_as_its_scenes() {
    let home = tempfile::tempdir().unwrap();
    let (slide, first, again) =
        (home.path().join("in.czi"), home.path().join("a.zarr"), home.path().join("b.zarr"));
    let scene = |index, size| Piece { scene: Some(index), ..Piece::new(index, 0, 0, size, PixelType::Gray8) };
    write(&slide, &[scene(0, (64, 40)), scene(1, (33, 71))], &metadata(1));
    run(&slide, &first, "--iterations 0").done();
    run(&first, &again, "--iterations 0").done();
    for group in ["0", "1"] {
        let (first, again) = (image(&first.join(group)), image(&again.join(group)));
        assert_eq!(first.shape, again.shape);
        assert_same(again.pixels(), first.pixels(), group);
    }
    run(&first.join("1"), &again, "--iterations 0 --overwrite").done();
    assert_same(image(&again).pixels(), image(&first.join("1")).pixels(), "one image alone");
}

#[test]
fn each_image_of_a_collection_keeps_what_is_its_own() {
    let home = tempfile::tempdir().unwrap();
    let [slide, first, again] = ["in.czi", "a.zarr", "b.zarr"].map(|name| home.path().join(name));
    let piece = |index, z| {
        let piece = Piece::new(10 * index + z, 0, 0, (64, 40), PixelType::Gray8).at(0, 0, z);
        Piece { scene: Some(index), ..piece }
    };
    // The second has three slices.
    let slices = [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)];
    write(&slide, &slices.map(|(index, z)| piece(index, z)), &metadata(1));
    run(&slide, &first, "--iterations 0").done();
    let change = |group: &str, change: &dyn Fn(&mut Value)| {
        let file = first.join(group).join("zarr.json");
        let mut document = output::json(&file);
        change(&mut document["attributes"]["ome"]);
        put(&file, &document);
    };
    change("1", &|ome| ome["omero"]["channels"][0]["label"] = json!("other"));
    change("2", &|ome| {
        ome["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"][4] = json!(0.3);
    });
    let ended = run(&first, &again, "--iterations 0").done();
    assert!(ended.stderr.contains("image 2 is left out: it has other voxel sizes"), "{}", ended.stderr);
    assert_eq!(attributes(&again.join("OME"))["ome"]["series"], json!(["0", "1"]));
    for (group, slices, label) in [("0", 1, "dye 0"), ("1", 3, "other")] {
        let found = image(&again.join(group));
        assert_eq!(found.shape, [1, 1, slices, 40, 64], "image {group}");
        assert_same(found.pixels(), image(&first.join(group)).pixels(), group);
        assert_eq!(attributes(&again.join(group))["ome"]["omero"]["channels"][0]["label"], label);
    }

    change("0", &|ome| {
        ome["image-label"] = json!({});
        let list = &mut ome["multiscales"][0]["datasets"][0]["coordinateTransformations"];
        list.as_array_mut().unwrap().push(json!({"type": "affine", "affine": []}));
    });
    let ended = run(&first.join("0"), &again, "--iterations 0 --overwrite").done();
    assert!(ended.stderr.contains("a label image: means of labels are no labels"), "{}", ended.stderr);
    assert!(ended.stderr.contains("other than scale and translation are not understood"), "{}", ended.stderr);
}

#[test]
fn what_cannot_be_read_is_named() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.zarr"), home.path().join("out.zarr"));
    let fails = |code: i32, what: &str| {
        run(&input, &output, "--iterations 0").failed(code, what);
        assert!(!output.exists());
    };
    fs::create_dir(&input).unwrap();
    fails(1, "in.zarr: broken file: a directory that is no OME-Zarr");
    put(&input.join(".zattrs"), &json!({"plate": {}}));
    fails(1, "a plate; give the folder of one of its fields");
    put(&input.join(".zattrs"), &json!({"labels": []}));
    fails(1, "without an OME-Zarr image");
    put(&input.join(".zattrs"), &json!({"multiscales": [{"axes": ["x", "w"], "datasets": []}]}));
    fails(1, "an axis w");
    fs::write(input.join(".zattrs"), "{").unwrap();
    fails(1, "in.zarr/.zattrs: broken file: no JSON");

    version_0_4(&input);
    run(&input, &output, "--iterations 0 --select H=1")
        .failed(2, "--select: an OME-Zarr has no dimensions beside");
    fs::write(input.join("full/0.1.0"), [1; 40]).unwrap();
    fails(1, "in.zarr/full/0.1.0: broken file: subblock t=0 c=0 z=0");
    let ended = run(&input, &output, "--iterations 0 --skip-damaged");
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 damaged subblocks were left out"), "{}", ended.stderr);
    fs::remove_dir_all(&output).unwrap();

    let array = fs::read_to_string(input.join("full/.zarray")).unwrap();
    for (from, to, what) in [
        (">u2", "<c8", "in.zarr/full: not supported: "),
        ("[2,3,4]", "[2,3,0]", "in.zarr/full: not supported: chunk shape"),
        ("[2,3,4]", "[2,3]", "in.zarr/full: not supported: "),
        ("[2,3,4]", "[65536,65536,65536]", "in.zarr/full: not supported: chunks of"),
        ("[3,5,7]", "[3,5,4294967296]", "in.zarr/full: not supported: a shape of"),
        ("[3,5,7]", "[1000000000,5,7]", "chunks of all levels, plane by plane"),
        ("\"compressor\":null", "\"compressor\":{\"id\":\"lzma\"}", "in.zarr/full: not supported: "),
    ] {
        assert!(array.contains(from), "{from} is not in {array}");
        fs::write(input.join("full/.zarray"), array.replace(from, to)).unwrap();
        fails(1, what);
    }
    fs::remove_file(input.join("full/.zarray")).unwrap();
    fails(1, "in.zarr/full: broken file: no array is there");
}
