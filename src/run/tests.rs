//! Whole runs on small mosaics: what is read is what was planned, whatever the storage does.

use std::path::{Path, PathBuf};

use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::cli::args::JobArgs;
use crate::czi::write::{CziWriter, Metadata, NewSubblock};
use crate::dataset::{Compression, Plane};
use crate::options::Options;
use crate::pixels::PixelType;
use crate::report::Silent;
use crate::space::Rect;
use crate::zarr::read_plane;

/// The flags of `run` on a file.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    job: JobArgs,
}

fn prepare(input: &Path, flags: &str) -> Result<Job> {
    let input = input.to_string_lossy();
    let fixed = ["test", &*input, "--iterations", "0", "--backend", "cpu", "--threads", "2"];
    let args = Flags::parse_from(fixed.into_iter().chain(flags.split_whitespace())).job;
    Job::prepare(Options::new(&args)?)
}

/// 7 × 5 overlapping fields of 60 × 50 pixels, compressed and not in turn.
fn mosaic(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("mosaic.czi");
    let mut czi = CziWriter::create(&path).unwrap();
    for m in 0..35_u32 {
        let rect = Rect::new(i64::from(m % 7) * 53 - 20, i64::from(m / 7) * 44 + 9, 60, 50);
        let compression = if m % 2 == 0 { Compression::Uncompressed } else { Compression::Zstd1 };
        let subblock = NewSubblock {
            m: Some(m),
            compression,
            ..NewSubblock::new(Plane::default(), rect, PixelType::Gray16)
        };
        let pixels = (0..60 * 50).map(|i| (i * 31 + m * 977) as u16).collect();
        czi.add(&subblock, &Samples::U16(pixels)).unwrap();
    }
    czi.finish(&Metadata::default()).unwrap();
    path
}

#[test]
fn what_is_read_is_what_was_planned() {
    let folder = TempDir::new().unwrap();
    let input = mosaic(&folder);
    let mut counts = Vec::new();
    for flags in [
        "",
        "--merge-gap 0 --request-size 1",
        "--output-type f32",
        "--output-type f32 --tile 64 --chunk 32",
        "--output-type f32 --tile 64 --chunk 32 --merge-gap 20KB",
        "--output-type f32 --tile 64 --chunk 32 --request-size 12KB --readers 5",
        "--tile 128 --chunk 64 --scale 2 --io mmap",
    ] {
        let job = prepare(&input, flags).unwrap();
        let planned = (job.images[0].plan.requests, job.images[0].plan.read_bytes);
        let summary = run(job, None, &Stop::default(), &Silent).unwrap();
        assert_eq!((summary.requests, summary.read_bytes), planned, "with flags {flags}");
        assert_eq!((summary.written_bytes, summary.output), (0, None));
        counts.push(summary.requests);
    }
    // What is converted is held, and here one tile needs all; what is not comes in batches of 64 KiB.
    assert_eq!((counts[0], counts[1], counts[2]), (3, 35, 1), "some at once, each for itself, all at once");
    assert!(counts[3] < counts[4] && counts[4] < counts[5], "{counts:?}");
}

#[test]
fn storage_that_fails_now_and_then_changes_no_pixel() {
    let folder = TempDir::new().unwrap();
    let input = mosaic(&folder);
    let pixels = |name: &str, flags: &str| {
        let output = folder.path().join(name);
        let target = Some(Target::new(&output));
        run(prepare(&input, flags).unwrap(), target, &Stop::default(), &Silent).unwrap();
        read_plane(&output, 0).unwrap()
    };
    let expected = pixels("plain.zarr", "");
    let tiles = "--tile 64 --chunk 32 --request-size 1 --readers 4 --retries 20 ";
    let storage = "--simulate-storage errors=0.1,jitter=1ms,seed=4";
    assert!(pixels("unreliable.zarr", &format!("{tiles}{storage}")) == expected, "other pixels");
    assert!(pixels("mapped.zarr", "--io mmap --tile 64 --chunk 32") == expected, "other pixels when mapped");

    let error =
        prepare(&input, "--simulate-storage errors=1 --retries 1").err().expect("storage that is gone");
    assert!(error.to_string().contains("failed 2 times (--retries)"), "{error}");
}

#[test]
fn a_file_that_changes_before_it_is_read_gives_no_pixels() {
    let folder = TempDir::new().unwrap();
    for (i, flags) in ["", "--io mmap", "--simulate-storage latency=1ms --retries 2"].into_iter().enumerate()
    {
        for change in ["other pixels", "cut off", "longer"] {
            let (input, output) = (mosaic(&folder), folder.path().join(format!("{i} {change}")));
            let job = prepare(&input, flags).unwrap();
            let mut bytes = std::fs::read(&input).unwrap();
            let middle = bytes.len() / 2;
            match change {
                "other pixels" => bytes[middle..].iter_mut().for_each(|byte| *byte ^= 1),
                "cut off" => bytes.truncate(middle),
                _ => bytes.push(0),
            }
            // The clock that stamps files may tick 250 times a second only.
            std::thread::sleep(std::time::Duration::from_millis(20));
            std::fs::write(&input, bytes).unwrap();
            let error =
                run(job, Some(Target::new(&output)), &Stop::default(), &Silent).expect_err("it changed");
            assert!(error.to_string().contains("changed while it was read"), "{flags} {change}: {error}");
            assert!(!output.exists(), "{flags} {change}");
        }
    }
}
