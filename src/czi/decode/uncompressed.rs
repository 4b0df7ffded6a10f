//! Raw samples, little endian.

use super::{Payload, unset};
use crate::dataset::Subblock;
use crate::error::Result;
use crate::pixels::Samples;

/// Copies the samples out. Bytes behind the last pixel are padding and are ignored, as ZEISS's reader does.
pub(super) fn decode(subblock: &Subblock, payload: Payload<'_>) -> Result<Samples> {
    let needed = subblock.decoded_bytes();
    if (payload.bytes.len() as u64) < needed {
        return Err(payload.too_short(payload.bytes.len() as u64, needed));
    }
    let mut samples = unset(subblock, payload, 1)?;
    let bytes = samples.as_bytes_mut();
    let len = bytes.len();
    bytes.copy_from_slice(&payload.bytes[..len]);
    super::from_little_endian(&mut samples);
    Ok(samples)
}
