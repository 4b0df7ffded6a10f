//! Where the numbers of a workgroup's lines lie in its memory on their way from one stage to the next, so that invocations
//! that run together meet different banks.

use std::collections::BTreeSet;

use super::stage::{Side, Stage};
use super::{Direction, EXCHANGE_BYTES};

/// Memory banks of 4 bytes on every device that is known to us.
const BANKS: u32 = 32;
/// Invocations that run together; where there are fewer, or more, they meet the banks in turn.
const TOGETHER: u32 = 32;

/// One exchange: element e of line l lies at l · line_stride + (e + e / pad · skip) · element_stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// After so many elements some places are left out.
    pub pad: u32,
    /// So many.
    pub skip: u32,
    /// From a line to the next.
    pub line_stride: u32,
    /// From an element to the next.
    element_stride: u32,
}

/// The lines of a workgroup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    pub length: u32,
    pub lines: u32,
    pub threads: u32,
    pub direction: Direction,
}

impl Lines {
    /// Line and butterfly of each invocation that moves at once, for all that do.
    fn together(&self, stage: &Stage) -> impl Iterator<Item = impl Iterator<Item = (u32, u32)>> {
        let Self { lines, threads, direction, .. } = *self;
        let (line_step, thread_step) = match direction {
            Direction::Rows => (threads, 1),
            Direction::Columns => (1, lines),
        };
        let butterflies = stage.length / stage.radix;
        let invocations = lines * threads;
        let starts = move || (0..invocations).step_by(TOGETHER as usize);
        let firsts = (0..butterflies).step_by(threads as usize);
        let own = move |first: u32, i: u32| (i / line_step % lines, first + i / thread_step % threads);
        firsts.flat_map(move |first| starts().map(move |start| (first, start))).filter_map(
            move |(first, start)| {
                let mut moved = (start..invocations.min(start + TOGETHER))
                    .map(move |i| own(first, i))
                    .filter(move |&(_, j)| j < butterflies)
                    .peekable();
                moved.peek().is_some().then_some(moved)
            },
        )
    }
}

impl Layout {
    fn place(&self, line: u32, element: u32) -> u32 {
        line * self.line_stride + (element + element / self.pad * self.skip) * self.element_stride
    }

    /// Numbers from the first to the last.
    pub fn numbers(&self, of: &Lines) -> u32 {
        self.place(of.lines - 1, of.length - 1) + 1
    }

    /// How far number `k` of a butterfly lies behind its first one, where that is the same for all.
    pub fn apart(&self, stage: &Stage, side: Side, k: u32) -> Option<u32> {
        let step = stage.apart(side);
        let further = k * step;
        let block = stage.step * stage.radix;
        if self.skip == 0 || side == Side::Given && self.pad.is_multiple_of(block) {
            Some(further * self.element_stride)
        } else if step.is_multiple_of(self.pad) {
            Some((further + further / self.pad * self.skip) * self.element_stride)
        } else {
            None
        }
    }

    /// Rounds of the banks that it takes to move number 0 of all butterflies, for each number that moves.
    fn rounds(&self, of: &Lines, stage: &Stage, side: Side) -> u32 {
        let rounds = of.together(stage).map(|moved| {
            let mut met = [0; BANKS as usize];
            for (line, j) in moved {
                met[(self.place(line, stage.first(side, j)) % BANKS) as usize] += 1;
            }
            met.into_iter().max().unwrap_or(0)
        });
        rounds.sum::<u32>() * stage.radix
    }

    /// The first one without a conflict between two stages within `bytes`, else the one with the fewest; of these one whose
    /// butterflies are all alike, and the smallest.
    pub fn between(of: &Lines, from: &Stage, to: &Stage, bytes: u32) -> Self {
        let sides = [(from, Side::Given), (to, Side::Taken)];
        let least: u32 = sides.iter().map(|(stage, _)| of.together(stage).count() as u32 * stage.radix).sum();
        let cost = |layout: &Self| {
            let rounds: u32 = sides.iter().map(|&(stage, side)| layout.rounds(of, stage, side)).sum();
            let is_uneven = |&&(stage, side): &&(&Stage, Side)| {
                (0..stage.radix).any(|k| layout.apart(stage, side, k).is_none())
            };
            (rounds, sides.iter().filter(is_uneven).count(), layout.numbers(of))
        };
        let mut best = (Self::plain(of), cost(&Self::plain(of)));
        for layout in Self::candidates(of, from).filter(|layout| layout.numbers(of) * EXCHANGE_BYTES <= bytes)
        {
            if best.1.0 == least && best.1.1 == 0 {
                break;
            }
            let own = cost(&layout);
            if own < best.1 {
                best = (layout, own);
            }
        }
        best.0
    }

    /// Without places left out.
    fn plain(of: &Lines) -> Self {
        let (line_stride, element_stride) = match of.direction {
            Direction::Rows => (of.length, 1),
            Direction::Columns => (1, of.lines),
        };
        Self { pad: of.length, skip: 0, line_stride, element_stride }
    }

    /// What moves one round of banks, or one block of what the stage gives, on by as much as fills the gaps.
    fn candidates(of: &Lines, from: &Stage) -> impl Iterator<Item = Self> {
        let of = *of;
        let plain = Self::plain(&of);
        let block = from.step * from.radix;
        let pads: BTreeSet<_> =
            [BANKS, block, 2 * block, 4 * block].into_iter().filter(|&pad| pad < of.length).collect();
        let skips: BTreeSet<_> =
            [1, 2, 4, 8, 16, from.step % BANKS].into_iter().filter(|&skip| skip > 0).collect();
        let padded = pads.into_iter().flat_map(move |pad| {
            let layouts: Vec<_> = skips.iter().map(|&skip| Self { pad, skip, ..plain }).collect();
            layouts
        });
        // Lines that share a round may lie on from each other.
        let shared = of.direction == Direction::Rows && of.lines > 1 && !of.threads.is_multiple_of(TOGETHER);
        let gap_step = if of.threads < TOGETHER { 1 } else { BANKS / 4 };
        let gaps = move || (0..if shared { BANKS } else { 1 }).step_by(gap_step as usize);
        [plain].into_iter().chain(padded).flat_map(move |layout| {
            let own_length = of.length + (of.length - 1) / layout.pad * layout.skip;
            let stride = move |gap| match of.direction {
                Direction::Rows => own_length + gap,
                Direction::Columns => plain.line_stride,
            };
            gaps().map(move |gap| Self { line_stride: stride(gap), ..layout })
        })
    }
}
