//! One plane on its way from values to pixels: a few rows of macroblocks, each finished when the row below it is there.

use std::num::Wrapping;

use super::blocks::{BlockRow, PLACES, smooth_between, smooth_edge};
use super::header::Header;
use super::lifting::{self, Value};

/// Rows of macroblocks that are held.
const HELD: usize = 3;

/// The pixels of one plane.
pub(super) struct Plane {
    /// Rows of blocks of the held rows of macroblocks.
    rows: Vec<[BlockRow; HELD]>,
    /// The blocks' DC values: as blocks of macroblocks where there are 4 × 4 of them,
    low: [BlockRow; HELD],
    /// and as lines of `across × columns` where there are fewer.
    lines: [Vec<Value>; HELD],
    /// Blocks that a macroblock has across and down.
    across: usize,
    down: usize,
    columns: usize,
    is_colour: bool,
}

impl Plane {
    pub fn new(header: &Header, plane: usize) -> Self {
        let (across, down) = header.layout.blocks(plane);
        let row = BlockRow::new(across * header.columns);
        let low = BlockRow::new(header.columns);
        Self {
            rows: (0..down).map(|_| std::array::from_fn(|_| row.clone())).collect(),
            low: std::array::from_fn(|_| low.clone()),
            lines: std::array::from_fn(|_| vec![Wrapping(0); across * down * header.columns]),
            across,
            down,
            columns: header.columns,
            is_colour: plane > 0,
        }
    }

    /// Copies out line `y`, counted from the top of the image.
    pub fn line(&self, y: usize, line: &mut [Value]) {
        let row = &self.rows[y / 4 % self.down][y / (4 * self.down) % HELD];
        let [a, b, c, d] = [0, 1, 2, 3].map(|x| row.at(4 * (y % 4) + x));
        for ((((four, &a), &b), &c), &d) in line.chunks_exact_mut(4).zip(a).zip(b).zip(c).zip(d) {
            four.copy_from_slice(&[a, b, c, d]);
        }
    }

    /// Takes the values of the macroblock at `column` in `row`, the low-pass ones already multiplied.
    pub fn set(&mut self, row: usize, column: usize, low: &[i32; 16], high: Option<&[[i32; 16]; 16]>) {
        let (across, slot) = (self.across, row % HELD);
        if (across, self.down) == (4, 4) {
            for (k, &value) in low.iter().enumerate() {
                self.low[slot].at_mut(PLACES[k])[column] = Wrapping(value);
            }
        } else {
            let width = across * self.columns;
            for (k, &value) in low[..across * self.down].iter().enumerate() {
                self.lines[slot][k / across * width + across * column + k % across] = Wrapping(value);
            }
        }
        for (y, rows) in self.rows.iter_mut().enumerate() {
            let blocks = high.map(|high| &high[across * y..][..across]);
            match blocks {
                None => rows[slot].clear(across * column, across),
                Some([a, b, c, d]) => rows[slot].set([a, b, c, d], across * column),
                Some(blocks) => {
                    for (x, block) in blocks.iter().enumerate() {
                        (1..16).for_each(|k| {
                            rows[slot].at_mut(PLACES[k])[across * column + x] = Wrapping(block[k])
                        });
                    }
                }
            }
        }
    }

    /// Low-pass values to the blocks' DC values, for all macroblocks of `row`.
    pub fn inverse_low(&mut self, row: usize, scaled: bool) {
        let slot = row % HELD;
        let doubled = scaled && self.is_colour;
        if (self.across, self.down) == (4, 4) {
            self.low[slot].inverse();
            if doubled {
                (0..16).for_each(|k| self.low[slot].at_mut(k).iter_mut().for_each(|value| *value += *value));
            }
            return;
        }
        let width = self.across * self.columns;
        let lines = &mut self.lines[slot];
        for column in (0..width).step_by(2) {
            if self.down == 4 {
                let (first, fifth) = (column, 2 * width + column);
                let value = (lines[fifth] + Wrapping(1)) >> 1;
                lines[first] -= value;
                let value = lines[first];
                lines[fifth] += value;
            }
            for top in (0..self.down).step_by(2) {
                let places = [0, 1, width, width + 1].map(|place| top * width + column + place);
                let values = lifting::hadamard_of(places.map(|place| lines[place]));
                for (place, value) in places.into_iter().zip(values) {
                    lines[place] = if doubled { value + value } else { value };
                }
            }
        }
    }

    /// Filters the DC values between `row` and the one above it, or their edges, and inside `row`.
    pub fn smooth_low(&mut self, row: usize, header: &Header) {
        if (self.across, self.down) != (4, 4) {
            return self.smooth_lines(row, header);
        }
        if row > 0 && row < header.rows {
            let [above, below] = two(&mut self.low, row);
            smooth_between::<true>(above, below);
        } else if row > 0 {
            smooth_edge(&mut self.low[(row - 1) % HELD], true);
        } else {
            smooth_edge(&mut self.low[0], false);
        }
    }

    /// [`Self::smooth_low`] of a smaller plane.
    fn smooth_lines(&mut self, row: usize, header: &Header) {
        let width = self.across * self.columns;
        let last = (self.down - 1) * width;
        if row > 0 && row < header.rows {
            let [above, below] = two(&mut self.lines, row);
            smooth_two_lines(&mut above[last..], &mut below[..width]);
        } else if row > 0 {
            smooth_line_edge(&mut self.lines[(row - 1) % HELD][last..]);
        } else {
            smooth_line_edge(&mut self.lines[0][..width]);
        }
        if self.down == 4 && row < header.rows {
            let (above, below) = self.lines[row % HELD].split_at_mut(2 * width);
            smooth_two_lines(&mut above[width..], &mut below[..width]);
        }
    }

    /// Blocks to pixels, for all of `row`.
    pub fn inverse(&mut self, row: usize) {
        let slot = row % HELD;
        let across = self.across;
        for (y, rows) in self.rows.iter_mut().enumerate() {
            let target = rows[slot].at_mut(0);
            if (across, self.down) == (4, 4) {
                for x in 0..across {
                    let low = self.low[slot].at(4 * y + x);
                    target.chunks_exact_mut(4).zip(low).for_each(|(four, &value)| four[x] = value);
                }
            } else {
                target
                    .copy_from_slice(&self.lines[slot][y * across * self.columns..][..across * self.columns]);
            }
            rows[slot].inverse();
        }
    }

    /// Filters the pixels between `row` and the one above it, or their edges, and inside `row`.
    pub fn smooth(&mut self, row: usize, header: &Header) {
        let (slot, last) = (row % HELD, self.down - 1);
        if row > 0 && row < header.rows {
            let (first, rest) = self.rows.split_at_mut(1);
            smooth_between::<false>(&mut rest[last - 1][(row - 1) % HELD], &mut first[0][slot]);
        } else if row > 0 {
            smooth_edge(&mut self.rows[last][(row - 1) % HELD], true);
        } else {
            smooth_edge(&mut self.rows[0][0], false);
        }
        if row < header.rows {
            for y in 1..self.down {
                let (above, below) = self.rows.split_at_mut(y);
                smooth_between::<false>(&mut above[y - 1][slot], &mut below[0][slot]);
            }
        }
    }
}

/// What is held of the row above `row`, and of `row`.
fn two<T>(held: &mut [T; HELD], row: usize) -> [&mut T; 2] {
    let [first, second, third] = held;
    match row % HELD {
        0 => [third, first],
        1 => [first, second],
        _ => [second, third],
    }
}

/// Filters a line of DC values at the image's edge. The corners are stored as differences from their neighbours.
fn smooth_line_edge(line: &mut [Value]) {
    let end = line.len();
    let (first, last) = (line[0], line[end - 2]);
    line[0] -= line[1];
    line[end - 1] -= if end == 2 { first } else { last };
    for pair in line[1..end - 1].chunks_exact_mut(2) {
        [pair[0], pair[1]] = lifting::smooth_pair([pair[0], pair[1]]);
    }
    let last = if end == 2 { first } else { line[end - 2] };
    let second = line[1];
    line[0] += second;
    line[end - 1] += last;
}

/// Filters between two lines of DC values.
fn smooth_two_lines(above: &mut [Value], below: &mut [Value]) {
    let end = above.len() - 1;
    for x in [0, end] {
        [above[x], below[x]] = lifting::smooth_pair([above[x], below[x]]);
    }
    let pairs = above[1..end].chunks_exact_mut(2).zip(below[1..end].chunks_exact_mut(2));
    for (above, below) in pairs {
        [above[0], above[1], below[0], below[1]] =
            lifting::smooth_quad([above[0], above[1], below[0], below[1]]);
    }
}
