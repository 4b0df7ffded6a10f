//! Quantisation parameters (T.832 section 8.7 and table 9.x): indices as stored, factors as multiplied with.

use super::bits::Bits;

/// A factor for each plane.
pub(super) type Channels = [i32; 3];

/// Reads one set for `planes`.
pub(super) fn read(bits: &mut Bits<'_>, planes: usize, scaled: bool, highpass: bool) -> Channels {
    let mode = if planes > 1 { bits.read(2) } else { 0 };
    let mut indices = [bits.read(8); 3];
    match mode {
        0 => {}
        1 => indices[1..].fill(bits.read(8)),
        _ => indices[1..].iter_mut().for_each(|index| *index = bits.read(8)),
    }
    // The second and third plane's DC and low-pass values are scaled by two instead, after their transform.
    [0, 1, 2].map(|plane| factor(indices[plane], scaled, plane > 0 && !highpass))
}

fn factor(index: u32, scaled: bool, halved: bool) -> i32 {
    let mantissa = 16 + (index & 15) as i32;
    match (index, scaled) {
        (0, _) => 1,
        (1..16, true) => (index as i32) << u32::from(!halved),
        (_, true) => mantissa << ((index >> 4) - u32::from(halved)),
        (1..32, false) => (index as i32 + 3) >> 2,
        (32..48, false) => (mantissa + 1) >> 1,
        (_, false) => mantissa << ((index >> 4) - 3),
    }
}

/// Bits that choose one of `count` sets, beyond the one that chooses the first.
pub(super) fn index_bits(count: usize) -> u32 {
    match count {
        0..=1 => 0,
        2..=3 => 1,
        4..=5 => 2,
        6..=9 => 3,
        _ => 4,
    }
}

/// The index of a macroblock's set.
pub(super) fn read_index(bits: &mut Bits<'_>, width: u32) -> usize {
    if bits.read(1) == 0 { 0 } else { bits.read(width) as usize + 1 }
}
