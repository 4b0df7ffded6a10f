//! What is around a JPEG-XR codestream: the TIFF-like container (T.832 annex A) and the codestream's image header
//! (T.832 section 8.3). Reads both, and compares them with the subblock.

use super::super::Payload;
use crate::dataset::Subblock;
use crate::error::{Error, Result};
use crate::pixels::PixelType;

/// The first bytes of the container: little endian, JPEG-XR, version 1.
pub(super) const MAGIC: [u8; 4] = [0x49, 0x49, 0xbc, 0x01];

/// The GUID of a pixel format but for its last byte (T.832 table A.6).
const FORMAT: [u8; 15] =
    [0x24, 0xc3, 0xdd, 0x6f, 0x03, 0x4e, 0xfe, 0x4b, 0xb1, 0x85, 0x3d, 0x77, 0x76, 0x8d, 0xc9];
const GRAY_8: u8 = 0x08;
const GRAY_16: u8 = 0x0b;
const GRAY_32_FLOAT: u8 = 0x11;
const BGR_24: u8 = 0x0c;
const RGB_24: u8 = 0x0d;
const RGB_48: u8 = 0x15;

const TAG_PIXEL_FORMAT: u16 = 0xbc01;
const TAG_IMAGE_OFFSET: u16 = 0xbcc0;
const TAG_IMAGE_BYTES: u16 = 0xbcc1;

/// Checks that `payload` is an image as `subblock` describes it; gives its codestream, and
/// its width and height, each of which may be one more or one less.
pub(super) fn open<'a>(subblock: &Subblock, payload: Payload<'a>) -> Result<(Codestream<'a>, (u32, u32))> {
    let entry = Entries::find(payload)?;
    entry.check_format(subblock, payload)?;
    let start = entry.value(TAG_IMAGE_OFFSET)? as usize;
    let stored = payload.bytes.get(start..).unwrap_or_default();
    let codestream = match entry.value(TAG_IMAGE_BYTES)? as usize {
        0 => stored,
        bytes => stored.get(..bytes).ok_or_else(|| {
            payload.broken(format!("the subblock holds {} of {bytes} bytes of JPEG-XR", stored.len()))
        })?,
    };
    let coded = coded_size(subblock, payload, codestream)?;
    Ok((Codestream { start, bytes: codestream }, coded))
}

/// The part of a payload that is compressed.
pub(super) struct Codestream<'a> {
    /// Its first byte in the payload.
    pub start: usize,
    pub bytes: &'a [u8],
}

/// The entries of the container's first directory: 12 bytes each.
struct Entries<'a> {
    payload: Payload<'a>,
    bytes: &'a [u8],
}

impl<'a> Entries<'a> {
    fn find(payload: Payload<'a>) -> Result<Self> {
        let broken = || payload.broken("JPEG-XR: the container ends before its directory does");
        let at = payload.bytes.get(4..8).map(le32).ok_or_else(broken)? as usize;
        let directory = payload.bytes.get(at..).filter(|d| d.len() >= 2).ok_or_else(broken)?;
        let count = usize::from(u16::from_le_bytes([directory[0], directory[1]]));
        let bytes = directory[2..].get(..12 * count).ok_or_else(broken)?;
        Ok(Self { payload, bytes })
    }

    fn value(&self, tag: u16) -> Result<u32> {
        self.bytes
            .chunks_exact(12)
            .find(|entry| entry[..2] == tag.to_le_bytes())
            .map(|entry| le32(&entry[8..]))
            .ok_or_else(|| self.payload.broken(format!("JPEG-XR: the container has no tag {tag:#06x}")))
    }

    /// Formats differ in the order of colours as a decoder gives them; the codestream has no order, and we always give
    /// blue, green, red.
    fn check_format(&self, subblock: &Subblock, payload: Payload<'_>) -> Result<()> {
        let at = self.value(TAG_PIXEL_FORMAT)? as usize;
        let guid = at.checked_add(16).and_then(|end| payload.bytes.get(at..end));
        match (subblock.pixel_type, guid.and_then(|guid| guid.strip_prefix(&FORMAT))) {
            (PixelType::Gray8, Some(&[GRAY_8]))
            | (PixelType::Gray16, Some(&[GRAY_16]))
            | (PixelType::Gray32Float, Some(&[GRAY_32_FLOAT]))
            | (PixelType::Bgr24, Some(&[BGR_24 | RGB_24]))
            | (PixelType::Bgr48, Some(&[RGB_48])) => Ok(()),
            (pixel_type, Some(&[other])) => Err(payload.broken(format!(
                "the directory says {pixel_type:?}, but the JPEG-XR data are of pixel format {other:#04x}"
            ))),
            _ => {
                Err(Error::unsupported(payload.path, "a JPEG-XR pixel format outside the standard's family"))
            }
        }
    }
}

/// Compares the codestream's image header with the subblock; gives its width and height. ZEN 2.3 and 3.8 write pyramids whose
/// images lack the last row or column of what the directory says (files in tests of czifile and libCZI).
fn coded_size(subblock: &Subblock, payload: Payload<'_>, codestream: &[u8]) -> Result<(u32, u32)> {
    const SIGNATURE: &[u8] = b"WMPHOTO\0";
    let header = codestream
        .strip_prefix(SIGNATURE)
        .filter(|header| header.len() >= 12)
        .ok_or_else(|| payload.broken("JPEG-XR: there is no codestream where the container points"))?;
    // Bits from the most significant: tiling, frequency mode, orientation (3), index table, overlap (2);
    // short header, long words, windowing, trimmed flexbits, reserved, red/blue, premultiplied, alpha plane;
    // colour format (4), bit depth (4).
    let (orientation, is_short, has_alpha) = (header[1] >> 3 & 7, header[2] >> 7 == 1, header[2] & 1 == 1);
    if orientation != 0 || has_alpha {
        return Err(Error::unsupported(payload.path, "a rotated or transparent JPEG-XR image"));
    }
    let (width, height) = match is_short {
        true => (u32::from(be16(&header[4..])), u32::from(be16(&header[6..]))),
        false => (be32(&header[4..]), be32(&header[8..])),
    };
    let format = (header[3] >> 4, header[3] & 15);
    let expected = match subblock.pixel_type {
        PixelType::Gray8 => (0, 1),
        PixelType::Gray16 => (0, 2),
        PixelType::Gray32Float => (0, 7),
        PixelType::Bgr24 => (7, 1),
        PixelType::Bgr48 => (7, 2),
    };
    // One less than the size is stored.
    let coded = width.checked_add(1).zip(height.checked_add(1)).filter(|&(width, height)| {
        width.abs_diff(subblock.stored_width) <= 1 && height.abs_diff(subblock.stored_height) <= 1
    });
    if let (Some(coded), true) = (coded, format == expected) {
        return Ok(coded);
    }
    Err(payload.broken(format!(
            "the directory says {} × {} {:?}, but the JPEG-XR image is {} × {} of colour format {} and bit depth {}",
            subblock.stored_width,
            subblock.stored_height,
            subblock.pixel_type,
            u64::from(width) + 1,
            u64::from(height) + 1,
            format.0,
            format.1
        )))
}

fn le32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}
