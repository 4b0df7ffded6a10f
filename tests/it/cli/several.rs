//! Several files in one process: each with an output of its own, one after the other through the same stages.

use std::fs;
use std::path::{Path, PathBuf};

use decon_gpu::pixels::PixelType;
use serde_json::Value;

use crate::cli::mosaic::{Piece, five_fields, metadata, write};
use crate::cli::output::{files, json, names};
use crate::cli::program::{Ended, decon_gpu, run, text};

/// Three files of different sizes and types, and where each goes alone.
fn inputs_in(home: &Path) -> Vec<PathBuf> {
    let pieces = [
        five_fields(PixelType::Gray16),
        vec![Piece::new(0, 0, 0, (90, 70), PixelType::Bgr24)],
        (0..3).map(|m| Piece::new(m, 50 * i64::from(m), 0, (64, 64), PixelType::Gray8)).collect(),
    ];
    let names = ["a.czi", "b.czi", "c.czi"].into_iter().zip(pieces);
    names
        .map(|(name, pieces)| {
            write(&home.join(name), &pieces, &metadata(1));
            home.join(name)
        })
        .collect()
}

fn run_all(inputs: &[PathBuf], output: &Path, flags: &str) -> Ended {
    let fixed = ["--output", text(output), "--backend", "cpu"];
    let inputs = inputs.iter().map(|input| text(input));
    decon_gpu(&["run"].into_iter().chain(inputs).chain(fixed).chain(flags.split(' ')).collect::<Vec<_>>())
}

#[test]
fn each_file_becomes_what_it_becomes_alone() {
    let home = tempfile::tempdir().unwrap();
    let (inputs, folder) = (inputs_in(home.path()), home.path().join("out"));
    for flags in [
        "--iterations 0 --tile 32 --chunk 16",
        "--iterations 3 --tile 32 --chunk 16 --halo 8 --psf-size 1,9,9",
    ] {
        let _ = fs::remove_dir_all(&folder);
        let summary = home.path().join("summary.json");
        let ended = run_all(&inputs, &folder, &format!("{flags} --summary {}", summary.display())).done();
        assert!(ended.stderr.contains("3 of 3 files"), "{}", ended.stderr);
        assert_eq!(names(&folder), ["a.ome.zarr", "b.ome.zarr", "c.ome.zarr"]);
        for (input, name) in inputs.iter().zip(names(&folder)) {
            let together = files(&folder.join(&name));
            fs::remove_dir_all(folder.join(&name)).unwrap();
            run(input, &folder.join(&name), flags).done();
            assert!(files(&folder.join(&name)) == together, "{name}, {flags}");
        }
        let files = json(&summary)["files"].as_array().unwrap().clone();
        let states: Vec<_> = files.iter().map(|file| file["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["finished"; 3]);
        assert!(files.iter().all(|file| file["summary"]["written_bytes"].as_u64().unwrap() > 0));
    }
}

#[test]
fn one_that_fails_does_not_keep_the_others_and_resume_does_the_rest() {
    let home = tempfile::tempdir().unwrap();
    let (mut inputs, folder) = (inputs_in(home.path()), home.path().join("out"));
    let broken = fs::read(&inputs[1]).unwrap();
    fs::write(&inputs[1], &broken[..broken.len() / 2]).unwrap();
    inputs.insert(0, home.path().join("missing.czi"));
    let ended = run_all(&inputs, &folder, "--iterations 0");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 of 4 files"), "{}", ended.stderr);
    assert_eq!(names(&folder), ["a.ome.zarr", "c.ome.zarr"]);

    fs::write(&inputs[2], &broken).unwrap();
    let done = files(&folder);
    let summary = home.path().join("summary.json");
    let flags = format!("--iterations 0 --resume --summary {}", summary.display());
    run_all(&inputs[1..], &folder, &flags).done();
    let states: Vec<Value> =
        json(&summary)["files"].as_array().unwrap().iter().map(|file| file["state"].clone()).collect();
    assert_eq!(states, ["was there", "finished", "was there"]);
    assert_eq!(names(&folder), ["a.ome.zarr", "b.ome.zarr", "c.ome.zarr"]);
    assert!(
        done.iter().all(|(path, bytes)| fs::read(path).unwrap() == *bytes),
        "what was done was done again"
    );
    run_all(&inputs[1..], &folder, "--iterations 0").failed_with(1);
}

#[test]
fn what_goes_wrong_is_said_with_its_file_and_quietly_too() {
    let home = tempfile::tempdir().unwrap();
    let inputs = inputs_in(home.path());
    fs::write(&inputs[1], "no CZI").unwrap();
    // The first is so high, the third is not.
    let ended = run_all(&inputs, &home.path().join("out"), "--iterations 0 --region 0,0,120,70 --quiet");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("error: ") && lines[0].contains("b.czi"), "{lines:?}");
    assert!(lines[1].contains("c.czi: --region"), "{lines:?}");
    assert_eq!((lines.len(), names(&home.path().join("out"))), (2, vec!["a.ome.zarr".to_owned()]));
}

#[test]
fn equal_names_are_refused_before_anything_is_written() {
    let home = tempfile::tempdir().unwrap();
    let inputs = inputs_in(home.path());
    fs::create_dir(home.path().join("other")).unwrap();
    let twin = home.path().join("other/a.czi");
    fs::copy(&inputs[0], &twin).unwrap();
    let folder = home.path().join("out");
    run_all(&[inputs[0].clone(), twin], &folder, "--iterations 0").failed(2, "would both become");
    assert!(!folder.exists());
}

#[test]
fn a_slash_at_the_end_names_a_folder_also_for_one() {
    let home = tempfile::tempdir().unwrap();
    let inputs = inputs_in(home.path());
    let folder = home.path().join("out/");
    run_all(&inputs[..1], &home.path().join("out/"), "--iterations 0").done();
    assert_eq!(names(&folder), ["a.ome.zarr"]);
}

impl Ended {
    #[track_caller]
    fn failed_with(self, code: i32) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
    }
}
