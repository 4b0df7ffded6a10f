//! JPEG-XR (ITU-T T.832), decoded by the crate `jpegxr-pure-rs`.
//!
//! The crate is a literal translation of the reference C code and believes what a payload says about itself. So the
//! headers are compared with the subblock before it sees a byte, and it gets them rewritten: of the payload it sees
//! the codestream only.

mod container;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Payload, uncompressed, zeros};
use crate::dataset::Subblock;
use crate::error::{Error, Result};
use crate::pixels::Samples;

/// A macroblock of 16 × 16 pixels of three 16-bit samples takes at least one bit.
const MOST_PER_BYTE: usize = 16 * 16 * 6 * 8;

pub(super) fn decode(subblock: &Subblock, payload: Payload<'_>) -> Result<Samples> {
    if !payload.bytes.starts_with(&container::MAGIC) {
        // Some writers label raw pixels as JPEG-XR.
        return uncompressed::decode(subblock, payload);
    }
    let (codestream, order) = container::open(subblock, payload)?;
    let header = container::minimal_header(subblock, codestream.len());
    let mut samples = zeros(subblock, payload, MOST_PER_BYTE)?;
    let stride = subblock.stored_width as usize * subblock.pixel_type.bytes();
    // The crate indexes its tables with what it reads: broken data makes it panic, which is the file's fault and
    // must not end the program. Nothing that the panic may have left half done is used afterwards.
    let decoded =
        catch_unwind(AssertUnwindSafe(|| run([&header, codestream], samples.as_bytes_mut(), stride)));
    match decoded {
        Ok(Ok(())) => {}
        Ok(Err(Failure::TemporaryFile(error))) => return Err(Error::io(std::env::temp_dir(), error)),
        Ok(Err(Failure::Codec(error))) => return Err(payload.broken(format!("JPEG-XR: {error}"))),
        Err(_) => return Err(payload.broken("JPEG-XR: the compressed data make no sense")),
    }
    if order == container::Order::Rgb {
        swap_red_and_blue(&mut samples);
    }
    Ok(samples)
}

enum Failure {
    TemporaryFile(std::io::Error),
    Codec(jpegxr::Error),
}

/// The crate reads from files only; its functions for bytes make one too, and leave it behind on an error.
fn run(parts: [&[u8]; 2], pixels: &mut [u8], stride: usize) -> Result<(), Failure> {
    // It chooses the codec by the name.
    let mut file = tempfile::Builder::new().suffix(".jxr").tempfile().map_err(Failure::TemporaryFile)?;
    for part in parts {
        file.write_all(part).map_err(Failure::TemporaryFile)?;
    }
    let mut decoder = jpegxr::Decoder::open(file.path()).map_err(Failure::Codec)?;
    decoder.decode_into(pixels, stride).map_err(Failure::Codec)
}

fn swap_red_and_blue(samples: &mut Samples) {
    match samples {
        Samples::U8(v) => v.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
        Samples::U16(v) => v.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
        Samples::F32(_) => {}
    }
}
