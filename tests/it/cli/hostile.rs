//! Small files that claim much: their time and memory is bounded by what they hold, not by what they say.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use decon_gpu::dataset::Plane;
use decon_gpu::pixels::{PixelType, Samples};
use zarrs::array::{Array, ArraySubset};
use zarrs::filesystem::FilesystemStore;

use crate::cli::bytes::*;
use crate::cli::mosaic::{Piece, metadata, paint, write};
use crate::cli::output::{assert_same, image, json};
use crate::cli::program::{Ended, run_arguments, text, wait_for};

/// Of addresses, which are more than the memory that is taken: threads and the program itself take some hundred MiB.
const ADDRESSES_KIB: u32 = 1536 << 10;
/// On a machine that does much else, without optimisation.
const SECONDS: f64 = 40.0;
/// X, Y, C, Z, T, M.
const DIMENSIONS_OF_ENTRY: usize = 6;

fn limited(limit: &str, arguments: &[&str]) -> Ended {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!(r#"{limit}; exec "$0" "$@""#), env!("CARGO_BIN_EXE_decon-gpu")]);
    shell.args(arguments);
    let start = Instant::now();
    let ended = wait_for(shell);
    assert!(start.elapsed().as_secs_f64() < SECONDS, "{arguments:?} took {:?}", start.elapsed());
    ended
}

/// `run` on the processor, within 256 MiB as it counts them where `flags` say nothing else.
fn run_limited(input: &Path, output: &Path, flags: &str) -> Ended {
    let memory = if flags.contains("--memory") { "" } else { "--memory 256MiB" };
    let flags = format!("{memory} --threads 1 --overwrite {flags}");
    limited(&format!("ulimit -v {ADDRESSES_KIB}"), &run_arguments(input, output, &flags))
}

fn info_limited(input: &Path) -> Ended {
    limited(&format!("ulimit -v {ADDRESSES_KIB}"), &["info", text(input)])
}

struct Home {
    home: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A file of two fields, its bytes, and what it shows.
    fn two_fields(&self) -> (PathBuf, Vec<u8>, Vec<Piece>) {
        let path = self.path("in.czi");
        let pieces =
            Vec::from([0, 1].map(|m| Piece::new(m, 12 * i64::from(m), 0, (16, 10), PixelType::Gray16)));
        write(&path, &pieces, &metadata(1));
        let bytes = fs::read(&path).unwrap();
        (path, bytes, pieces)
    }
}

fn shown(pieces: &[Piece]) -> Vec<f32> {
    paint(pieces, Plane::default(), 0).filled(0.0)
}

/// `bytes`, then nothing up to `size`: no such file takes more of a disk than its bytes.
fn write_sparse(path: &Path, bytes: &[u8], size: u64) {
    fs::write(path, bytes).unwrap();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(size).unwrap();
}

#[test]
fn a_directory_is_as_long_as_its_entries_and_metadata_as_their_text() {
    let home = Home::new();
    let (path, file, _) = home.two_fields();
    let mut long = file.clone();
    let directory = segments(&file, "ZISRAWDIRECTORY")[0];
    put(&mut long, directory + 16, &i64::MAX.to_le_bytes());
    put(&mut long, directory + 24, &i64::MAX.to_le_bytes());
    put(&mut long, directory + 32, &i32::MAX.to_le_bytes());
    write_sparse(&path, &long, 1 << 40);
    info_limited(&path).failed(1, "entry 2 of the subblock directory");

    let mut long = file.clone();
    put(&mut long, segments(&file, "ZISRAWMETADATA")[0] + 32, &i32::MAX.to_le_bytes());
    write_sparse(&path, &long, 3 << 30);
    let ended = info_limited(&path).done();
    assert!(ended.stdout.contains("says it has 2147483647 bytes"), "{}", ended.stdout);
}

#[test]
fn the_metadata_of_a_subblock_are_not_read() {
    let home = Home::new();
    let (path, file, pieces) = home.two_fields();
    // The pixels of the first field, as if 2 GiB of metadata lay before them.
    let length = u64::from(i32::MAX as u32);
    let segment = segments(&file, "ZISRAWSUBBLOCK")[0];
    let mut far = file.clone();
    put(&mut far, segment + 32, &i32::MAX.to_le_bytes());
    write_sparse(&path, &far, 4 << 30);
    let pixels = &file[segment + 32 + 256..][..16 * 10 * 2];
    let written = fs::OpenOptions::new().write(true).open(&path).unwrap();
    written.write_all_at(pixels, segment as u64 + 32 + 256 + length).unwrap();
    for flags in ["", "--overlap feather"] {
        let output = home.path("out.zarr");
        run_limited(&path, &output, &format!("--iterations 0 {flags}")).done();
        if flags.is_empty() {
            assert_same(image(&output).pixels(), &shown(&pieces), "far from its head");
        }
    }
}

#[test]
fn an_entry_that_is_listed_again_and_again_is_one() {
    let home = Home::new();
    let (path, file, pieces) = home.two_fields();
    let directory = segments(&file, "ZISRAWDIRECTORY")[0];
    let first = entry(&file, 0, DIMENSIONS_OF_ENTRY);
    let bytes = 32 + 20 * DIMENSIONS_OF_ENTRY;
    let (one, both) = (&file[first..first + bytes], &file[first..first + 2 * bytes]);
    let mut repeated = file[..first].to_vec();
    repeated.extend(both);
    repeated.extend(one.repeat(100_000));
    put(&mut repeated, directory + 32, &100_002_i32.to_le_bytes());
    for at in [16, 24] {
        put(&mut repeated, directory + at, &(128 + 100_002 * bytes as i64).to_le_bytes());
    }
    fs::write(&path, &repeated).unwrap();
    let said = info_limited(&path).done().stdout;
    assert!(said.contains("100000 entries of the subblock directory repeat others"), "{said}");
    let output = home.path("out.zarr");
    run_limited(&path, &output, "--iterations 0").done();
    assert_same(image(&output).pixels(), &shown(&pieces), "each field once");
}

#[test]
fn where_no_field_lies_nothing_is_computed() {
    let home = Home::new();
    let (path, output) = (home.path("in.czi"), home.path("out.zarr"));
    // 64 × 64 tiles of 2048², of which two hold a field; and low tiles that are painted as fields come.
    for (side, flags) in [(1_u32 << 17, "--overlap feather --memory 2GiB"), (1 << 15, "")] {
        let at = [0, side - 64];
        let pieces = [0, 1].map(|m| {
            Piece::new(m, at[m as usize].into(), at[m as usize].into(), (64, 64), PixelType::Gray16)
        });
        write(&path, &pieces, &metadata(1));
        run_limited(&path, &output, &format!("--iterations 0 {flags}")).done();
        let rows = fs::read_dir(output.join("0/c/0/0/0")).unwrap();
        assert_eq!(rows.count(), 2, "{flags}: rows of shards that are stored");
        let array = Array::open(Arc::new(FilesystemStore::new(&output).unwrap()), "/0").unwrap();
        assert_eq!(array.shape()[3..], [u64::from(side); 2]);
        for (piece, at) in pieces.iter().zip(at.map(u64::from)) {
            let part = ArraySubset::new_with_ranges(&[0..1, 0..1, 0..1, at..at + 64, at..at + 64]);
            let found = array.retrieve_array_subset::<Vec<u16>>(&part).unwrap();
            assert!(found == samples(piece), "{flags}: the field at {at}");
        }
    }
}

fn samples(piece: &Piece) -> &[u16] {
    match &piece.samples {
        Samples::U16(samples) => samples,
        other => panic!("{:?}", other.kind()),
    }
}

/// A gray TIFF of `side`² zeros with 16 bits, in some kilobytes.
fn bomb(side: u32) -> Vec<u8> {
    const STRIP_AT: u32 = 8 + 2 + 9 * 12 + 4;
    let part = zstd::bulk::compress(&vec![0; 1 << 22], 1).unwrap();
    let data = part.repeat((u64::from(side).pow(2) * 2 / (1 << 22)) as usize);
    let length = data.len() as u32;
    // Sides, bits, zstd, black is zero, and one strip: where, of how many samples and rows, how long.
    let entries: [(u16, u32); 9] = [
        (256, side),
        (257, side),
        (258, 16),
        (259, 50_000),
        (262, 1),
        (273, STRIP_AT),
        (277, 1),
        (278, side),
        (279, length),
    ];
    let mut file = [&b"II*\0"[..], &8_u32.to_le_bytes(), &9_u16.to_le_bytes()].concat();
    for (tag, value) in entries {
        file.extend([&tag.to_le_bytes()[..], &4_u16.to_le_bytes(), &1_u32.to_le_bytes()].concat());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend(data);
    file
}

#[test]
fn what_unpacks_to_more_than_the_memory_is_not_unpacked() {
    let home = Home::new();
    let (path, ..) = home.two_fields();
    let (output, packed) = (home.path("out.zarr"), home.path("packed.tif"));
    for side in [16_384, 32_768] {
        fs::write(&packed, bomb(side)).unwrap();
        for flag in ["--psf", "--flatfield", "--darkfield"] {
            let iterations = u32::from(flag == "--psf");
            let flags = format!("--iterations {iterations} {flag} {}", packed.display());
            run_limited(&path, &output, &flags).failed(1, &format!("{flag}: "));
        }
    }
}

#[test]
fn shards_are_closed_again_where_few_files_may_be_open() {
    let home = Home::new();
    let (path, first, again) = (home.path("in.czi"), home.path("a.zarr"), home.path("b.zarr"));
    let place =
        |m: u32| Piece::new(m, i64::from(m % 4) * 64, i64::from(m / 4) * 64, (64, 64), PixelType::Gray16);
    write(&path, &(0..12).map(place).collect::<Vec<_>>(), &metadata(1));
    run_limited(&path, &first, "--iterations 0 --chunk 32 --shard 64").done();
    assert_eq!(fs::read_dir(first.join("0/c/0/0/0/0")).unwrap().count(), 4);
    limited("ulimit -n 24", &run_arguments(&first, &again, "--iterations 0 --threads 1")).done();
    assert_same(image(&again).pixels(), image(&first).pixels(), "with 24 files open");
}

#[test]
fn chunks_of_hardly_a_pixel_and_metadata_of_nothing_but_brackets_are_refused() {
    let home = Home::new();
    let (path, slide) = (home.path("in.zarr"), home.two_fields());
    run_limited(&slide.0, &path, "--iterations 0").done();
    let array = path.join("0/zarr.json");
    let mut small = json(&array);
    small["shape"] = serde_json::json!([1, 1, 1, 1024, 2048]);
    small["chunk_grid"]["configuration"]["chunk_shape"] = serde_json::json!([1, 1, 1, 1, 1]);
    small["codecs"] = serde_json::json!([{"name": "bytes", "configuration": {"endian": "little"}}]);
    let whole = fs::read(&array).unwrap();
    fs::write(&array, small.to_string()).unwrap();
    info_limited(&path).failed(1, "chunks of 1 × 1 pixels");
    fs::write(&array, whole).unwrap();
    fs::write(path.join("zarr.json"), format!("{{\"attributes\":[{}[]]}}", "[],".repeat(3_000_000))).unwrap();
    info_limited(&path).failed(1, "values are no metadata");
}
