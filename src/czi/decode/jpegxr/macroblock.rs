//! One macroblock's values as they stand in the codestream, and the DC and low-pass bands of them (T.832 9.5.2, 9.6).

use super::bits::Bits;
use super::codes::Code;
use super::context::{Band, Context, LOWPASS};
use super::header::Layout;

/// The values of one macroblock.
pub(super) struct Macroblock {
    /// DC and low-pass of each plane, at 4 v + u.
    pub low: [[i32; 16]; 3],
    /// High-pass of each plane: 16 values at 4 v + u for each block, row by row.
    pub high: [[[i32; 16]; 16]; 3],
    /// Whether any of them is not zero.
    pub has_high: bool,
    /// Which blocks of each plane are coded, in groups of four.
    pub patterns: [i32; 3],
    /// Index of the quantisers.
    pub lowpass_set: usize,
    pub highpass_set: usize,
    /// Whether vertical frequencies dominate, or horizontal ones.
    pub direction: Direction,
}

/// Along which axis a macroblock's values resemble their neighbours'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Left,
    Above,
    None,
}

impl Macroblock {
    pub fn new() -> Self {
        Self {
            low: [[0; 16]; 3],
            high: [[[0; 16]; 16]; 3],
            has_high: false,
            patterns: [0; 3],
            lowpass_set: 0,
            highpass_set: 0,
            direction: Direction::None,
        }
    }
}

/// A size of two or more.
#[inline(always)]
pub(super) fn level(code: &mut Code, bits: &mut Bits<'_>) -> i32 {
    match code.symbol(bits) {
        symbol @ 0..2 => symbol as i32 + 2,
        symbol @ 2..6 => {
            const FIRST: [i32; 4] = [4, 6, 10, 14];
            const BITS: [u32; 4] = [1, 2, 2, 2];
            let symbol = symbol as usize & 3 ^ 2;
            FIRST[symbol] + bits.take(BITS[symbol]) as i32
        }
        _ => {
            let (level, rest) = long_level(*bits);
            *bits = rest;
            level
        }
    }
}

#[cold]
#[inline(never)]
fn long_level(mut bits: Bits<'_>) -> (i32, Bits<'_>) {
    let mut count = bits.read(4) + 4;
    if count == 19 {
        count += bits.read(2);
        if count == 22 {
            count += bits.read(3);
        }
    }
    let level = 2 + (1 << count) + bits.read(count) as i32;
    bits.refill();
    (level, bits)
}

/// How many zeros there are before a value, of at most `most`.
#[inline(always)]
pub(super) fn run(most: i32, code: &mut Code, bits: &mut Bits<'_>) -> i32 {
    const FIRST: [u8; 15] = [1, 2, 3, 5, 7, 1, 2, 3, 5, 7, 1, 2, 3, 4, 5];
    const BITS: [u8; 15] = [0, 0, 1, 1, 3, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1];
    const KIND: [u8; 16] = [0, 0, 0, 0, 0, 10, 10, 5, 5, 5, 5, 0, 0, 0, 0, 0];
    if most < 5 {
        let mut run = 1;
        while run < most.min(4) && !bits.flag() {
            run += 1;
        }
        return run;
    }
    let index = usize::from(KIND[most as usize & 15]) + code.symbol(bits) as usize;
    i32::from(FIRST[index.min(14)]) + bits.take(u32::from(BITS[index.min(14)])) as i32
}

/// The next index at `place`, the place of the next value: whether the size is more than one, and what follows.
#[inline(always)]
pub(super) fn next_index(place: i32, code: &mut Code, bits: &mut Bits<'_>) -> u32 {
    match place {
        ..15 => code.symbol(bits),
        15 if !bits.flag() => 0,
        15 if !bits.flag() => 2,
        15 => 1 + 2 * bits.take(1),
        _ => bits.take(1),
    }
}

/// `value`, or its negative when the next bit is set.
#[inline(always)]
pub(super) fn signed(value: i32, bits: &mut Bits<'_>) -> i32 {
    let sign = -(bits.take(1) as i32);
    (value ^ sign) - sign
}

/// Reads the DC values.
pub(super) fn read_dc(block: &mut Macroblock, layout: Layout, context: &mut Context, bits: &mut Bits<'_>) {
    bits.refill();
    let present = match layout {
        Layout::Gray => bits.take(1) << 2,
        _ => context.codes[2].symbol(bits),
    };
    let mut counts = [0; 2];
    for plane in 0..layout.planes() {
        let kind = plane.min(1);
        bits.refill();
        let mut value = 0;
        if present >> (2 - plane) & 1 == 1 {
            value = level(&mut context.codes[3 + kind], bits) - 1;
            counts[kind] += 1;
        }
        bits.refill();
        let plain = context.dc_bits.bits[kind];
        value = value.wrapping_shl(plain) | bits.take(plain) as i32;
        block.low[plane][0] = if value == 0 { 0 } else { signed(value, bits) };
    }
    context.dc_bits.update(layout, Band::Dc, counts);
}

/// Reads the low-pass values.
pub(super) fn read_lowpass(
    block: &mut Macroblock,
    layout: Layout,
    context: &mut Context,
    bits: &mut Bits<'_>,
) {
    let groups = if layout.is_subsampled() { 2 } else { layout.planes() };
    let mut pattern = read_lowpass_pattern(layout, groups as i32, context, bits);
    let mut counts = [0; 2];
    for group in 0..groups {
        let kind = group.min(1);
        let subsampled = layout.is_subsampled() && group == 1;
        if pattern & 1 == 1 {
            let mut values = [(0, 0); 16];
            let first = match layout {
                Layout::Half if subsampled => 10,
                Layout::HalfWidth if subsampled => 2,
                _ => 1,
            };
            let count = read_values(&mut values, kind, first, context, bits);
            counts[kind] += count as i32;
            let mut place = usize::from(!subsampled);
            for &(run, value) in &values[..count] {
                place += run as usize;
                match subsampled {
                    true => set_subsampled(block, layout, place & 15, value),
                    false => block.low[group][context.lowpass_scan.visit(place)] = value,
                }
                place += 1;
            }
        }
        pattern >>= 1;
        let plain = context.lowpass_bits.bits[kind];
        if plain == 0 {
            continue;
        }
        if !subsampled {
            let values = &mut block.low[group];
            values[1..].iter_mut().for_each(|value| *value = value.wrapping_shl(plain));
            refine(values, plain, 1, bits);
            continue;
        }
        for k in 1..if layout == Layout::Half { 4 } else { 8 } {
            for plane in [1, 2] {
                block.low[plane][k] = refined(block.low[plane][k], plain, bits);
            }
        }
    }
    context.lowpass_bits.update(layout, Band::Lowpass, counts);
}

/// The two smaller planes' values come interleaved.
fn set_subsampled(block: &mut Macroblock, layout: Layout, place: usize, value: i32) {
    const HALF_WIDTH: [usize; 8] = [4, 1, 2, 3, 5, 6, 7, 0];
    const HALF: [usize; 8] = [1, 2, 3, 0, 0, 0, 0, 0];
    let position = if layout == Layout::Half { HALF[place / 2] } else { HALF_WIDTH[place / 2] };
    if position > 0 {
        block.low[1 + place % 2][position] = value;
    }
}

/// `value` with `plain` more bits, and a sign if it was zero.
fn refined(value: i32, plain: u32, bits: &mut Bits<'_>) -> i32 {
    bits.refill();
    let low = bits.take(plain) as i32;
    match value {
        0 if low == 0 => 0,
        0 => signed(low, bits),
        _ if value < 0 => value.wrapping_shl(plain).wrapping_sub(low),
        _ => value.wrapping_shl(plain).wrapping_add(low),
    }
}

fn read_lowpass_pattern(layout: Layout, groups: i32, context: &mut Context, bits: &mut Bits<'_>) -> i32 {
    bits.refill();
    if layout == Layout::Gray {
        return bits.take(1) as i32;
    }
    let full = 4 * groups - 5;
    let (tends_full, tends_empty) = (context.lowpass_full, context.lowpass_empty);
    let pattern = if tends_empty <= 0 || tends_full < 0 {
        let mut pattern = 0;
        if bits.flag() {
            pattern = 1;
            let more = bits.take(groups as u32 - 1) as i32;
            if more > 0 {
                pattern = 2 * more + bits.take(1) as i32;
            }
        }
        if tends_full < tends_empty { full - pattern } else { pattern }
    } else {
        bits.take(groups as u32) as i32
    };
    context.lowpass_full = (tends_full + 1 - 4 * i32::from(pattern == full)).clamp(-8, 7);
    context.lowpass_empty = (tends_empty + 1 - 4 * i32::from(pattern == 0)).clamp(-8, 7);
    pattern
}

/// Zeros before each value, and the value; gives their number.
fn read_values(
    values: &mut [(i32, i32); 16],
    kind: usize,
    first_place: i32,
    context: &mut Context,
    bits: &mut Bits<'_>,
) -> usize {
    let base = LOWPASS + 3 * kind;
    let codes = &mut context.codes;
    let mut place = first_place;
    bits.refill();
    let index = codes[base].symbol(bits);
    let mut large = index & 2 != 0;
    let (mut adjacent, mut rest) = (index & 1, index >> 2);
    let mut continued = adjacent & rest;
    let mut count = 0;
    loop {
        let sign = -(bits.take(1) as i32);
        let size = if large { level(&mut codes[LOWPASS + 6 + (continued & 1) as usize], bits) } else { 1 };
        values[count].1 = (size ^ sign) - sign;
        if count == 0 {
            // Only here the zeros before a value come behind it.
            values[0].0 = if adjacent == 0 { run(15 - place, &mut codes[0], bits) } else { 0 };
            place += values[0].0 + 1;
        }
        count += 1;
        if rest == 0 || count == 16 {
            return count;
        }
        bits.refill();
        adjacent = rest & 1;
        values[count].0 = if adjacent == 0 { run(15 - place, &mut codes[0], bits) } else { 0 };
        place += values[count].0 + 1;
        let index = next_index(place, &mut codes[base + 1 + continued as usize], bits);
        large = index & 1 != 0;
        rest = index >> 1;
        continued &= rest;
    }
}

/// Adds `count` low bits, times `factor`, to all values of a block but its DC.
pub(super) fn refine(values: &mut [i32; 16], count: u32, factor: i32, source: &mut Bits<'_>) {
    // As many values as a refill is enough for, with their signs.
    match count {
        0..=2 => refine_by::<15>(values, count, factor, source),
        3..=10 => refine_by::<5>(values, count, factor, source),
        _ => refine_by::<3>(values, count, factor, source),
    }
}

#[inline(always)]
fn refine_by<const EACH: usize>(values: &mut [i32; 16], count: u32, factor: i32, source: &mut Bits<'_>) {
    let mut bits = *source;
    for values in values[1..].chunks_exact_mut(EACH) {
        bits.refill();
        for value in values {
            let next = bits.peek(count + 1);
            let is_new = *value == 0;
            // A value that was zero until now has its sign behind the bits.
            let sign = if is_new { -((next & 1) as i32) } else { *value >> 31 };
            let low = ((next >> 1) as i32 ^ sign) - sign;
            *value = value.wrapping_add(low.wrapping_mul(factor));
            bits.skip(count + u32::from(is_new & (next > 1)));
        }
    }
    *source = bits;
}
