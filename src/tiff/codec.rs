//! How the bytes of a chunk were compressed. What undoes it gives as many bytes as are asked for and no more.

use std::sync::Arc;

use flate2::{Decompress, FlushDecompress};
use weezl::{BitOrder, LzwStatus};

use super::jpeg::{self, JpegFormat};

/// Why a chunk cannot be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes are not what they should be.
    Broken(String),
    /// A variety that is not read.
    Unsupported(String),
}

/// A compression that is read here.
#[derive(Clone, Debug)]
pub(super) enum Codec {
    None,
    Lzw,
    Deflate,
    Zstd,
    PackBits,
    Jpeg(Arc<JpegFormat>),
}

impl Codec {
    /// How many bytes of pixels one stored byte can stand for at most; larger pages are broken, and would take memory
    /// that nothing in the file justifies.
    pub fn most_per_byte(&self) -> u64 {
        match self {
            Self::None => 1,
            Self::PackBits => 64,
            Self::Deflate => 1032,
            // A code of at least 9 bits stands for at most 4094 bytes.
            Self::Lzw => 4096,
            // 16 × 16 pixels of three samples are six blocks with a code of at least one bit each.
            Self::Jpeg(_) => 1024,
            // A block of at least 4 bytes stands for at most 128 KiB.
            Self::Zstd => 128 * 1024 / 4,
        }
    }

    /// Whether a predictor belongs to it.
    pub fn has_predictor(&self) -> bool {
        matches!(self, Self::Lzw | Self::Deflate | Self::Zstd)
    }

    /// Fills `pixels`, the first bytes of a chunk of `whole` bytes, from its stored bytes.
    ///
    /// # Errors
    /// What is wrong with `stored`.
    pub fn decompress(&self, stored: &[u8], pixels: &mut [u8], whole: usize) -> Result<(), Fault> {
        match self {
            Self::None => {
                let all = stored.get(..pixels.len()).ok_or_else(|| too_few(stored.len(), pixels.len()))?;
                pixels.copy_from_slice(all);
                Ok(())
            }
            Self::Lzw => lzw(stored, pixels),
            Self::Deflate => deflate(stored, pixels, whole),
            Self::PackBits => pack_bits(stored, pixels),
            Self::Zstd => of_whole(pixels, whole, |pixels| zstd(stored, pixels)),
            Self::Jpeg(format) => of_whole(pixels, whole, |pixels| jpeg::decode(format, stored, pixels)),
        }
    }
}

/// What is stored as a whole is decoded as a whole.
fn of_whole(
    pixels: &mut [u8],
    whole: usize,
    decode: impl FnOnce(&mut [u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if pixels.len() >= whole {
        return decode(pixels);
    }
    let mut all = vec![0; whole];
    decode(&mut all)?;
    pixels.copy_from_slice(&all[..pixels.len()]);
    Ok(())
}

fn too_few(bytes: usize, needed: usize) -> Fault {
    Fault::Broken(format!("its chunk holds {bytes} of {needed} bytes of pixels"))
}

fn lzw(mut stored: &[u8], pixels: &mut [u8]) -> Result<(), Fault> {
    // Sources: TIFF 6.0, section 13; the bit order of writers before it is that of GIF.
    if matches!(stored, [0, second, ..] if second & 1 == 1) {
        return Err(Fault::Unsupported("LZW with the bit order of TIFF 5.0".into()));
    }
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let mut filled = 0;
    while filled < pixels.len() {
        let step = decoder.decode_bytes(stored, &mut pixels[filled..]);
        filled += step.consumed_out;
        stored = &stored[step.consumed_in..];
        match step.status {
            Ok(LzwStatus::Ok) => {}
            Ok(LzwStatus::NoProgress | LzwStatus::Done) => break,
            Err(error) => return Err(Fault::Broken(format!("LZW: {error}"))),
        }
    }
    if filled < pixels.len() { Err(too_few(filled, pixels.len())) } else { Ok(()) }
}

fn deflate(stored: &[u8], pixels: &mut [u8], whole: usize) -> Result<(), Fault> {
    let broken = |error: flate2::DecompressError| Fault::Broken(format!("deflate: {error}"));
    let mut stream = Decompress::new(true);
    loop {
        let (read, filled) = (stream.total_in() as usize, stream.total_out() as usize);
        let status = stream.decompress(&stored[read..], &mut pixels[filled..], FlushDecompress::None);
        let status = status.map_err(broken)?;
        let filled_now = stream.total_out() as usize;
        if filled_now == pixels.len() {
            break;
        }
        let is_stuck = stream.total_in() as usize == read && filled_now == filled;
        if status == flate2::Status::StreamEnd || is_stuck {
            return Err(too_few(filled_now, pixels.len()));
        }
    }
    // The checksum is behind the pixels.
    let read = stream.total_in() as usize;
    if pixels.len() == whole {
        stream.decompress(&stored[read..], &mut [0], FlushDecompress::None).map_err(broken)?;
    }
    Ok(())
}

fn zstd(stored: &[u8], pixels: &mut [u8]) -> Result<(), Fault> {
    let most = pixels.len();
    let filled = zstd::bulk::decompress_to_buffer(stored, pixels)
        .map_err(|error| Fault::Broken(format!("zstd, of {most} bytes: {error}")))?;
    if filled < most { Err(too_few(filled, most)) } else { Ok(()) }
}

/// Source: TIFF 6.0, section 9.
fn pack_bits(stored: &[u8], pixels: &mut [u8]) -> Result<(), Fault> {
    let (mut at, mut filled) = (0, 0);
    while filled < pixels.len() {
        let Some(&head) = stored.get(at) else { return Err(too_few(filled, pixels.len())) };
        at += 1;
        let rest = pixels.len() - filled;
        match head as i8 {
            -128 => {}
            count @ 0.. => {
                let length = (usize::from(count as u8) + 1).min(rest);
                let Some(literal) = stored.get(at..at + length) else {
                    return Err(too_few(filled, pixels.len()));
                };
                pixels[filled..filled + length].copy_from_slice(literal);
                (at, filled) = (at + length, filled + length);
            }
            count => {
                let length = (1 + usize::from(count.unsigned_abs())).min(rest);
                let Some(&value) = stored.get(at) else { return Err(too_few(filled, pixels.len())) };
                pixels[filled..filled + length].fill(value);
                (at, filled) = (at + 1, filled + length);
            }
        }
    }
    Ok(())
}

/// What the compression `code` is called, and others that are not read.
pub(super) fn name(code: u64) -> &'static str {
    match code {
        1 => "nothing",
        2 | 3 | 4 | 32771 => "CCITT fax",
        5 => "LZW",
        6 => "JPEG as in TIFF 6.0, which was withdrawn",
        7 => "JPEG",
        8 | 32946 => "deflate",
        9 | 10 | 34661 => "JBIG",
        22610 | 34934 => "JPEG XR",
        32773 => "PackBits",
        32809 => "ThunderScan",
        33003..=33005 => "JPEG 2000 (Aperio)",
        34676 | 34677 => "SGI LogLuv",
        34712 => "JPEG 2000",
        34887 => "LERC",
        34892 => "lossy JPEG (DNG)",
        34925 => "LZMA",
        34926 | 50000 => "zstd",
        34927 | 50001 => "WebP",
        34933 => "PNG",
        50002 | 52546 => "JPEG XL",
        _ => "a codec that is not known",
    }
}

#[cfg(test)]
mod tests;
