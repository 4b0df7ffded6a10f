//! Text in files: the XML of a CZI, the description of a TIFF, the parameters of an objective; and volumes as PSFs.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use decon_gpu::czi::Czi;
use decon_gpu::czi::write::{CziWriter, NewSubblock};
use decon_gpu::dataset::{Input, Plane};
use decon_gpu::info::Info;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::psf::{Measured, Objective, Psf, PsfBackground, PsfCentre, Treatment};
use decon_gpu::source::{FileSource, Location};
use decon_gpu::space::{Rect, Zyx};
use decon_gpu::tiff::TiffStack;
use tiff::encoder::{TiffEncoder, colortype::Gray16};
use tiff::tags::Tag;

/// Pages of the TIFF that is described.
const PAGES: usize = 6;

/// `data` as the metadata of a CZI of one field: what is wrong with them is a note.
pub fn use_metadata(data: &[u8]) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let path = home.path().join("fuzzed.czi");
    let mut writer = CziWriter::create(&path).expect("room for a file");
    let field = NewSubblock::new(Plane::default(), Rect::new(0, 0, 4, 4), PixelType::Gray16);
    writer.add(&field, &Samples::U16((0..16).collect())).expect("room for a field");
    writer.finish_with_xml(data).expect("room for the metadata");
    let source = FileSource::open(&path).expect("it was just written");
    let czi = Czi::open(Box::new(source), &BTreeMap::new()).expect("its pixels are whole");
    assert_eq!(czi.dataset().channels.len(), 1, "pixels have the last word");
    say(&path, &czi);
}

/// `data` as the description of a TIFF.
pub fn use_description(data: &[u8]) {
    // The encoder writes ASCII alone.
    let text: String = data.iter().map(|&byte| if byte.is_ascii() && byte != 0 { char::from(byte) } else { ' ' }).collect();
    let home = tempfile::tempdir().expect("a temporary folder");
    let path = home.path().join("fuzzed.tif");
    let mut encoder = TiffEncoder::new(File::create(&path).expect("room for a file")).expect("a header");
    for page in 0..PAGES {
        let mut image = encoder.new_image::<Gray16>(4, 4).expect("a page");
        if page == 0 {
            image.encoder().write_tag(Tag::ImageDescription, text.as_str()).expect("a description");
        }
        image.write_data(&[page as u16; 16]).expect("pixels");
    }
    let Ok(stack) = TiffStack::open(&path) else { return };
    let scene = &stack.dataset().scenes[0];
    for plane in scene.fields.iter().map(|field| field.plane) {
        assert!((plane.c as usize) < stack.dataset().channels.len(), "a plane is one of the stack");
        assert!(plane.z < scene.slices && plane.t < scene.times);
    }
    say(&path, &stack);
}

/// `data` as the parameters of an objective.
pub fn use_objective(data: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), data).expect("room for it");
    if let Ok(objective) = Objective::load(file.path()) {
        assert!(objective.na > 0.0 && objective.refractive_index >= objective.na, "light can do that");
    }
}

/// `data` as a volume: its sides, two voxel sizes, how it is treated, then a byte for each voxel.
pub fn use_psf(data: &[u8]) {
    let Some((header, voxels)) = data.split_at_checked(7) else { return };
    let side = |at: usize, most: u8| u32::from(header[at] % most) + 1;
    let shape = Zyx::new(side(0, 8), side(1, 24), side(2, 24));
    let um = |at: usize| f64::from(header[at]) / 64.0;
    let values = voxels.iter().copied().chain(std::iter::repeat(0)).map(|byte| f32::from(byte as i8));
    let values: Vec<f32> = values.take(shape.count()).collect();
    let (from, to) = (Zyx::new(Some(um(3)), Some(um(4)), None), Zyx::new(um(4), um(3), um(4)));
    let background = match header[5] {
        0..64 => None,
        64..128 => Some(PsfBackground::Auto),
        counts => Some(PsfBackground::Counts(f32::from(counts - 128))),
    };
    let centre = [PsfCentre::Auto, PsfCentre::Middle, PsfCentre::Brightest][usize::from(header[6] % 3)];
    let measured = Measured { name: Path::new("fuzzed"), data: values, shape, voxel_um: from };
    if let Ok(psf) = Psf::from_volume(measured, to, Treatment { background, centre }) {
        let sum: f64 = psf.data.iter().map(|&value| f64::from(value)).sum();
        assert!((sum - 1.0).abs() < 1e-4, "a PSF spreads light and makes none");
        assert!(psf.data.iter().all(|value| value.is_finite() && *value >= 0.0));
    }
}

fn say(path: &Path, input: &dyn Input) {
    let _ = Info::new(&Location::Path(path.to_owned()), input.dataset()).to_string();
}
