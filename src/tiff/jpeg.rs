//! Chunks compressed by JPEG. The tables may be stored once for all chunks of a page.
//!
//! Source: Adobe Photoshop TIFF Technical Notes, "Technical Note #2: JPEG-in-TIFF".

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::codec::Fault;

/// What the page says of its chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JpegFormat {
    /// Pixels across a chunk.
    pub width: usize,
    /// Pixels down a chunk; the last strip of a page may have fewer, and may be stored with as many.
    pub height: usize,
    /// Samples of a pixel.
    pub samples: usize,
    /// Whether they are brightness and two differences of colour, to become red, green and blue.
    pub is_ycbcr: bool,
    /// A stream of tables alone; empty where each chunk has its own.
    pub tables: Vec<u8>,
}

/// Fills `pixels`: whole rows of a chunk.
///
/// # Errors
/// What is wrong with `stored`.
pub(super) fn decode(format: &JpegFormat, stored: &[u8], pixels: &mut [u8]) -> Result<(), Fault> {
    if let Some(variety) = variety_not_read(stored) {
        return Err(Fault::Unsupported(variety.into()));
    }
    let broken = |error: zune_jpeg::errors::DecodeErrors| Fault::Broken(format!("JPEG: {error}"));
    let stream = with_tables(&format.tables, stored);
    let options = DecoderOptions::default()
        .set_max_width(format.width)
        .set_max_height(format.height)
        .set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*stream), options);
    decoder.decode_headers().map_err(broken)?;
    // Colours are converted below, to the last bit as libjpeg does.
    let stored_as = if format.samples == 1 { ColorSpace::Luma } else { ColorSpace::YCbCr };
    let stored_as = decoder.input_colorspace().unwrap_or(stored_as);
    decoder.set_options(options.jpeg_set_out_colorspace(stored_as));
    let rows = pixels.len() / (format.width * format.samples);
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let bytes = decoder.output_buffer_size().unwrap_or(0);
    if width != format.width
        || !(rows..=format.height).contains(&height)
        || bytes != width * height * format.samples
    {
        let (expected, samples) = (format.width, bytes / (width * height).max(1));
        return Err(Fault::Broken(format!(
            "JPEG: {width} × {height} pixels of {samples} samples, where {expected} × {rows} of {} should be",
            format.samples
        )));
    }
    if height == rows {
        decoder.decode_into(pixels).map_err(broken)?;
    } else {
        // Some writers store all chunks in the height of the first.
        let all = decoder.decode().map_err(broken)?;
        pixels.copy_from_slice(&all[..pixels.len()]);
    }
    // As libtiff and tifffile: what the page calls RGB is RGB, unless the stream is a JFIF file.
    let is_jfif = stored.get(6..10) == Some(b"JFIF");
    if format.samples == 3 && (format.is_ycbcr || is_jfif) {
        pixels.chunks_exact_mut(3).for_each(to_rgb);
    }
    Ok(())
}

/// Brightness and two differences of colour to red, green, blue.
///
/// Source: ITU-T T.871, section 7; in 16 bits behind the point, and rounded, as libjpeg has it.
fn to_rgb(pixel: &mut [u8]) {
    const HALF: i32 = 1 << 15;
    let [y, cb, cr] = [i32::from(pixel[0]), i32::from(pixel[1]) - 128, i32::from(pixel[2]) - 128];
    let clamped = |value: i32| value.clamp(0, 255) as u8;
    pixel[0] = clamped(y + ((91_881 * cr + HALF) >> 16));
    pixel[1] = clamped(y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16));
    pixel[2] = clamped(y + ((116_130 * cb + HALF) >> 16));
}

/// The tables before the stream that needs them: each begins with a start and ends with an end.
fn with_tables(tables: &[u8], stored: &[u8]) -> Vec<u8> {
    let tables = tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(tables);
    match (tables.is_empty(), stored.strip_prefix(&[0xff, 0xd8])) {
        (false, Some(rest)) => [tables, rest].concat(),
        _ => stored.to_vec(),
    }
}

/// The variety of JPEG in `stored`, where it is one that is not read. Source: ITU-T T.81, table B.1.
fn variety_not_read(stored: &[u8]) -> Option<&'static str> {
    let mut at = 2;
    loop {
        let segment = stored.get(at..at + 5)?;
        let length = usize::from(segment[2]) << 8 | usize::from(segment[3]);
        match (segment[0], segment[1]) {
            (0xff, 0xff) => at += 1,
            (0xff, 0xc0..=0xc2) if segment[4] != 8 => return Some("JPEG of more than 8 bits"),
            (0xff, 0xc0..=0xc2) => return None,
            (0xff, 0xc3) => return Some("lossless JPEG"),
            (0xff, 0xc5..=0xc7 | 0xcd..=0xcf) => return Some("hierarchical JPEG"),
            (0xff, 0xc9..=0xcb) => return Some("JPEG with arithmetic coding"),
            (0xff, 0xda) | (0..=0xfe, _) => return None,
            _ => at += 2 + length,
        }
    }
}
