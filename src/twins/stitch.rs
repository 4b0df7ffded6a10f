//! Paints one field on a plane, over whatever is there.
//!
//! plane\[y, x\] ← field\[y − top, x − left, sample\] where both exist, as f32, which holds u8 and u16 exactly. Floats
//! are copied as they are. With a shading, (value − dark) · gain, each operation rounded; no data stays no data, and what
//! comes out below zero stays there: cutting it off would make dark areas brighter on average.

use super::is_no_data;
use crate::pixels::Samples;
use crate::space::{Local, Rect};

/// Where a field lies on a plane, all in level-0 pixels.
#[derive(Clone, Copy, Debug)]
pub struct Stitch {
    /// Column of the plane under the field's first; negative when the field starts left of the plane.
    pub left: i32,
    /// Row of the plane under the field's first.
    pub top: i32,
    /// Columns of the field.
    pub field_width: u32,
    /// The part of the field that is painted.
    pub shown: Rect<Local>,
    /// Samples of a stored pixel, 1 or 3.
    pub samples: u32,
    /// Which of them is painted.
    pub sample: u32,
    /// Columns of the plane.
    pub width: u32,
    /// Rows of the plane.
    pub height: u32,
}

/// Dark counts and gain of each pixel of a field, `[y, x]`; `None` leaves values as they are.
pub type ShadingPixels<'a> = Option<&'a [[f32; 2]]>;

/// Paints `field`, `[y, x, sample]`, on `plane`, `[y, x]`.
pub fn stitch(field: &Samples, params: &Stitch, shading: ShadingPixels<'_>, plane: &mut [f32]) {
    match field {
        Samples::U8(values) => paint(values, params, plane, f32::from),
        Samples::U16(values) => paint(values, params, plane, f32::from),
        Samples::F32(values) => paint(values, params, plane, |value| value),
    }
    if let Some(shading) = shading {
        shade(params, shading, plane);
    }
}

/// Corrects what was just painted.
pub fn shade(params: &Stitch, shading: &[[f32; 2]], plane: &mut [f32]) {
    for run in params.runs() {
        let pixels = plane[run.plane..][..run.count].iter_mut();
        pixels
            .zip(&shading[run.field..][..run.count])
            .for_each(|(value, pixel)| *value = shaded(*value, *pixel));
    }
}

/// One value, corrected.
#[inline]
pub(super) fn shaded(value: f32, [dark, gain]: [f32; 2]) -> f32 {
    if is_no_data(value) { value } else { (value - dark) * gain }
}

/// Paints `field`, `[y, x, sample]`, on a `plane` of another type, or of the same.
pub fn paint<T: Copy, P>(field: &[T], params: &Stitch, plane: &mut [P], convert: impl Fn(T) -> P) {
    let samples = params.samples as usize;
    for run in params.runs() {
        let from = &field[run.field * samples..][..run.count * samples];
        let to = &mut plane[run.plane..][..run.count];
        if samples == 1 {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = convert(*from));
        } else {
            let sample = params.sample as usize;
            to.iter_mut().zip(from.chunks_exact(samples)).for_each(|(to, from)| *to = convert(from[sample]));
        }
    }
}

/// Pixels of a row that field and plane share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The first one's column in the field.
    pub x: usize,
    /// The row in the field.
    pub y: usize,
    /// Pixels of the field before the first.
    pub field: usize,
    /// Pixels of the plane before the first.
    pub plane: usize,
    /// How many.
    pub count: usize,
}

impl Stitch {
    /// What is painted, row by row.
    pub(super) fn runs(&self) -> impl Iterator<Item = Run> {
        let columns = shared(self.left, self.shown.x, self.shown.width, self.width);
        let rows = shared(self.top, self.shown.y, self.shown.height, self.height);
        let (field_width, plane_width) = (self.field_width as usize, self.width as usize);
        (0..rows.count).map(move |row| {
            let (x, y) = (columns.field, rows.field + row);
            let plane = (rows.plane + row) * plane_width + columns.plane;
            Run { x, y, field: y * field_width + x, plane, count: columns.count }
        })
    }
}

/// The pixels along one axis that field and plane share.
struct Shared {
    field: usize,
    plane: usize,
    count: usize,
}

fn shared(start: i32, shown: i64, length: u32, plane: u32) -> Shared {
    let start = i64::from(start);
    let first = (start + shown).max(0);
    let last = (start + shown + i64::from(length)).min(i64::from(plane));
    if last <= first {
        return Shared { field: 0, plane: 0, count: 0 };
    }
    Shared { field: (first - start) as usize, plane: first as usize, count: (last - first) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: (u32, u32) = (11, 9);

    fn check(field: &Samples, value: impl Fn(usize) -> f32, params: &Stitch) {
        let mut plane = vec![-5.0; (PLANE.0 * PLANE.1) as usize];
        stitch(field, params, None, &mut plane);
        for (i, &actual) in plane.iter().enumerate() {
            let x = i as i32 % PLANE.0 as i32 - params.left;
            let y = i as i32 / PLANE.0 as i32 - params.top;
            let shown = params.shown;
            let inside =
                (shown.x..shown.right()).contains(&x.into()) && (shown.y..shown.bottom()).contains(&y.into());
            let at = (y * params.field_width as i32 + x) * params.samples as i32 + params.sample as i32;
            let expected = if inside { value(at as usize) } else { -5.0 };
            assert_eq!(actual, expected, "pixel {i} of {params:?}");
        }
    }

    #[test]
    fn a_field_is_painted_where_it_lies_and_nowhere_else() {
        for (width, height) in [(1, 1), (7, 5), (30, 20)] {
            for samples in [1, 3] {
                let count = (width * height * samples) as usize;
                let bytes = Samples::U8((0..count).map(|i| (i % 251) as u8).collect());
                let words = Samples::U16((0..count).map(|i| (65535 - i % 251) as u16).collect());
                let floats = Samples::F32((0..count).map(|i| (i % 251) as f32 * 0.3).collect());
                for left in [-(width as i32), 1 - width as i32, -1, 0, 2, 10, 11] {
                    for top in [-(height as i32), 1 - height as i32, 0, 3, 8, 9] {
                        let sample = samples - 1;
                        for cut in [0, 2].into_iter().filter(|&cut| 2 * cut < width.min(height)) {
                            let field_width = width;
                            let shown = Rect::new(cut.into(), cut.into(), width - 2 * cut, height - cut);
                            let (width, height) = PLANE;
                            let params =
                                Stitch { left, top, field_width, shown, samples, sample, width, height };
                            check(&bytes, |i| (i % 251) as f32, &params);
                            check(&words, |i| (65535 - i % 251) as f32, &params);
                            check(&floats, |i| (i % 251) as f32 * 0.3, &params);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_shading_corrects_what_is_painted_and_leaves_no_data() {
        let field = Samples::F32(
            (0..12).map(|i| if i == 5 { crate::constants::NO_DATA } else { i as f32 * 10.0 }).collect(),
        );
        let shading: Vec<_> = (0..12).map(|i| [i as f32, 2.0]).collect();
        let shown = Rect::new(0, 0, 4, 3);
        let params =
            Stitch { left: -1, top: 1, field_width: 4, shown, samples: 1, sample: 0, width: 5, height: 3 };
        let mut plane = vec![-5.0; 15];
        stitch(&field, &params, Some(&shading), &mut plane);
        let value = |i: i32| if i == 5 { crate::constants::NO_DATA } else { i as f32 * 18.0 };
        let row = |first| [value(first), value(first + 1), value(first + 2), -5.0, -5.0];
        assert_eq!(plane, [[-5.0; 5], row(1), row(5)].concat());
    }
}
