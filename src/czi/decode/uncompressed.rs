//! Raw samples, little endian.

use super::{Payload, unset};
use crate::dataset::Subblock;
use crate::error::Result;
use crate::pixels::Samples;

/// Copies the samples out.
pub(super) fn decode(subblock: &Subblock, payload: Payload<'_>) -> Result<Samples> {
    let stored = self::samples(subblock, payload)?;
    let mut samples = unset(subblock, payload, 1)?;
    samples.as_bytes_mut().copy_from_slice(stored);
    super::from_little_endian(&mut samples);
    Ok(samples)
}

/// The samples as stored. Bytes behind the last pixel are padding and are ignored, as ZEISS's reader does.
pub(super) fn samples<'a>(subblock: &Subblock, payload: Payload<'a>) -> Result<&'a [u8]> {
    let needed = subblock.decoded_bytes();
    let held = payload.bytes.len() as u64;
    // What is held fits the memory, so its length fits a usize.
    if held < needed { Err(payload.too_short(held, needed)) } else { Ok(&payload.bytes[..needed as usize]) }
}
