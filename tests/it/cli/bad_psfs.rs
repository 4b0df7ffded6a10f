//! Measured PSFs: those that are none are refused; one that is larger than a tile works.

use std::fs::File;
use std::path::Path;

use decon_gpu::pixels::PixelType;
use tiff::encoder::{TiffEncoder, colortype::Gray32Float};

use crate::cli::deconvolution::relative_rms;
use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{image, names};
use crate::cli::program::run;

const SIDE: usize = 33;

fn write_tiff(path: &Path, value: impl Fn(usize, usize) -> f32) {
    let pixels: Vec<f32> = (0..SIDE * SIDE).map(|i| value(i / SIDE, i % SIDE)).collect();
    let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    encoder.write_image::<Gray32Float>(SIDE as u32, SIDE as u32, &pixels).unwrap();
}

/// A bright middle in wide, dim surroundings.
fn psf(y: usize, x: usize) -> f32 {
    let squared = (y.abs_diff(SIDE / 2).pow(2) + x.abs_diff(SIDE / 2).pow(2)) as f32;
    (-squared / 4.0).exp() + 0.02 * (-squared / 60.0).exp()
}

#[test]
fn what_is_no_psf_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (input, output, file) =
        (home.path().join("in.czi"), home.path().join("out.zarr"), home.path().join("psf.tif"));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    let flags = format!("--iterations 1 --psf {}", file.display());
    let refused = |what: &str| {
        run(&input, &output, &flags).failed(1, what);
    };
    write_tiff(&file, |y, x| if (y, x) == (3, 5) { f32::NAN } else { psf(y, x) });
    refused("the value NaN at z 0, y 3, x 5");
    write_tiff(&file, |y, x| if (y, x) == (0, 1) { f32::INFINITY } else { psf(y, x) });
    refused("the value inf at z 0, y 0, x 1");
    write_tiff(&file, |_, _| 0.0);
    refused("every voxel of the PSF is 0");
    write_tiff(&file, |y, x| if (y + x) % 2 == 0 { 1.0 } else { -1.0 });
    refused("light is not negative");
    std::fs::write(&file, "no picture").unwrap();
    refused("psf.tif");
    std::fs::write(&file, "").unwrap();
    refused("psf.tif");
    std::fs::remove_file(&file).unwrap();
    refused("psf.tif");
    // A mosaic of several fields is no stack.
    run(&input, &output, &format!("--iterations 1 --psf {}", input.display()))
        .failed(1, "a PSF is one stack");
    assert_eq!(names(home.path()), ["in.czi"]);
}

#[test]
fn a_psf_larger_than_the_tile_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (input, file) = (home.path().join("in.czi"), home.path().join("psf.tif"));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    write_tiff(&file, psf);
    let restored = |tile: &str| {
        let output = home.path().join("out.zarr");
        let flags = format!("--iterations 10 --output-type f32 --overwrite --psf {} {tile}", file.display());
        run(&input, &output, &flags).done();
        image(&output).pixels().to_vec()
    };
    let whole = restored("");
    for tile in ["--tile 16", "--tile 5"] {
        let error = relative_rms(&restored(tile), &whole);
        assert!(error <= 1e-3, "{tile}: relative rms {error:e}");
    }
}
