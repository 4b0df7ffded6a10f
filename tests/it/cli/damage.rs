//! Damaged subblocks: an error, or left out and listed.

use std::fs;

use decon_gpu::dataset::{Compression, Plane};
use decon_gpu::pixels::PixelType;
use serde_json::json;

use crate::cli::bad_files::DIMENSIONS_OF_ENTRY;
use crate::cli::bytes::{POSITION, entry, put, segments};
use crate::cli::mosaic::{Piece, five_fields, metadata, paint, write, write_changed};
use crate::cli::output::{assert_same, image, json, names};
use crate::cli::program::{decon_gpu, run, text};

/// By position in the file: pixels that end early, a segment that is none, a codec's header that is none.
const DAMAGED: [usize; 3] = [0, 2, 3];

fn pieces() -> Vec<Piece> {
    let compressed = |(i, piece): (usize, Piece)| {
        piece.compressed(if i == DAMAGED[2] { Compression::Zstd1 } else { Compression::Zstd0 })
    };
    five_fields(PixelType::Gray16).into_iter().enumerate().map(compressed).collect()
}

#[test]
fn damaged_subblocks_are_left_out_filled_and_listed() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let (summary, pieces) = (home.path().join("summary.json"), pieces());
    write_changed(&input, &pieces, |i, stored| match i {
        0 => stored[..stored.len() * 2 / 3].to_vec(),
        _ => stored,
    });
    let mut file = fs::read(&input).unwrap();
    let offsets = segments(&file, "ZISRAWSUBBLOCK");
    put(&mut file, offsets[2], b"ZISRAWDELETED\0");
    fs::write(&input, &file).unwrap();

    // A piece of another time takes no part in the painting, but in the size of the mosaic.
    let away = |(i, piece): (usize, &Piece)| {
        if DAMAGED.contains(&i) { piece.clone().at(9, 0, 0) } else { piece.clone() }
    };
    let rest = paint(&pieces.iter().enumerate().map(away).collect::<Vec<_>>(), Plane::default(), 0);

    run(&input, &output, "--iterations 0").failed(1, "(at byte ");
    assert_eq!(names(home.path()), ["in.czi"]);
    for (flags, exact) in
        [("--iterations 0", true), ("--iterations 0 --tile 24", true), ("--iterations 3", false)]
    {
        let flags = format!("{flags} --fill 777 --overwrite --skip-damaged --summary {}", summary.display());
        let ended = run(&input, &output, &flags);
        assert_eq!(ended.code, Some(3), "{flags}: {}", ended.stderr);
        let listed: Vec<_> = json(&summary)["damaged"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| (d["offset"].clone(), d["m"].clone()))
            .collect();
        let expected = DAMAGED.map(|i| (json!(offsets[i]), json!(pieces[i].m)));
        assert_eq!(listed, expected, "{flags}");
        for i in DAMAGED {
            assert!(ended.stderr.contains(&format!("byte {}", offsets[i])), "{}", ended.stderr);
        }
        let found = image(&output);
        if exact {
            assert_same(found.pixels(), &rest.filled(777.0), &flags);
        } else {
            let gaps = rest.pixels.iter().zip(found.pixels()).filter(|(pixel, _)| pixel.is_none());
            assert!(gaps.map(|(_, found)| *found).all(|found| found == 777.0), "a gap is not filled");
        }
    }
}

#[test]
fn subblocks_beyond_the_end_of_the_file_are_left_out_as_damaged_ones_are() {
    const LOST: [usize; 2] = [1, 4];
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let (summary, pieces) = (home.path().join("summary.json"), five_fields(PixelType::Gray16));
    write(&input, &pieces, &metadata(1));
    let mut file = fs::read(&input).unwrap();
    let beyond = (file.len() as u64).next_multiple_of(32) + 320;
    for i in LOST {
        let entry = entry(&file, i, DIMENSIONS_OF_ENTRY);
        put(&mut file, entry + POSITION, &(beyond + i as u64).to_le_bytes());
    }
    fs::write(&input, &file).unwrap();
    let away = |(i, piece): (usize, &Piece)| {
        if LOST.contains(&i) { piece.clone().at(9, 0, 0) } else { piece.clone() }
    };
    let rest = paint(&pieces.iter().enumerate().map(away).collect::<Vec<_>>(), Plane::default(), 0);

    run(&input, &output, "--iterations 0").failed(1, "--skip-damaged leaves it out");
    for flags in ["--iterations 0", "--iterations 0 --tile 24"] {
        let flags = format!("{flags} --fill 777 --overwrite --skip-damaged --summary {}", summary.display());
        let ended = run(&input, &output, &flags);
        assert_eq!(ended.code, Some(3), "{flags}: {}", ended.stderr);
        let damaged = json(&summary)["damaged"].as_array().unwrap().clone();
        let offsets: Vec<_> = damaged.iter().map(|damaged| damaged["offset"].clone()).collect();
        assert_eq!(offsets, LOST.map(|i| json!(beyond + i as u64)), "{flags}");
        assert!(ended.stderr.contains("damaged, left out: subblock at byte"), "{}", ended.stderr);
        assert_same(image(&output).pixels(), &rest.filled(777.0), &flags);
    }
}

#[test]
fn an_acquisition_that_was_cut_off_is_read_as_far_as_it_is_there() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let pieces = five_fields(PixelType::Gray16);
    write(&input, &pieces, &metadata(1));
    let mut file = fs::read(&input).unwrap();
    let starts = segments(&file, "ZISRAWSUBBLOCK");
    // The last subblock ends within its pixels; behind it were metadata and directory.
    file.truncate(starts[4] + 32 + 256 + 40);
    fs::write(&input, &file).unwrap();
    let away = |(i, piece): (usize, &Piece)| if i == 4 { piece.clone().at(9, 0, 0) } else { piece.clone() };
    let rest = paint(&pieces.iter().enumerate().map(away).collect::<Vec<_>>(), Plane::default(), 0);

    run(&input, &output, "--iterations 0").failed(1, "--skip-damaged looks for its subblocks one by one");
    let ended = run(&input, &output, "--iterations 0 --fill 777 --skip-damaged");
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("5 subblocks were found from segment to segment"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("damaged, left out: subblock at byte {}", starts[4])),
        "{}",
        ended.stderr
    );
    assert_same(image(&output).pixels(), &rest.filled(777.0), "cut off");
    let info = decon_gpu(&["info", text(&input), "--skip-damaged"]).done();
    assert!(info.stdout.contains("what else there was is not known"), "{}", info.stdout);
}
