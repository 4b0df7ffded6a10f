//! The high-pass band: which blocks are coded, their values, and the plain low bits of them (T.832 9.5.3, 9.7, 9.8).

use super::bits::Bits;
use super::codes::Code;
use super::context::{Band, Context, Foretold, HIGHPASS, Scan};
use super::header::Layout;
use super::macroblock::{Direction, Macroblock, level, next_index, refine, run, signed};
use super::quantizer::Channels;

/// Blocks of a macroblock, row by row, in the order of the codestream.
const BLOCKS: [usize; 16] = [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15];

/// Patterns of two of four blocks.
fn pair(bits: &mut Bits<'_>) -> i32 {
    match bits.take(2) {
        0 => 3,
        1 => 5,
        two => [6, 9, 10, 12][(2 * two + bits.take(1)) as usize - 4],
    }
}

/// A pattern of four by how many it has: none, one, two, three, all.
fn pattern_of(count: u32, bits: &mut Bits<'_>) -> i32 {
    match count {
        0 => 0,
        1 => 1 << bits.take(2),
        2 => pair(bits),
        3 => 0xf ^ 1 << bits.take(2),
        _ => 0xf,
    }
}

/// Reads the patterns of coded blocks, as differences from what is foretold.
pub(super) fn read_patterns(
    block: &mut Macroblock,
    layout: Layout,
    context: &mut Context,
    bits: &mut Bits<'_>,
) {
    const BITS: [u32; 6] = [0, 2, 1, 2, 2, 0];
    const FIRST: [u32; 6] = [0, 4, 2, 8, 12, 1];
    const PATTERNS: [i32; 16] = [0, 15, 3, 12, 1, 2, 4, 8, 5, 6, 9, 10, 7, 11, 13, 14];
    block.patterns = [0; 3];
    bits.refill();
    let count = context.pattern_count.symbol(bits);
    let groups = pattern_of(count, bits);
    for group in (0..4).filter(|group| groups >> group & 1 == 1) {
        bits.refill();
        let mut value = context.pattern.symbol(bits) + 1;
        let mut planes = 0;
        if value >= 6 {
            planes = if bits.flag() {
                1
            } else if bits.flag() {
                2
            } else {
                3
            };
            if value == 9 && !bits.flag() {
                value = if bits.flag() { 10 } else { 11 };
            }
            value -= 6;
        }
        let value = value as usize;
        block.patterns[0] |= PATTERNS[(FIRST[value] + bits.take(BITS[value])) as usize & 15] << (4 * group);
        for plane in (0..2).filter(|plane| planes >> plane & 1 == 1) {
            block.patterns[1 + plane] |= match layout {
                Layout::Gray => 0,
                Layout::Half => 1 << group,
                Layout::HalfWidth => {
                    let pattern = if bits.flag() {
                        1
                    } else if bits.flag() {
                        4
                    } else {
                        5
                    };
                    pattern << [0, 1, 4, 5][group]
                }
                Layout::Full => {
                    bits.refill();
                    let count = context.codes[1].symbol(bits) + 1;
                    pattern_of(count, bits) << (4 * group)
                }
            };
        }
    }
}

/// The pattern of `plane` from its difference; `left` and `above` are the neighbours' where there are any.
pub(super) fn foretell_pattern(
    layout: Layout,
    plane: usize,
    difference: i32,
    neighbours: [Option<i32>; 2],
    context: &mut Context,
) -> i32 {
    let model = &mut context.patterns[plane.min(1)];
    let (across, down) = layout.blocks(plane);
    let (left_bit, above_bit, all) = match (across, down) {
        (4, _) => (5, 10, 0xffff),
        (_, 4) => (1, 6, 0xff),
        _ => (1, 2, 0xf),
    };
    let mut pattern = difference;
    match model.state() {
        Foretold::Empty => {}
        Foretold::Full => pattern ^= all,
        Foretold::FromNeighbours => {
            pattern ^= match neighbours {
                [Some(left), _] => left >> left_bit & 1,
                [None, Some(above)] => above >> above_bit & 1,
                [None, None] => 1,
            };
            match all {
                0xf => {
                    pattern ^= 0x02 & (pattern << 1);
                    pattern ^= (pattern & 0x3) << 2;
                }
                0xff => {
                    pattern ^= (pattern & 0x1) << 1;
                    pattern ^= (pattern & 0x3) << 2;
                    pattern ^= (pattern & 0xc) << 2;
                    pattern ^= (pattern & 0x30) << 2;
                }
                _ => {
                    pattern ^= 0x02 & (pattern << 1);
                    pattern ^= 0x10 & (pattern << 3);
                    pattern ^= 0x20 & (pattern << 1);
                    pattern ^= (pattern & 0x33) << 2;
                    pattern ^= (pattern & 0xcc) << 6;
                    pattern ^= (pattern & 0x3300) << 2;
                }
            }
        }
    }
    model.update((pattern & 0xffff).count_ones() as i32 * 16 / (across * down) as i32);
    pattern
}

/// Where the values come from, and what becomes of them.
pub(super) struct Source<'s, 'a> {
    pub values: &'s mut Bits<'a>,
    /// The packet of plain bits, if it is another one.
    pub plain: Option<&'s mut Bits<'a>>,
    /// Whether there are plain bits at all.
    pub has_plain: bool,
    /// Plain bits that were left out.
    pub trimmed: u32,
    pub quantizer: Channels,
}

/// Reads the values of all blocks, which are zero; none when they make no sense, or whether there are any.
pub(super) fn read_values(
    block: &mut Macroblock,
    layout: Layout,
    context: &mut Context,
    source: &mut Source<'_, '_>,
) -> Option<bool> {
    let plain = context.highpass_bits.bits;
    let mut counts = [0; 2];
    let direction = usize::from(block.direction == Direction::Above);
    let Context { codes, highpass_scans, .. } = context;
    let mut reader = Reader { codes, scan: &mut highpass_scans[direction], kind: 0, values: *source.values };
    for plane in 0..layout.planes() {
        let kind = plane.min(1);
        reader.kind = kind;
        let quantizer = source.quantizer[plane];
        let flexible = if source.has_plain { plain[kind].saturating_sub(source.trimmed) } else { 0 };
        let (across, down) = layout.blocks(plane);
        for (k, at) in BLOCKS.into_iter().enumerate().take(across * down) {
            let values = &mut block.high[plane][if across == 4 { at } else { k }];
            if block.patterns[plane] >> k & 1 == 1 {
                counts[kind] += reader.block(values, quantizer.wrapping_shl(plain[kind]))?;
            }
            if flexible > 0 {
                let factor = quantizer.wrapping_shl(source.trimmed);
                let bits = source.plain.as_deref_mut().unwrap_or(&mut reader.values);
                refine(values, flexible, factor, bits);
            }
        }
    }
    let any = block.patterns != [0; 3] || (source.has_plain && plain != [0; 2]);
    *source.values = reader.values;
    context.highpass_bits.update(layout, Band::Highpass, counts);
    Some(any)
}

struct Reader<'s, 'a> {
    codes: &'s mut [Code; 21],
    scan: &'s mut Scan,
    kind: usize,
    values: Bits<'a>,
}

impl Reader<'_, '_> {
    /// Reads one block's values, times `factor`; gives their number.
    #[inline(always)]
    fn block(&mut self, values: &mut [i32; 16], factor: i32) -> Option<i32> {
        let Self { codes, scan, kind, .. } = self;
        let base = HIGHPASS + 3 * (*kind & 1);
        let mut here = self.values;
        let bits = &mut here;
        bits.refill();
        let index = codes[base].symbol(bits);
        let (mut adjacent, mut rest) = (index & 1, index >> 2);
        let mut continued = adjacent & rest;
        let mut value = signed(factor, bits);
        if index & 2 != 0 {
            value = value.wrapping_mul(level(&mut codes[HIGHPASS + 6 + (continued & 1) as usize], bits));
        }
        let mut place = 1;
        if adjacent == 0 {
            place += run(14, &mut codes[0], bits);
        }
        place &= 15;
        values[scan.visit(place as usize)] = value;
        place = (place + 1) & 15;
        let mut count = 1;
        while rest != 0 {
            bits.refill();
            adjacent = rest & 1;
            if adjacent == 0 {
                place += run(15 - place, &mut codes[0], bits);
                if place >= 16 {
                    return None;
                }
            }
            let index = next_index(place + 1, &mut codes[base + 1 + (continued & 1) as usize], bits);
            rest = index >> 1;
            continued &= rest;
            value = signed(factor, bits);
            if index & 1 != 0 {
                value = value.wrapping_mul(level(&mut codes[HIGHPASS + 6 + (continued & 1) as usize], bits));
            }
            values[scan.visit(place as usize)] = value;
            place = (place + 1) & 15;
            count += 1;
            if count > 16 {
                return None;
            }
        }
        self.values = here;
        Some(count)
    }
}
