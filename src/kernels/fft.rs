//! How the line kernels transform: radices, twiddle factors, lines in a workgroup; and the text that says so.
//!
//! The transform itself is `shaders/fft.wgsl`.

use std::f64::consts::TAU;
use std::fmt::Write;

use super::WORKGROUP;
use crate::error::{Error, Result};
use crate::space::Zyx;

/// Neighbouring columns that a workgroup takes when its memory allows: 8 complex numbers are two memory sectors.
const COLUMNS: u32 = 8;
/// Bytes of workgroup memory for each complex number of a line: both halves of the exchange.
const EXCHANGE_BYTES: u32 = 16;

/// The radices whose product is `length`, in the order of the stages; `None` when it has other prime factors than
/// 2, 3, 5 and 7.
///
/// Few large radices make few passes over workgroup memory, so twos go in threes, and 16 is 4 · 4 rather than 8 · 2.
pub fn radices(length: u32) -> Option<Vec<u32>> {
    let mut rest = length;
    let mut power_of = |factor: u32| {
        let mut power = 0;
        while rest > 0 && rest.is_multiple_of(factor) {
            rest /= factor;
            power += 1;
        }
        power
    };
    let (twos, threes, fives, sevens) = (power_of(2), power_of(3), power_of(5), power_of(7));
    let (eights, fours, single) = match twos % 3 {
        0 => (twos / 3, 0, 0),
        1 if twos >= 4 => (twos / 3 - 1, 2, 0),
        1 => (0, 0, 1),
        _ => (twos / 3, 1, 0),
    };
    let counts = [(8, eights), (7, sevens), (5, fives), (4, fours), (3, threes), (2, single)];
    (rest == 1)
        .then(|| counts.into_iter().flat_map(|(radix, count)| std::iter::repeat_n(radix, count)).collect())
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
    /// Their product is the length.
    pub radices: Vec<u32>,
    /// Lines of a workgroup.
    pub lines: u32,
    /// Invocations of a line.
    pub threads: u32,
    /// Along which axis.
    pub direction: Direction,
}

impl LinePlan {
    /// For lines of `length` on a device with `workgroup_bytes` of workgroup memory.
    ///
    /// # Errors
    /// `Limit` when two copies of a line do not fit that memory, or the length has a prime factor above 7.
    pub fn new(length: u32, direction: Direction, workgroup_bytes: u32) -> Result<Self> {
        let fit = workgroup_bytes / EXCHANGE_BYTES / length.max(1);
        let Some(radices) = radices(length).filter(|_| fit > 0) else {
            return Err(Error::Limit {
                what: "length of a Fourier transform on this device".into(),
                needed: length.to_string(),
                available: format!("products of 2, 3, 5 and 7 up to {}", workgroup_bytes / EXCHANGE_BYTES),
            });
        };
        // One invocation for each butterfly of the largest radix, which is the first.
        let butterflies = length / radices.first().unwrap_or(&1);
        let busy = butterflies.next_power_of_two().min(WORKGROUP);
        let wanted = match direction {
            Direction::Rows => WORKGROUP / busy,
            Direction::Columns => COLUMNS.max(WORKGROUP / busy),
        };
        let lines = 1 << fit.min(wanted).ilog2();
        Ok(Self { length, radices, lines, threads: busy.min(WORKGROUP / lines), direction })
    }

    /// The constants that stand before `fft.wgsl`.
    pub(super) fn constants(&self) -> String {
        let Self { length, lines, threads, .. } = *self;
        let [element_stride, line_stride, thread_step, line_step] = match self.direction {
            Direction::Rows => [1, length, 1, threads],
            Direction::Columns => [lines, 1, lines, 1],
        };
        let constants = [
            ("N", length),
            ("LINES", lines),
            ("THREADS", threads),
            ("WORKGROUP", lines * threads),
            ("ELEMENT_STRIDE", element_stride),
            ("LINE_STRIDE", line_stride),
            ("THREAD_STEP", thread_step),
            ("LINE_STEP", line_step),
        ];
        constants.map(|(name, value)| format!("const {name}: u32 = {value}u;\n")).concat()
    }

    /// The function that runs the stages. Stages of one radix are a loop: unrolled, drivers compile for seconds.
    pub(super) fn transform(&self) -> String {
        let mut body = String::from("fn transform() {\n    var step = 1u;\n");
        for stages in self.radices.chunk_by(|a, b| a == b) {
            let (radix, count) = (stages[0], stages.len());
            let stage = format!("stage_{radix}(step);\n        end_stage();\n        step *= {radix}u;");
            write!(body, "    for (var i = 0u; i < {count}u; i++) {{\n        {stage}\n    }}\n")
                .expect("a string takes text");
        }
        body + "}\n"
    }

    /// exp(−2πi r k / (step · radix)) at r · step + k − 1, for every stage, 0 < r < radix, 0 ≤ k < step; (re, im).
    /// One unused number for length 1, since a buffer is not empty.
    pub fn twiddles(&self) -> Vec<[f32; 2]> {
        let mut twiddles = Vec::with_capacity(self.length as usize);
        let mut step = 1;
        for &radix in &self.radices {
            for (r, k) in (1..radix).flat_map(|r| (0..step).map(move |k| (r, k))) {
                let angle = -TAU * (f64::from(r) * f64::from(k)) / f64::from(step * radix);
                twiddles.push([angle.cos() as f32, angle.sin() as f32]);
            }
            step *= radix;
        }
        if twiddles.is_empty() { vec![[1.0, 0.0]] } else { twiddles }
    }
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
    pub fn new(fft: Zyx<u32>, workgroup_bytes: u32) -> Result<Self> {
        let columns = |length| LinePlan::new(length, Direction::Columns, workgroup_bytes);
        let rows = LinePlan::new(fft.x, Direction::Rows, workgroup_bytes)?;
        let (last, middle) =
            if fft.z == 1 { (columns(fft.y)?, None) } else { (columns(fft.z)?, Some(columns(fft.y)?)) };
        Ok(Self { rows, last, middle })
    }
}

#[cfg(test)]
mod tests;
