//! Damaged files by the hundred: no panic, no hang, no memory beyond what the file and the plan allow.
//!
//! A few mutants of each file by default; `DECON_GPU_MUTANTS=1000 cargo test --release --test mutants` makes 1000.
//! The fuzzers in `fuzz/` do the same to the same entry points, guided by coverage.

#[path = "../../fuzz/src/made.rs"]
mod made;
mod mutate;
#[path = "../../fuzz/src/whole_file.rs"]
mod whole_file;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Of each file, unless the environment says otherwise.
const MUTANTS: u64 = 20;
/// The longest that a broken file may keep the processor busy.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest until its end, on a machine that does much else: more is a hang.
const HANGS: Duration = Duration::from_secs(900);

#[test]
fn a_damaged_file_ends_in_an_error_or_a_result_in_bounded_time_and_memory() {
    let home = tempfile::tempdir().unwrap();
    mutate_each(made::write(home.path()).unwrap());
}

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn damaged_copies_of_real_files_end_so_too() {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/czi")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "czi"))
        .collect();
    files.sort();
    mutate_each(files);
}

/// Fails unless every mutant of `files` is refused or used, within the bounds.
fn mutate_each(files: Vec<PathBuf>) {
    let home = tempfile::tempdir().unwrap();
    let count = std::env::var("DECON_GPU_MUTANTS").map_or(MUTANTS, |text| text.parse().expect("a number"));
    let mut failures = Vec::new();
    let (mut refused, mut survived) = (0, 0);
    for file in files {
        let original = fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(whole_file::use_file(&file).is_ok(), "{name} is whole");
        for seed in 0..count {
            let mutant = home.path().join("mutant");
            fs::write(&mutant, mutate::mutant(&original, seed)).unwrap();
            match judge(&mutant, original.len()) {
                Ok(true) => survived += 1,
                Ok(false) => refused += 1,
                Err(why) => failures.push(format!("{name}, seed {seed}: {why}")),
            }
        }
    }
    println!("{refused} mutants were refused, {survived} could be used");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(refused > 0 && survived > 0, "mutants of either kind were made");
}

/// Whether the file can be used; what is wrong with the program otherwise.
fn judge(mutant: &Path, original: usize) -> Result<bool, String> {
    let allowed = 4 * original + whole_file::MEMORY as usize;
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let (start, busy_start) = (Instant::now(), ProcessTime::now());
    let result = std::panic::catch_unwind(|| whole_file::use_file(mutant).is_ok());
    let held = MEMORY.peak_usage().saturating_sub(before);
    let (took, busy) = (start.elapsed(), busy_start.elapsed());
    if busy > PATIENCE || took > HANGS {
        return Err(format!("took {took:?}, of which it computed {busy:?}"));
    }
    if held > allowed {
        return Err(format!("held {held} bytes, {allowed} are allowed"));
    }
    result.map_err(|_| "panicked".to_owned())
}
