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
        // Some writers label raw pixels as JPEG-XR: these are as many as there should be, and no more.
        let (held, needed) = (payload.bytes.len() as u64, subblock.decoded_bytes());
        if held != needed {
            return Err(payload.broken(format!(
                "the subblock should be JPEG-XR, but is not, and its {held} bytes are not the {needed} of raw pixels"
            )));
        }
        return uncompressed::decode(subblock, payload);
    }
    let (codestream, coded) = container::open(subblock, payload)?;
    if subblock.stored_width > WIDEST {
        return Err(Error::unsupported(payload.path, "a JPEG-XR image of more than 262144 columns"));
    }
    let coded = Subblock { stored_width: coded.0, stored_height: coded.1, ..subblock.clone() };
    let mut samples = unset(&coded, payload, MOST_PER_BYTE)?;
    run(&coded, codestream.bytes, &mut samples).map_err(|flaw| match flaw {
        Flaw::Broken(what, at) => {
            let offset = payload.offset + (codestream.start + at) as u64;
            Error::format(payload.path, format!("JPEG-XR: {what}"), offset)
        }
        Flaw::Unsupported(what) => Error::unsupported(payload.path, what),
    })?;
    Ok(fitted(samples, &coded, subblock))
}

/// What `coded` has, with the rows and columns of `subblock`: one more is left out, one that is missing is like the one beside
/// it.
fn fitted(samples: Samples, coded: &Subblock, subblock: &Subblock) -> Samples {
    let (from, to) =
        ((coded.stored_width, coded.stored_height), (subblock.stored_width, subblock.stored_height));
    if from == to {
        return samples;
    }
    let pixel = subblock.pixel_type.bytes();
    let (from_row, to_row) = (from.0 as usize * pixel, to.0 as usize * pixel);
    let mut fitted = Samples::unset(samples.kind(), to.1 as usize * to_row / samples.kind().bytes());
    for (y, row) in fitted.as_bytes_mut().chunks_exact_mut(to_row).enumerate() {
        let source = &samples.as_bytes()[y.min(from.1 as usize - 1) * from_row..][..from_row];
        let same = from_row.min(to_row);
        row[..same].copy_from_slice(&source[..same]);
        if to_row > same {
            row[same..].copy_from_slice(&source[same - pixel..]);
        }
    }
    samples.recycle();
    fitted
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
