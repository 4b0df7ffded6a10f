//! The directories of an image, once all of its tiles are there: one for each page, each with those of its levels below it.

use super::ifd::{Ifd, Value};
use super::image::TiffImage;
use super::table::Extent;
use crate::error::Result;
use crate::output::metadata::ImageMetadata;
use crate::pixels::SampleType;

/// Tags of TIFF 6.0, and SubIFDs of its supplement.
mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const IMAGE_DESCRIPTION: u16 = 270;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const SOFTWARE: u16 = 305;
    pub const PREDICTOR: u16 = 317;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_LENGTH: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTE_COUNTS: u16 = 325;
    pub const SUB_IFDS: u16 = 330;
    pub const SAMPLE_FORMAT: u16 = 339;
}

const SOFTWARE: &str = concat!("decon-gpu ", env!("CARGO_PKG_VERSION"));

/// Writes the directories of `image` behind its tiles, `xml` in the first of them, and tells the header where they are. What
/// may be behind them is cut off.
///
/// # Errors
/// `Io`.
pub(super) fn write(image: &TiffImage, metadata: &ImageMetadata, xml: &str) -> Result<()> {
    let zeros = zero_tile(image)?;
    let pages = Pages { image, metadata, xml, zeros };
    let first = image.file.end().next_multiple_of(8);
    let mut at = first;
    for page in 0..image.shape.pages() {
        let bytes = pages.page(page, at);
        image.file.write(at, &bytes)?;
        at += bytes.len() as u64;
    }
    image.file.cut(at)?;
    image.file.flush()?;
    image.file.write_header(first)?;
    image.file.flush()
}

/// The tile for all that are zero.
fn zero_tile(image: &TiffImage) -> Result<Extent> {
    if !image.table.has_zeros() {
        return Ok(Extent::default());
    }
    let (mut pixels, mut encoded) = (vec![0; image.shape.tile_bytes()], Vec::new());
    let done = image.compression.encode(&image.shape, &mut pixels, &mut encoded);
    done.map_err(|error| crate::error::Error::io(image.file.path(), error))?;
    Ok(Extent { offset: image.file.append(&encoded)?, bytes: encoded.len() as u64 })
}

struct Pages<'a> {
    image: &'a TiffImage,
    metadata: &'a ImageMetadata,
    xml: &'a str,
    zeros: Extent,
}

impl Pages<'_> {
    /// The directories of `page` at byte `at`: its own first, then those of its levels.
    fn page(&self, page: u64, at: u64) -> Vec<u8> {
        let levels = 1..self.image.shape.level_count();
        // How long they are does not depend on where they are.
        let sub_bytes = |level| self.directory(page, level, &[]).bytes(0, 0).len() as u64;
        let lengths: Vec<u64> = levels.clone().map(sub_bytes).collect();
        let own = self.directory(page, 0, &vec![0; lengths.len()]).bytes(0, 0).len() as u64;
        let mut end = at + own;
        let starts: Vec<u64> = lengths
            .iter()
            .map(|length| {
                end += length;
                end - length
            })
            .collect();
        let is_last = page + 1 == self.image.shape.pages();
        let next = if is_last { 0 } else { end };
        let mut bytes = self.directory(page, 0, &starts).bytes(at, next);
        for (level, &start) in levels.zip(&starts) {
            bytes.extend(self.directory(page, level, &[]).bytes(start, 0));
        }
        bytes
    }

    fn directory(&self, page: u64, level: usize, below: &[u64]) -> Ifd {
        let shape = &self.image.shape;
        let size = shape.level(level).shape;
        let samples = shape.samples_per_pixel as usize;
        let is_first = page == 0 && level == 0;
        let (bits, format) = match shape.sample {
            SampleType::U8 => (8, 1),
            SampleType::U16 => (16, 1),
            SampleType::F32 => (32, 3),
        };
        let short = |value| Value::Short(vec![value]);
        let long = |value: u64| Value::Long(vec![value as u32]);
        let mut ifd = Ifd::default();
        ifd.add(tag::NEW_SUBFILE_TYPE, long(u64::from(level > 0)));
        ifd.add(tag::IMAGE_WIDTH, long(size.x));
        ifd.add(tag::IMAGE_LENGTH, long(size.y));
        ifd.add(tag::BITS_PER_SAMPLE, Value::Short(vec![bits; samples]));
        ifd.add(tag::COMPRESSION, short(self.image.compression.code()));
        // 1: the smallest value is black; 2: red, green, blue.
        ifd.add(tag::PHOTOMETRIC, short(if samples == 3 { 2 } else { 1 }));
        if is_first {
            ifd.add(tag::IMAGE_DESCRIPTION, Value::Ascii(self.xml.as_bytes().to_vec()));
        }
        ifd.add(tag::SAMPLES_PER_PIXEL, short(samples as u16));
        let per_cm = self.pixels_per_cm(level);
        let has_size = per_cm.is_some();
        if let Some([x, y]) = per_cm {
            ifd.add(tag::X_RESOLUTION, x);
            ifd.add(tag::Y_RESOLUTION, y);
        }
        ifd.add(tag::PLANAR_CONFIGURATION, short(1));
        if has_size {
            ifd.add(tag::RESOLUTION_UNIT, short(3));
        }
        if is_first {
            ifd.add(tag::SOFTWARE, Value::Ascii(SOFTWARE.into()));
        }
        ifd.add(tag::PREDICTOR, short(self.image.compression.predictor(shape.sample)));
        ifd.add(tag::TILE_WIDTH, long(shape.tile_width));
        ifd.add(tag::TILE_LENGTH, long(shape.tile_height));
        let (offsets, counts) = self.tiles(page, level);
        ifd.add(tag::TILE_OFFSETS, Value::Long8(offsets));
        ifd.add(tag::TILE_BYTE_COUNTS, Value::Long8(counts));
        if !below.is_empty() {
            ifd.add(tag::SUB_IFDS, Value::Ifd8(below.to_vec()));
        }
        ifd.add(tag::SAMPLE_FORMAT, Value::Short(vec![format; samples]));
        ifd
    }

    /// Offsets and bytes of the tiles of a page of `level`.
    fn tiles(&self, page: u64, level: usize) -> (Vec<u64>, Vec<u64>) {
        let count = self.image.shape.tiles_per_page(level);
        let table = self.image.table.level(level);
        let tiles = table[page as usize * count..][..count].iter();
        let tiles = tiles.map(|tile| if tile.bytes == 0 { self.zeros } else { *tile });
        tiles.map(|tile| (tile.offset, tile.bytes)).unzip()
    }

    /// Along x and y, where both are known.
    fn pixels_per_cm(&self, level: usize) -> Option<[Value; 2]> {
        let factor = self.image.shape.level(level).factor as f64;
        let along = |um: Option<f64>| rational(1e4 / (um.filter(|&um| um > 0.0)? * factor));
        Some([along(self.metadata.voxel_um.x)?, along(self.metadata.voxel_um.y)?])
    }
}

/// `value` as a fraction of 32 bits, to as many decimals as fit; `None` where it is too large, or 0 then.
fn rational(value: f64) -> Option<Value> {
    let largest = f64::from(u32::MAX);
    let denominators = std::iter::successors(Some(1_000_000_u32), |d| (*d > 1).then_some(d / 10));
    let mut fractions =
        denominators.map(|denominator| ((value * f64::from(denominator)).round(), denominator));
    let (numerator, denominator) = fractions.find(|(numerator, _)| *numerator <= largest)?;
    (numerator >= 1.0).then_some(Value::Rational(numerator as u32, denominator))
}
