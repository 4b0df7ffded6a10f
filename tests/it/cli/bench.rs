//! `bench` on small files: every way to load delivers the same pixels, and what is written can be compared.

use std::path::Path;

use decon_gpu::pixels::PixelType;
use serde_json::Value;

use crate::cli::mosaic::{Piece, five_fields, metadata, write};
use crate::cli::output::json;
use crate::cli::program::{Ended, decon_gpu, text};

fn bench_load(input: &Path, results: &Path, flags: &str) -> Ended {
    let fixed = ["bench", "load", text(input), "--json", text(results), "--runs", "1", "--threads", "1,2"];
    decon_gpu(&fixed.into_iter().chain(flags.split_whitespace()).collect::<Vec<_>>())
}

/// The rows of the last table: the warm ones.
fn rows(results: &Path) -> Vec<Value> {
    json(results)["tables"].as_array().unwrap().last().unwrap()["rows"].as_array().unwrap().clone()
}

fn cell(results: &Path, row: &Value, column: &str) -> Value {
    let results = json(results);
    let columns = results["tables"][0]["columns"].as_array().unwrap();
    row["cells"][columns.iter().position(|c| c["name"] == column).unwrap()].clone()
}

#[test]
fn every_way_to_load_delivers_the_same_pixels() {
    let home = tempfile::tempdir().unwrap();
    let (input, results) = (home.path().join("in.czi"), home.path().join("load.json"));
    let planes =
        |m: u32| Piece::new(m, 40 * i64::from(m % 2), 0, (50, 30), PixelType::Gray16).at(m / 4, 0, m / 2 % 2);
    for (pieces, flags) in [
        (five_fields(PixelType::Bgr24), ""),
        (five_fields(PixelType::Gray32Float), "--region 20,15,70,60"),
        ((0..8).map(planes).collect(), ""),
    ] {
        write(&input, &pieces, &metadata(1));
        let ended = bench_load(&input, &results, flags).done();
        assert!(
            ended.stdout.contains("All 9 ways at full size delivered the same pixels"),
            "{}",
            ended.stdout
        );
        let rows = rows(&results);
        let sums: Vec<_> =
            rows[1..9].iter().chain(rows.last()).map(|row| cell(&results, row, "pixels")).collect();
        assert!(sums[0].as_str().unwrap().len() == 8 && sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
        assert!(rows.iter().all(|row| row["runs"].as_array().unwrap().len() == 1));
    }
}

#[test]
fn the_way_of_read_mosaic_reads_every_field_that_touches_a_box() {
    let home = tempfile::tempdir().unwrap();
    let (input, results) = (home.path().join("in.czi"), home.path().join("load.json"));
    let pieces = five_fields(PixelType::Gray8);
    write(&input, &pieces, &metadata(1));
    bench_load(&input, &results, "--quiet").done();
    let touching: usize = pieces
        .iter()
        .map(|piece| pieces.iter().filter(|other| other.rect.intersect(piece.rect).is_some()).count())
        .sum();
    assert!(touching > pieces.len(), "the fields overlap");
    let rows = rows(&results);
    let requests = |name: &str| {
        let row = rows.iter().find(|row| row["name"].as_str().unwrap().contains(name)).unwrap();
        cell(&results, row, "requests").as_f64().unwrap() as usize
    };
    assert_eq!(requests("read_mosaic"), touching);
    assert_eq!((requests("in file order"), requests("merged requests")), (pieces.len(), 1));
}

#[test]
fn two_results_are_compared_and_other_files_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let (input, before, after) = (path("in.czi"), path("before.json"), path("after.json"));
    write(&input, &five_fields(PixelType::Gray8), &metadata(1));
    bench_load(&input, &before, "").done();
    bench_load(&input, &after, "--max-fields 2").done();
    let compared = decon_gpu(&["bench", "compare", text(&before), text(&after)]).done().stdout;
    let line = compared.lines().find(|line| line.contains("merged requests")).unwrap();
    assert!(line.ends_with("too few runs to tell"), "{compared}");
    assert!(json(&after)["notes"][0].as_str().unwrap().contains("of 5 subblocks were loaded"), "{compared}");

    let refused = decon_gpu(&["bench", "compare", text(&before), text(&input)]);
    refused.failed(1, "in.czi");
    decon_gpu(&["bench", "load", text(&before)]).failed(1, "neither a CZI file");
    decon_gpu(&["bench", "load", text(&input), "--region", "1,2"]).failed(2, "--region");
}

#[test]
fn the_stages_are_measured_alone_and_together_and_nothing_is_left() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let (input, results, page, scratch) =
        (path("in.czi"), path("overlap.json"), path("a.html"), path("scratch"));
    std::fs::create_dir(&scratch).unwrap();
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    let fixed = ["bench", "overlap", text(&input), "--json", text(&results), "--html", text(&page)];
    let flags = "--quick --backend cpu --threads 2 --iterations 2 --tile 64 --chunk 32 --scratch";
    let arguments: Vec<_> = fixed.into_iter().chain(flags.split(' ')).chain([text(&scratch)]).collect();
    let ended = decon_gpu(&arguments).done();
    for part in
        ["reading alone", "computing alone", "writing alone", "two buffers", "hidden fraction", "50 ms"]
    {
        assert!(ended.stdout.contains(part), "{part} is not in: {}", ended.stdout);
    }
    let tables = json(&results)["tables"].as_array().unwrap().clone();
    let rows: Vec<_> = tables.iter().map(|table| table["rows"].as_array().unwrap().len()).collect();
    assert_eq!(rows, [6, 3, 2, 2, 2]);
    let shown = std::fs::read_to_string(&page).unwrap();
    assert_eq!(shown.matches("class=\"bar\"").count(), rows.iter().sum::<usize>());
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "outputs are removed");
    decon_gpu(&["bench", "overlap", text(&input), "--iterations", "0"]).failed(2, "--iterations");
}

#[test]
fn iterations_are_measured_by_size() {
    let home = tempfile::tempdir().unwrap();
    let results = home.path().join("compute.json");
    let flags = "bench compute --backend cpu --threads 1 --sizes 32x48,8x16x16 --quick --json";
    decon_gpu(&flags.split(' ').chain([text(&results)]).collect::<Vec<_>>()).done();
    let tables = json(&results)["tables"].as_array().unwrap().clone();
    let names: Vec<_> = tables[1]["rows"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["2D 32 × 48", "3D 8 × 16 × 16"]);
    for row in tables.iter().flat_map(|table| table["rows"].as_array().unwrap()) {
        assert!(row["runs"].as_array().unwrap().iter().all(|run| run.as_f64().unwrap() > 0.0), "{row}");
    }
    decon_gpu(&["bench", "compute", "--sizes", "31x32"]).failed(2, "--sizes");
}
