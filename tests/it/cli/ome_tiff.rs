//! OME-TIFF as output: the same pixels as an OME-Zarr has, read back by this program's own reader.

use std::fs;
use std::path::Path;

use decon_gpu::dataset::Plane;
use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{Piece, five_fields, metadata, write};
use crate::cli::output::{image, json, names};
use crate::cli::program::{decon_gpu, run, text};
use crate::cli::tiff_file::contents;

/// Writes `pieces`, once as OME-Zarr and once as OME-TIFF and from there as OME-Zarr, with `flags`; all pixels are the same.
fn same_pixels(pieces: &[Piece], flags: &str, tiff_flags: &str) {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let input = path("in.czi");
    write(&input, pieces, &metadata(1));
    run(&input, &path("direct.ome.zarr"), flags).done();
    run(&input, &path("x.ome.tif"), &format!("{flags} {tiff_flags}")).done();
    assert!(path("x.ome.tif").is_file());
    run(&path("x.ome.tif"), &path("back.ome.zarr"), "--iterations 0").done();
    let (direct, back) = (image(&path("direct.ome.zarr")), image(&path("back.ome.zarr")));
    assert_eq!((direct.shape, direct.type_name), (back.shape, back.type_name));
    assert!(direct.pixels() == back.pixels(), "other pixels, {flags} {tiff_flags}");
    // An OME-Zarr is exported as what it was made of.
    run(&path("direct.ome.zarr"), &path("y.tif"), &format!("--iterations 0 {tiff_flags}")).done();
    run(&path("y.tif"), &path("again.ome.zarr"), "--iterations 0").done();
    assert!(image(&path("again.ome.zarr")).pixels() == direct.pixels(), "other pixels, exported");
}

#[test]
fn pixels_of_every_type_come_back() {
    let stack = |pixel_type| {
        let of_plane = |plane: Plane| {
            let move_to = move |piece: Piece| piece.at(plane.t, plane.c, plane.z);
            five_fields(pixel_type).into_iter().map(move_to)
        };
        let planes = (0..2).flat_map(|t| (0..3).map(move |z| Plane { t, c: 0, z }));
        planes.flat_map(of_plane).collect::<Vec<_>>()
    };
    same_pixels(&stack(PixelType::Gray16), "--iterations 0", "--chunk 64 --shard 128");
    same_pixels(&five_fields(PixelType::Gray8), "--iterations 0", "--tiff-compression lzw");
    same_pixels(&five_fields(PixelType::Gray32Float), "--iterations 0", "--tiff-compression zstd");
    same_pixels(&five_fields(PixelType::Bgr24), "--iterations 0", "--chunk 32 --shard 64");
    same_pixels(&five_fields(PixelType::Bgr48), "--iterations 0 --scale 2", "--tiff-compression none");
    same_pixels(&five_fields(PixelType::Gray16), "--iterations 2 --psf-size 1,9,9", "--chunk 16");
}

#[test]
fn colours_of_a_pixel_lie_side_by_side() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.ome.tif"));
    for (pixel_type, samples, photometric) in [(PixelType::Bgr24, 3, 2), (PixelType::Gray8, 1, 1)] {
        write(&input, &five_fields(pixel_type), &metadata(1));
        run(&input, &output, "--iterations 0 --overwrite").done();
        let found = contents(&output);
        let tag = |tag: u32| {
            u16::from_le_bytes(
                found[Path::new(&format!("page 0/level 0/tag {tag}"))][..2].try_into().unwrap(),
            )
        };
        assert_eq!((tag(277), tag(262), tag(284)), (samples, photometric, 1));
        assert_eq!(found.keys().filter(|key| key.ends_with("tag 277")).count(), 1, "one page");
    }
}

#[test]
fn several_inputs_and_scenes_have_files_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let scene = |scene: u32| Piece {
        scene: Some(scene),
        ..Piece::new(scene, 1000 * i64::from(scene), 0, (40, 30), PixelType::Gray8)
    };
    write(&path("a.czi"), &[scene(0), scene(1), scene(2)], &metadata(1));
    write(&path("b.czi"), &[scene(0)], &metadata(1));
    let (a, b, out) = (path("a.czi"), path("b.czi"), path("out"));
    let flags = ["--iterations", "0", "--backend", "cpu", "--format", "ome-tiff"];
    let run_both = |more: &[&str]| {
        let arguments = ["run", text(&a), text(&b), "-o", text(&out)];
        decon_gpu(&[&arguments, flags.as_slice(), more].concat())
    };
    let made = run_both(&[]).done();
    let expected = ["a_S00.ome.tif", "a_S01.ome.tif", "a_S02.ome.tif", "b.ome.tif"];
    assert_eq!(names(&out), expected);
    assert!(
        made.stderr.contains("out/a_S00.ome.tif to ") && made.stderr.contains("out/a_S02.ome.tif\n"),
        "{}",
        made.stderr
    );
    let whole = expected.map(|name| contents(&out.join(name)));
    assert_eq!(run_both(&[]).code, Some(1), "all are there");
    let again = run_both(&["--resume"]).done();
    assert!(again.stderr.contains("already complete, from the same input and options"), "{}", again.stderr);
    run_both(&["--overwrite"]).done();
    assert!(expected.map(|name| contents(&out.join(name))) == whole);
    assert_eq!(names(&out), expected);
}

#[test]
fn what_is_read_or_of_others_is_never_replaced() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    write(&path("in.czi"), &five_fields(PixelType::Gray8), &metadata(1));
    let run = |input: &str, output: &str, flags: &str| {
        run(&path(input), &path(output), &format!("--iterations 0 {flags}"))
    };
    run("in.czi", "made.ome.tif", "").done();
    let made = fs::read(path("made.ome.tif")).unwrap();
    run("made.ome.tif", "made.ome.tif", "--overwrite").failed(2, "is the input");
    run("in.czi", "made.ome.tif", "").failed(2, "exists; --overwrite would replace it");
    run("in.czi", "in.czi", "--format ome-tiff --overwrite").failed(2, "is the input");
    assert!(fs::read(path("made.ome.tif")).unwrap() == made);
    // Of a microscope: perhaps all that there is of an acquisition.
    for bytes in [&b"II*\0\x08\0\0\0 not ours"[..], b"II+\0\x08\0\0\0 not ours"] {
        fs::write(path("slide.ome.tif"), bytes).unwrap();
        run("in.czi", "slide.ome.tif", "--resume").failed(2, "exists; --overwrite would replace it");
        for flags in ["--overwrite", "--resume --overwrite"] {
            let told = "is not an OME-TIFF of this program, so it is not replaced";
            run("in.czi", "slide.ome.tif", flags).failed(2, told);
        }
        assert_eq!(fs::read(path("slide.ome.tif")).unwrap(), bytes);
    }
    assert_eq!(names(home.path()), ["in.czi", "made.ome.tif", "slide.ome.tif"]);
}

#[test]
fn what_a_tiff_has_not_is_refused_and_memory_is_planned() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    write(&path("in.czi"), &five_fields(PixelType::Bgr24), &metadata(1));
    let run =
        |output: &str, flags: &str| run(&path("in.czi"), &path(output), &format!("--iterations 0 {flags}"));
    run("a.ome.zarr", "--tiff-compression zstd").failed(2, "--tiff-compression: is for an OME-TIFF");
    run("a.ome.tif", "--chunk 100 --shard 200").failed(2, "--chunk: 100 must be a multiple of 16");
    run("a.ome.tif", &format!("--summary {}", text(&path("s.json")))).done();
    let of_tiff = json(&path("s.json"));
    run("a.ome.zarr", &format!("--chunk 512 --summary {} --overwrite", text(&path("z.json")))).done();
    let of_zarr = json(&path("z.json"));
    let bytes =
        |summary: &serde_json::Value, part: &str| summary["images"][0]["memory"][part].as_u64().unwrap();
    // One tile and its place of 16 bytes, for three channels that wait for each other.
    assert_eq!(bytes(&of_tiff, "pyramid"), bytes(&of_zarr, "pyramid") + 16);
    assert!(bytes(&of_tiff, "finished") > bytes(&of_zarr, "finished"));
    assert_eq!(names(home.path()), ["a.ome.tif", "a.ome.zarr", "in.czi", "s.json", "z.json"]);
}
