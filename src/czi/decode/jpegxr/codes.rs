//! The prefix codes (T.832 section 9.5) and how they adapt: each alphabet has several tables, and a discriminant, fed
//! by every symbol, tells when the next steeper or flatter one pays.

use super::bits::Bits;

/// The longest code.
const LONGEST: u32 = 8;

/// One code: symbols by the next eight bits, and what each symbol adds to the discriminants.
struct Table {
    /// Symbol in the upper half, length of its code in the lower.
    symbols: [u8; 1 << LONGEST],
    /// As in [`Code::discriminants`].
    deltas: [i64; 16],
}

const fn table(codes: &[(u8, u32)], down: &[i8], up: &[i8]) -> Table {
    let mut table = Table { symbols: [0; 1 << LONGEST], deltas: [0; 16] };
    let mut symbol = 0;
    while symbol < codes.len() {
        let (code, length) = codes[symbol];
        let room = LONGEST - length;
        let mut rest = 0;
        while rest < 1 << room {
            table.symbols[((code as usize) << room) + rest] = (symbol as u8) << 4 | length as u8;
            rest += 1;
        }
        if symbol < down.len() {
            table.deltas[symbol] = ((up[symbol] as i64) << 32) + down[symbol] as i64;
        }
        symbol += 1;
    }
    table
}

const FIVE: [&[(u8, u32)]; 2] =
    [&[(1, 1), (1, 2), (1, 3), (0, 4), (1, 4)], &[(1, 1), (0, 3), (1, 3), (2, 3), (3, 3)]];
const DELTA_5: &[i8] = &[0, -1, 0, 1, 1];
const DELTA_6: [&[i8]; 3] = [&[-1, 1, 1, 1, 0, 1], &[-2, 0, 0, 2, 0, 0], &[-1, -1, 0, 1, -2, 0]];
const DELTA_7: &[i8] = &[1, 0, -1, -1, -1, -1, -1];
const DELTA_9: &[i8] = &[2, 2, 1, 1, -1, -2, -2, -2, -3];
const DELTA_12: [&[i8]; 4] = [
    &[1, 1, 1, 1, 1, 0, 0, -1, 2, 1, 0, 0],
    &[2, 2, -1, -1, -1, 0, -2, -1, 0, 0, -2, -1],
    &[-1, 1, 0, 2, 0, 0, 0, 0, -2, 0, 1, 1],
    &[0, 1, 0, 1, -2, 0, -1, -1, -2, -1, -2, -2],
];

static RUN: [Table; 1] = [table(FIVE[0], &[], &[])];
static FOUR: [Table; 1] = [table(&[(1, 1), (1, 2), (0, 3), (1, 3)], &[], &[])];
static CBP_5: [Table; 2] = [table(FIVE[0], DELTA_5, DELTA_5), table(FIVE[1], DELTA_5, DELTA_5)];
static SIX: [Table; 4] = [
    table(&[(1, 1), (0, 5), (1, 3), (1, 5), (1, 2), (1, 4)], DELTA_6[0], DELTA_6[0]),
    table(&[(1, 2), (0, 4), (2, 2), (1, 4), (3, 2), (1, 3)], DELTA_6[0], DELTA_6[1]),
    table(&[(0, 4), (1, 4), (1, 2), (2, 2), (3, 2), (1, 3)], DELTA_6[1], DELTA_6[2]),
    table(&[(0, 5), (1, 5), (1, 2), (1, 1), (1, 4), (1, 3)], DELTA_6[2], DELTA_6[2]),
];
static SEVEN: [Table; 2] = [
    table(&[(1, 2), (2, 2), (3, 2), (1, 3), (1, 4), (0, 5), (1, 5)], DELTA_7, DELTA_7),
    table(&[(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (0, 6), (1, 6)], DELTA_7, DELTA_7),
];
static EIGHT: [Table; 1] =
    [table(&[(2, 2), (1, 3), (1, 5), (1, 4), (3, 2), (2, 3), (0, 5), (3, 3)], &[], &[])];
static NINE: [Table; 2] = [
    table(&[(2, 3), (0, 5), (2, 4), (1, 5), (2, 5), (1, 1), (3, 3), (3, 5), (3, 4)], DELTA_9, DELTA_9),
    table(&[(1, 1), (1, 3), (2, 3), (1, 4), (1, 6), (3, 3), (1, 5), (0, 7), (1, 7)], DELTA_9, DELTA_9),
];
static TWELVE: [Table; 5] = [
    table(
        &[(1, 5), (1, 6), (0, 7), (1, 7), (4, 5), (2, 3), (5, 5), (1, 1), (6, 5), (1, 4), (7, 5), (3, 3)],
        DELTA_12[0],
        DELTA_12[0],
    ),
    table(
        &[(2, 4), (2, 5), (0, 6), (1, 6), (3, 4), (2, 3), (3, 5), (3, 2), (3, 3), (4, 3), (1, 5), (5, 3)],
        DELTA_12[0],
        DELTA_12[1],
    ),
    table(
        &[(3, 2), (1, 3), (0, 7), (1, 7), (1, 5), (2, 3), (2, 7), (3, 3), (4, 3), (5, 3), (3, 7), (1, 4)],
        DELTA_12[1],
        DELTA_12[2],
    ),
    table(
        &[(1, 3), (3, 2), (0, 7), (1, 5), (2, 5), (2, 3), (1, 7), (3, 3), (3, 5), (4, 3), (1, 6), (5, 3)],
        DELTA_12[2],
        DELTA_12[3],
    ),
    table(
        &[(2, 3), (1, 1), (1, 7), (1, 4), (2, 7), (3, 3), (0, 8), (2, 4), (3, 7), (3, 4), (1, 8), (1, 5)],
        DELTA_12[3],
        DELTA_12[3],
    ),
];

/// An alphabet; the name is its number of symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Five runs, which do not adapt.
    Run,
    Four,
    /// Coded-block patterns of one colour.
    Five,
    Six,
    Seven,
    Eight,
    Nine,
    Twelve,
}

impl Alphabet {
    fn tables(self) -> &'static [Table] {
        match self {
            Self::Run => &RUN,
            Self::Four => &FOUR,
            Self::Five => &CBP_5,
            Self::Six => &SIX,
            Self::Seven => &SEVEN,
            Self::Eight => &EIGHT,
            Self::Nine => &NINE,
            Self::Twelve => &TWELVE,
        }
    }

    fn has_two_discriminants(self) -> bool {
        matches!(self, Self::Six | Self::Twelve)
    }
}

/// A code in its present state.
#[derive(Clone, Copy)]
pub(super) struct Code {
    table: &'static Table,
    alphabet: Alphabet,
    index: usize,
    /// For going to the table before, plus 2³² times that for going to the table after; only alphabets of 6 and 12
    /// symbols tell the two apart.
    discriminants: i64,
}

impl Code {
    /// As at the beginning of a tile.
    pub fn new(alphabet: Alphabet) -> Self {
        let index = usize::from(alphabet.has_two_discriminants());
        Self { table: &alphabet.tables()[index], alphabet, index, discriminants: 0 }
    }

    /// The next symbol; takes at most 8 bits, which must be refilled.
    #[inline(always)]
    pub fn symbol(&mut self, bits: &mut Bits<'_>) -> u32 {
        let entry = self.table.symbols[bits.peek(LONGEST) as usize & 0xff];
        bits.skip(u32::from(entry & 15));
        let symbol = usize::from(entry >> 4);
        self.discriminants += self.table.deltas[symbol];
        symbol as u32
    }

    /// Goes to a neighbouring table when the symbols since the last time say so.
    pub fn adapt(&mut self) {
        const THRESHOLD: i32 = 8;
        const MOST: i32 = 64;
        let tables = self.alphabet.tables();
        let down = self.discriminants as i32;
        let up = ((self.discriminants - i64::from(down)) >> 32) as i32;
        if self.index > 0 && down < -THRESHOLD {
            self.move_to(self.index - 1);
        } else if self.index + 1 < tables.len() && up > THRESHOLD {
            self.move_to(self.index + 1);
        } else {
            self.discriminants =
                (i64::from(up.clamp(-MOST, MOST)) << 32) + i64::from(down.clamp(-MOST, MOST));
        }
    }

    fn move_to(&mut self, index: usize) {
        self.index = index;
        self.table = &self.alphabet.tables()[index];
        self.discriminants = 0;
    }
}
