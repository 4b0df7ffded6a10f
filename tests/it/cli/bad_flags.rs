//! Flags that make no sense, or not for this file: exit code 2, and a message that names the flag.

use std::path::Path;

use decon_gpu::czi::write::Metadata;
use decon_gpu::pixels::PixelType;
use decon_gpu::space::Zyx;

use crate::cli::mosaic::{Piece, five_fields, metadata, write};
use crate::cli::output::names;
use crate::cli::program::{decon_gpu, run, text};

/// Of a file with one channel, one scene and 16 bits.
const WRONG: &[&str] = &[
    "--iterations 4294967296",
    "--iterations many",
    "--method steepest",
    "--dimensions 4",
    "--scale 0",
    "--scale 3",
    "--scale 16",
    "--scene 5",
    "--select H",
    "--select Z=1",
    "--select H=1",
    "--axes x",
    "--axes zz",
    // A CZI says it itself.
    "--axes z",
    "--voxel-um 1,1",
    "--voxel-um 0,1,1",
    "--voxel-um 1,nan,1",
    "--voxel-um 1,100,100",
    "--voxel-um 1,1e300,1e300",
    "--fill nan",
    "--gpu-memory much",
    "--gpu-memory 0",
    "--fill -1",
    "--fill 0.5",
    "--fill 65536",
    "--output-type u32",
    "--background -1",
    "--background inf",
    "--background 1=5",
    "--psf 1=auto",
    "--psf objective:none",
    "--psf-size 4,4,4",
    "--psf-size 3,3",
    "--na 0",
    "--na nan",
    "--na 1.5",
    "--emission-nm 0",
    "--emission-nm 1e9",
    "--emission-nm 2=500",
    "--immersion-index 0.5",
    "--tile 0",
    "--tile 4294967295",
    "--halo 4294967295",
    "--halo 1,",
    "--halo 4294967295,1",
    "--until 0",
    "--until 1",
    "--until nan",
    "--check-every 0",
    "--precision f64",
    // Every run here is on the processor.
    "--precision f16",
    "--chunk 0",
    "--chunk 2147483648",
    "--shard 7",
    "--shard 4294967295",
    "--shard 256 --ome-zarr 0.4",
    "--chunk 255 --ome-zarr 0.4",
    "--zstd-level 10 --ome-zarr 0.4",
    "--ome-zarr 0.3",
    "--zstd-level 0",
    "--zstd-level 23",
    "--memory 0",
    "--memory lots",
    "--threads 0",
    "--threads 4294967296",
    "--no-such-flag 1",
];

#[test]
fn a_wrong_flag_is_named() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    for flags in WRONG {
        let flag = flags.split(' ').next().unwrap();
        let iterations = if flag == "--iterations" { "" } else { "--iterations 1" };
        run(&input, &output, &format!("{flags} {iterations}")).failed(2, flag);
    }
    assert_eq!(names(home.path()), ["in.czi"]);
}

#[test]
fn wrong_usage_ends_with_code_2() {
    for arguments in [
        &["run"][..],
        &["stitch", "in.czi"],
        &[],
        &["run", "in.czi"],
        &["info"],
        &["info", "--jsn", "in.czi"],
    ] {
        let ended = decon_gpu(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", ended.stderr);
    }
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"]] {
        assert!(!decon_gpu(arguments).done().stdout.is_empty());
    }
}

/// Everything that a PSF is computed from can come from the file or from a flag; what neither says is asked for.
#[test]
fn metadata_that_a_psf_needs_is_asked_for_by_flag() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let fields = five_fields(PixelType::Gray16);
    let full = metadata(1);
    let without = |change: fn(&mut Metadata)| {
        let mut metadata = full.clone();
        change(&mut metadata);
        metadata
    };
    let missing = [
        (without(|m| m.optics.na = None), "--na", "1.0"),
        (without(|m| m.optics.refractive_index = None), "--immersion-index", "1.333"),
        (without(|m| m.channels[0].emission_nm = None), "--emission-nm", "500"),
        (without(|m| m.voxel_um = Zyx::default()), "--voxel-um", "0.4,0.1,0.1"),
    ];
    for (metadata, flag, value) in &missing {
        write(&input, &fields, metadata);
        run(&input, &output, "--iterations 1 --overwrite").failed(2, &format!("error: {flag}: needed"));
        run(&input, &output, &format!("--iterations 1 --overwrite {flag} {value}")).done();
        run(&input, &output, "--iterations 0 --overwrite").done();
    }
    write(&input, &fields, &Metadata::default());
    let all = missing.iter().map(|(_, flag, _)| *flag).collect::<Vec<_>>().join(", ");
    run(&input, &output, "--iterations 1 --overwrite").failed(2, &format!("error: {all}: needed"));
    decon_gpu(&["plan", text(&input), "--backend", "cpu"]).failed(2, &all);
}

#[test]
fn what_does_not_fit_is_said() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    for flags in ["--memory 1MiB --iterations 1", "--memory 1000 --iterations 0"] {
        run(&input, &output, flags).failed(1, "available");
    }
    // Millions of tiles are counted, not listed.
    let apart = [0, 3000].map(|at| Piece::new(0, at, at, (60, 38), PixelType::Gray16));
    write(&input, &apart, &metadata(1));
    run(&input, &output, "--iterations 0 --tile 1").failed(1, "9296280 needed");
    run(&input, Path::new(""), "--iterations 0").failed(2, "--output");
    assert_eq!(names(home.path()), ["in.czi"]);
}
