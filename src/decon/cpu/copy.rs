//! From fields to the output where nothing is averaged and no type changes: every pixel is written once, from the field
//! on top, and no field is read where another lies over it.

use std::ops::Range;

use crate::space::{Mosaic, Rect};
use crate::twins::stitch::Stitch;

/// Writes the pixels of `area` to `out`, row by row: of `layers`, the lowest first, each with its place on the area;
/// `no_data` where there is none.
pub(super) fn copy_band<'a, T: Copy, const N: usize>(
    layers: impl DoubleEndedIterator<Item = (&'a [[u8; N]], Stitch)>,
    area: Rect<Mosaic>,
    no_data: T,
    out: &mut [T],
    value: impl Fn([u8; N]) -> T,
) {
    let mut bare = vec![area];
    for (field, params) in layers.rev() {
        let covered = covered_by(&params, area);
        for part in bare.iter().filter_map(|bare| bare.intersect(covered)) {
            copy(field, &params, Part { part, of: area }, out, &value);
        }
        bare = bare.into_iter().flat_map(|bare| without(bare, covered)).collect();
    }
    for part in bare {
        rows(part, area).for_each(|row| out[row].fill(no_data));
    }
}

/// Where the field lies that is placed on `area` as `params` say, down to the last row that is painted.
fn field_at(params: &Stitch, area: Rect<Mosaic>) -> Rect<Mosaic> {
    let (x, y) = (area.x + i64::from(params.left), area.y + i64::from(params.top));
    Rect::new(x, y, params.field_width, params.shown.bottom() as u32)
}

/// The part of the field that is painted.
fn covered_by(params: &Stitch, area: Rect<Mosaic>) -> Rect<Mosaic> {
    let (field, shown) = (field_at(params, area), params.shown);
    Rect::new(field.x + shown.x, field.y + shown.y, shown.width, shown.height)
}

/// What of `area` is not under `cover`: up to four parts.
fn without(area: Rect<Mosaic>, cover: Rect<Mosaic>) -> impl Iterator<Item = Rect<Mosaic>> {
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

/// A part of an area that is held row by row.
struct Part {
    part: Rect<Mosaic>,
    of: Rect<Mosaic>,
}

/// Where the rows of `part` are in the pixels of `area`.
fn rows(part: Rect<Mosaic>, area: Rect<Mosaic>) -> impl Iterator<Item = Range<usize>> {
    let columns = area.width as usize;
    let first = (part.y - area.y) as usize * columns + (part.x - area.x) as usize;
    (0..part.height as usize)
        .map(move |row| first + row * columns..first + row * columns + part.width as usize)
}

/// Copies one part of the area from a field that covers it.
fn copy<T, const N: usize>(
    field: &[[u8; N]],
    params: &Stitch,
    Part { part, of }: Part,
    out: &mut [T],
    value: impl Fn([u8; N]) -> T,
) {
    let (samples, sample) = (params.samples as usize, params.sample as usize);
    for (out_row, field_row) in rows(part, of).zip(rows(part, field_at(params, of))) {
        let from = &field[field_row.start * samples..field_row.end * samples];
        let to = out[out_row].iter_mut();
        if samples == 1 {
            to.zip(from).for_each(|(to, from)| *to = value(*from));
        } else {
            to.zip(from.chunks_exact(samples)).for_each(|(to, from)| *to = value(from[sample]));
        }
    }
}
