//! A call to the system that fails, and a kill there: of every open, read, write, sync, rename, mkdir, unlink and truncate of a
//! small run, some, or with `DECON_GPU_FAULTS=all` each. No output is half, and `--resume` makes the rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{files, names};
use crate::cli::program::{Ended, PATIENCE, command, run, run_arguments, start_run, text, wait_for};
use crate::cli::tiff_file;

const LOUD: &str = "--iterations 0 --chunk 64 --shard 128 --threads 1";
const FLAGS: &str = "--iterations 0 --chunk 64 --shard 128 --threads 1 --quiet";
/// Calls after which a run waits, as a busy server may take minutes: flushes, and removing folders.
const MAY_TAKE_LONG: &[&str] = &["flushing it", "writing it", "removing it"];
/// Of each kind, unless all are asked for.
const SAMPLES: u64 = 3;

const EIO: &str = "5";
const ENOENT: &str = "2";
const EMFILE: &str = "24";
const ENOSPC: &str = "28";

/// What comes between the program and the C library.
fn shim() -> &'static Path {
    static SHIM: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, shim) = SHIM.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let shim = folder.path().join("faults.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/faults.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).arg("-ldl");
        assert!(compiler.status().expect("a C compiler is called cc").success());
        (folder, shim)
    });
    shim
}

/// Each format, by the name of an output.
const OUTPUTS: [&str; 2] = ["out.zarr", "out.ome.tif"];

/// A folder with an input, where outputs are made, and what they must be.
struct Place {
    name: &'static str,
    _home: tempfile::TempDir,
    input: PathBuf,
    folder: PathBuf,
    /// By the path in the output.
    whole: BTreeMap<PathBuf, Vec<u8>>,
    /// The same of an output of other options.
    old: BTreeMap<PathBuf, Vec<u8>>,
    counts: PathBuf,
}

impl Place {
    fn new(name: &'static str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let [input, folder, counts] = ["input", "output", "counts"].map(|name| home.path().join(name));
        fs::create_dir(&input).unwrap();
        fs::create_dir(&folder).unwrap();
        let input = input.join("in.czi");
        write(&input, &five_fields(PixelType::Gray16), &metadata(1));
        let made = |flags: &str| {
            let output = folder.join(name);
            run(&input, &output, &format!("{FLAGS} --overwrite {flags}")).done();
            contents(&output).unwrap()
        };
        let (old, whole) = (made("--fill 7"), made(""));
        assert!(old != whole);
        Self { name, _home: home, input, folder, whole, old, counts }
    }

    fn output(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Nothing is there, or the old output.
    fn prepare(&self, has_old: bool) {
        fs::remove_dir_all(&self.folder).unwrap();
        fs::create_dir(&self.folder).unwrap();
        if has_old {
            run(&self.input, &self.output(), &format!("{FLAGS} --fill 7")).done();
        }
    }

    /// Runs with `fault`, as the shim reads it, on files below `below`.
    fn run(&self, fault: &str, below: &Path, flags: &str) -> Ended {
        let (flags, output) = (format!("{FLAGS} {flags}"), self.output());
        let mut program = command(&run_arguments(&self.input, &output, &flags));
        program.env("LD_PRELOAD", shim()).env("FAULT_BELOW", below);
        program.env("FAULT_COUNTS", &self.counts).env("FAULT", fault);
        wait_for(program)
    }

    /// How many calls a run makes, by their kind.
    fn count(&self, below: &Path, flags: &str) -> BTreeMap<String, u64> {
        self.run("", below, flags).done();
        assert!(contents(&self.output()).as_ref() == Some(&self.whole), "the shim alone changes the output");
        let counts = fs::read_to_string(&self.counts).unwrap();
        let count = |line: &str| line.split_once(' ').map(|(name, n)| (name.to_owned(), n.parse().unwrap()));
        counts.lines().filter_map(count).collect()
    }

    /// After a run with a fault that ended as `ended`: nothing is half, and the run goes on to the whole output.
    #[track_caller]
    fn check(&self, ended: &Ended, has_old: bool, case: &str) {
        assert!(!ended.stderr.contains("panicked"), "{case}: {}", ended.stderr);
        let there = contents(&self.output());
        let is_whole = there.as_ref() == Some(&self.whole);
        let is_old = has_old && there.as_ref() == Some(&self.old);
        assert!(there.is_none() || is_whole || is_old, "{case}: half an output");
        if has_old && there.is_none() {
            let aside = contents(&self.folder.join(format!(".{}.partial/old", self.name)));
            assert!(aside.as_ref() == Some(&self.old), "{case}: the old output is gone");
        }
        match ended.code {
            Some(0) => assert!(is_whole, "{case}: no output, and yet exit code 0"),
            Some(1) => {
                let errors = ended.stderr.lines().filter(|line| line.starts_with("error:")).count();
                assert_eq!(errors, 1, "{case}: {}", ended.stderr);
            }
            None => {}
            other => panic!("{case}: exit code {other:?}: {}", ended.stderr),
        }
        let overwrite = if has_old { "--overwrite" } else { "" };
        let resumed = run(&self.input, &self.output(), &format!("{FLAGS} --resume {overwrite}"));
        assert_eq!(resumed.code, Some(0), "{case}, --resume: {}", resumed.stderr);
        assert!(contents(&self.output()).as_ref() == Some(&self.whole), "{case}: another output by --resume");
        assert_eq!(names(&self.folder), [self.name], "{case}");
    }

    /// Runs where a call never returns, until it ends, or says that it waits and is ended.
    fn run_hung(&self, fault: &str, flags: &str) -> Ended {
        let (flags, output) = (format!("{LOUD} --timeout 300ms {flags}"), self.output());
        let mut program = command(&run_arguments(&self.input, &output, &flags));
        program.env("LD_PRELOAD", shim()).env("FAULT_BELOW", &self.folder).env("FAULT", fault);
        let mut running = start_run(program);
        let start = Instant::now();
        while running.works() {
            let stderr = running.errors();
            if stderr.contains("the run waits") {
                assert!(MAY_TAKE_LONG.iter().any(|what| stderr.contains(what)), "{fault}: {stderr}");
                running.kill();
                return Ended { code: None, stdout: String::new(), stderr };
            }
            assert!(start.elapsed() < PATIENCE, "{fault}: nothing is said: {stderr}");
            std::thread::sleep(Duration::from_millis(5));
        }
        running.end().failed(1, "the storage has not answered for")
    }

    /// Lets the calls `kinds` on files below `below` fail with each of their effects.
    fn sweep(&self, below: &Path, kinds: &[(&str, &[&str])], has_old: bool) -> u64 {
        let flags = if has_old { "--overwrite" } else { "" };
        self.prepare(has_old);
        let counts = self.count(below, flags);
        let mut tried = 0;
        for (kind, effects) in kinds {
            let count = counts[*kind];
            assert!(count > 0, "no {kind} is seen");
            for (number, effect) in sampled(count).flat_map(|n| effects.iter().map(move |effect| (n, effect)))
            {
                let fault = format!("{kind}:{number}:{effect}");
                self.prepare(has_old);
                let ended = self.run(&fault, below, flags);
                self.check(&ended, has_old, &format!("{fault} of {count}, old output {has_old}"));
                tried += 1;
            }
        }
        tried
    }
}

/// Numbers of the calls that fail: first and last, and some between.
fn sampled(count: u64) -> impl Iterator<Item = u64> {
    let is_all = std::env::var("DECON_GPU_FAULTS").is_ok_and(|all| all == "all");
    let samples = if is_all { count } else { count.min(SAMPLES) };
    (0..samples).map(move |i| 1 + i * (count - 1) / (samples - 1).max(1))
}

/// Every file below `output`, by its path there, or what an OME-TIFF holds; `None` where nothing has its name.
fn contents(output: &Path) -> Option<BTreeMap<PathBuf, Vec<u8>>> {
    let inside = |(path, bytes): (PathBuf, Vec<u8>)| (path.strip_prefix(output).unwrap().to_owned(), bytes);
    if output.is_file() {
        return Some(tiff_file::contents(output));
    }
    output.exists().then(|| files(output).into_iter().map(inside).collect())
}

const WRITES: &[(&str, &[&str])] = &[
    ("open", &[EMFILE, EIO]),
    ("write", &[ENOSPC, EIO, "short"]),
    ("sync", &[EIO]),
    ("rename", &[EIO]),
    ("mkdir", &[ENOSPC]),
    ("unlink", &[EIO]),
    ("truncate", &[EIO]),
];

#[test]
fn a_call_on_the_output_that_fails_leaves_nothing_half() {
    for name in OUTPUTS {
        let place = Place::new(name);
        let tried = [false, true].map(|has_old| place.sweep(&place.folder, WRITES, has_old));
        eprintln!("{name}: {tried:?} faults, every output the same");
    }
}

#[test]
fn a_kill_at_any_call_on_the_output_leaves_nothing_half() {
    const ENDS: &[&str] = &["before", "after"];
    let kinds: Vec<_> = WRITES.iter().map(|(kind, _)| (*kind, ENDS)).collect();
    for name in OUTPUTS {
        let place = Place::new(name);
        let tried = [false, true].map(|has_old| place.sweep(&place.folder, &kinds, has_old));
        eprintln!("{name}: {tried:?} kills, every output the same");
    }
}

#[test]
fn a_call_on_the_input_that_fails_is_repeated_or_ends_the_run() {
    let place = Place::new(OUTPUTS[0]);
    let input = place.input.parent().unwrap();
    let tried = place.sweep(input, &[("open", &[ENOENT, EMFILE, EIO]), ("read", &[EIO])], false);
    eprintln!("{tried} faults, every output the same; {}", text(&place.input));
}

#[test]
fn a_call_on_the_output_that_hangs_ends_the_run_or_is_told() {
    let place = Place::new(OUTPUTS[0]);
    let mut tried = 0;
    place.prepare(true);
    let counts = place.count(&place.folder, "--overwrite");
    for (kind, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        for number in sampled(count) {
            let fault = format!("{kind}:{number}:hang");
            place.prepare(true);
            let ended = place.run_hung(&fault, "--overwrite");
            place.check(&ended, true, &format!("{fault} of {count}"));
            tried += 1;
        }
    }
    eprintln!("{tried} calls that hang, every output the same");
}
