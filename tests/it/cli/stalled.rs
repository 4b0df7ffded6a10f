//! Storage of the output that answers no more, or takes no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use decon_gpu::pixels::PixelType;

use crate::cli::gone::{TILES, resumes};
use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{files, names};
use crate::cli::program::{Ended, PATIENCE, command, run, run_arguments, start_run};

fn input_in(home: &Path) -> PathBuf {
    let input = home.join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    input
}

/// How a run went whose output answers `calls` calls.
enum Went {
    Through,
    Ended(Ended),
    /// It was still there and said that it waits.
    Waited(String),
}

fn stalled_after(calls: u32, input: &Path, output: &Path) -> Went {
    let storage =
        format!("{TILES} --threads 1 --overwrite --timeout 300ms --simulate-storage stall-writes={calls}");
    let mut running = start_run(command(&run_arguments(input, output, &storage)));
    let start = Instant::now();
    loop {
        let errors = running.errors();
        if errors.contains("the run waits") {
            std::thread::sleep(Duration::from_millis(500));
            assert!(running.works(), "a flush may take its time");
            running.kill();
            return Went::Waited(errors);
        }
        if !running.works() {
            let ended = running.end();
            return if ended.code == Some(0) { Went::Through } else { Went::Ended(ended) };
        }
        assert!(start.elapsed() < PATIENCE, "nothing is said after {calls} calls: {errors}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn writes_that_hang_end_the_run_and_flushes_are_told() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let record = home.path().join(".out.zarr.partial/record");
    let (mut ended, mut waited, mut kept) = (0, 0, 0);
    // Which call is a flush, and which a shard's, depends on how the threads follow each other.
    for calls in (0..2).chain((20..28).cycle().take(80)) {
        if ended > 2 && waited > 0 && kept > 0 {
            break;
        }
        match stalled_after(calls, &input, &output) {
            Went::Through => {
                panic!("{calls} calls were enough; {ended} ended, {waited} waited, {kept} kept something")
            }
            Went::Ended(failed) => {
                let failed = failed.failed(1, "the storage has not answered for");
                assert!(failed.stderr.contains("out.zarr"), "{}", failed.stderr);
                ended += 1;
            }
            Went::Waited(errors) => {
                assert!(errors.contains(".zarr") && errors.contains("flushing it"), "{errors}");
                waited += 1;
            }
        }
        assert!(!output.exists());
        let lines = fs::read_to_string(&record).unwrap_or_default();
        kept += usize::from(lines.contains("{\"shard\""));
    }
    resumes(&input, &output, TILES);
    assert_eq!(names(home.path()), ["in.czi", "out.zarr"]);
}

/// `ulimit -f` counts 512 bytes in some shells and 1024 in others.
#[test]
fn a_limit_of_the_size_of_files_is_an_error_and_with_more_the_run_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let flags = "--iterations 0 --output-type f32 --chunk 128 --shard 128";
    run(&input, &output, flags).done();
    let whole = files(&output);
    fs::remove_dir_all(&output).unwrap();
    for blocks in ["1", "0"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -f \"$0\" && exec \"$@\"", blocks, env!("CARGO_BIN_EXE_decon-gpu")]);
        shell.args(run_arguments(&input, &output, flags));
        // The streams of the test are files, too.
        let ended = wait_for_piped(shell);
        assert_eq!(ended.0, Some(1), "{}", ended.1);
        assert!(ended.1.contains("File too large"), "{}", ended.1);
        assert!(!output.exists());
    }
    run(&input, &output, &format!("{flags} --resume")).done();
    assert!(files(&output) == whole, "another output");
}

fn wait_for_piped(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
