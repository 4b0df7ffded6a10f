//! From fields to the output where nothing is averaged and no type changes: parts of fields, row by row, as they are.

use std::ops::Range;

use bytemuck::Pod;

use crate::dataset::Pixels;
use crate::space::{Mosaic, Rect};

/// Rows of a field where they lie, and which of their samples is wanted.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub pixels: Pixels<'a>,
    /// Of all these pixels.
    pub rect: Rect<Mosaic>,
    /// Samples of a pixel, 1 or 3.
    pub samples: u32,
    /// Which of them.
    pub sample: u32,
}

/// A part of the mosaic that is held row by row.
pub(super) struct Canvas<'a, T> {
    pub area: Rect<Mosaic>,
    pub pixels: &'a mut [T],
}

impl<T: Pod> Canvas<'_, T> {
    /// Copies `part`, which lies on this area and on the field, from the field.
    pub fn copy(&mut self, part: Rect<Mosaic>, from: Placed) {
        let (samples, sample) = (from.samples as usize, from.sample as usize);
        for (to, at) in rows(part, self.area).zip(rows(part, from.rect)) {
            let (to, at) = (&mut self.pixels[to], at.start * samples..at.end * samples);
            match from.pixels {
                Pixels::Plain(bytes) => {
                    let size = size_of::<T>();
                    copy_samples(to, &bytes[at.start * size..at.end * size], samples, sample);
                }
                Pixels::HiLo { low, high } => {
                    interleave(bytemuck::cast_slice_mut(to), &low[at.clone()], &high[at], (samples, sample));
                }
            }
        }
    }

    /// Fills `part`, which lies on this area.
    pub fn fill(&mut self, part: Rect<Mosaic>, value: T) {
        rows(part, self.area).for_each(|row| self.pixels[row].fill(value));
    }
}

/// One sample of each pixel of a row.
fn copy_samples<T: Pod>(to: &mut [T], from: &[u8], samples: usize, sample: usize) {
    if samples == 1 {
        bytemuck::cast_slice_mut(to).copy_from_slice(from);
        return;
    }
    let size = size_of::<T>();
    let values = from.chunks_exact(samples * size).map(|pixel| &pixel[sample * size..][..size]);
    to.iter_mut().zip(values).for_each(|(to, value)| *to = bytemuck::pod_read_unaligned(value));
}

/// One 16-bit sample of each pixel of a row.
fn interleave(to: &mut [u16], low: &[u8], high: &[u8], (samples, sample): (usize, usize)) {
    let joined = |(&low, &high): (&u8, &u8)| u16::from_le_bytes([low, high]);
    if samples == 1 {
        to.iter_mut().zip(low.iter().zip(high)).for_each(|(to, bytes)| *to = joined(bytes));
    } else {
        let pairs = low.chunks_exact(samples).zip(high.chunks_exact(samples));
        to.iter_mut().zip(pairs).for_each(|(to, (low, high))| *to = joined((&low[sample], &high[sample])));
    }
}

/// What of `parts` is not under `cover`.
pub(super) fn without(parts: Vec<Rect<Mosaic>>, cover: Rect<Mosaic>) -> Vec<Rect<Mosaic>> {
    parts.into_iter().flat_map(|part| beside(part, cover)).collect()
}

/// What of `area` is not under `cover`: up to four parts.
fn beside(area: Rect<Mosaic>, cover: Rect<Mosaic>) -> impl Iterator<Item = Rect<Mosaic>> {
    let Some(hit) = area.intersect(cover) else {
        return [Some(area), None, None, None].into_iter().flatten();
    };
    // Empty parts are none.
    let parts = [
        Rect::between((area.x, area.y), (area.right(), hit.y)),
        Rect::between((area.x, hit.bottom()), (area.right(), area.bottom())),
        Rect::between((area.x, hit.y), (hit.x, hit.bottom())),
        Rect::between((hit.right(), hit.y), (area.right(), hit.bottom())),
    ];
    parts.into_iter().flatten()
}

/// Where the rows of `part` are in the pixels of `area`.
fn rows(part: Rect<Mosaic>, area: Rect<Mosaic>) -> impl Iterator<Item = Range<usize>> {
    let columns = area.width as usize;
    let first = (part.y - area.y) as usize * columns + (part.x - area.x) as usize;
    (0..part.height as usize)
        .map(move |row| first + row * columns..first + row * columns + part.width as usize)
}
