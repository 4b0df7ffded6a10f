//! zstd: bare (`Zstd0`), or behind a header that may announce hi-lo byte packing (`Zstd1`).
//!
//! Hi-lo packing stores the low bytes of all samples, then their high bytes, which zstd compresses better.
//! Source: libCZI, "ZSTD compression in CZI" (documentation of the subblock compressions).

use std::cell::RefCell;

use zstd::bulk::Decompressor;

use super::{Payload, check_room, from_little_endian, unset};
use crate::dataset::{Compression, Pixels, Rows, Subblock};
use crate::error::{Error, Result};
use crate::pixels::{SampleType, Samples};

/// A zstd block holds at most 128 KiB and at least 4 bytes (a repeated byte: 3 bytes of header and itself).
const MOST_PER_BYTE: usize = 128 * 1024 / 4;
/// What a frame decodes to is at most so many times its pixels: no more memory is taken for what is thrown away.
const MOST_PADDED: u64 = 2;

/// What one thread keeps from field to field.
struct Scratch {
    decompressor: Decompressor<'static>,
    /// The packed bytes of one field: as large as the largest field seen.
    packed: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch { decompressor: Decompressor::default(), packed: Vec::new() });
}

pub(super) fn decode_zstd0(subblock: &Subblock, payload: Payload<'_>) -> Result<Samples> {
    let mut samples = unset(subblock, payload, MOST_PER_BYTE)?;
    SCRATCH.with_borrow_mut(|s| decompress(&mut s.decompressor, payload, samples.as_bytes_mut()))?;
    from_little_endian(&mut samples);
    Ok(samples)
}

pub(super) fn decode_zstd1(subblock: &Subblock, payload: Payload<'_>) -> Result<Samples> {
    let (is_packed, frame) = split_header(payload)?;
    if !is_packed {
        return decode_zstd0(subblock, frame);
    }
    with_planes(subblock, frame, |low, high| {
        let mut samples = Samples::unset(SampleType::U16, low.len());
        if let Samples::U16(values) = &mut samples {
            unpack(low, high, values);
        }
        samples
    })
}

/// Whether [`visit_packed`] can be asked.
pub(super) fn is_packed(subblock: &Subblock, payload: Payload<'_>) -> Result<bool> {
    Ok(subblock.compression == Compression::Zstd1 && split_header(payload)?.0)
}

/// Gives packed samples to `visit` as they are.
pub(super) fn visit_packed(
    subblock: &Subblock,
    payload: Payload<'_>,
    visit: &mut dyn FnMut(Rows<'_>),
) -> Result<()> {
    let (_, frame) = split_header(payload)?;
    with_planes(subblock, frame, |low, high| visit(Rows { first: 0, pixels: Pixels::HiLo { low, high } }))
}

/// Gives the low bytes and the high bytes of packed samples to `work`.
fn with_planes<T>(
    subblock: &Subblock,
    frame: Payload<'_>,
    work: impl FnOnce(&[u8], &[u8]) -> T,
) -> Result<T> {
    if subblock.pixel_type.sample_type() != SampleType::U16 {
        return Err(Error::unsupported(frame.path, format!("hi-lo packing of {:?}", subblock.pixel_type)));
    }
    let count = check_room(subblock, frame, MOST_PER_BYTE)?;
    SCRATCH.with_borrow_mut(|Scratch { decompressor, packed }| {
        if packed.len() < 2 * count {
            // Fresh zeros come from the system; to lengthen what is there would write them.
            *packed = Vec::new();
            *packed = vec![0; 2 * count];
        }
        let packed = &mut packed[..2 * count];
        decompress(decompressor, frame, packed)?;
        let (low, high) = packed.split_at(count);
        Ok(work(low, high))
    })
}

/// Whether the samples are packed, and the payload without its header: the header's length, then chunks of a type
/// and its bytes. One chunk is defined: type 1 with one byte, whose lowest bit is hi-lo packing.
fn split_header(payload: Payload<'_>) -> Result<(bool, Payload<'_>)> {
    let (is_packed, length) = match payload.bytes {
        [1, ..] => (false, 1),
        // The other bits are reserved, and ignored as ZEISS's reader does.
        [3, 1, flags, ..] => (flags & 1 == 1, 3),
        [] => return Err(payload.broken("a zstd1 subblock without its header")),
        bytes => {
            let start = &bytes[..bytes.len().min(4)];
            return Err(Error::unsupported(payload.path, format!("a zstd1 header that starts {start:02x?}")));
        }
    };
    let frame =
        Payload { offset: payload.offset + length as u64, bytes: &payload.bytes[length..], ..payload };
    Ok((is_packed, frame))
}

/// Fills all of `pixels`. What a frame holds behind them is padding, as ZEISS's reader has it.
fn decompress(decompressor: &mut Decompressor<'_>, frame: Payload<'_>, pixels: &mut [u8]) -> Result<()> {
    let needed = pixels.len();
    let held = zstd::zstd_safe::get_frame_content_size(frame.bytes).ok().flatten().unwrap_or(0);
    if held > needed as u64 && held <= MOST_PADDED * needed as u64 {
        let all = decompressor
            .decompress(frame.bytes, held as usize)
            .map_err(|error| frame.broken(format!("zstd: {error} ({held} bytes of pixels expected)")))?;
        let start = all.get(..needed).ok_or_else(|| frame.too_short(all.len() as u64, needed as u64))?;
        pixels.copy_from_slice(start);
        return Ok(());
    }
    let written = decompressor
        .decompress_to_buffer(frame.bytes, pixels)
        .map_err(|error| frame.broken(format!("zstd: {error} ({needed} bytes of pixels expected)")))?;
    if written == needed { Ok(()) } else { Err(frame.too_short(written as u64, needed as u64)) }
}

/// Low and high bytes into samples.
fn unpack(low: &[u8], high: &[u8], values: &mut [u16]) {
    let pairs = low.iter().zip(high);
    values.iter_mut().zip(pairs).for_each(|(value, (&low, &high))| *value = u16::from_le_bytes([low, high]));
}
