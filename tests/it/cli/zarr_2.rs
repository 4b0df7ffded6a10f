//! `--ome-zarr 0.4`: the same pixels and names as in 0.5, in the form that older programs read.

use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{assert_same, attributes, image, json};
use crate::cli::program::run;

#[test]
fn pixels_and_metadata_are_those_of_0_5_and_come_back_as_input() {
    let home = tempfile::tempdir().unwrap();
    let [slide, old, new, again] =
        ["in.czi", "old.zarr", "new.zarr", "again.zarr"].map(|n| home.path().join(n));
    for pixel_type in [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24] {
        write(&slide, &five_fields(pixel_type), &metadata(1));
        for flags in ["--iterations 0 --chunk 16", "--iterations 2 --psf-size 1,5,5 --tile 40 --chunk 32"] {
            let flags = format!("{flags} --overwrite --emission-nm 500 --na 0.8 --immersion-index 1");
            run(&slide, &old, &format!("{flags} --ome-zarr 0.4")).done();
            run(&slide, &new, &flags).done();
            let [found, expected] = [&old, &new].map(|folder| image(folder));
            assert_eq!((found.shape, found.type_name), (expected.shape, expected.type_name));
            assert_same(found.pixels(), expected.pixels(), &format!("{pixel_type:?} {flags}"));
        }
        let (before, after) = (json(&old.join(".zattrs")), attributes(&new));
        assert_eq!(before["omero"]["channels"], after["ome"]["omero"]["channels"]);
        assert_eq!(
            before["multiscales"][0]["datasets"], after["ome"]["multiscales"][0]["datasets"],
            "levels and their scales"
        );
        run(&old, &again, "--iterations 0 --overwrite").done();
        assert_same(image(&again).pixels(), image(&old).pixels(), "as input");
    }
}
