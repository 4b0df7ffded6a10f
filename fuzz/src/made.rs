//! Small CZI files with a bit of everything that the writer can write.
//!
//! Shared by the fuzzer and by `tests/mutants`.

use std::path::{Path, PathBuf};

use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Compression, Plane};
use decon_gpu::error::Result;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::space::Rect;

const WIDTH: u32 = 20;
const HEIGHT: u32 = 12;
/// Pixels from one field to the next: they overlap.
const STEP: i64 = 16;
const NAMES: [(&str, Compression, PixelType); 4] = [
    ("raw", Compression::Uncompressed, PixelType::Gray16),
    ("raw-bgr", Compression::Uncompressed, PixelType::Bgr24),
    ("zstd0", Compression::Zstd0, PixelType::Bgr24),
    ("zstd1", Compression::Zstd1, PixelType::Gray16),
];

/// 70 × 51 pixels of Gray16.
const JPEG_XR: &[u8] = include_bytes!("../../tests/data/jpegxr/coded/gray16_q30.jxr");

/// Writes one for each codec into `folder`.
///
/// # Errors
/// `Io`.
pub fn write(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = mosaics(folder)?;
    files.push(jpeg_xr(folder)?);
    Ok(files)
}

/// Two fields that overlap.
fn jpeg_xr(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("jpegxr.czi");
    let mut writer = CziWriter::create(&path)?;
    for (m, x) in [(0, 0), (1, 60)] {
        let field = NewSubblock::new(Plane::default(), Rect::new(x, 0, 70, 51), PixelType::Gray16);
        let field = NewSubblock { m: Some(m), compression: Compression::JpegXr, ..field };
        writer.add_encoded(&field, JPEG_XR)?;
    }
    writer.finish(&Metadata::default())?;
    Ok(path)
}

/// Two fields, of which one is masked, and a pyramid level over both, in two channels and two slices.
fn mosaics(folder: &Path) -> Result<Vec<PathBuf>> {
    let file = |(name, compression, pixel_type): (&str, Compression, PixelType)| {
        let path = folder.join(format!("{name}.czi"));
        let mut writer = CziWriter::create(&path)?;
        for (c, z) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let subblock = |m: Option<u32>, rect: Rect<_>, ratio: u32| NewSubblock {
                compression,
                m,
                stored_width: rect.width / ratio,
                stored_height: rect.height / ratio,
                ..NewSubblock::new(Plane { t: 0, c, z }, rect, pixel_type)
            };
            let field = |m: u32| subblock(Some(m), Rect::new(i64::from(m) * STEP, 0, WIDTH, HEIGHT), 1);
            let level = subblock(None, Rect::new(0, 0, WIDTH + STEP as u32, HEIGHT), 2);
            writer.add(&field(0), &samples(&field(0)))?;
            writer.add_masked(&field(1), &samples(&field(1)), |x, y| x + y > 7)?;
            writer.add(&level, &samples(&level))?;
        }
        writer.finish(&Metadata::default())?;
        Ok(path)
    };
    NAMES.into_iter().map(file).collect()
}

fn samples(subblock: &NewSubblock<'_>) -> Samples {
    let pixels = subblock.stored_width as usize * subblock.stored_height as usize;
    let count = pixels * subblock.pixel_type.samples() as usize;
    match subblock.pixel_type {
        PixelType::Gray16 => Samples::U16((0..count).map(|i| (i * 37 % 4001) as u16).collect()),
        _ => Samples::U8((0..count).map(|i| (i * 37 % 251) as u8).collect()),
    }
}
