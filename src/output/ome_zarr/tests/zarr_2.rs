//! OME-Zarr 0.4: Zarr 2, a file for each chunk.

use super::*;

const V04: Settings = Settings { version: Version::V04, zstd_level: 1 };
const CUT: Cut = Cut { chunk_px: 64, shard_px: 64, shard_times: 1, shard_slices: 1 };

fn parsed(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_type_comes_back_from_whole_and_cut_chunks() {
    let home = tempfile::tempdir().unwrap();
    for (i, side) in [1, 63, 64, 65, 128, 300].into_iter().enumerate() {
        for (kind, step) in [(SampleType::U8, 1.0), (SampleType::U16, 257.0), (SampleType::F32, 0.375)] {
            let target = home.path().join(format!("{i}-{kind:?}"));
            let shape = Tczyx::new(2, 2, 2, side, 1 + side * 7 % 190);
            let layout = ImageLayout::new(shape, kind, CUT).unwrap();
            let images = [(layout.clone(), metadata(&layout))];
            let zarr = create_as(V04, &target, &images, &Value::Null);
            let image = Image::cycling(shape, step);
            let ranges = write(&zarr, 0, &image, &scattered(shape, 64, 2));
            zarr.finish(&[ranges], &json!({})).unwrap();
            assert_levels(&target, "", image, &layout);
        }
    }
}

#[test]
fn several_images_are_a_collection_as_bioformats2raw_writes_it() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("out.ome.zarr");
    let shapes = [Tczyx::new(1, 1, 1, 300, 20), Tczyx::new(1, 2, 1, 40, 50)];
    let images = shapes.map(|shape| {
        let layout = ImageLayout::new(shape, SampleType::U16, CUT).unwrap();
        let metadata = metadata(&layout);
        (layout, metadata)
    });
    let zarr = create_as(V04, &target, &images, &json!({ "identity": 7 }));
    let written = shapes.map(|shape| Image::cycling(shape, 100.0));
    let ranges = [0, 1].map(|i| write(&zarr, i, &written[i], &scattered(shapes[i], 256, 1)));
    zarr.finish(&ranges, &json!({})).unwrap();
    for (i, image) in written.into_iter().enumerate() {
        assert_levels(&target, &format!("/{i}"), image, &images[i].0);
    }
    assert_eq!(parsed(&target.join(".zgroup")), json!({ "zarr_format": 2 }));
    assert_eq!(parsed(&target.join(".zattrs"))["bioformats2raw.layout"], 3);
    assert_eq!(parsed(&target.join("OME/.zattrs")), json!({ "series": ["0", "1"] }));
    assert!(target.join("OME/METADATA.ome.xml").is_file());
    let image = parsed(&target.join("1/.zattrs"));
    assert_eq!([&image["multiscales"][0]["version"], &image["omero"]["version"]], ["0.4", "0.4"]);
    assert_eq!(image["omero"]["channels"][1]["label"], "channel 1");
    let array = parsed(&target.join("0/0/.zarray"));
    assert_eq!((&array["dimension_separator"], &array["dtype"]), (&json!("/"), &json!("<u2")));
    assert_eq!(array["chunks"], json!([1, 1, 1, 64, 20]));
    assert!(target.join("0/0/0/0/0/4/0").is_file(), "a chunk is a file");
    // What is complete is known by its attributes.
    let resumed = Target { resume: true, ..Target::new(&target) };
    assert!(
        OmeZarr::create(&resumed, V04, &images, &json!({ "identity": 7 }), &Default::default())
            .unwrap()
            .is_none()
    );
    let error =
        OmeZarr::create(&resumed, V04, &images, &json!({ "identity": 8 }), &Default::default()).unwrap_err();
    assert!(error.to_string().contains("made of something else"), "{error}");
}

#[test]
fn what_zarr_2_does_not_have_is_refused() {
    for (settings, cut, flag) in [
        (V04, Cut { shard_px: 128, ..CUT }, "--shard"),
        (V04, Cut { chunk_px: 63, shard_px: 63, ..CUT }, "--chunk"),
        (Settings { zstd_level: 10, ..V04 }, CUT, "--zstd-level"),
        (Settings { zstd_level: 0, ..Settings::default() }, CUT, "--zstd-level"),
        (Settings { zstd_level: 23, ..Settings::default() }, CUT, "--zstd-level"),
    ] {
        let error = settings.cut(cut).unwrap_err();
        assert!(error.to_string().contains(flag), "{error}");
    }
}
