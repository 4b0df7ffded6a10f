//! The output folder: whole or not there, whatever happens.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use decon_gpu::dataset::Compression;
use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{five_fields, metadata, write, write_changed};
use crate::cli::output::{files, names};
use crate::cli::program::{PATIENCE, command, run, run_arguments, text, wait_for};

fn input_in(home: &Path) -> std::path::PathBuf {
    let input = home.join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    input
}

/// The last field in the file ends in the middle of its pixels.
fn damaged_input_in(home: &Path) -> std::path::PathBuf {
    let input = home.join("damaged.czi");
    let pieces = five_fields(PixelType::Gray16).into_iter().map(|piece| piece.compressed(Compression::Zstd0));
    write_changed(&input, &pieces.collect::<Vec<_>>(), |i, stored| match i {
        4 => stored[..stored.len() / 2].to_vec(),
        _ => stored,
    });
    input
}

#[test]
fn what_exists_is_replaced_only_when_asked() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    run(&input, &output, "--iterations 0").done();
    let first = files(&output);
    run(&input, &output, "--iterations 0 --scale 2").failed(2, "--output");
    assert_eq!(files(&output), first, "a refused run touched the old output");
    run(&input, &output, "--iterations 0 --scale 2 --overwrite").done();
    assert_ne!(files(&output), first);
    run(&input, &output, "--iterations 0 --overwrite").done();
    assert_eq!(files(&output), first);

    // What is no output of such a program is never replaced.
    fs::write(home.path().join("thesis"), "precious").unwrap();
    run(&input, &home.path().join("thesis"), "--iterations 0 --overwrite").failed(2, "--overwrite");
    let others = tempfile::tempdir().unwrap();
    fs::write(others.path().join("thesis"), "precious").unwrap();
    run(&input, others.path(), "--iterations 0 --overwrite").failed(2, "is not a Zarr folder");
    run(&input, home.path(), "--iterations 0 --overwrite").failed(2, "holds the input");
    assert_eq!(names(others.path()), ["thesis"]);
    assert_eq!(names(home.path()), ["in.czi", "out.zarr", "thesis"]);
}

/// Nothing is left, or what is finished, which only `--resume` and `--overwrite` touch.
fn assert_kept_at_most(home: &Path, others: &[&str]) {
    let names = names(home);
    let visible: Vec<_> = names.iter().filter(|name| *name != ".out.zarr.partial").collect();
    assert_eq!(visible, others, "{names:?}");
    let shards = fs::read_to_string(home.join(".out.zarr.partial/record")).unwrap_or_default();
    assert!(
        visible.len() == names.len() || shards.contains("\"shard\""),
        "nothing is finished, and yet: {names:?}"
    );
}

#[test]
fn a_failing_run_keeps_the_old_output_and_what_is_finished() {
    let home = tempfile::tempdir().unwrap();
    let (input, damaged) = (input_in(home.path()), damaged_input_in(home.path()));
    let (output, summary) = (home.path().join("out.zarr"), home.path().join("summary.json"));
    for flags in ["--iterations 0", "--iterations 2", "--iterations 0 --tile 32"] {
        let flags = format!("{flags} --summary {}", summary.display());
        run(&damaged, &output, &format!("{flags} --overwrite")).failed(1, "broken file");
        assert_kept_at_most(home.path(), &["damaged.czi", "in.czi", "summary.json"]);
        let told: serde_json::Value = serde_json::from_slice(&fs::read(&summary).unwrap()).unwrap();
        assert_eq!(told["files"][0]["state"], "failed");
        fs::remove_file(&summary).unwrap();
    }
    run(&input, &output, "--iterations 0 --overwrite").done();
    let old = files(&output);
    run(&damaged, &output, "--iterations 0 --overwrite").failed(1, "broken file");
    assert_kept_at_most(home.path(), &["damaged.czi", "in.czi", "out.zarr"]);
    assert_eq!(files(&output), old);
}

#[test]
fn a_killed_run_leaves_nothing_that_looks_complete() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    run(&input, &output, "--iterations 0").done();
    let old = files(&output);

    let mut child = command(&run_arguments(&input, &output, "--iterations 10000000 --overwrite --quiet"))
        .spawn()
        .unwrap();
    let hidden = || names(home.path()).into_iter().find(|name| name.starts_with(".out.zarr."));
    let start = Instant::now();
    while hidden().is_none() {
        assert!(start.elapsed() < PATIENCE, "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    assert_eq!(files(&output), old, "the old output must stay until the new one is whole");
    let left = home.path().join(hidden().expect("a killed program cannot clean up"));
    let opens = ["zarr.json", "image/zarr.json"].map(|name| left.join(name).exists());
    assert_eq!(opens, [false; 2], "what is left opens as an image");
    run(&input, &output, "--iterations 0 --overwrite").done();
    assert_eq!(files(&output), old);
}

#[test]
fn killed_at_any_moment_the_output_is_whole_or_not_there() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    // Many small files, so that writing them takes most of the time.
    let flags = "--iterations 0 --chunk 8 --shard 16 --quiet";
    let start = Instant::now();
    run(&input, &output, flags).done();
    let (whole, took) = (files(&output), start.elapsed());
    for part in 0..12 {
        fs::remove_dir_all(&output).ok();
        fs::remove_dir_all(home.path().join(".out.zarr.partial")).ok();
        let mut child = command(&run_arguments(&input, &output, flags)).spawn().unwrap();
        std::thread::sleep(took * part / 10);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!output.exists() || files(&output) == whole, "killed after {part} tenths of {took:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let input = input_in(home.path());
    run(&input, &home.path().join("missing/out.zarr"), "--iterations 0").failed(1, "missing");
    run(&input, &input.join("out.zarr"), "--iterations 0").failed(2, "lies in the input");
    fs::write(home.path().join("file"), "").unwrap();
    run(&input, &home.path().join("file/out.zarr"), "--iterations 0").failed(1, "Not a directory");
    fs::remove_file(home.path().join("file")).unwrap();
    run(&input, Path::new("/"), "--iterations 0 --overwrite").failed(2, "holds the input");
    run(&input, Path::new("/proc/out.zarr"), "--iterations 0").failed(1, "/proc");
    assert_eq!(names(home.path()), ["in.czi"]);
}

/// A disk of 96 KiB that only this process sees.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "mounts a disk: needs leave to use user namespaces"]
fn a_mounted_disk_that_is_full_is_an_error_and_with_more_room_the_run_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (input, disk) = (input_in(home.path()), home.path().join("disk"));
    fs::create_dir(&disk).unwrap();
    let output = disk.join("out.zarr");
    let script = r#"mount -t tmpfs -o size=96k none "$0" || exit 77
        "$@"; code=$?; ls -A "$0"
        mount -o remount,size=4m "$0" && "$@" --resume --quiet && ls -A "$0" || exit 78
        exit $code"#;
    let mut shell = std::process::Command::new("unshare");
    shell.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, text(&disk)]);
    shell.arg(env!("CARGO_BIN_EXE_decon-gpu"));
    shell.args(run_arguments(&input, &output, "--iterations 0 --output-type f32 --chunk 16 --shard 16"));
    let ended = wait_for(shell);
    if ended.code == Some(77) || ended.stderr.starts_with("unshare") {
        eprintln!("SKIPPED: this user may not mount a small disk: {}", ended.stderr);
        return;
    }
    let ended = ended.failed(1, "No space left");
    assert_eq!(ended.stdout, ".out.zarr.partial\nout.zarr\n", "first what is finished, then all");
}
