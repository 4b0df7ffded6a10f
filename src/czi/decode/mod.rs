//! The pixels of one subblock, from its stored bytes: one file for each codec.
//!
//! The size of the output is always the subblock's; no size inside a payload is ever trusted. What holds fewer
//! pixels than that is an error, because fields silently filled up with zeros look like dark tissue.
//! Where the payload lies inside its segment is the reader's business, not this module's.

mod jpegxr;
mod uncompressed;
mod zstd;

use std::path::Path;

use crate::dataset::{Compression, Pixels, Rows, Subblock};
use crate::error::{Error, Result};
use crate::pixels::{SampleType, Samples};

/// The stored pixels of one subblock, without the segment's headers.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    /// Byte in the file of `bytes[0]`, for messages.
    pub offset: u64,
    /// As stored.
    pub bytes: &'a [u8],
}

impl Payload<'_> {
    fn broken(&self, what: impl Into<String>) -> Error {
        Error::format(self.path, what, self.offset)
    }

    fn too_short(&self, bytes: u64, needed: u64) -> Error {
        self.broken(format!("the subblock holds {bytes} of {needed} bytes of pixels"))
    }
}

/// Decodes the pixels of `subblock`: `stored_height × stored_width × samples` values, x fastest, colours in the
/// order blue, green, red.
///
/// # Errors
/// `Format` when the payload is broken, or holds fewer pixels than the subblock; `Unsupported` for a codec, or a
/// variety of one, that is not known.
pub fn decode(subblock: &Subblock, payload: Payload<'_>) -> Result<Samples> {
    match subblock.compression {
        Compression::Uncompressed => uncompressed::decode(subblock, payload),
        Compression::Zstd0 => zstd::decode_zstd0(subblock, payload),
        Compression::Zstd1 => zstd::decode_zstd1(subblock, payload),
        Compression::JpegXr => jpegxr::decode(subblock, payload),
        Compression::Tiff | Compression::Zarr => {
            Err(Error::unsupported(payload.path, "the pixels of another format inside a CZI subblock"))
        }
    }
}

/// As [`decode`], without the copies that a buffer of samples would cost: gives what there is to `visit`, which is not called
/// where decoding fails.
///
/// # Errors
/// As [`decode`].
pub fn visit(subblock: &Subblock, payload: Payload<'_>, visit: &mut dyn FnMut(Rows<'_>)) -> Result<()> {
    match subblock.compression {
        Compression::Uncompressed if is_native(subblock) => {
            let pixels = Pixels::Plain(uncompressed::samples(subblock, payload)?);
            visit(Rows { first: 0, pixels });
        }
        Compression::Zstd1 if zstd::is_packed(subblock, payload)? => {
            zstd::visit_packed(subblock, payload, visit)?;
        }
        _ => {
            let samples = decode(subblock, payload)?;
            visit(Rows { first: 0, pixels: Pixels::Plain(samples.as_bytes()) });
            samples.recycle();
        }
    }
    Ok(())
}

/// Whether stored samples are as this machine wants them.
pub(super) fn is_native(subblock: &Subblock) -> bool {
    subblock.pixel_type.sample_type() == SampleType::U8 || cfg!(target_endian = "little")
}

/// The number of samples of `subblock`, if its payload can hold so many: a codec turns one stored byte into at most
/// `most_per_byte` bytes of pixels. This keeps a broken directory from asking for more memory than there is.
fn check_room(subblock: &Subblock, payload: Payload<'_>, most_per_byte: usize) -> Result<usize> {
    let (width, height) = (subblock.stored_width, subblock.stored_height);
    let needed = u128::from(width) * u128::from(height) * subblock.pixel_type.bytes() as u128;
    let room = payload.bytes.len() as u128 * most_per_byte as u128;
    if needed > room {
        let stored = payload.bytes.len();
        return Err(payload.broken(format!("{width} × {height} pixels cannot be stored in {stored} bytes")));
    }
    Ok(needed as usize / subblock.pixel_type.sample_type().bytes())
}

/// Samples of any value for all of `subblock`, after [`check_room`], to be overwritten.
fn unset(subblock: &Subblock, payload: Payload<'_>, most_per_byte: usize) -> Result<Samples> {
    let count = check_room(subblock, payload, most_per_byte)?;
    Ok(Samples::unset(subblock.pixel_type.sample_type(), count))
}

/// Samples are stored little endian; nothing to do where the machine is too.
fn from_little_endian(samples: &mut Samples) {
    if cfg!(target_endian = "big") {
        match samples {
            Samples::U8(_) => {}
            Samples::U16(v) => v.iter_mut().for_each(|x| *x = u16::from_le(*x)),
            Samples::F32(v) => v.iter_mut().for_each(|x| *x = f32::from_bits(u32::from_le(x.to_bits()))),
        }
    }
}

#[cfg(test)]
mod tests;
