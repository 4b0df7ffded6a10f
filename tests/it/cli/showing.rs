//! What the program shows: info, plan, devices, progress, the demo.

use decon_gpu::dataset::Compression;
use decon_gpu::pixels::PixelType;
use serde_json::{Value, json};

use crate::cli::mosaic::{Piece, five_fields, metadata, write};
use crate::cli::output::{json as json_file, names};
use crate::cli::program::{command, decon_gpu, run, run_arguments, text, wait_for};

/// 3 × 2 fields of 50 × 40 pixels that overlap by a tenth, two channels, three planes.
fn grid() -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (c, z) in (0..6).map(|i| (i / 3, i % 3)) {
        for m in 0..6 {
            let (x, y) = (i64::from(m % 3) * 45 - 300, i64::from(m / 3) * 36 + 7);
            pieces.push(
                Piece::new(m, x, y, (50, 40), PixelType::Gray16).at(0, c, z).compressed(Compression::Zstd1),
            );
        }
    }
    pieces
}

#[test]
fn info_says_what_was_written() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    write(&input, &grid(), &metadata(2));
    let people = decon_gpu(&["info", text(&input)]).done().stdout;
    for part in
        ["140 × 76 at (-300, 7)", "dye 1", "Gray16", "Zstd1", "NA 1", "10.0 %", "0.1000 µm", "slices 3"]
    {
        assert!(people.contains(part), "\"{part}\" is not in:\n{people}");
    }
    let info: Value =
        serde_json::from_str(&decon_gpu(&["info", "--json", text(&input)]).done().stdout).unwrap();
    assert_eq!((&info["slices"], &info["times"]), (&json!(3), &json!(1)));
    assert_eq!(info["channels"][1]["emission_nm"], json!(550.0));
    assert_eq!(info["voxel_um"], json!({ "z": 0.4, "y": 0.1, "x": 0.1 }));
    let scene = &info["scenes"][0];
    assert_eq!(scene["rect"], json!({ "x": -300, "y": 7, "width": 140, "height": 76 }));
    assert_eq!((&scene["subblocks"], &scene["fields_per_plane"]), (&json!(36), &json!(6)));
    assert_eq!((&scene["overlap_x"], &scene["overlap_y"]), (&json!(0.1), &json!(0.1)));
}

#[test]
fn the_tiles_of_a_plan_cover_every_plane_once() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    write(&input, &grid(), &metadata(2));
    for flags in ["--iterations 0 --tile 33", "--tile 32", "--tile 48 --scale 2 --dimensions 2", ""] {
        let arguments =
            ["plan", text(&input), "--backend", "cpu"].into_iter().chain(flags.split_whitespace());
        let arguments: Vec<_> = arguments.collect();
        assert!(decon_gpu(&arguments).done().stdout.contains("tiles"));
        let shown = decon_gpu(&[&arguments[..], &["--json"]].concat()).done().stdout;
        let plans: Value = serde_json::from_str(&shown).unwrap();
        let plan = &plans[0];
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let [channels, slices, height, width] = ["c", "z", "y", "x"].map(|axis| number(&plan["shape"][axis]));
        let mut seen = vec![0; channels * slices * height * width];
        let mut tiles = 0;
        let list = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
        for batch in list(plan, "batches") {
            for tile in list(&batch, "groups").iter().flat_map(|group| list(group, "tiles")) {
                let [x, y, columns, rows] =
                    ["x", "y", "width", "height"].map(|side| number(&tile["core"][side]));
                let planes = number(&tile["z"])..number(&tile["z"]) + number(&tile["planes"]);
                for row in planes.flat_map(|z| (y..y + rows).map(move |y| z * height + y)) {
                    let start = (number(&tile["channel"]) * slices * height + row) * width + x;
                    seen[start..start + columns].iter_mut().for_each(|count| *count += 1);
                }
                tiles += 1;
            }
        }
        assert_eq!(tiles, number(&plan["tiles"]), "{flags}");
        assert_eq!(
            seen.iter().position(|&count| count != 1),
            None,
            "{flags}: a pixel is not in just one tile"
        );
    }
    assert_eq!(names(home.path()), ["in.czi"], "a plan writes nothing");
}

#[test]
fn progress_is_one_json_object_a_line() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let summary = home.path().join("summary.json");
    write(&input, &grid(), &metadata(2));
    let flags = format!("--iterations 1 --tile 32 --progress json --summary {}", summary.display());
    let ended = run(&input, &output, &flags).done();
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("started", "finished"), "{kinds:?}");
    let (started, finished) = (&events[0], &events[events.len() - 1]);
    let sum = |kind: &str, field: &str| -> u64 {
        events.iter().filter(|event| event["event"] == kind).map(|event| event[field].as_u64().unwrap()).sum()
    };
    let count = |kind: &str| kinds.iter().filter(|other| **other == kind).count();
    assert!(count("note") > 0, "the PSF has notes");
    assert_eq!(started["tiles"], json!(count("computed")));
    assert_eq!(started["shards"], json!(count("wrote")));
    assert_eq!(started["read_bytes"], json!(sum("read", "bytes")));
    assert_eq!(finished["written_bytes"], json!(sum("wrote", "bytes")));
    let mut last = finished.clone();
    last.as_object_mut().unwrap().remove("event");
    assert_eq!(json_file(&summary), last, "the summary is the last event");
}

#[test]
fn quiet_shows_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    let ended = run(&input, &output, "--iterations 1 --quiet").done();
    assert_eq!((ended.stdout, ended.stderr), (String::new(), String::new()));
    let loud = run(&input, &output, "--iterations 1 --overwrite").done();
    assert!(
        loud.stdout.is_empty() && loud.stderr.contains("note:"),
        "notes go to standard error: {}",
        loud.stderr
    );
}

/// As in `decon-gpu run … 2>&1 | head -1`.
#[test]
fn nobody_needs_to_listen() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    for (flags, code) in
        [("--iterations 1", 0), ("--iterations 1 --overwrite --progress json", 0), ("--scene 9", 2)]
    {
        let (listener, stream) = std::io::pipe().unwrap();
        drop(listener);
        let mut deaf = command(&run_arguments(&input, &output, flags));
        let status = deaf.stdout(stream.try_clone().unwrap()).stderr(stream).status().unwrap();
        assert_eq!(status.code(), Some(code), "{flags}");
    }
}

#[test]
fn devices_are_listed_or_said_to_be_missing() {
    assert!(!decon_gpu(&["devices"]).done().stdout.trim().is_empty());
}

#[test]
fn a_device_that_is_not_there_is_refused_with_those_that_are() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    for (device, said) in [
        ("pci:ffff:ff:1f.7", "no device at PCI ffff:ff:1f.7; found: "),
        ("no such name", "no device named 'no such name'; found: "),
        ("999", "no device 999; found: "),
    ] {
        let flag = decon_gpu(&["plan", text(&input), "--device", device]);
        let mut by_variable = command(&["plan", text(&input)]);
        by_variable.env("DECON_GPU_DEVICE", device);
        for ended in [flag, wait_for(by_variable)] {
            assert!(ended.code == Some(1) && ended.stderr.contains(said), "{device}: {}", ended.stderr);
        }
    }
}

#[test]
fn the_demo_comes_closer_to_the_truth() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("demo");
    let ended = decon_gpu(&["demo", "--output", text(&folder), "--", "--backend", "cpu"]).done();
    let errors: Vec<Vec<f64>> = ended
        .stdout
        .lines()
        .filter(|line| line.contains("error against the truth"))
        .map(|line| line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect())
        .collect();
    assert_eq!(errors.len(), 2, "{}", ended.stdout);
    for error in errors {
        assert!(error[1] < 0.8 * error[0], "{}", ended.stdout);
    }
    assert!(std::fs::read(folder.join("demo.png")).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(names(&folder), ["demo.png", "restored.ome.zarr", "slide.czi"]);
}
