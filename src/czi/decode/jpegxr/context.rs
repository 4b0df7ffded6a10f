//! What a tile's decoder has learnt so far: codes, scan orders, how many low bits are worth no code (T.832 9.5–9.10).

use super::codes::{Alphabet, Code};
use super::header::Layout;

/// Positions 4 v + u of a block's values in the order in which they are tried first.
const ZIGZAG: [u8; 16] = [0, 1, 4, 5, 2, 8, 6, 9, 3, 12, 10, 7, 13, 11, 14, 15];
/// The same for blocks with mostly vertical frequencies.
const ZIGZAG_VERTICAL: [u8; 16] = [0, 4, 8, 5, 1, 12, 9, 6, 2, 13, 3, 15, 7, 10, 14, 11];

/// The low-pass codes in [`Context::codes`]; the DC's are before them.
pub(super) const LOWPASS: usize = 5;
/// The high-pass codes in [`Context::codes`].
pub(super) const HIGHPASS: usize = 13;

/// An order of positions that moves frequent ones to the front.
#[derive(Clone, Copy)]
pub(super) struct Scan {
    order: [u8; 16],
    counts: [u32; 16],
}

impl Scan {
    fn new(order: [u8; 16]) -> Self {
        let mut scan = Self { order, counts: [0; 16] };
        scan.restart();
        scan
    }

    /// Forgets the counts, not the order.
    pub fn restart(&mut self) {
        self.counts = std::array::from_fn(|k| if k == 0 { 32767 } else { 34 - 2 * k as u32 });
    }

    /// The position at place `k`, which counts.
    #[inline(always)]
    pub fn visit(&mut self, k: usize) -> usize {
        let k = k & 15;
        let position = self.order[k];
        self.counts[k] += 1;
        if k > 0 && self.counts[k] > self.counts[k - 1] {
            self.counts.swap(k, k - 1);
            self.order.swap(k, k - 1);
        }
        usize::from(position & 15)
    }
}

/// How many low bits of a band's values are stored plainly: for the first plane, and for the others.
#[derive(Clone, Copy, Default)]
pub(super) struct PlainBits {
    pub bits: [u32; 2],
    states: [i32; 2],
}

/// A band, in the order of the tables in [`PlainBits::update`].
#[derive(Clone, Copy)]
pub(super) enum Band {
    Dc,
    Lowpass,
    Highpass,
}

impl PlainBits {
    fn new(bits: u32) -> Self {
        Self { bits: [bits; 2], states: [0; 2] }
    }

    /// Follows the numbers of values that were not zero in a macroblock.
    pub fn update(&mut self, layout: Layout, band: Band, counts: [i32; 2]) {
        const TARGET: i32 = 70;
        let band = band as usize;
        let chroma = match layout {
            Layout::Gray => 0,
            Layout::Full => (counts[1] * [120, 6, 8][band]) >> [0, 0, 4][band],
            Layout::HalfWidth => counts[1] * [120, 18, 1][band],
            Layout::Half => counts[1] * [120, 37, 2][band],
        };
        let means = [counts[0] * [240, 12, 1][band], chroma];
        for (plane, mean) in means.into_iter().enumerate().take(if layout == Layout::Gray { 1 } else { 2 }) {
            let (state, bits) = (&mut self.states[plane], &mut self.bits[plane]);
            let step = (mean - TARGET) >> 2;
            if step <= -8 {
                *state += (step + 4).max(-16);
                if *state < -8 {
                    *state = if *bits == 0 { -8 } else { 0 };
                    *bits = bits.saturating_sub(1);
                }
            } else if step >= 8 {
                *state += (step - 4).min(15);
                if *state > 8 {
                    *state = if *bits >= 15 { 8 } else { 0 };
                    *bits = (*bits + 1).min(15);
                }
            }
        }
    }
}

/// How a macroblock's pattern of coded blocks is foretold: for the first plane, and for the others.
#[derive(Clone, Copy)]
pub(super) struct PatternModel {
    zeros: i32,
    ones: i32,
    state: Foretold,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Foretold {
    FromNeighbours,
    Empty,
    Full,
}

impl PatternModel {
    pub fn state(&self) -> Foretold {
        self.state
    }

    /// Follows the number of coded blocks, of 16.
    pub fn update(&mut self, coded: i32) {
        const EXPECTED: i32 = 3;
        self.zeros = (self.zeros + coded - EXPECTED).clamp(-16, 15);
        self.ones = (self.ones + 16 - coded - EXPECTED).clamp(-16, 15);
        self.state = match (self.zeros < 0, self.ones < 0) {
            (true, _) if self.zeros < self.ones => Foretold::Empty,
            (false, false) => Foretold::FromNeighbours,
            _ => Foretold::Full,
        };
    }
}

/// All that adapts while a tile is decoded.
#[derive(Clone)]
pub(super) struct Context {
    /// Runs; a plane's part of a pattern; which DC values are not zero; their sizes, by plane; then low-pass and
    /// high-pass: the first index, and the next ones (two), each for the first plane and the others; sizes (two).
    pub codes: [Code; 21],
    pub pattern: Code,
    pub pattern_count: Code,
    pub dc_bits: PlainBits,
    pub lowpass_bits: PlainBits,
    pub highpass_bits: PlainBits,
    pub lowpass_scan: Scan,
    /// For blocks of mostly horizontal, and of mostly vertical frequencies.
    pub highpass_scans: [Scan; 2],
    pub patterns: [PatternModel; 2],
    /// Tendencies of the low-pass pattern to be full, and to be empty.
    pub lowpass_full: i32,
    pub lowpass_empty: i32,
}

impl Context {
    /// As at the beginning of a tile.
    pub fn new(layout: Layout) -> Self {
        use Alphabet::{Eight, Five, Four, Nine, Run, Seven, Six, Twelve};
        const CODES: [Alphabet; 21] = [
            Run, Four, Eight, Seven, Seven, Twelve, Six, Six, Twelve, Six, Six, Seven, Seven, Twelve, Six,
            Six, Twelve, Six, Six, Seven, Seven,
        ];
        let model = PatternModel { zeros: -4, ones: 4, state: Foretold::FromNeighbours };
        Self {
            codes: CODES.map(Code::new),
            pattern: Code::new(if layout == Layout::Gray { Five } else { Nine }),
            pattern_count: Code::new(Five),
            dc_bits: PlainBits::new(8),
            lowpass_bits: PlainBits::new(4),
            highpass_bits: PlainBits::new(0),
            lowpass_scan: Scan::new(ZIGZAG),
            highpass_scans: [Scan::new(ZIGZAG), Scan::new(ZIGZAG_VERTICAL)],
            patterns: [model; 2],
            lowpass_full: 1,
            lowpass_empty: 1,
        }
    }

    /// Every 16 macroblocks.
    pub fn restart_scans(&mut self) {
        self.lowpass_scan.restart();
        self.highpass_scans.iter_mut().for_each(Scan::restart);
    }

    /// Every 16 macroblocks and at the end of a row of a tile; `bands` as in the header.
    pub fn adapt(&mut self, bands: usize) {
        let end = [HIGHPASS, HIGHPASS, 21][bands.clamp(1, 3) - 1];
        let start = if bands == 1 { 2 } else { 0 };
        let end = if bands == 1 { LOWPASS } else { end };
        self.codes[start..end].iter_mut().for_each(Code::adapt);
        if bands > 2 {
            self.pattern.adapt();
            self.pattern_count.adapt();
        }
    }
}
