//! What the program says goes to a terminal, a pipe or a disk: nothing that a terminal obeys, and no half text in silence.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use decon_gpu::czi::write::Metadata;
use decon_gpu::dataset::Channel;
use decon_gpu::pixels::PixelType;
use serde_json::Value;

use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::program::{command, decon_gpu, run, text};

/// Title, colour, a forged line, and a turned direction of writing.
const EVIL: &str = "a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\nerror: forged\u{7f}";

/// As far as XML has it.
const EVIL_XML: &str = "b\u{9b}31m\u{202e}\u{2028}c";

/// A CZI and an OME-Zarr whose texts and names are evil.
fn evil(folder: &Path) -> [PathBuf; 2] {
    let [input, zarr] = ["czi", "zarr"].map(|kind| folder.join(format!("{EVIL}.{kind}")));
    let mut texts = metadata(1);
    texts.channels = vec![Channel { name: Some(EVIL_XML.into()), ..texts.channels[0].clone() }];
    texts.optics.objective = Some(EVIL_XML.into());
    write(&input, &five_fields(PixelType::Gray16), &texts);
    run(&input, &zarr, "--iterations 0").done();
    let document = zarr.join("zarr.json");
    let mut image: Value = serde_json::from_slice(&std::fs::read(&document).unwrap()).unwrap();
    image["attributes"]["ome"]["omero"]["channels"][0]["label"] = EVIL.into();
    std::fs::write(&document, image.to_string()).unwrap();
    [input, zarr]
}

#[cfg(unix)]
#[test]
fn nothing_of_a_file_is_obeyed_by_a_terminal() {
    let home = tempfile::tempdir().unwrap();
    let [czi, zarr] = evil(home.path());
    let [czi, zarr] = [text(&czi), text(&zarr)];
    let output = home.path().join(format!("{EVIL} out"));
    let cpu = ["--iterations", "0", "--backend", "cpu"];
    let run =
        |input, flags: &[&'static str]| [&["run", input, "-o", text(&output)][..], &cpu, flags].concat();
    let mut said = Vec::new();
    for arguments in [
        vec!["info", czi],
        vec!["info", zarr],
        vec!["info", czi, "--json"],
        vec!["info", zarr, "--json"],
        [&["plan", czi][..], &cpu].concat(),
        [&["plan", zarr][..], &cpu].concat(),
        run(czi, &[]),
        run(zarr, &["--progress", "json", "--overwrite"]),
        run(zarr, &[]),
        run(zarr, &["--flatfield", "none.tif", "--overwrite"]),
        run(zarr, &["--scale", EVIL]),
        vec!["info", zarr, "--map", EVIL],
        vec!["bench", "compare", czi, zarr],
    ] {
        let ended = decon_gpu(&arguments);
        if arguments.contains(&"--json") {
            let info: Value = serde_json::from_str(&ended.stdout).unwrap();
            let name = if arguments[1] == czi { EVIL_XML } else { EVIL };
            assert_eq!(info["channels"][0]["name"], name);
        }
        said.extend([ended.stdout, ended.stderr].map(|text| (format!("{arguments:?}"), text)));
    }
    for (arguments, text) in said {
        let is_obeyed = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2028}".contains(c);
        assert!(!text.contains(is_obeyed), "{arguments}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{arguments}: {text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_output_is_a_failure() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    let cpu = ["--iterations", "0", "--backend", "cpu"];
    let progress = ["--progress", "json", "-o", text(&output)];
    for arguments in [
        vec!["info", text(&input)],
        vec!["info", text(&input), "--json"],
        [&["plan", text(&input)][..], &cpu].concat(),
        [&["plan", text(&input), "--json"][..], &cpu].concat(),
        vec!["devices"],
        vec!["--help"],
        vec!["run", "--help"],
        [&["run", text(&input)][..], &cpu, &progress].concat(),
        [&["bench", "once", text(&input), "--pass", "file"][..], &cpu].concat(),
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended =
            command(&arguments).stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("error: standard output: No space left on device"), "{arguments:?}: {said}");
    }
    assert!(output.join("zarr.json").exists(), "the work is done, and that nobody was told is said");
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &Metadata::default());
    for flag in ["--json", "--retries=0"] {
        let program = command(&["info", text(&input), flag]);
        let mut child = Command::new(program.get_program());
        let mut child =
            child.args(program.get_args()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
    }
}

/// As on a login node or in a container: the system gives another user so many threads and no more.
#[cfg(target_os = "linux")]
#[test]
fn threads_that_are_not_given_are_an_error() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    let allowed = ["setpriv", "chmod"].map(|program| Command::new(program).arg("--version").output().is_ok());
    let other = ["--reuid", "64321", "--regid", "64321", "--clear-groups"];
    let is_root =
        Command::new("setpriv").args(other).arg("true").status().is_ok_and(|status| status.success());
    if !allowed.iter().all(|is| *is) || !is_root {
        eprintln!("SKIPPED: this user may not become another (setpriv), who has fewer threads");
        return;
    }
    let shared = home.path().to_owned();
    for path in [&shared, &input] {
        assert!(Command::new("chmod").arg("777").arg(path).status().unwrap().success());
    }
    let program = command(&[]).get_program().to_owned();
    // Where the other user may run it.
    let copy = home.path().join("decon-gpu");
    std::fs::copy(program, &copy).unwrap();
    let mut refused = 0;
    for threads in 1..=20 {
        let output = home.path().join(format!("{threads}.zarr"));
        let limit = format!("--nproc={threads}");
        let mut limited = Command::new("setpriv");
        limited
            .args(other)
            .args(["prlimit", &limit])
            .arg(&copy)
            .arg("run")
            .arg(&input)
            .arg("-o")
            .arg(&output);
        limited.args(["--backend", "cpu", "--iterations", "1", "--threads", "2", "--quiet"]);
        limited.args(["--na", "0.8", "--emission-nm", "520", "--immersion-index", "1"]);
        let ended = crate::cli::program::wait_for(limited);
        assert!(!ended.stderr.contains("panicked"), "{threads}: {}", ended.stderr);
        assert_eq!(output.exists(), ended.code == Some(0));
        if ended.code != Some(0) {
            ended.failed(1, "the system gives no more threads");
            refused += 1;
        }
    }
    assert!(refused >= 3, "{refused} of 20 were refused");
    run(&input, &home.path().join("free.zarr"), "--iterations 0").done();
}
