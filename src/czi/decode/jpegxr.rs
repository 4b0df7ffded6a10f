//! JPEG-XR (ITU-T T.832 | ISO/IEC 29199-2), for what microscopes write: one gray plane, or three colours.
//!
//! A codestream is read macroblock by macroblock of 16 × 16 pixels: [`header`], then per macroblock the DC and low-pass
//! values ([`macroblock`]) and the high-pass ones ([`highpass`]) through adapting codes ([`codes`], [`context`]), plus
//! what neighbours foretell ([`predict`]). [`plane`] turns rows of macroblocks into pixels ([`blocks`], [`lifting`]),
//! [`output`] into samples. [`decoder`] has the order of things. Every decoded value equals the reference
//! implementation's (jxrlib), lossy ones too.

mod bits;
mod blocks;
mod codes;
mod container;
mod context;
mod decoder;
mod header;
mod highpass;
mod lifting;
mod macroblock;
mod output;
mod plane;
mod predict;
mod quantizer;

use super::{Payload, uncompressed, unset};
use crate::dataset::Subblock;
use crate::error::{Error, Result};
use crate::pixels::Samples;

/// A macroblock of 16 × 16 pixels of three 16-bit samples takes at least one bit.
const MOST_PER_BYTE: usize = 16 * 16 * 6 * 8;

/// A few lines of the whole width are held while decoding; no camera or scanner comes near this one.
const WIDEST: u32 = 1 << 18;

/// What is wrong with a codestream.
#[derive(Debug)]
enum Flaw {
    /// The file's fault, and the byte of the codestream where it was noticed.
    Broken(&'static str, usize),
    /// Ours.
    Unsupported(&'static str),
}

impl Flaw {
    fn broken(what: &'static str, bits: &bits::Bits<'_>) -> Self {
        Self::Broken(what, bits.position())
    }
}

pub(super) fn decode(subblock: &Subblock, payload: Payload<'_>) -> Result<Samples> {
    if !payload.bytes.starts_with(&container::MAGIC) {
        // Some writers label raw pixels as JPEG-XR.
        return uncompressed::decode(subblock, payload);
    }
    let codestream = container::open(subblock, payload)?;
    if subblock.stored_width > WIDEST {
        return Err(Error::unsupported(payload.path, "a JPEG-XR image of more than 262144 columns"));
    }
    let mut samples = unset(subblock, payload, MOST_PER_BYTE)?;
    run(subblock, codestream.bytes, &mut samples).map_err(|flaw| match flaw {
        Flaw::Broken(what, at) => {
            let offset = payload.offset + (codestream.start + at) as u64;
            Error::format(payload.path, format!("JPEG-XR: {what}"), offset)
        }
        Flaw::Unsupported(what) => Error::unsupported(payload.path, what),
    })?;
    Ok(samples)
}

/// Writes all of `samples`, or fails.
fn run(subblock: &Subblock, codestream: &[u8], samples: &mut Samples) -> Result<(), Flaw> {
    let (width, height) = (subblock.stored_width as usize, subblock.stored_height as usize);
    let header = header::Header::read(codestream, width, height)?;
    let is_colour = subblock.pixel_type.samples() == 3;
    if is_colour != (header.layout != header::Layout::Gray) {
        return Err(Flaw::Unsupported("a JPEG-XR image whose colours were stored as gray"));
    }
    decoder::decode(codestream, &header, samples, width)
}

#[cfg(test)]
mod tests;
