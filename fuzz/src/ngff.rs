//! Small OME-Zarr images of both versions and all codecs, of which one file is damaged.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use zarrs::array::{Array, ArrayBytes};
use zarrs::filesystem::FilesystemStore;

use crate::whole_file::use_file;

/// Of level 0: z, y, x.
const SHAPE: [u64; 3] = [2, 20, 24];

thread_local! {
    /// Written once, and whole between two runs.
    static IMAGES: RefCell<Option<Images>> = const { RefCell::new(None) };
}

struct Images {
    _home: TempDir,
    /// Of each image: its folder, and its files in the order of their names.
    all: Vec<(PathBuf, Vec<PathBuf>)>,
}

/// Opens and reads an image. The first byte of `data` says which, the second which of its files is damaged, and the rest how:
/// it is taken away if the second is 128 or more; else splices follow.
///
/// # Panics
/// When the images cannot be written.
pub fn use_damaged(data: &[u8]) {
    let &[image, file, ref splices @ ..] = data else { return };
    IMAGES.with_borrow_mut(|images| {
        let images = images.get_or_insert_with(Images::write);
        let (folder, files) = &images.all[usize::from(image) % images.all.len()];
        let (is_missing, file) = (file >= 128, &files[usize::from(file) % files.len()]);
        let original = fs::read(file).expect("a file of ours");
        match is_missing {
            true => fs::remove_file(file),
            false => fs::write(file, spliced(original.clone(), splices)),
        }
        .expect("room for it");
        let _ = use_file(folder);
        fs::write(file, original).expect("room for it");
    });
}

/// Each splice: a place in the file, 2 bytes; how many bytes there are taken out, 4 bits, and how many put in, 4 bits; those
/// that are put in.
fn spliced(mut bytes: Vec<u8>, mut splices: &[u8]) -> Vec<u8> {
    while let &[low, high, counts, ref rest @ ..] = splices {
        let at = usize::from(u16::from_le_bytes([low, high])) % (bytes.len() + 1);
        let (taken, put) = (usize::from(counts >> 4), usize::from(counts & 15).min(rest.len()));
        let end = (at + taken).min(bytes.len());
        bytes.splice(at..end, rest[..put].iter().copied());
        splices = &rest[put..];
    }
    bytes
}

impl Images {
    fn write() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let arrays = version_2().into_iter().chain(version_3());
        let write = |(number, array): (usize, Value)| {
            let folder = home.path().join(number.to_string());
            write_image(&folder, &array);
            let mut files = Vec::new();
            files_below(&folder, &mut files);
            files.sort();
            use_file(&folder).expect("an image that is whole");
            (folder, files)
        };
        let all = arrays.enumerate().map(write).collect();
        Self { _home: home, all }
    }
}

/// `.zarray`: every compressor, both orders, both ends first.
fn version_2() -> Vec<Value> {
    let blosc = json!({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0});
    let zstd = json!({"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 2, "blocksize": 0});
    let kinds = [
        (json!(null), ">u2", "C"),
        (json!({"id": "gzip", "level": 5}), "<u2", "F"),
        (json!({"id": "zlib", "level": 5}), "|u1", "C"),
        (json!({"id": "zstd", "level": 1}), "<f4", "C"),
        (blosc, "<u2", "C"),
        (zstd, "<u2", "C"),
    ];
    let array = |(compressor, kind, order): (Value, &str, &str)| {
        json!({"zarr_format": 2, "shape": SHAPE, "chunks": [2, 8, 8], "dtype": kind, "fill_value": 7, "order": order,
            "compressor": compressor, "filters": null, "dimension_separator": "/"})
    };
    kinds.into_iter().map(array).collect()
}

/// `zarr.json`: chunks, and shards with the index at either end.
fn version_3() -> Vec<Value> {
    let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
    let crc32c = json!({"name": "crc32c"});
    let gzip = json!({"name": "gzip", "configuration": {"level": 5}});
    let zstd = json!({"name": "zstd", "configuration": {"level": 1, "checksum": true}});
    let lz4 = json!({"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0});
    let blosc = json!({"name": "blosc", "configuration": lz4});
    let turned = json!({"name": "transpose", "configuration": {"order": [2, 0, 1]}});
    let sharding = |codecs: Value, at: &str| {
        json!([{"name": "sharding_indexed", "configuration": {"chunk_shape": [1, 8, 8], "codecs": codecs,
            "index_codecs": [bytes, crc32c], "index_location": at}}])
    };
    let kinds = [
        json!([turned, bytes, gzip]),
        json!([bytes]),
        sharding(json!([bytes, zstd]), "end"),
        sharding(json!([turned, bytes, blosc, crc32c]), "start"),
    ];
    let array = |codecs: Value| {
        json!({"zarr_format": 3, "node_type": "array", "shape": SHAPE, "data_type": "uint16", "fill_value": 7,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 16, 16]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}, "codecs": codecs})
    };
    kinds.into_iter().map(array).collect()
}

/// Two levels of which the first is as `array` says; the second is half as large.
fn write_image(folder: &Path, array: &Value) {
    let axis = |name: &str| json!({"name": name, "type": "space", "unit": "micrometer"});
    let level = |path: &str, xy: f64| json!({"path": path, "coordinateTransformations": [{"type": "scale", "scale": [1.0, xy, xy]}]});
    let image = json!({"version": "0.4", "name": "a", "type": "mean", "axes": [axis("z"), axis("y"), axis("x")],
        "datasets": [level("0", 0.1), level("1", 0.2)]});
    let (file, attributes) = match array["zarr_format"] == 2 {
        true => (".zattrs", json!({"multiscales": [image]})),
        false => (
            "zarr.json",
            json!({"zarr_format": 3, "node_type": "group",
                "attributes": {"ome": {"version": "0.5", "multiscales": [image]}}}),
        ),
    };
    fs::create_dir_all(folder).expect("room for it");
    fs::write(folder.join(file), attributes.to_string()).expect("room for it");
    let mut half = array.clone();
    half["shape"] = json!([SHAPE[0], SHAPE[1] / 2, SHAPE[2] / 2]);
    for (name, array) in [("/0", array), ("/1", &half)] {
        let store = Arc::new(FilesystemStore::new(folder).expect("a folder"));
        let metadata = serde_json::from_value(array.clone()).expect("metadata");
        let array = Array::new_with_metadata(store, name, metadata).expect("an array");
        array.store_metadata().expect("room for it");
        let bytes =
            array.shape().iter().product::<u64>() * array.data_type().fixed_size().expect("numbers") as u64;
        // No value of it is no number, as f32 either.
        let values: Vec<u8> = (0..bytes).map(|i| (i * i % 61) as u8).collect();
        array.store_array_subset(&array.subset_all(), ArrayBytes::from(values)).expect("room for it");
    }
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files_below(&path, files),
            false => files.push(path),
        }
    }
}
