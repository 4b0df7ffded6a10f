//! Small files under the names that the book's commands use.

use std::fs::{File, copy, create_dir};
use std::path::Path;

use decon_gpu::dataset::{Channel, Optics};
use decon_gpu::pixels::PixelType;
use decon_gpu::space::Zyx;
use tiff::encoder::{TiffEncoder, colortype};

use crate::cli::mosaic::{Piece, write};

/// Makes them in `folder`: mosaics (slide.czi, a.czi, b.czi, brightfield.czi), stacks (stack.czi, stack.tif), PSFs (bead.tif,
/// dapi_psf.tif, gfp_psf.tif) and the camera's dark.tif.
pub fn make(folder: &Path) {
    let place = |name: &str| folder.join(name);
    write(&place("slide.czi"), &mosaic(PixelType::Gray16, 2), &metadata(None, &["nuclei", "fibres"]));
    for name in ["a.czi", "b.czi"] {
        copy(place("slide.czi"), place(name)).unwrap();
    }
    create_dir(place("slides")).unwrap();
    for name in ["a.czi", "b.czi"] {
        copy(place("slide.czi"), place("slides").join(name)).unwrap();
    }
    write(&place("brightfield.czi"), &mosaic(PixelType::Bgr24, 1), &metadata(None, &["H&amp;E"]));
    let slices = (0..5).map(|z| Piece::new(0, 0, 0, (24, 24), PixelType::Gray16).at(0, 0, z));
    write(&place("stack.czi"), &slices.collect::<Vec<_>>(), &metadata(Some(0.5), &["GFP"]));
    stack(&place("stack.tif"), Zyx::new(5, 24, 24));
    for name in ["bead.tif", "dapi_psf.tif", "gfp_psf.tif"] {
        bead(&place(name), Zyx::new(5, 11, 11));
    }
    plane(&place("dark.tif"), 64);
}

/// 2 × 2 fields of 64 × 64 pixels that overlap by an eighth.
fn mosaic(pixel_type: PixelType, channels: u32) -> Vec<Piece> {
    let field = |c, m: u32| {
        let (x, y) = (i64::from(m % 2) * 56, i64::from(m / 2) * 56);
        Piece::new(m, x, y, (64, 64), pixel_type).at(0, c, 0)
    };
    (0..channels).flat_map(|c| (0..4).map(move |m| field(c, m))).collect()
}

fn metadata(z_um: Option<f64>, names: &[&str]) -> decon_gpu::czi::write::Metadata {
    let channel = |(c, name): (u32, &&str)| Channel {
        name: Some((*name).to_owned()),
        emission_nm: Some(460.0 + 60.0 * f64::from(c)),
        acquisition_mode: Some("WideField".to_owned()),
        ..Channel::default()
    };
    decon_gpu::czi::write::Metadata {
        // Large pixels, for a small PSF.
        voxel_um: Zyx::new(z_um, Some(0.4), Some(0.4)),
        channels: (0..).zip(names).map(channel).collect(),
        optics: Optics {
            objective: Some("synthetic 63x/1.0 water".to_owned()),
            na: Some(1.0),
            magnification: Some(63.0),
            immersion: Some("Water".to_owned()),
            refractive_index: Some(1.333),
            z_axis_shear: None,
        },
    }
}

/// A stack without any description.
fn stack(path: &Path, shape: Zyx<u32>) {
    let mut file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    for z in 0..shape.z {
        let pixels: Vec<_> = (0..shape.y * shape.x).map(|i| (100 + (i * (z + 3)) % 241) as u16).collect();
        file.write_image::<colortype::Gray16>(shape.x, shape.y, &pixels).unwrap();
    }
}

/// A spot, brightest in the middle.
fn bead(path: &Path, shape: Zyx<u32>) {
    let mut file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    let distance = |i: u32, side: u32| f64::from(i) - f64::from(side / 2);
    for z in 0..shape.z {
        let mut pixels = Vec::new();
        for (y, x) in (0..shape.y).flat_map(|y| (0..shape.x).map(move |x| (y, x))) {
            let (dz, dy, dx) = (distance(z, shape.z), distance(y, shape.y), distance(x, shape.x));
            pixels.push((1e4 * (-0.5 * (dz * dz + dy * dy + dx * dx)).exp()) as f32);
        }
        file.write_image::<colortype::Gray32Float>(shape.x, shape.y, &pixels).unwrap();
    }
}

/// Even dark counts of a field.
fn plane(path: &Path, side: u32) {
    let mut file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    let pixels = vec![2.0; (side * side) as usize];
    file.write_image::<colortype::Gray32Float>(side, side, &pixels).unwrap();
}
