//! Storage, inputs and outputs that go away while a run works: one message, and what is finished stays.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{files, json, names};
use crate::cli::program::{PATIENCE, command, run, run_arguments, start_run, text, wait_for};
use crate::cli::report::data;

fn input_in(home: &Path) -> PathBuf {
    let input = home.join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    input
}

/// Many tiles, each of which needs a request of its own.
pub const TILES: &str = "--iterations 2 --tile 32 --halo 8 --chunk 16 --shard 32 --psf-size 1,9,9 --request-size 1 \
                     --merge-gap 0 --readers 1 --memory 300MiB";

/// What is at `output` after `--resume` is what was there after an uninterrupted run.
#[track_caller]
pub fn resumes(input: &Path, output: &Path, flags: &str) {
    run(input, output, &format!("{flags} --resume")).done();
    let resumed = files(output);
    run(input, output, &format!("{flags} --overwrite")).done();
    assert!(files(output) == resumed, "another output");
}

#[test]
fn storage_that_stalls_ends_the_run_with_one_message() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let summary = home.path().join("summary.json");
    let sparse = format!("{TILES} --sink null --summary {}", text(&summary));
    run(&input, &output, &sparse).done();
    let requests = json(&summary)["requests"].as_u64().unwrap();
    assert!(requests >= 5, "{requests} requests");
    fs::remove_file(&summary).unwrap();

    // Opening takes a few requests before those: so many that the last is not answered.
    let mut kept = 0;
    for answered in 1..20 {
        let storage = format!("{TILES} --timeout 300ms --simulate-storage stall={answered}");
        let start = Instant::now();
        let ended = run(&input, &output, &format!("{storage} --overwrite"));
        if ended.code == Some(0) {
            break;
        }
        let ended = ended.failed(1, "the storage has not answered for");
        assert!(start.elapsed() >= Duration::from_millis(300));
        assert!(ended.stderr.contains("in.czi: reading"), "{}", ended.stderr);
        assert!(ended.stderr.contains(" bytes at byte "), "{}", ended.stderr);
        assert!(!output.exists());
        let record = home.path().join(".out.zarr.partial/record");
        let record = fs::read_to_string(record).unwrap_or_default();
        kept = kept.max(record.lines().filter(|line| line.starts_with("{\"shard\"")).count());
        if kept > 0 {
            resumes(&input, &output, TILES);
            break;
        }
    }
    assert!(kept > 0, "no stall left a finished shard");
    assert_eq!(names(home.path()), ["in.czi", "out.zarr"]);
}

#[test]
fn a_run_that_stalls_is_recorded_with_what_hangs() {
    let home = tempfile::tempdir().unwrap();
    let input = input_in(home.path());
    let output = home.path().join("out.zarr");
    let written = ["trace.json", "page.html", "summary.json"].map(|name| home.path().join(name));
    let [trace, page, summary] = &written;
    let records = format!("--trace {} --report {} --summary {}", text(trace), text(page), text(summary));
    let mut seen = std::collections::BTreeSet::new();
    for answered in 1..20 {
        let stall = format!("--overwrite --timeout 300ms --simulate-storage stall={answered}");
        let flags = format!("{TILES} {records} {stall}");
        let ended = run(&input, &output, &flags);
        if ended.code == Some(0) {
            break;
        }
        ended.failed(1, "the storage has not answered for");
        let summary = json(summary);
        assert_eq!(summary["files"][0]["state"], "failed");
        let page = data(&fs::read_to_string(page).unwrap());
        assert_eq!(page["summary"], summary);
        for said in [&summary["files"][0]["note"], &page["ending"]] {
            assert!(said.as_str().unwrap().contains("the storage has not answered for"), "{said}");
        }
        let events = json(trace)["traceEvents"].clone();
        let events = || events.as_array().unwrap().iter();
        let asked = events().filter(|event| event["ph"] == "b" && event["args"]["failed"] == true);
        // Directory and metadata are asked for at the same time, after the first bytes and the header.
        assert_eq!(asked.count(), if answered == 2 { 2 } else { 1 });
        let hangs: Vec<_> = events().filter(|event| event["name"] == "not ended").collect();
        assert!(hangs.len() == 1 && hangs[0]["dur"].as_f64().unwrap() >= 300e3, "{hangs:?}");
        seen.insert(hangs[0]["cat"].as_str().unwrap().to_owned());
        written.iter().for_each(|file| fs::remove_file(file).unwrap());
    }
    // Opened, and its fields read.
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["plan", "read"]);
}

#[test]
fn of_several_files_one_stalls_and_those_that_follow_are_not_begun() {
    let home = tempfile::tempdir().unwrap();
    let (input, folder, summary) =
        (input_in(home.path()), home.path().join("out/"), home.path().join("summary.json"));
    let twin = home.path().join("twin.czi");
    fs::copy(&input, &twin).unwrap();
    let flags = format!("{TILES} --timeout 300ms --simulate-storage stall=1 --progress json");
    let flags = format!("{} --summary {} {flags}", text(&twin), text(&summary));
    let ended = run(&input, &folder, &flags).failed(1, "the storage has not answered for");
    let summary = json(&summary);
    let states: Vec<_> = (0..2).map(|i| summary["files"][i]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "interrupted"]);
    let last: serde_json::Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["files"][0]["note"]), (&"ended".into(), &summary["files"][0]["note"]));
}

/// The compute stage reads, too, before it begins.
#[test]
fn storage_that_stalls_while_iterations_are_decided_ends_the_run() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    for answered in [8, 12, 16] {
        let flags = format!("{TILES} --until 0.01 --timeout 300ms --simulate-storage stall={answered}");
        run(&input, &output, &flags).failed(1, "the storage has not answered for");
    }
}

#[test]
fn slow_storage_has_not_stalled() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    // The whole run takes longer than the time limit, each request less.
    let storage = "--timeout 3s --simulate-storage latency=450ms";
    let start = Instant::now();
    run(&input, &output, &format!("{TILES} {storage}")).done();
    assert!(start.elapsed() > Duration::from_secs(3), "no longer than the time limit");
}

#[cfg(unix)]
#[test]
fn a_run_that_was_stopped_for_a_while_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let flags = format!("{TILES} --timeout 3s --simulate-storage latency=450ms");
    let running = start_run(command(&run_arguments(&input, &output, &flags)));
    for (signal, pause) in [("STOP", 1500), ("CONT", 4000)] {
        std::thread::sleep(Duration::from_millis(pause));
        let sent = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &running.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
    running.end().done();
}

/// Starts a run that takes long, waits until it has finished a shard, and does `harm`.
pub fn harmed(input: &Path, output: &Path, flags: &str, harm: impl FnOnce()) -> crate::cli::program::Ended {
    let running = start_run(command(&run_arguments(input, output, flags)));
    let name = format!(".{}.partial/record", output.file_name().unwrap().to_str().unwrap());
    let record = output.with_file_name(name);
    let start = Instant::now();
    while !fs::read_to_string(&record).unwrap_or_default().contains("{\"shard\"") {
        assert!(start.elapsed() < PATIENCE, "the run finishes no shard");
        std::thread::sleep(Duration::from_millis(1));
    }
    harm();
    running.end()
}

/// Removes a folder in which the run makes files meanwhile.
fn remove_while_written(folder: &Path) {
    let start = Instant::now();
    while let Err(error) = fs::remove_dir_all(folder) {
        let is_written = matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound);
        assert!(is_written && start.elapsed() < PATIENCE, "{error}");
        if !folder.exists() {
            return;
        }
    }
}

/// Long enough that something can happen meanwhile.
pub const LONG: &str = "--iterations 200 --tile 16 --halo 8 --chunk 16 --shard 32 --psf-size 1,15,15 --quiet";

#[test]
fn an_output_folder_that_vanishes_ends_the_run_with_one_message() {
    let home = tempfile::tempdir().unwrap();
    let (input, folder) = (input_in(home.path()), home.path().join("results"));
    fs::create_dir(&folder).unwrap();
    let output = folder.join("out.zarr");
    let partial = folder.join(".out.zarr.partial");
    harmed(&input, &output, LONG, || remove_while_written(&partial)).failed(1, ".out.zarr.partial");
    assert_eq!(names(&folder), [""; 0]);
    // A disk that is taken away: everything above is gone, too.
    let away = home.path().join("away");
    harmed(&input, &output, LONG, || fs::rename(&folder, &away).unwrap()).failed(1, "results");
    assert!(!folder.exists());
    // Back in its place, it goes on.
    fs::rename(&away, &folder).unwrap();
    resumes(&input, &output, LONG);
}

#[test]
fn an_input_that_disappears_gives_its_pixels_or_an_error_and_never_others() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    run(&input, &output, LONG).done();
    let whole = files(&output);
    fs::remove_dir_all(&output).unwrap();
    // A file that is open stays readable when its name is gone.
    harmed(&input, &output, LONG, || fs::remove_file(&input).unwrap()).done();
    assert!(files(&output) == whole, "other pixels");

    // Of an OME-Zarr a chunk that is not there is the fill value, but not when everything is gone.
    let (zarr, again) = (home.path().join("a.zarr"), home.path().join("b.zarr"));
    run(&input_in(home.path()), &zarr, "--iterations 0 --chunk 16 --shard 16").done();
    let slow = format!("{LONG} --simulate-storage latency=20ms --readers 1 --retries 0");
    harmed(&zarr, &again, &slow, || fs::remove_dir_all(&zarr).unwrap()).failed(1, "a.zarr");
    assert!(!again.exists());
}

/// A file system that nobody may write to, also not root.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "mounts a disk: needs leave to use user namespaces"]
fn a_mounted_disk_that_is_read_only_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let (input, disk) = (input_in(home.path()), home.path().join("disk"));
    fs::create_dir(&disk).unwrap();
    let script = r#"mount -t tmpfs -o ro none "$0" || exit 77
        "$@""#;
    let mut shell = std::process::Command::new("unshare");
    shell.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, text(&disk)]);
    shell.arg(env!("CARGO_BIN_EXE_decon-gpu"));
    let output = disk.join("out.zarr");
    shell.args(run_arguments(&input, &output, "--iterations 0"));
    let ended = wait_for(shell);
    if ended.code == Some(77) || ended.stderr.starts_with("unshare") {
        eprintln!("SKIPPED: this user may not mount a disk: {}", ended.stderr);
        return;
    }
    ended.failed(1, "Read-only file system");
}
