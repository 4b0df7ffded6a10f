//! Lines of a tile that is alone in its pair: its two halves along the lines are the real and the imaginary part.
//!
//! What is transformed along the other axes is then Z = A + i B with A and B the spectra of two real halves, and at
//! k and −k (mirrored in row and column) A = (Z(k) + Z*(−k)) / 2, B = (Z(k) − Z*(−k)) / 2i. Gathering takes the halves
//! apart and scattering puts them together, so a tile alone takes half the time and the memory of a pair.

use std::array::from_fn;

use rayon::prelude::*;

use super::{Complex32, LEAST_LINES, Lines, MOST_LINES, ROWS, TASKS_PER_CORE, gather_rows, scatter_rows};

/// Runs `work(column, line, scratch)` on lines of `length` values of a tile. `volume` is `[half, rows, columns]`,
/// transformed along rows and columns, with `half` = ⌈`length` / 2⌉; an odd one is filled up with 0.
///
/// `work` gets the lines of about half of the columns; the others are their complex conjugates.
pub(in crate::twins) fn each_line_of_halves(
    volume: &mut [Complex32],
    length: usize,
    [rows, columns]: [usize; 2],
    scratch: impl Fn() -> Vec<Complex32> + Sync + Send,
    work: impl Fn(usize, &mut [Complex32], &mut [Complex32]) + Sync + Send,
) {
    let pieces = (TASKS_PER_CORE * rayon::current_num_threads()).div_ceil(rows.div_ceil(2));
    let width = columns.div_ceil(2 * pieces).next_multiple_of(LEAST_LINES);
    let init = || (Lines::new(length, length.next_multiple_of(2)), Halves::default(), scratch());
    strips(volume, [rows, columns], width).into_par_iter().for_each_init(
        init,
        |(lines, halves, scratch), mut strip| {
            let width = strip.rows[0].len();
            for first in (0..width).step_by(lines.most) {
                let part = Part { first, count: lines.most.min(width - first) };
                strip.gather(part, halves, lines);
                lines.each(part.count, |i, line| work(strip.column + first + i, line, scratch));
                strip.scatter(part, halves, lines);
            }
        },
    );
}

/// Some rows of both halves, apart.
struct Halves {
    real: [[Complex32; MOST_LINES]; ROWS],
    imaginary: [[Complex32; MOST_LINES]; ROWS],
}

impl Default for Halves {
    fn default() -> Self {
        let zeros = [[Complex32::default(); MOST_LINES]; ROWS];
        Self { real: zeros, imaginary: zeros }
    }
}

/// Some columns of a strip.
#[derive(Clone, Copy)]
struct Part {
    first: usize,
    count: usize,
}

/// Neighbouring columns of each row, and the mirrored ones, which run the other way; empty when a column is its own
/// mirror image.
struct Strip<'a> {
    column: usize,
    rows: Vec<&'a mut [Complex32]>,
    mirrored: Vec<&'a mut [Complex32]>,
}

impl Strip<'_> {
    fn gather(&self, part: Part, halves: &mut Halves, lines: &mut Lines) {
        let quads = self.rows.len() / ROWS;
        for i in 0..quads {
            self.gather_rows::<ROWS>(part, halves, lines, ROWS * i);
        }
        for at in ROWS * quads..self.rows.len() {
            self.gather_rows::<1>(part, halves, lines, at);
        }
    }

    fn gather_rows<const N: usize>(&self, part: Part, halves: &mut Halves, lines: &mut Lines, at: usize) {
        let Part { first, count } = part;
        let Halves { real, imaginary } = halves;
        for k in 0..N {
            let z = &self.rows[at + k][first..first + count];
            let (real, imaginary) = (&mut real[k][..count], &mut imaginary[k][..count]);
            match self.mirrored.get(at + k) {
                Some(mirrored) => {
                    let mirrored = &mirrored[mirrored.len() - first - count..][..count];
                    let mirrored = mirrored.iter().rev();
                    let both = z.iter().zip(mirrored).zip(real.iter_mut().zip(imaginary));
                    both.for_each(|((z, m), to)| (*to.0, *to.1) = apart(*z, *m));
                }
                None => {
                    let both = z.iter().zip(real.iter_mut().zip(imaginary));
                    both.for_each(|(z, to)| (*to.0, *to.1) = apart(*z, *z));
                }
            }
        }
        gather_rows::<N>(from_fn(|k| &real[k][..count]), lines, at);
        gather_rows::<N>(from_fn(|k| &imaginary[k][..count]), lines, self.rows.len() + at);
    }

    fn scatter(&mut self, part: Part, halves: &mut Halves, lines: &Lines) {
        let quads = self.rows.len() / ROWS;
        for i in 0..quads {
            self.scatter_rows::<ROWS>(part, halves, lines, ROWS * i);
        }
        for at in ROWS * quads..self.rows.len() {
            self.scatter_rows::<1>(part, halves, lines, at);
        }
    }

    fn scatter_rows<const N: usize>(&mut self, part: Part, halves: &mut Halves, lines: &Lines, at: usize) {
        let Part { first, count } = part;
        let half = self.rows.len();
        let Halves { real, imaginary } = halves;
        scatter_rows(lines, first_rows::<N>(real, count), at);
        scatter_rows(lines, first_rows::<N>(imaginary, count), half + at);
        for k in 0..N {
            let z = &mut self.rows[at + k][first..first + count];
            let parts = real[k][..count].iter().zip(&imaginary[k][..count]);
            z.iter_mut()
                .zip(parts.clone())
                .for_each(|(z, (a, b))| *z = Complex32::new(a.re - b.im, a.im + b.re));
            if let Some(mirrored) = self.mirrored.get_mut(at + k) {
                let from = mirrored.len() - first - count;
                let mirrored = mirrored[from..][..count].iter_mut().rev();
                mirrored.zip(parts).for_each(|(m, (a, b))| *m = Complex32::new(a.re + b.im, b.re - a.im));
            }
        }
    }
}

/// The first `count` columns of the first rows.
fn first_rows<const N: usize>(
    rows: &mut [[Complex32; MOST_LINES]; ROWS],
    count: usize,
) -> [&mut [Complex32]; N] {
    let rows = rows.first_chunk_mut::<N>().expect("not more rows than are gathered at once");
    rows.each_mut().map(|row| &mut row[..count])
}

/// A and B from Z(k) and Z(−k).
#[inline]
fn apart(z: Complex32, mirrored: Complex32) -> (Complex32, Complex32) {
    let (sum, difference) = (z + mirrored.conj(), z - mirrored.conj());
    (sum * 0.5, Complex32::new(0.5 * difference.im, -0.5 * difference.re))
}

/// Cuts `[half, rows, columns]` into strips of up to `width` columns.
fn strips(volume: &mut [Complex32], [rows, columns]: [usize; 2], width: usize) -> Vec<Strip<'_>> {
    let mut strips: Vec<Strip> = Vec::new();
    for plane in volume.chunks_mut(rows * columns) {
        for (i, piece) in pieces(plane, columns, width).into_iter().enumerate() {
            if i == strips.len() {
                strips.push(Strip { column: piece.column, rows: Vec::new(), mirrored: Vec::new() });
            }
            strips[i].rows.push(piece.row);
            strips[i].mirrored.extend(piece.mirrored);
        }
    }
    strips
}

/// What a plane adds to a strip.
struct Piece<'a> {
    column: usize,
    row: &'a mut [Complex32],
    mirrored: Option<&'a mut [Complex32]>,
}

/// Cuts the rows of a plane: `r` and `rows − r` mirror each other, column by column; the first mirrors itself, and so
/// does the middle one of an even number.
fn pieces(plane: &mut [Complex32], columns: usize, width: usize) -> Vec<Piece<'_>> {
    let mut rows = plane.chunks_mut(columns);
    let mut pieces = Vec::new();
    pieces_of_one(0, rows.next().expect("a plane has rows"), width, &mut pieces);
    let mut column = columns;
    while let Some(row) = rows.next() {
        match rows.next_back() {
            None => pieces_of_one(column, row, width, &mut pieces),
            Some(mirrored) => {
                let ((zero, row), (other_zero, mirrored)) = (row.split_at_mut(1), mirrored.split_at_mut(1));
                pieces.push(Piece { column, row: zero, mirrored: Some(other_zero) });
                pieces_of_two(column + 1, row, mirrored, width, &mut pieces);
            }
        }
        column += columns;
    }
    pieces
}

/// Cuts a row that mirrors itself: its first column does so, and the middle one of an even number.
fn pieces_of_one<'a>(column: usize, row: &'a mut [Complex32], width: usize, pieces: &mut Vec<Piece<'a>>) {
    let pairs = (row.len() - 1) / 2;
    let (zero, row) = row.split_at_mut(1);
    let (left, row) = row.split_at_mut(pairs);
    let (middle, right) = row.split_at_mut(row.len() - pairs);
    pieces.push(Piece { column, row: zero, mirrored: None });
    pieces_of_two(column + 1, left, right, width, pieces);
    if !middle.is_empty() {
        pieces.push(Piece { column: column + 1 + pairs, row: middle, mirrored: None });
    }
}

/// Cuts `row` from its front and `mirrored` from its back.
fn pieces_of_two<'a>(
    column: usize,
    row: &'a mut [Complex32],
    mirrored: &'a mut [Complex32],
    width: usize,
    pieces: &mut Vec<Piece<'a>>,
) {
    let both = row.chunks_mut(width).zip(mirrored.rchunks_mut(width));
    pieces.extend(both.enumerate().map(|(i, (row, mirrored))| Piece {
        column: column + i * width,
        row,
        mirrored: Some(mirrored),
    }));
}
