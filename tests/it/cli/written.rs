//! The files that flags name: never in the place of what is read or written otherwise, tried at the start, and whole.

use std::fs;
use std::path::{Path, PathBuf};

use decon_gpu::pixels::PixelType;
use decon_gpu::tiff::{Planes, write_planes};

use crate::cli::mosaic::{Piece, five_fields, metadata, write};
use crate::cli::output::{files, names};
use crate::cli::program::{Ended, decon_gpu, run, text};

const SLIDE: &str = "slide.czi";

/// A folder with a slide, two TIFFs of its fields' size, and an OME-Zarr of two scenes.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        let pieces = five_fields(PixelType::Gray16);
        write(&home.path(SLIDE), &pieces, &metadata(1));
        let (width, height) = (60, 38);
        let even = Planes { width, height, planes: vec![vec![1.0; (width * height) as usize]] };
        ["flat.tif", "dark.tif", "psf.tif"]
            .iter()
            .for_each(|name| write_planes(&home.path(name), &even).unwrap());
        let scene = |s: u32| Piece {
            scene: Some(s),
            ..Piece::new(0, 900 * i64::from(s), 0, (40, 30), PixelType::Gray16)
        };
        write(&home.path("scenes.czi"), &[scene(0), scene(1)], &metadata(1));
        run(&home.path("scenes.czi"), &home.path("scenes.zarr"), "--iterations 0").done();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `arguments`, in which `@` is this folder.
    fn run(&self, arguments: &str) -> Ended {
        let arguments = arguments.replace('@', text(self.folder.path()));
        decon_gpu(&arguments.split(' ').collect::<Vec<_>>())
    }

    /// Every file and what is in it.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files(self.folder.path()).into_iter().collect()
    }

    /// `arguments` are refused because of `flag`, before anything changes.
    #[track_caller]
    fn refuses(&self, arguments: &str, flag: &str, why: &str) {
        let before = self.everything();
        let ended = self.run(arguments).failed(2, why);
        assert!(ended.stderr.contains(&format!("error: {flag}: ")), "{arguments}: {}", ended.stderr);
        assert!(self.everything() == before, "{arguments} changed something");
    }
}

const RUN: &str = "run @/slide.czi -o @/out.zarr --backend cpu --iterations 0";

#[test]
fn no_flag_writes_over_an_input() {
    let home = Home::new();
    fs::hard_link(home.path(SLIDE), home.path("hard")).unwrap();
    let mut names = vec!["slide.czi", "./slide.czi", "scenes.zarr/../slide.czi", "hard"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(SLIDE, home.path("link")).unwrap();
        names.push("link");
    }
    for name in names {
        for (command, flag) in [
            (RUN, "--summary"),
            (RUN, "--trace"),
            (RUN, "--report"),
            ("flatfield @/slide.czi", "--output"),
            ("flatfield @/slide.czi -o @/new.tif", "--picture"),
            ("bench load @/slide.czi", "--json"),
            ("bench load @/slide.czi", "--html"),
            ("bench overlap @/slide.czi --backend cpu", "--json"),
            ("bench overlap @/slide.czi --backend cpu", "--html"),
            ("info @/slide.czi", "--map"),
        ] {
            home.refuses(&format!("{command} {flag} @/{name}"), flag, "is the input");
        }
    }
    home.refuses("run @/slide.czi -o @/slide.czi --backend cpu --overwrite", "--output", "is the input");
    let several = "run @/slide.czi @/scenes.czi -o @/out/ --backend cpu --iterations 0";
    home.refuses(&format!("{several} --summary @/scenes.czi"), "--summary", "is the input");
    assert!(!home.path("out").exists());
}

#[test]
fn no_flag_writes_over_what_another_one_reads_or_writes() {
    let home = Home::new();
    for (read, file) in [("--flatfield", "flat.tif"), ("--darkfield", "dark.tif"), ("--psf", "psf.tif")] {
        for value in [format!("@/{file}"), format!("0=@/{file}")] {
            for written in ["--summary", "--trace", "--report"] {
                let arguments = format!("{RUN} {read} {value} {written} @/{file}");
                home.refuses(&arguments, written, &format!("is what {read} reads"));
            }
        }
    }
    let flatfield = "flatfield @/slide.czi --darkfield @/dark.tif";
    home.refuses(&format!("{flatfield} -o @/dark.tif"), "--output", "is what --darkfield reads");
    let arguments = format!("{flatfield} -o @/new.tif --picture @/dark.tif");
    home.refuses(&arguments, "--picture", "is what --darkfield reads");
    home.refuses("flatfield @/slide.czi -o @/a --picture @/a", "--picture", "is what --output writes");
    home.refuses(&format!("{RUN} --summary @/a --trace @/a"), "--trace", "is what --summary writes");
    home.refuses(&format!("{RUN} --trace @/a --report @/./a"), "--report", "is what --trace writes");
    home.refuses(&format!("{RUN} --summary @/out.zarr/a"), "--summary", "lies in what --output writes");
    home.refuses("bench load @/slide.czi --json @/a --html @/a", "--html", "is what --json writes");
    let psf = "demo -o @/demo -- --backend cpu --psf @/demo/demo.png";
    let ended = home.run(psf).failed(2, "is what --psf reads");
    assert!(ended.stderr.contains("error: --output: "), "{}", ended.stderr);
}

#[test]
fn an_output_does_not_replace_hold_or_lie_in_its_input() {
    let home = Home::new();
    let same = ["scenes.zarr", "./scenes.zarr", "scenes.zarr/0/.."];
    for output in same {
        let command = format!("run @/scenes.zarr -o @/{output} --backend cpu --iterations 0");
        home.refuses(&format!("{command} --overwrite --region 0,0,8,8"), "--output", "is the input");
        home.refuses(&command, "--output", "is the input");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("scenes.zarr", home.path("link.zarr")).unwrap();
        for pair in ["scenes.zarr -o @/link.zarr", "link.zarr -o @/scenes.zarr"] {
            home.refuses(&format!("run @/{pair} --backend cpu --overwrite"), "--output", "is the input");
        }
        fs::remove_file(home.path("link.zarr")).unwrap();
    }
    let flags = "--backend cpu --iterations 0 --overwrite";
    home.refuses(&format!("run @/scenes.zarr/0 -o @/scenes.zarr {flags}"), "--output", "holds the input");
    for below in ["scenes.zarr/0", "scenes.zarr/new.zarr", "scenes.zarr/0/0/deep/new.zarr"] {
        home.refuses(&format!("run @/scenes.zarr -o @/{below} {flags}"), "--output", "lies in the input");
    }
    for (command, flag) in [
        ("run @/scenes.zarr -o @/out.zarr --backend cpu --iterations 0", "--summary"),
        ("flatfield @/scenes.zarr", "--output"),
        ("bench load @/scenes.zarr", "--json"),
        ("info @/scenes.zarr", "--map"),
    ] {
        home.refuses(&format!("{command} {flag} @/scenes.zarr/zarr.json"), flag, "lies in the input");
    }
    let bench = "bench overlap @/scenes.zarr --backend cpu --scratch @/scenes.zarr/0";
    home.refuses(bench, "--scratch", "lies in the input");
    fs::rename(home.path("scenes.zarr"), home.path("scenes.ome.zarr")).unwrap();
    home.refuses(&format!("run @/scenes.ome.zarr -o @/ {flags}"), "--output", "is the input");
}

#[test]
fn what_could_not_be_written_is_said_before_the_work() {
    let home = Home::new();
    fs::write(home.path("other.czi"), fs::read(home.path(SLIDE)).unwrap()).unwrap();
    for (command, flags) in [
        (RUN, &["--summary", "--trace", "--report"][..]),
        ("flatfield @/slide.czi", &["--output"]),
        ("flatfield @/slide.czi -o @/new.tif", &["--picture"]),
        ("bench load @/slide.czi", &["--json", "--html"]),
        ("info @/slide.czi", &["--map"]),
    ] {
        for flag in flags {
            home.refuses(&format!("{command} {flag} @/missing/file"), flag, "missing");
            home.refuses(&format!("{command} {flag} @/slide.czi/file"), flag, "slide.czi");
            home.refuses(&format!("{command} {flag} @/scenes.zarr"), flag, "is a folder");
            // Another slide than the input, by a slip of the keyboard.
            home.refuses(&format!("{command} {flag} @/other.czi"), flag, "is not replaced");
        }
    }
    assert!(!home.path("out.zarr").exists());
}

#[test]
fn what_a_flag_wrote_before_is_replaced() {
    let home = Home::new();
    let run = format!("{RUN} --overwrite --summary @/s.json --trace @/t.json --report @/r.html");
    let flatfield = "flatfield @/slide.czi -o @/made.tif --picture @/p.png";
    for command in [&*run, flatfield, "info @/slide.czi --map @/m.svg", "info @/slide.czi --map @/m.png"] {
        home.run(command).done();
        let names = names(home.folder.path());
        home.run(command).done();
        assert_eq!(crate::cli::output::names(home.folder.path()), names, "{command}");
    }
}

#[test]
fn a_demo_spares_what_is_not_its_own() {
    let home = Home::new();
    home.refuses("demo -o @/ -- --backend cpu --iterations 1", "--output", "is not replaced");
    fs::remove_file(home.path(SLIDE)).unwrap();
    fs::create_dir(home.path("restored.ome.zarr")).unwrap();
    home.refuses("demo -o @/ -- --backend cpu --iterations 1", "--output", "not of a demo");
}

/// Here standard output is a file without a name.
#[cfg(unix)]
#[test]
fn a_pipe_or_device_is_written_to_as_it_is() {
    let home = Home::new();
    let ended = home.run(&format!("{RUN} --quiet --summary /dev/stdout --trace /dev/null")).done();
    let summary: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(summary["written_bytes"].as_u64().unwrap() > 0);
    // After what was printed there.
    let ended = home.run("bench compute --backend cpu --quick --sizes 8x8 --quiet --json /dev/fd/1").done();
    assert!(ended.stdout.find("2D 8 × 8") < ended.stdout.find("{\n"), "{}", ended.stdout);
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
}
