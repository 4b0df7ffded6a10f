//! What was stored and is there no longer, or is another run's: never a complete-looking output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use decon_gpu::pixels::PixelType;

use crate::cli::gone::{LONG, harmed, resumes};
use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{files, names};
use crate::cli::program::{PATIENCE, Running, command, run, run_arguments, start_run, text, wait_for};

fn input_in(home: &Path) -> PathBuf {
    let input = home.join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    input
}

/// Files of pixels below `folder`.
fn shards(folder: &Path) -> Vec<PathBuf> {
    files(folder).into_keys().filter(|path| !path.ends_with("zarr.json")).collect()
}

#[test]
fn a_finished_shard_that_is_lost_meanwhile_ends_the_run_and_resume_makes_it_again() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let image = home.path().join(".out.zarr.partial/image");
    type Harm = fn(&Path);
    let remove: Harm = |path| fs::remove_file(path).unwrap();
    let cut: Harm = |path| fs::File::options().write(true).open(path).unwrap().set_len(9).unwrap();
    for harm in [remove, cut] {
        let ended = harmed(&input, &output, LONG, || harm(&shards(&image)[0]));
        ended.failed(1, "--resume makes it again");
        assert_eq!(names(home.path()), [".out.zarr.partial", "in.czi"]);
        resumes(&input, &output, LONG);
        fs::remove_dir_all(&output).unwrap();
    }
}

#[test]
fn metadata_that_are_lost_meanwhile_are_written_again() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let array = home.path().join(".out.zarr.partial/image/0/zarr.json");
    harmed(&input, &output, LONG, || fs::remove_file(&array).unwrap()).done();
    let found = files(&output);
    run(&input, &output, &format!("{LONG} --overwrite")).done();
    assert!(files(&output) == found, "another output");
}

fn send(running: &Running, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &running.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Starts a run and lets it finish a shard.
fn begun(input: &Path, output: &Path, flags: &str) -> Running {
    let running = start_run(command(&run_arguments(input, output, flags)));
    let record = output.with_file_name(".out.zarr.partial").join("record");
    let start = Instant::now();
    while !fs::read_to_string(&record).unwrap_or_default().contains("{\"shard\"") {
        assert!(start.elapsed() < PATIENCE, "the run finishes no shard");
        std::thread::sleep(Duration::from_millis(1));
    }
    running
}

#[test]
fn a_run_does_not_go_on_in_the_folder_of_another() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let partial = home.path().join(".out.zarr.partial");
    let other = format!("{LONG} --fill 2 --output-type f32");
    run(&input, &output, &other).done();
    let whole = files(&output);
    fs::remove_dir_all(&output).unwrap();

    let first = begun(&input, &output, LONG);
    send(&first, "STOP");
    fs::remove_dir_all(&partial).unwrap();
    begun(&input, &output, &other).kill();
    let (record, stored) = (fs::read(partial.join("record")).unwrap(), shards(&partial.join("image")));
    send(&first, "CONT");
    first.end().failed(1, "another run's");
    assert!(!output.exists());
    assert_eq!(fs::read(partial.join("record")).unwrap(), record);
    assert_eq!(shards(&partial.join("image")), stored);
    run(&input, &output, &format!("{other} --resume")).done();
    assert!(files(&output) == whole, "another output");

    // One that has finished nothing does not remove what another has made.
    fs::remove_dir_all(&output).unwrap();
    let idle = start_run(command(&run_arguments(&input, &output, "--iterations 100000000 --quiet")));
    let start = Instant::now();
    while !partial.join("image/0/zarr.json").exists() {
        assert!(start.elapsed() < PATIENCE, "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    send(&idle, "STOP");
    fs::remove_dir_all(&partial).unwrap();
    begun(&input, &output, &other).kill();
    send(&idle, "INT");
    send(&idle, "CONT");
    std::thread::sleep(Duration::from_millis(300));
    send(&idle, "INT");
    assert_eq!(idle.end().code, Some(130));
    assert!(partial.join("record").exists());
}

#[test]
fn a_file_in_the_way_of_the_hidden_folder_is_told() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    fs::write(home.path().join(".out.zarr.partial"), "mine").unwrap();
    run(&input, &output, "--iterations 0").failed(2, ".out.zarr.partial is in the way");
    assert_eq!(fs::read_to_string(home.path().join(".out.zarr.partial")).unwrap(), "mine");
}

#[test]
fn every_name_that_the_system_takes_is_an_output() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let home = tempfile::tempdir().unwrap();
    let input = input_in(home.path());
    let long = |letter: &str, length: usize| home.path().join(letter.repeat(length));
    for output in [long("a", 134), long("a", 135), long("a", 247), long("a", 255), long("ä", 127)] {
        run(&input, &output, "--iterations 0").done();
        run(&input, &output, "--iterations 0 --overwrite").done();
    }
    run(&input, &long("a", 256), "--iterations 0").failed(1, "name too long");
    // Two that look the same have hidden folders of their own.
    let other = [&b"\xfe.zarr"[..], b"\xff.zarr"].map(|name| home.path().join(OsStr::from_bytes(name)));
    let begin = |output: &Path, flags: &str| {
        let mut command = command(&["run", text(&input), "--backend", "cpu"]);
        command.args(flags.split(' ')).arg("-o").arg(output);
        command
    };
    let first = start_run(begin(&other[0], "--iterations 100000000 --quiet"));
    let start = Instant::now();
    let hidden = || names(home.path()).iter().any(|name| name.starts_with(".\u{fffd}.zarr-"));
    while !hidden() {
        assert!(start.elapsed() < PATIENCE, "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    wait_for(begin(&other[1], "--iterations 0")).done();
    first.kill();
}

/// As root, too, nothing is removed from a folder that is not writable: the program has no privileges there.
#[cfg(target_os = "linux")]
#[test]
fn an_old_output_that_cannot_be_removed_is_a_note() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    run(&input, &output, "--iterations 0 --fill 7").done();
    let array = output.join("0");
    fs::set_permissions(&array, PermissionsExt::from_mode(0o555)).unwrap();
    let unprivileged = |flags: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", env!("CARGO_BIN_EXE_decon-gpu")]).args(run_arguments(&input, &output, flags));
        wait_for(unshare)
    };
    let ended = unprivileged("--iterations 0 --overwrite");
    let old = home.path().join(".out.zarr.partial/old/0");
    if old.exists() {
        fs::set_permissions(&old, PermissionsExt::from_mode(0o755)).unwrap();
    }
    if ended.stderr.starts_with("unshare") {
        eprintln!("SKIPPED: this user may not give privileges up: {}", ended.stderr);
        return;
    }
    let ended = ended.done();
    assert!(ended.stderr.contains("could not be removed"), "{}", ended.stderr);
    fs::set_permissions(&old, PermissionsExt::from_mode(0o555)).unwrap();
    let again = unprivileged("--iterations 0 --overwrite --resume").done();
    assert!(again.stderr.contains("is already complete"), "{}", again.stderr);
    fs::set_permissions(&old, PermissionsExt::from_mode(0o755)).unwrap();
    let found = files(&output);
    run(&input, &output, "--iterations 0 --overwrite").done();
    assert!(files(&output) == found, "another output");
    assert_eq!(names(home.path()), ["in.czi", "out.zarr"]);
}
