//! Whole runs on small mosaics: what is read is what was planned, whatever the storage does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::czi::write::{CziWriter, Metadata, NewSubblock};
use crate::dataset::{Compression, Plane};
use crate::options::Options;
use crate::output::read_plane;
use crate::pixels::PixelType;
use crate::plan::Depths;
use crate::report::Silent;
use crate::space::Rect;

fn prepare(input: &Path, flags: &str) -> Result<Job> {
    let input = input.to_string_lossy();
    let mut fixed = vec!["test", &*input, "--backend", "cpu"];
    for (flag, value) in [("--iterations", "0"), ("--threads", "2")] {
        if !flags.contains(flag) {
            fixed.extend([flag, value]);
        }
    }
    Job::prepare(Options::parse(fixed.into_iter().chain(flags.split_whitespace())).unwrap())
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
fn what_is_near_is_loaded_by_no_more_threads_than_were_asked_for() {
    let folder = TempDir::new().unwrap();
    let input = mosaic(&folder);
    for (flags, near, far) in [
        ("--threads 1", 1, 3),
        ("--threads 3", 3, 5),
        ("--threads 1 --readers 4", 4, 5),
        ("--threads 3 --readers 1", 3, 4),
    ] {
        for (storage, loaders) in [("", near), (" --simulate-storage latency=1ms", far)] {
            let flags = format!("{flags}{storage}");
            assert_eq!(workers(&prepare(&input, &flags).unwrap().options).loaders, loaders, "{flags}");
        }
    }
}

/// Every file that a run makes but the root's metadata, which has the number of threads among the options.
fn files_made(input: &Path, output: &Path, flags: &str, depths: Depths) -> BTreeMap<PathBuf, Vec<u8>> {
    let job = prepare(input, flags).unwrap();
    let workers = Workers { depths, ..workers(&job.options) };
    let (timeline, stop) = (job.timeline.clone(), Stop::default());
    let order = Order {
        input: job.options.input.clone(),
        target: Some(Target { overwrite: true, ..Target::new(output) }),
        prepare: Box::new(move || Ok(job)),
    };
    let conditions = Conditions { workers, timeline, stop: &stop, report: &Silent };
    let state = run_one(order, conditions).unwrap();
    assert!(matches!(state.state, State::Finished(_)), "{state:?}");
    let mut files = BTreeMap::new();
    let mut folders = vec![output.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path != output.join("zarr.json") {
                files.insert(path.strip_prefix(output).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn no_number_of_threads_and_no_depth_of_a_queue_changes_a_byte() {
    let folder = TempDir::new().unwrap();
    let (input, output) = (mosaic(&folder), folder.path().join("out.zarr"));
    let shallow = Depths { read: 0, decode: 0, tile: 0, shard: 0 };
    let deep = Depths { read: 7, decode: 5, tile: 9, shard: 8 };
    let mixed = Depths { read: 3, decode: 0, tile: 1, shard: 5 };
    for what in [
        // Painted at once; held and converted; deconvolved in pairs.
        "--tile 32 --chunk 16 --shard 32",
        "--tile 32 --chunk 16 --shard 32 --overlap feather --output-type f32 --memory 300MiB",
        "--iterations 3 --tile 32 --halo 8 --chunk 16 --shard 32 --na 1 --emission-nm 500 --voxel-um 0.3,0.1,0.1 \
         --immersion-index 1.33 --psf-size 1,9,9",
    ] {
        let made = |threads: u32, readers: u32, depths| {
            let flags = format!("{what} --request-size 20KB --threads {threads} --readers {readers}");
            files_made(&input, &output, &flags, depths)
        };
        let expected = made(1, 1, Depths::default());
        assert!(expected.len() > 50, "{} files", expected.len());
        for (threads, readers, depths) in [
            (1, 1, shallow),
            (1, 4, deep),
            (2, 1, mixed),
            (2, 3, Depths::default()),
            (3, 2, shallow),
            (4, 1, deep),
            (4, 4, mixed),
            (4, 2, Depths::default()),
        ] {
            let same = made(threads, readers, depths) == expected;
            assert!(same, "{what}: other bytes with {threads} threads, {readers} readers and {depths:?}");
        }
    }
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
