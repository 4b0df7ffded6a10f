//! Inputs that cannot be read: one clear message, exit code 1, in bounded time and memory.

use std::fs;
use std::time::Instant;

use decon_gpu::pixels::PixelType;

use crate::cli::bytes::*;
use crate::cli::mosaic::{Piece, metadata, write};
use crate::cli::output::names;
use crate::cli::program::{decon_gpu, run, text};

/// X, Y, C, Z, T, M.
pub const DIMENSIONS_OF_ENTRY: usize = 6;
const SECONDS: f64 = 20.0;

/// Two fields.
fn file() -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("in.czi");
    write(
        &path,
        &[0, 1].map(|m| Piece::new(m, 12 * i64::from(m), 0, (16, 10), PixelType::Gray16)),
        &metadata(1),
    );
    fs::read(path).unwrap()
}

/// `bytes` as a file are refused by `run`, with nothing written, and do not upset `info`.
#[track_caller]
fn assert_refused(bytes: &[u8], what: &str) {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    fs::write(&input, bytes).unwrap();
    let start = Instant::now();
    run(&input, &home.path().join("out.zarr"), "--iterations 0").failed(1, what);
    assert_eq!(names(home.path()), ["in.czi"]);
    let info = decon_gpu(&["info", text(&input)]);
    assert!(matches!(info.code, Some(0 | 1)) && !info.stderr.contains("panicked"), "info: {}", info.stderr);
    assert!(start.elapsed().as_secs_f64() < SECONDS, "{what} took {:?}", start.elapsed());
}

#[test]
fn what_is_no_file_of_pixels_is_refused() {
    assert_refused(b"", "0 bytes are no image");
    assert_refused(b"ZIS", "3 bytes are no image");
    assert_refused(b"Dear diary, today I mistook a letter for a slide.", "neither a CZI file nor a TIFF");
    assert_refused(b"II*\0", "in.czi");
    let home = tempfile::tempdir().unwrap();
    let [folder, output] = ["folder", "out.zarr"].map(|name| home.path().join(name));
    std::fs::create_dir(&folder).unwrap();
    run(&folder, &output, "--iterations 0").failed(1, "directory");
    run(&home.path().join("missing.czi"), &output, "--iterations 0").failed(1, "missing.czi");
    #[cfg(unix)]
    run(std::path::Path::new("/dev/zero"), &output, "--iterations 0").failed(1, "not a regular file");
    for command in ["info", "plan"] {
        decon_gpu(&[command, "missing.czi"]).failed(1, "missing.czi");
        decon_gpu(&[command, text(home.path())]).failed(1, "directory");
    }
    assert_eq!(names(home.path()), ["folder"]);
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let file = file();
    // The directory comes last, so no part of the file is enough. Padding behind it may be missing.
    let end = entry(&file, 2, DIMENSIONS_OF_ENTRY);
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    let starts = ["ZISRAWSUBBLOCK", "ZISRAWMETADATA", "ZISRAWDIRECTORY"].map(|id| segments(&file, id)[0]);
    let cuts = (0..end)
        .step_by(157)
        .chain(starts.iter().flat_map(|at| [at - 1, *at, at + 31, at + 33]))
        .chain([end - 1]);
    for cut in cuts {
        fs::write(&input, &file[..cut]).unwrap();
        run(&input, &home.path().join("out.zarr"), "--iterations 0").failed(1, "in.czi");
    }
    fs::write(&input, &file[..end]).unwrap();
    run(&input, &home.path().join("out.zarr"), "--iterations 0").done();
}

#[test]
fn broken_structure_is_refused() {
    // In the file header: positions of the directory.
    let header: [(usize, i64, &str); 4] = [
        (84, 0, "no subblock directory"),
        (84, -1, "no subblock directory"),
        (84, i64::MAX, "the file ends at byte"),
        (84, 544, "should start with ZISRAWDIRECTORY"),
    ];
    for (at, value, what) in header {
        let mut broken = file();
        put(&mut broken, at, &value.to_le_bytes());
        assert_refused(&broken, what);
    }
    for (count, what) in
        [(i32::MAX, "counts 2147483647 entries"), (-1, "negative count"), (3, "entry 2"), (0, "no subblocks")]
    {
        let mut broken = file();
        let at = segments(&broken, "ZISRAWDIRECTORY")[0] + 32;
        put(&mut broken, at, &count.to_le_bytes());
        assert_refused(&broken, what);
    }
    // In the segment of the first subblock: bytes of its metadata and of its pixels.
    for (at, value, what) in [
        (40, i64::MAX, "9223372036854775807 bytes"),
        (40, -1, "-1 bytes"),
        (32, i64::from(i32::MAX), "file ends"),
    ] {
        let mut broken = file();
        let segment = segments(&broken, "ZISRAWSUBBLOCK")[0];
        let length = if at == 32 { 4 } else { 8 };
        put(&mut broken, segment + at, &value.to_le_bytes()[..length]);
        assert_refused(&broken, what);
    }
}

#[test]
fn entries_that_cannot_be_read_are_refused() {
    let numbers: [(usize, i32, &str); 9] = [
        (PIXEL_TYPE, 99, "pixel type 99"),
        (PIXEL_TYPE, 9, "Bgra32"),
        (COMPRESSION, 77, "compression 77"),
        (COMPRESSION, 1, "JPEG"),
        (FILE_PART, 1, "part 1 of a CZI split over several files"),
        (DIMENSIONS, i32::MAX, "2147483647 dimensions"),
        (DIMENSIONS, -1, "-1 dimensions"),
        (size_of(0), -16, "negative X size"),
        (size_of(1), 0, "no pixels in Y"),
    ];
    for (at, value, what) in numbers {
        let mut broken = file();
        let entry = entry(&broken, 1, DIMENSIONS_OF_ENTRY);
        put(&mut broken, entry + at, &value.to_le_bytes());
        assert_refused(&broken, what);
    }
    for (position, what) in [
        (i64::MAX, "the file ends at"),
        (-1, "negative position"),
        (1 << 40, "the file ends at"),
        (0, "ZISRAWSUBBLOCK"),
    ] {
        let mut broken = file();
        let entry = entry(&broken, 1, DIMENSIONS_OF_ENTRY);
        put(&mut broken, entry + POSITION, &position.to_le_bytes());
        assert_refused(&broken, what);
    }
    let mut old = file();
    let entry = entry(&old, 0, DIMENSIONS_OF_ENTRY);
    put(&mut old, entry + SCHEMA, b"DE");
    assert_refused(&old, "\"DE\"");
}

/// What entry 1 says in X, Y, C, Z, T and M, and how the program refuses to believe it.
const ABSURD: [(&[(usize, i32)], &str); 8] = [
    (&[(start_of(0), i32::MAX - 20)], "pixels between the fields of scene 0"),
    (&[(start_of(1), i32::MIN)], "pixels between the fields of scene 0"),
    (&[(start_of(0), 1 << 23), (start_of(1), 1 << 23)], "memory"),
    (&[(start_of(2), i32::MAX)], "dimension C"),
    (&[(start_of(3), 1 << 20)], "span 1048577 planes"),
    (&[(start_of(3), 1 << 20), (start_of(4), 1 << 20), (start_of(2), 1000)], "planes"),
    (&[(start_of(4), -i32::MAX)], "dimension T"),
    (&[(size_of(0), 65535), (stored_of(0), 65535), (size_of(1), 65535), (stored_of(1), 65535)], "memory"),
];

/// In 3 GiB of addresses: a program that believes the file is killed.
#[cfg(target_os = "linux")]
#[test]
fn absurd_sizes_take_neither_time_nor_memory() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    for (fields, what) in ABSURD {
        let mut absurd = file();
        let entry = entry(&absurd, 1, DIMENSIONS_OF_ENTRY);
        fields.iter().for_each(|(at, value)| put(&mut absurd, entry + at, &value.to_le_bytes()));
        fs::write(&input, &absurd).unwrap();
        let start = Instant::now();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", r#"ulimit -v 3145728; exec "$0" "$@""#, env!("CARGO_BIN_EXE_decon-gpu")]);
        shell.args(crate::cli::program::run_arguments(&input, &output, "--iterations 0 --memory 1GiB"));
        crate::cli::program::wait_for(shell).failed(1, what);
        assert!(start.elapsed().as_secs_f64() < SECONDS, "{what} took {:?}", start.elapsed());
    }
    assert_eq!(names(home.path()), ["in.czi"]);
}

#[test]
fn metadata_that_cannot_be_read_costs_the_metadata_only() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    for position in [-1, 1, 544, i64::MAX] {
        let mut broken = file();
        put(&mut broken, 92, &position.to_le_bytes());
        fs::write(&input, &broken).unwrap();
        let ended = run(&input, &output, "--iterations 0 --overwrite").done();
        assert!(ended.stderr.contains("voxel size, channels and objective are unknown"), "{}", ended.stderr);
        run(&input, &output, "--iterations 1 --overwrite")
            .failed(2, "--na, --immersion-index, --emission-nm, --voxel-um");
    }
}
