//! Stacks that are cut in z because they do not fit.

use std::fs::File;
use std::path::{Path, PathBuf};

use tiff::encoder::{TiffEncoder, colortype};

use crate::cli::deconvolution::relative_rms;
use crate::cli::output::{attributes, image, json};
use crate::cli::program::{decon_gpu, run, text};

fn write_stack(path: &Path, [planes, rows, columns]: [u32; 3], value: impl Fn(u32, u32, u32) -> f32) {
    let mut file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    for z in 0..planes {
        let plane: Vec<f32> = (0..rows * columns).map(|i| value(z, i / columns, i % columns)).collect();
        file.write_image::<colortype::Gray32Float>(columns, rows, &plane).unwrap();
    }
}

/// Spots in every plane of 40, and a PSF that spreads them over three.
fn stack_and_psf(folder: &Path) -> (PathBuf, PathBuf) {
    let (stack, psf) = (folder.join("in.tif"), folder.join("psf.tif"));
    write_stack(&stack, [40, 64, 64], |z, y, x| {
        let spot = (z * 7 + y * 13 + x * 5) % 31 == 0 || (20..24).contains(&z) && (9..30).contains(&y);
        100.0 + if spot { 900.0 } else { 0.0 } + ((z * 31 + y * 57 + x * 101) % 251) as f32 / 5.0
    });
    write_stack(&psf, [3, 5, 5], |z, y, x| {
        let off = [z.abs_diff(1) * 2, y.abs_diff(2), x.abs_diff(2)];
        (-f32::from(off.map(|d| (d * d) as u16).iter().sum::<u16>()) / 3.0).exp()
    });
    (stack, psf)
}

/// As for tiles in x and y, light from beyond the halo is all that is lost: 1e-3 is what its size is chosen for.
#[test]
fn a_stack_that_is_cut_in_z_is_restored_as_in_one_piece() {
    let home = tempfile::tempdir().unwrap();
    let (stack, psf) = stack_and_psf(home.path());
    let (output, summary) = (home.path().join("out.zarr"), home.path().join("summary.json"));
    let flags = format!(
        "--psf {} --voxel-um 0.2,0.1,0.1 --background 90 --iterations 20 --chunk 64 --shard 64 --output-type f32 \
         --overwrite --summary {}",
        text(&psf),
        text(&summary)
    );
    // The pixels, the tiles, and the planes of halo.
    let restored = |more: &str| {
        run(&stack, &output, &format!("{flags} {more}")).done();
        let halo = attributes(&output)["decon-gpu"]["halo_planes"].as_u64().unwrap();
        (image(&output), json(&summary)["images"][0]["tiles"].as_u64().unwrap(), halo)
    };
    let (whole, tiles, _) = restored("");
    assert_eq!(tiles, 1);
    let (cut, tiles, halo) = restored("--memory 10MiB");
    assert!(tiles > 1 && halo > 0, "{tiles} tiles, {halo} planes");
    let (bare, _, none) = restored("--memory 10MiB --halo 0,0");
    assert_eq!(none, 0);
    let error = relative_rms(cut.pixels(), whole.pixels());
    assert!(error <= 1e-3, "relative rms {error:e}");
    assert!(error > 0.0, "the stack was not cut");
    assert!(relative_rms(bare.pixels(), whole.pixels()) > 2.0 * error, "no halo is as good as one");

    let plan = ["plan", text(&stack), "--backend", "cpu", "--memory", "10MiB"];
    let plan: Vec<_> = plan.into_iter().chain(flags.split_whitespace().take(10)).collect();
    let plan = decon_gpu(&plan).done();
    assert!(plan.stdout.contains("the stack is cut in z"), "{}", plan.stdout);
}
