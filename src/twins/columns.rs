//! Lines that do not lie along x: gathered a few neighbours at a time, so that memory moves in whole cache lines.

use rayon::prelude::*;

use super::Complex32;

/// Neighbouring lines that are gathered together: two cache lines of each row.
const BLOCK: usize = 16;
/// Keeps neighbouring lines, when gathered, from falling on the same places of the cache.
const GAP: usize = 8;
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
    let width = inner.div_ceil(pieces).next_multiple_of(BLOCK);
    let strips: Vec<_> =
        volume.chunks_mut(length * inner).flat_map(|part| strips(part, inner, width)).collect();
    let stride = length + GAP;
    strips.into_par_iter().for_each_init(
        || (vec![Complex32::default(); BLOCK * stride], scratch()),
        |(lines, scratch), Strip { column, mut rows }| {
            for first in (0..rows[0].len()).step_by(BLOCK) {
                let count = BLOCK.min(rows[0].len() - first);
                gather(&rows, first, count, lines);
                for (i, line) in lines.chunks_mut(stride).take(count).enumerate() {
                    work(column + first + i, &mut line[..length], scratch);
                }
                scatter(lines, &mut rows, first, count);
            }
        },
    );
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

fn gather(rows: &[&mut [Complex32]], first: usize, count: usize, lines: &mut [Complex32]) {
    let stride = rows.len() + GAP;
    for (i, pair) in rows.chunks(2).enumerate() {
        if let [above, below] = pair {
            let columns = above[first..first + count].iter().zip(&below[first..first + count]);
            for (line, (above, below)) in lines.chunks_mut(stride).zip(columns) {
                line[2 * i..2 * i + 2].copy_from_slice(&[*above, *below]);
            }
        } else {
            for (line, value) in lines.chunks_mut(stride).zip(&pair[0][first..first + count]) {
                line[2 * i] = *value;
            }
        }
    }
}

fn scatter(lines: &[Complex32], rows: &mut [&mut [Complex32]], first: usize, count: usize) {
    let stride = rows.len() + GAP;
    for (i, pair) in rows.chunks_mut(2).enumerate() {
        if let [above, below] = pair {
            let columns = above[first..first + count].iter_mut().zip(&mut below[first..first + count]);
            for (line, (above, below)) in lines.chunks(stride).zip(columns) {
                [*above, *below] = [line[2 * i], line[2 * i + 1]];
            }
        } else {
            for (line, value) in lines.chunks(stride).zip(&mut pair[0][first..first + count]) {
                *value = line[2 * i];
            }
        }
    }
}
