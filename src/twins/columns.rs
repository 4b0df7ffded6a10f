//! Lines that do not lie along x: gathered some neighbours at a time, so that memory moves in whole cache lines.

mod halves;

use std::array::from_fn;
use std::ops::Range;

use rayon::prelude::*;

use super::Complex32;
pub(super) use halves::each_line_of_halves;

/// Bytes of the lines that are gathered together: half of a core's second cache, at most.
const LINES_BYTES: usize = 640 << 10;
/// Neighbouring lines that are gathered together, at least and at most: two and eight cache lines of each row.
const LEAST_LINES: usize = 16;
const MOST_LINES: usize = 64;
/// Keeps neighbouring lines, when gathered, from falling on the same places of the cache.
const GAP: usize = 8;
/// Rows that are gathered at once: half a cache line of each line.
const ROWS: usize = 4;
/// Pieces of work for each core, so that a slow core does not hold up the rest.
const TASKS_PER_CORE: usize = 4;

/// Runs `work(column, line, scratch)` in place on every line of `volume`, which is `[outer, length, inner]`: a line
/// is `length` values, `inner` apart, and `column` its position within `inner`. `scratch` makes each core's own.
pub(super) fn each_line(
    volume: &mut [Complex32],
    length: usize,
    inner: usize,
    scratch: impl Fn() -> Vec<Complex32> + Sync + Send,
    work: impl Fn(usize, &mut [Complex32], &mut [Complex32]) + Sync + Send,
) {
    let outer = volume.len() / (length * inner);
    let pieces = (TASKS_PER_CORE * rayon::current_num_threads()).div_ceil(outer.max(1));
    let width = inner.div_ceil(pieces).next_multiple_of(LEAST_LINES);
    let strips: Vec<_> =
        volume.chunks_mut(length * inner).flat_map(|part| strips(part, inner, width)).collect();
    strips.into_par_iter().for_each_init(
        || (Lines::new(length, length), scratch()),
        |(lines, scratch), Strip { column, mut rows }| {
            for first in (0..rows[0].len()).step_by(lines.most) {
                let columns = first..rows[0].len().min(first + lines.most);
                gather(&rows, columns.clone(), lines);
                lines.each(columns.len(), |i, line| work(column + first + i, line, scratch));
                scatter(lines, &mut rows, columns);
            }
        },
    );
}

/// Lines that are worked on together.
struct Lines {
    values: Vec<Complex32>,
    /// Values of a line, and values from one to the next.
    length: usize,
    stride: usize,
    /// How many there is room for.
    most: usize,
}

impl Lines {
    /// For lines of `length` values, with room for `room` of each.
    fn new(length: usize, room: usize) -> Self {
        let stride = room + GAP;
        let most = LINES_BYTES / (stride * size_of::<Complex32>());
        let most = (most / LEAST_LINES * LEAST_LINES).clamp(LEAST_LINES, MOST_LINES);
        Self { values: vec![Complex32::default(); most * stride], length, stride, most }
    }

    /// `work` on the first `count`. What lies behind a line becomes 0.
    fn each(&mut self, count: usize, mut work: impl FnMut(usize, &mut [Complex32])) {
        for (i, line) in self.values.chunks_exact_mut(self.stride).take(count).enumerate() {
            let (line, behind) = line.split_at_mut(self.length);
            behind.fill(Complex32::default());
            work(i, line);
        }
    }
}

/// Neighbouring lines: the same columns of each row.
struct Strip<'a> {
    column: usize,
    rows: Vec<&'a mut [Complex32]>,
}

/// Cuts rows of `inner` values into strips of `width` columns.
fn strips(volume: &mut [Complex32], inner: usize, width: usize) -> Vec<Strip<'_>> {
    let length = volume.len() / inner;
    let mut strips: Vec<_> =
        (0..inner).step_by(width).map(|column| Strip { column, rows: Vec::with_capacity(length) }).collect();
    for row in volume.chunks_mut(inner) {
        for (strip, piece) in strips.iter_mut().zip(row.chunks_mut(width)) {
            strip.rows.push(piece);
        }
    }
    strips
}

/// Value k of a line is the value of row k in its column.
fn gather(rows: &[&mut [Complex32]], columns: Range<usize>, lines: &mut Lines) {
    let (quads, rest) = rows.as_chunks::<ROWS>();
    for (i, quad) in quads.iter().enumerate() {
        gather_rows(quad.each_ref().map(|row| &row[columns.clone()]), lines, ROWS * i);
    }
    for (row, at) in rest.iter().zip(ROWS * quads.len()..) {
        gather_rows([&row[columns.clone()]], lines, at);
    }
}

fn scatter(lines: &Lines, rows: &mut [&mut [Complex32]], columns: Range<usize>) {
    let (quads, rest) = rows.as_chunks_mut::<ROWS>();
    let behind_quads = ROWS * quads.len();
    for (i, quad) in quads.iter_mut().enumerate() {
        scatter_rows(lines, quad.each_mut().map(|row| &mut row[columns.clone()]), ROWS * i);
    }
    for (row, at) in rest.iter_mut().zip(behind_quads..) {
        scatter_rows(lines, [&mut row[columns.clone()]], at);
    }
}

/// Rows become values `at`, `at` + 1… of the lines, in squares of N × N that stay in registers.
fn gather_rows<const N: usize>(rows: [&[Complex32]; N], lines: &mut Lines, at: usize) {
    let (count, stride) = (rows[0].len(), lines.stride);
    let squares = count - count % N;
    for c in (0..squares).step_by(N) {
        let square: [[Complex32; N]; N] = from_fn(|i| from_fn(|k| rows[k][c..c + N][i]));
        for (values, line) in square.iter().zip(c..) {
            lines.values[line * stride + at..][..N].copy_from_slice(values);
        }
    }
    for c in squares..count {
        for (k, row) in rows.iter().enumerate() {
            lines.values[c * stride + at + k] = row[c];
        }
    }
}

fn scatter_rows<const N: usize>(lines: &Lines, mut rows: [&mut [Complex32]; N], at: usize) {
    let (count, stride) = (rows[0].len(), lines.stride);
    let squares = count - count % N;
    for c in (0..squares).step_by(N) {
        let square: [[Complex32; N]; N] =
            from_fn(|i| from_fn(|k| lines.values[(c + i) * stride + at..][..N][k]));
        for k in 0..N {
            let values: [Complex32; N] = from_fn(|i| square[i][k]);
            rows[k][c..c + N].copy_from_slice(&values);
        }
    }
    for c in squares..count {
        for (k, row) in rows.iter_mut().enumerate() {
            row[c] = lines.values[c * stride + at + k];
        }
    }
}
