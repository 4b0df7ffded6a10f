//! An input of many files, of which some change, or were never stored.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{Piece, metadata, write};
use crate::cli::output::{image, json, names};
use crate::cli::program::{run, text};
use crate::cli::resume::{SLOW, contents, end_after};

/// 131 × 93 pixels in 5 × 3 shards.
fn zarr_in(home: &Path) -> PathBuf {
    let (slide, input) = (home.join("in.czi"), home.join("in.zarr"));
    write(&slide, &[Piece::new(0, 0, 0, (131, 93), PixelType::Gray16)], &metadata(1));
    run(&slide, &input, "--iterations 0 --chunk 16 --shard 32").done();
    fs::remove_file(slide).unwrap();
    input
}

#[test]
fn a_run_does_not_go_on_with_a_file_that_has_changed() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (zarr_in(home.path()), home.path().join("out.zarr"));
    let slow = SLOW.replace("--iterations 100", "--iterations 40");
    run(&input, &output, &slow).done();
    let whole = contents(&output);
    fs::remove_dir_all(&output).unwrap();
    end_after(2, &input, &output, &slow, "TERM");
    assert_eq!(names(home.path()), [".out.zarr.partial", "in.zarr"]);

    // Of the first tile, which is finished.
    let shard = input.join("0/c/0/0/0/0/0");
    let (bytes, time) = (fs::read(&shard).unwrap(), fs::metadata(&shard).unwrap().modified().unwrap());
    let refused = || {
        let told = format!("--resume: {} has changed since it was read", shard.display());
        run(&input, &output, &format!("{slow} --resume")).failed(2, &told);
    };
    fs::remove_file(&shard).unwrap();
    refused();
    fs::write(&shard, &bytes).unwrap();
    refused();
    File::options().write(true).open(&shard).unwrap().set_modified(time).unwrap();
    run(&input, &output, &format!("{slow} --resume")).done();
    assert!(contents(&output) == whole, "another output");
}

#[test]
fn what_is_not_stored_is_counted_and_said() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (zarr_in(home.path()), home.path().join("out.zarr"));
    let numbers = home.path().join("numbers.json");
    let flags = format!("--iterations 0 --overwrite --summary {}", text(&numbers));
    let told = |of: &str| {
        let ended = run(&input, &output, &flags).done();
        let summary = json(&numbers);
        assert_eq!(ended.stderr.contains("not stored"), !of.is_empty(), "{}", ended.stderr);
        assert!(ended.stderr.contains(of), "{}", ended.stderr);
        (summary["absent_files"].as_u64().unwrap(), summary["input_files"].as_u64().unwrap())
    };
    assert_eq!(told(""), (0, 15));
    fs::remove_file(input.join("0/c/0/0/0/1/2")).unwrap();
    assert_eq!(told("1 of 15 files of pixels of the input is not stored: the fill value is there"), (1, 15));
    let found = image(&output);
    let is_absent = |i: usize| (32..64).contains(&(i / 131)) && (64..96).contains(&(i % 131));
    assert!((0..131 * 93).filter(|&i| is_absent(i)).all(|i| found.pixels()[i] == 0.0));
    fs::remove_file(input.join("0/c/0/0/0/2/4")).unwrap();
    assert_eq!(told("2 of 15 files of pixels of the input are not stored: the fill value is there"), (2, 15));
}
