//! Runs that are ended, by a signal or by force, and go on: what is there at the end is what an uninterrupted run makes,
//! file by file and byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use decon_gpu::czi::write::{CziWriter, NewSubblock};
use decon_gpu::dataset::Compression;
use decon_gpu::pixels::{PixelType, Samples};

use crate::cli::mosaic::{Piece, five_fields, metadata, write, write_changed};
use crate::cli::output::{files, json, names};
use crate::cli::program::{PATIENCE, command, decon_gpu, run, run_arguments, text};
use crate::cli::tiff_file;

/// Every file below `folder`, by its path in it; or what an OME-TIFF holds.
pub fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    if folder.is_file() {
        return tiff_file::contents(folder);
    }
    let inside = |(path, bytes): (PathBuf, Vec<u8>)| (path.strip_prefix(folder).unwrap().to_owned(), bytes);
    files(folder).into_iter().map(inside).collect()
}

fn input_in(home: &Path) -> PathBuf {
    let input = home.join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    input
}

/// A stack of three channels in colour and three planes: many tiles and small files.
fn colour_stack_in(home: &Path) -> PathBuf {
    let input = home.join("stack.czi");
    let field = |m: u32, z: u32| {
        Piece::new(m, 90 * i64::from(m % 2), 80 * i64::from(m / 2), (100, 90), PixelType::Bgr24).at(0, 0, z)
    };
    let pieces: Vec<_> = (0..3).flat_map(|z| (0..4).map(move |m| field(m, z))).collect();
    write(&input, &pieces, &metadata(1));
    input
}

/// Shards that the record names as finished.
fn finished(output: &Path) -> usize {
    let name = format!(".{}.partial", output.file_name().unwrap().to_str().unwrap());
    let record = fs::read_to_string(output.with_file_name(name).join("record")).unwrap_or_default();
    record.lines().filter(|line| line.starts_with("{\"shard\"")).count()
}

fn spawn(input: &Path, output: &Path, flags: &str) -> Child {
    let mut command = command(&run_arguments(input, output, flags));
    command.stderr(std::process::Stdio::null()).spawn().unwrap()
}

/// Lets a run finish `shards` shards, sends it `signal`, and waits for its end.
pub fn end_after(shards: usize, input: &Path, output: &Path, flags: &str, signal: &str) -> ExitStatus {
    let mut child = spawn(input, output, flags);
    let start = Instant::now();
    while finished(output) < shards {
        assert!(start.elapsed() < PATIENCE, "the run finishes no {shards} shards");
        assert!(child.try_wait().unwrap().is_none(), "the run ended before {shards} shards");
        std::thread::sleep(Duration::from_millis(1));
    }
    send(&child, signal);
    child.wait().unwrap()
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Tiles of 32 pixels in pairs, some of them in one shard, with enough to compute that the run lasts.
pub const SLOW: &str = "--iterations 100 --tile 16 --halo 8 --chunk 16 --shard 32 --psf-size 1,15,15 --quiet";

#[test]
fn a_signal_ends_a_run_in_order_and_resume_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let records = tempfile::tempdir().unwrap();
    let [page, trace] = ["page.html", "trace.json"].map(|name| records.path().join(name));
    let recorded = format!("{SLOW} --report {} --trace {}", text(&page), text(&trace));
    run(&input, &output, SLOW).done();
    let whole = contents(&output);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        fs::remove_dir_all(&output).unwrap();
        let ended = end_after(2, &input, &output, &recorded, signal);
        assert_eq!(ended.code(), Some(code), "{ended}");
        assert!(json(&trace)["traceEvents"].as_array().is_some_and(|events| events.len() > 20));
        assert!(fs::read_to_string(&page).unwrap().contains("\"ending\":\"interrupted: "));
        for record in [&page, &trace] {
            fs::remove_file(record).unwrap();
        }
        assert_eq!(names(home.path()), [".out.zarr.partial", "in.czi"]);
        let before = finished(&output);
        run(&input, &output, SLOW).failed(2, &format!("with {before} shards finished; --resume goes on"));
        let resumed = run(&input, &output, &format!("{} --resume", SLOW.replace("--quiet", ""))).done();
        assert!(resumed.stderr.contains(&format!("{before} of")), "{}", resumed.stderr);
        assert!(contents(&output) == whole, "another output after SIG{signal}");
        assert_eq!(names(home.path()), ["in.czi", "out.zarr"]);
    }
    let again = run(&input, &output, &format!("{} --resume", SLOW.replace("--quiet", ""))).done();
    assert!(again.stderr.contains("is already complete"), "{}", again.stderr);
}

#[test]
fn a_run_that_goes_on_makes_the_iterations_that_the_first_one_decided() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    for until in ["--until 1e-3 --check-every 40", "--method ba", "--method ba --until 1e-3 --check-every 40"]
    {
        let flags = format!("{SLOW} {until}");
        run(&input, &output, &flags).done();
        let whole = contents(&output);
        fs::remove_dir_all(&output).unwrap();
        end_after(1, &input, &output, &flags, "KILL");
        let record = home.path().join(".out.zarr.partial/record");
        let lines = fs::read_to_string(&record).unwrap();
        let lost: String =
            lines.lines().filter(|line| !line.contains("decided")).flat_map(|l| [l, "\n"]).collect();
        fs::write(&record, lost).unwrap();
        run(&input, &output, &format!("{flags} --resume")).failed(2, "lacks the iterations");
        fs::write(&record, lines).unwrap();
        let resumed = run(&input, &output, &format!("{} --resume", flags.replace("--quiet", ""))).done();
        assert!(!resumed.stderr.contains("decided on"), "decided again: {}", resumed.stderr);
        assert!(contents(&output) == whole, "another output: {until}");
        run(&input, &output, &format!("{SLOW} --until 2e-3 --resume")).failed(2, "until");
        fs::remove_dir_all(&output).unwrap();
    }
}

#[test]
fn chunks_that_are_files_are_kept_like_shards() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    let flags = format!("{} --ome-zarr 0.4", SLOW.replace("--shard 32", ""));
    run(&input, &output, &flags).done();
    let whole = contents(&output);
    fs::remove_dir_all(&output).unwrap();
    end_after(3, &input, &output, &flags, "KILL");
    let kept = finished(&output);
    let other = flags.replace("--ome-zarr 0.4", "--shard 16");
    run(&input, &output, &format!("{other} --resume")).failed(2, "ome_zarr was \"0.4\", is \"0.5\"");
    let resumed = run(&input, &output, &format!("{} --resume", flags.replace("--quiet", ""))).done();
    assert!(resumed.stderr.contains(&format!("{kept} of")), "{}", resumed.stderr);
    assert!(contents(&output) == whole, "another output");
}

#[test]
fn a_second_signal_ends_a_run_at_once() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    // One group of tiles that takes for ever.
    let mut child = spawn(&input, &output, "--iterations 100000000 --quiet");
    let start = Instant::now();
    while !home.path().join(".out.zarr.partial/image/0/zarr.json").exists() {
        assert!(start.elapsed() < PATIENCE, "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    send(&child, "INT");
    std::thread::sleep(Duration::from_millis(300));
    // It has ended already where the group was not begun yet.
    if child.try_wait().unwrap().is_none() {
        send(&child, "INT");
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Nothing was finished, so nothing is in the way.
    run(&input, &output, "--iterations 0").done();
    assert_eq!(names(home.path()), ["in.czi", "out.zarr"]);
}

#[test]
fn what_makes_another_output_does_not_go_on_and_what_does_not_does() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    end_after(2, &input, &output, SLOW, "KILL");
    let resume = |flags: &str| run(&input, &output, &format!("{SLOW} --resume {flags}"));
    for (flags, what) in [
        ("--method rl", "options method was \"shb\", is \"rl\""),
        ("--background 1", "background"),
        ("--zstd-level 2", "zstd_level was 1, is 2"),
        ("--fill 7", "fill"),
        ("--region 0,0,60,60", "region"),
    ] {
        resume(flags).failed(2, what);
    }
    let stored = fs::read(&input).unwrap();
    let modified = fs::metadata(&input).unwrap().modified().unwrap();
    fs::write(&input, &stored).unwrap();
    resume("").failed(2, "input version was");
    fs::File::options().append(true).open(&input).unwrap().set_modified(modified).unwrap();

    let kept = finished(&output);
    resume("--threads 1 --readers 5 --retries 1 --merge-gap 0 --memory 300MiB --progress json").done();
    assert!(kept >= 2);
    let resumed = contents(&output);
    run(&input, &output, &format!("{SLOW} --overwrite")).done();
    assert!(contents(&output) == resumed, "threads and readers changed a byte");
    run(&input, &output, &format!("{SLOW} --resume --fill 7")).failed(2, "was made of something else");
}

#[test]
fn a_record_of_anything_else_is_refused_and_may_be_thrown_away() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    end_after(1, &input, &output, SLOW, "KILL");
    let record = home.path().join(".out.zarr.partial/record");
    for text in ["\0\0\0\0", "{\"record\":{\"format\":77,\"identity\":null}}\n"] {
        fs::write(&record, text).unwrap();
        run(&input, &output, &format!("{SLOW} --resume"))
            .failed(2, "of another version of this program, or broken");
        run(&input, &output, SLOW).failed(2, "--overwrite throws it away");
    }
    run(&input, &output, "--iterations 0 --overwrite").done();
    assert_eq!(names(home.path()), ["in.czi", "out.zarr"]);
}

/// A shard is lost, another is cut off, and a third is of zeros, as a power failure may leave them.
#[test]
fn finished_shards_that_are_not_as_they_were_are_made_again() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    run(&input, &output, SLOW).done();
    let whole = contents(&output);
    fs::remove_dir_all(&output).unwrap();
    end_after(6, &input, &output, SLOW, "KILL");
    let image = home.path().join(".out.zarr.partial/image");
    let mut shards: Vec<_> = files(&image).into_keys().filter(|path| !path.ends_with("zarr.json")).collect();
    shards.sort();
    fs::remove_file(&shards[0]).unwrap();
    let half = fs::read(&shards[1]).unwrap();
    fs::write(&shards[1], &half[..half.len() / 2]).unwrap();
    fs::write(home.path().join(".out.zarr.partial/unnamed/0-0-0-0-0-9-9"), "torn").unwrap();
    run(&input, &output, &format!("{SLOW} --resume")).done();
    assert!(contents(&output) == whole, "another output");
    assert_eq!(names(home.path()), ["in.czi", "out.zarr"]);
}

#[test]
fn damage_that_an_interrupted_run_left_out_is_still_told() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let pieces = five_fields(PixelType::Gray16).into_iter().map(|piece| piece.compressed(Compression::Zstd0));
    // The field that is read first, and lies under the first tiles.
    write_changed(&input, &pieces.collect::<Vec<_>>(), |i, stored| match i {
        4 => stored[..stored.len() / 2].to_vec(),
        _ => stored,
    });
    let flags = format!("{SLOW} --skip-damaged");
    end_after(3, &input, &output, &flags, "KILL");
    run(&input, &output, &format!("{SLOW} --resume")).failed(2, "--skip-damaged is not given");
    let ended = run(&input, &output, &format!("{} --resume", flags.replace("--quiet", "")));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 damaged subblocks were left out"), "{}", ended.stderr);
}

/// Values that are clamped, undefined and masked, here and there.
fn counted_input_in(home: &Path) -> PathBuf {
    let input = home.join("counted.czi");
    let mut writer = CziWriter::create(&input).unwrap();
    for mut piece in five_fields(PixelType::Gray32Float) {
        let Samples::F32(values) = &mut piece.samples else { panic!("floats were asked for") };
        values.iter_mut().step_by(97).for_each(|value| *value = f32::NAN);
        let described =
            NewSubblock { m: piece.m, ..NewSubblock::new(piece.plane, piece.rect, piece.pixel_type) };
        writer.add_masked(&described, &piece.samples, |x, y| (x + y) % 11 != 0).unwrap();
    }
    writer.finish(&metadata(1)).unwrap();
    input
}

#[test]
fn the_counts_of_a_run_that_went_on_are_those_of_one_that_was_never_ended() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (counted_input_in(home.path()), home.path().join("out.zarr"));
    let summary = home.path().join("summary.json");
    let flags = format!("{SLOW} --output-type u8 --memory 300MiB --summary {}", text(&summary));
    let counts = || {
        let all = json(&summary);
        ["clamped", "not_finite", "masked"].map(|name| all[name].as_u64().unwrap())
    };
    run(&input, &output, &flags).done();
    let whole = counts();
    assert!(whole.iter().all(|&count| count > 0), "{whole:?}");
    for shards in [1, 4, 9] {
        fs::remove_dir_all(&output).unwrap();
        end_after(shards, &input, &output, &flags, "KILL");
        run(&input, &output, &format!("{flags} --resume")).done();
        assert_eq!(counts(), whole, "ended after {shards} shards");
    }
}

#[test]
fn what_is_left_of_replacing_an_output_that_is_complete_goes_with_overwrite_alone() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (input_in(home.path()), home.path().join("out.zarr"));
    run(&input, &output, SLOW).done();
    let whole = contents(&output);
    end_after(2, &input, &output, &format!("{SLOW} --overwrite"), "KILL");
    run(&input, &output, &format!("{SLOW} --resume")).done();
    assert_eq!(names(home.path()), [".out.zarr.partial", "in.czi", "out.zarr"]);
    run(&input, &output, &format!("{SLOW} --overwrite --resume")).done();
    assert_eq!(names(home.path()), ["in.czi", "out.zarr"]);
    assert!(contents(&output) == whole);
}

fn remove(output: &Path) {
    if output.is_file() { fs::remove_file(output) } else { fs::remove_dir_all(output) }.unwrap();
}

/// Kills at random moments, again and again, until the run comes to its end: so many in all as `DECON_GPU_KILLS` says; and
/// one when the first shard is finished.
#[test]
fn killed_at_any_moment_again_and_again_the_output_is_the_same() {
    let kills: u32 = std::env::var("DECON_GPU_KILLS").map_or(12, |text| text.parse().unwrap());
    let home = tempfile::tempdir().unwrap();
    let (mosaic, stack) = (input_in(home.path()), colour_stack_in(home.path()));
    let cases = [
        (&mosaic, "out.zarr", SLOW),
        (&mosaic, "out.zarr", "--iterations 0 --chunk 8 --shard 16 --quiet"),
        (&stack, "out.zarr", "--iterations 0 --tile 64 --chunk 16 --shard 32 --output-type f32 --quiet"),
        (
            &stack,
            "out.zarr",
            "--iterations 3 --tile 48 --halo 4 --chunk 16 --shard 64 --psf-size 3,9,9 --quiet",
        ),
        (&mosaic, "out.ome.tif", SLOW),
        (
            &stack,
            "out.ome.tif",
            "--iterations 3 --tile 48 --halo 4 --chunk 16 --shard 64 --psf-size 3,9,9 --quiet",
        ),
    ];
    let mut random = 12345_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 40) as f64 / f64::from(1 << 24)
    };
    let (mut killed, mut kept) = (0, 0);
    for (input, name, flags) in cases {
        let output = home.path().join(name);
        let start = Instant::now();
        run(input, &output, flags).done();
        let took = start.elapsed();
        let whole = contents(&output);
        let until = killed + kills.div_ceil(cases.len() as u32);
        if flags == SLOW {
            // One of the kills leaves finished shards, however busy the machine is.
            remove(&output);
            end_after(1, input, &output, flags, "KILL");
            killed += 1;
            kept += 1;
            run(input, &output, &format!("{flags} --resume")).done();
            assert!(contents(&output) == whole, "another output after one finished shard");
        }
        while killed < until {
            remove(&output);
            while !output.exists() && killed < until {
                let mut child = spawn(input, &output, &format!("{flags} --resume"));
                std::thread::sleep(took.mul_f64(next() * 1.2));
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
                kept += usize::from(finished(&output) > 0);
            }
            decon_gpu(
                &["run", text(input), "-o", text(&output), "--backend", "cpu", "--resume"]
                    .into_iter()
                    .chain(flags.split(' '))
                    .collect::<Vec<_>>(),
            )
            .done();
            assert!(contents(&output) == whole, "another output after {killed} kills, {flags}");
            let left: Vec<_> = names(home.path()).into_iter().filter(|name| name.starts_with('.')).collect();
            assert_eq!(left, [""; 0], "after {killed} kills, {flags}");
        }
        remove(&output);
    }
    assert!(kept > 0, "no kill left a finished shard");
    eprintln!("{killed} kills, {kept} of them with finished shards; every output the same");
}
