//! How the line kernels transform: radices, twiddle factors, the shape of a workgroup.
//!
//! The transform itself is `shaders/fft.wgsl`, with the text that `text` makes of a plan.

mod layout;
mod stage;
mod text;

use std::f64::consts::TAU;

use layout::{Layout, Lines};
use stage::stages;
pub(super) use text::Passes;

use super::WORKGROUP;
use crate::constants::Precision;
use crate::error::{Error, Result};
use crate::gpu::WorkgroupLimits;
use crate::space::Zyx;

/// Neighbouring columns that a workgroup takes at least where its memory allows: 4 complex numbers are one sector of
/// 32 bytes, which is what memory moves. [`crate::gpu::GpuLimits::max_fft_length`] follows from it.
const SECTOR_COLUMNS: u32 = 4;
/// Neighbouring columns that are better still, where a workgroup has no more than [`WORKGROUP`] invocations with them.
const COLUMNS: u32 = 8;
/// Bytes of workgroup memory for each complex number of a line: real and imaginary parts are exchanged in turn.
const EXCHANGE_BYTES: u32 = 4;
/// Complex numbers that an invocation holds. With what a butterfly needs beside them compilers give them 80 to 130 registers
/// (docs/compilers.md), so a device that gives 64 Ki registers to the workgroups of one unit keeps two of [`WORKGROUP`]
/// invocations there: one computes while the other waits for memory.
const REGISTERS: u32 = 16;
/// Invocations of a workgroup where whole sectors need more than [`WORKGROUP`]; as many as the device allows where they would
/// hold more than [`REGISTERS`] otherwise.
const INVOCATIONS: u32 = 512;

/// p and q of a radix p · q that is composed in registers; `None` for those that `fft.wgsl` has by hand.
fn parts_of(radix: u32) -> Option<(u32, u32)> {
    let composed = [(2, 3), (2, 4), (3, 3), (2, 5), (3, 4), (2, 7), (3, 5), (4, 4)];
    composed.into_iter().find(|(p, q)| p * q == radix)
}

/// Every radix, large ones first.
fn all_radices() -> impl Iterator<Item = u32> {
    (2..=REGISTERS).rev().filter(|&radix| matches!(radix, 2 | 3 | 4 | 5 | 7) || parts_of(radix).is_some())
}

/// The radices whose product is `length`, in the order of the stages; `None` when it has other prime factors than
/// 2, 3, 5 and 7.
///
/// Every stage but the first is a pass through workgroup memory, so there are as few as possible; of those, the most
/// even ones: their sum is least, and with it the arithmetic. The largest comes first: the first stage needs no
/// twiddle factors.
pub fn radices(length: u32) -> Option<Vec<u32>> {
    match length {
        0 => None,
        1 => Some(vec![1]),
        _ => factors(length, u32::MAX),
    }
}

/// The shortest list of radices up to `largest`, descending, whose product is `length` > 1.
fn factors(length: u32, largest: u32) -> Option<Vec<u32>> {
    let lists = all_radices().filter(|&radix| radix <= largest && length.is_multiple_of(radix));
    let lists = lists.filter_map(|radix| match length / radix {
        1 => Some(vec![radix]),
        rest => factors(rest, radix).map(|others| [vec![radix], others].concat()),
    });
    lists.min_by_key(|list| (list.len(), list.iter().sum::<u32>()))
}

/// Whether the kernels can transform lines of this length: a product of 2, 3, 5 and 7.
pub fn is_good_size(length: u32) -> bool {
    radices(length).is_some()
}

/// All lengths up to `max` that the kernels can transform, ascending.
pub fn good_sizes(max: u32) -> Vec<u32> {
    (1..=max).filter(|&length| is_good_size(length)).collect()
}

/// Which neighbours a workgroup reads at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Lines along x: the elements of one line are neighbours.
    Rows,
    /// Lines along y or z: the same element of several lines are neighbours.
    Columns,
}

/// How lines of one length are transformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePlan {
    /// Numbers in a line.
    pub length: u32,
    /// Their product is the length; `[1]` for length 1.
    pub radices: Vec<u32>,
    /// Lines of a workgroup.
    pub lines: u32,
    /// Invocations of a line.
    pub threads: u32,
    /// Along which axis.
    pub direction: Direction,
    /// How the spectrum lies in memory that lines are taken from and given to.
    pub stored: Precision,
    /// Of the exchange after each stage but the last.
    layouts: Vec<Layout>,
}

impl LinePlan {
    /// For lines of `length` in workgroups within `limits`.
    ///
    /// # Errors
    /// `Limit` when a line does not fit a workgroup, or the length has a prime factor above 7.
    pub fn new(length: u32, direction: Direction, limits: WorkgroupLimits) -> Result<Self> {
        let fit = limits.bytes / EXCHANGE_BYTES / length.max(1);
        let Some(radices) = radices(length).filter(|_| fit > 0) else {
            return Err(Error::Limit {
                what: "length of a Fourier transform on this device".into(),
                needed: length.to_string(),
                available: format!("products of 2, 3, 5 and 7 up to {}", limits.bytes / EXCHANGE_BYTES),
            });
        };
        let most = INVOCATIONS.min(limits.invocations);
        let busy = threads(length, &radices, most);
        let filling = (WORKGROUP / busy).max(1);
        let wanted = match direction {
            Direction::Rows => filling,
            Direction::Columns if COLUMNS * busy <= WORKGROUP => filling.max(COLUMNS),
            Direction::Columns => SECTOR_COLUMNS,
        };
        let lines = 1 << fit.min(wanted).min(most).ilog2();
        let mut threads_of_line = threads(length, &radices, most / lines);
        if registers(length, &radices, threads_of_line) > REGISTERS {
            threads_of_line = threads(length, &radices, limits.invocations / lines);
        }
        let layouts =
            layouts(&Lines { length, lines, threads: threads_of_line, direction }, &radices, limits.bytes);
        let stored = Precision::F32;
        Ok(Self { length, radices, lines, threads: threads_of_line, direction, stored, layouts })
    }

    /// The same for a spectrum that is stored otherwise.
    pub fn storing(self, stored: Precision) -> Self {
        Self { stored, ..self }
    }

    /// Numbers of all lines in the exchange.
    fn exchange_numbers(&self) -> u32 {
        let Self { length, lines, threads, direction, .. } = *self;
        let of = Lines { length, lines, threads, direction };
        self.layouts.iter().map(|layout| layout.numbers(&of)).max().unwrap_or(lines * length)
    }

    /// Complex numbers that an invocation holds.
    pub fn registers(&self) -> u32 {
        registers(self.length, &self.radices, self.threads)
    }

    /// exp(−2πi k m / (step · radix)) at k · step + m − 1, for every stage, 0 < k < radix, 0 ≤ m < step; (re, im).
    /// One unused number for length 1, since a buffer is not empty.
    pub fn twiddles(&self) -> Vec<[f32; 2]> {
        let mut twiddles = Vec::with_capacity(self.length as usize);
        let mut step = 1;
        for &radix in &self.radices {
            for (k, m) in (1..radix).flat_map(|k| (0..step).map(move |m| (k, m))) {
                let angle = -TAU * (f64::from(k) * f64::from(m)) / f64::from(step * radix);
                twiddles.push([angle.cos() as f32, angle.sin() as f32]);
            }
            step *= radix;
        }
        if twiddles.is_empty() { vec![[1.0, 0.0]] } else { twiddles }
    }
}

/// Of the exchanges between the stages of `radices`.
fn layouts(of: &Lines, radices: &[u32], bytes: u32) -> Vec<Layout> {
    let stages = stages(of.length, radices, of.threads);
    stages.windows(2).map(|pair| Layout::between(of, &pair[0], &pair[1], bytes)).collect()
}

/// Complex numbers that each of `threads` invocations holds: those of its butterflies in the stage that has most.
fn registers(length: u32, radices: &[u32], threads: u32) -> u32 {
    radices.iter().map(|radix| (length / radix).div_ceil(threads) * radix).max().unwrap_or(1)
}

/// Invocations of a line, at most `most`: none need hold more than [`REGISTERS`], or as few more as possible; of those,
/// the number that leaves the fewest places idle.
fn threads(length: u32, radices: &[u32], most: u32) -> u32 {
    let places = |threads: u32| -> u32 {
        radices.iter().map(|radix| (length / radix).div_ceil(threads) * radix * threads).sum()
    };
    let held = |threads| registers(length, radices, threads).max(REGISTERS);
    (1..=most).min_by_key(|&n| (held(n), places(n), std::cmp::Reverse(n))).unwrap_or(1)
}

/// The plans of a volume's axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePlans {
    /// Along x.
    pub rows: LinePlan,
    /// Along the axis that is convolved: y of an image, z of a volume.
    pub last: LinePlan,
    /// Along y of a volume.
    pub middle: Option<LinePlan>,
}

impl LinePlans {
    /// For a transform of shape `fft`: two-dimensional when it has one plane.
    ///
    /// # Errors
    /// `Limit` as for [`LinePlan::new`].
    pub fn new(fft: Zyx<u32>, limits: WorkgroupLimits) -> Result<Self> {
        let columns = |length| LinePlan::new(length, Direction::Columns, limits);
        let rows = LinePlan::new(fft.x, Direction::Rows, limits)?;
        let (last, middle) =
            if fft.z == 1 { (columns(fft.y)?, None) } else { (columns(fft.z)?, Some(columns(fft.y)?)) };
        Ok(Self { rows, last, middle })
    }

    /// The same for a spectrum that is stored otherwise.
    pub fn storing(self, stored: Precision) -> Self {
        let Self { rows, last, middle } = self;
        Self {
            rows: rows.storing(stored),
            last: last.storing(stored),
            middle: middle.map(|plan| plan.storing(stored)),
        }
    }
}

#[cfg(test)]
mod tests;
