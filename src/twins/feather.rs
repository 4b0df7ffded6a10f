//! Blends one field into a plane: where fields overlap, the plane holds their weighted mean.
//!
//! A field's weight at its pixel (x, y) is the product of two tents, which fall linearly towards its own edges:
//!
//! w = min(x + ½ − left, right − x − ½) · min(y + ½ − top, bottom − y − ½)
//!
//! in stored pixels from pixel centres, so that it is nowhere 0; left and right are the ends of the row as far as it is
//! shown, top and bottom those of all that is shown: the edges of the field, or of what its mask leaves. The weights are not
//! scaled by the size of the field: across the overlap of two fields, v pixels wide, they are k + ½ and v − k − ½
//! whatever the fields' sizes, and the mean goes from one to the other by 1/v a pixel, by ½/v at both ends. Along the edges
//! that both share the other tent is the same and cancels; where four fields meet, the products are the weights of bilinear
//! interpolation. Weights by the distance to the nearest edge alone would have a step where an edge is shared.
//!
//! A field's weight is least where it ends, so what it takes part in does not jump there; where a *corner* ends on the edge of
//! the only other field, no weights are continuous. In a mask with re-entrant corners rows end suddenly, and so may weights.
//! A shading is applied to each field first. Pixels without data have no weight. Where one field alone has data, its value stays as it is, to the bit: the mean is
//! kept as mean += (value − mean) · w / Σw, so nothing is divided by a sum of one. Sources: R. Szeliski, "Image Alignment and
//! Stitching", 2006, section 6.2 (feathering: weights that fall to 0 at the edges of each image); the tents are those of
//! bilinear interpolation.

use super::is_no_data;
use super::stitch::{ShadingPixels, Stitch, shaded};
use crate::pixels::Samples;
use crate::space::{Local, Rect};

/// Where a field lies on a plane, and where its weight ends.
#[derive(Clone, Copy, Debug)]
pub struct Feather {
    /// Place, and the part that is blended in; a row of it is all that is shown of that row thereabouts.
    pub stitch: Stitch,
    /// The least rectangle around all that is shown of the field.
    pub bounds: Rect<Local>,
}

/// Blends `field`, `[y, x, sample]`, into `plane`, `[y, x]`, which holds no data where no field has been yet. `weights`,
/// `[y, x]`, is the sum of the weights of those that have; elsewhere it may hold anything.
pub fn feather(
    field: &Samples,
    params: &Feather,
    shading: ShadingPixels<'_>,
    plane: &mut [f32],
    weights: &mut [f32],
) {
    match field {
        Samples::U8(values) => blend(values, params, shading, (plane, weights), f32::from),
        Samples::U16(values) => blend(values, params, shading, (plane, weights), f32::from),
        Samples::F32(values) => blend(values, params, shading, (plane, weights), |value| value),
    }
}

/// As [`feather`], from samples of any type.
pub fn blend<T: Copy>(
    field: &[T],
    params: &Feather,
    shading: ShadingPixels<'_>,
    (plane, weights): (&mut [f32], &mut [f32]),
    convert: impl Fn(T) -> f32,
) {
    let Stitch { samples, sample, shown, .. } = params.stitch;
    let (samples, sample) = (samples as usize, sample as usize);
    let columns = Tent::new(shown.x, shown.width);
    let rows = Tent::new(params.bounds.y, params.bounds.height);
    for run in params.stitch.runs() {
        let row = Row { first: run.x, columns, down: rows.at(run.y) };
        let from = field[run.field * samples..][..run.count * samples].chunks_exact(samples);
        let values = from.map(|from| convert(from[sample]));
        let to = plane[run.plane..][..run.count].iter_mut().zip(&mut weights[run.plane..][..run.count]);
        match shading {
            None => row.add(values, to),
            Some(shading) => {
                let pixels = &shading[run.field..][..run.count];
                row.add(values.zip(pixels).map(|(value, pixel)| shaded(value, *pixel)), to);
            }
        }
    }
}

/// The weights along a row of a field.
struct Row {
    first: usize,
    columns: Tent,
    /// The weight along y.
    down: f32,
}

impl Row {
    fn add<'a>(
        &self,
        values: impl Iterator<Item = f32>,
        to: impl Iterator<Item = (&'a mut f32, &'a mut f32)>,
    ) {
        for (x, (value, (mean, total))) in values.zip(to).enumerate() {
            add(value, self.columns.at(self.first + x) * self.down, mean, total);
        }
    }
}

/// Adds one value to a weighted mean.
#[inline]
fn add(value: f32, weight: f32, mean: &mut f32, total: &mut f32) {
    // One that is no number would stay in every mean.
    let has_data = value.is_finite() && !is_no_data(value);
    let is_first = is_no_data(*mean);
    let sum = if is_first { weight } else { *total + weight };
    let next = if is_first { value } else { *mean + (value - *mean) * (weight / sum) };
    *mean = if has_data { next } else { *mean };
    *total = if has_data { sum } else { *total };
}

/// A weight along one axis: the distance from a pixel's centre to the nearer end.
#[derive(Clone, Copy)]
struct Tent {
    first: f32,
    last: f32,
}

impl Tent {
    fn new(first: i64, length: u32) -> Self {
        Self { first: first as f32 - 0.5, last: (first + i64::from(length)) as f32 - 0.5 }
    }

    #[inline]
    fn at(self, i: usize) -> f32 {
        let i = i as f32;
        (i - self.first).min(self.last - i)
    }
}

#[cfg(test)]
mod tests;
