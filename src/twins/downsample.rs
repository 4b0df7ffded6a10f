//! Averages a painted plane into one lane of the observed volume.
//!
//! observed\[y, x\] ← the mean of the up to `scale` × `scale` pixels of the plane that have data, summed in f32 row by
//! row, less what the camera adds; no data where there are none. What the plane does not reach becomes no data as well, so that nothing of an
//! earlier tile stays. Blocks at the right and lower edge average what exists.

use super::{Complex32, is_no_data, lane_of_mut};
use crate::constants::NO_DATA;

/// Shapes of [`downsample`].
#[derive(Clone, Copy, Debug)]
pub struct Downsample {
    /// Columns of the plane, level-0 pixels.
    pub width: u32,
    /// Rows of the plane, level-0 pixels.
    pub height: u32,
    /// Pixels of the plane that one observed pixel averages along each axis: 1, 2, 4 or 8.
    pub scale: u32,
    /// Columns of `observed`, at least `width / scale`.
    pub columns: u32,
    /// Which lane of the pair, 0 or 1.
    pub lane: u32,
    /// Taken from each mean: so little beside no data that this stays as it is.
    pub subtracted: f32,
}

impl Downsample {
    /// Leaves no data in rows of `columns` pixels.
    pub fn nothing(columns: u32, lane: u32) -> Self {
        Self { width: 0, height: 0, scale: 1, columns, lane, subtracted: 0.0 }
    }
}

/// Writes one lane of `observed`, rows of `columns` pixels, from `plane`, `[y, x]`.
pub fn downsample(plane: &[f32], params: &Downsample, observed: &mut [Complex32]) {
    let (width, height, scale) = (params.width as usize, params.height as usize, params.scale as usize);
    for (y, row) in observed.chunks_mut(params.columns as usize).enumerate() {
        let first = (y * scale).min(height);
        let plane_rows = &plane[first * width..(first + scale).min(height) * width];
        let covered = if plane_rows.is_empty() { 0 } else { width.div_ceil(scale) };
        let (data, rest) = row.split_at_mut(covered);
        if scale == 1 {
            let shifted = plane_rows.iter().map(|v| v - params.subtracted);
            data.iter_mut().zip(shifted).for_each(|(pair, v)| *lane_of_mut(pair, params.lane) = v);
        } else {
            for (x, pair) in data.iter_mut().enumerate() {
                let columns = x * scale..width.min((x + 1) * scale);
                let mean = mean(plane_rows.chunks(width).flat_map(|row| &row[columns.clone()]));
                *lane_of_mut(pair, params.lane) = mean - params.subtracted;
            }
        }
        rest.iter_mut().for_each(|pair| *lane_of_mut(pair, params.lane) = NO_DATA);
    }
}

fn mean<'a>(pixels: impl Iterator<Item = &'a f32>) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for &pixel in pixels {
        if !is_no_data(pixel) {
            sum += pixel;
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { NO_DATA }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One pixel's mean, straight from the definition.
    fn expected(plane: &[f32], params: &Downsample, x: usize, y: usize) -> f32 {
        let (width, height, scale) = (params.width as usize, params.height as usize, params.scale as usize);
        let (mut sum, mut count) = (0.0, 0);
        for y in (y * scale..(y + 1) * scale).filter(|&y| y < height) {
            for x in (x * scale..(x + 1) * scale).filter(|&x| x < width) {
                if plane[y * width + x] != NO_DATA {
                    sum += plane[y * width + x];
                    count += 1;
                }
            }
        }
        if count == 0 { NO_DATA } else { sum / count as f32 - params.subtracted }
    }

    #[test]
    fn blocks_are_averaged_over_what_has_data_and_nothing_stale_stays() {
        for scale in [1, 2, 4, 8] {
            for (width, height) in [(0, 0), (1, 1), (15, 17), (16, 16), (17, 15)] {
                let pixel =
                    |i: u32| if i / 5 % 3 == 1 || i % 17 < 4 { NO_DATA } else { (i * 29 % 251) as f32 };
                let plane: Vec<_> = (0..width * height).map(pixel).collect();
                for (lane, subtracted) in [(0, 0.0), (1, 0.0), (1, 97.75)] {
                    let (columns, rows) = (19, 18);
                    let params = Downsample { width, height, scale, columns, lane, subtracted };
                    let mut observed = vec![Complex32::new(3.5, 3.5); (columns * rows) as usize];
                    downsample(&plane, &params, &mut observed);
                    for (i, pair) in observed.iter().enumerate() {
                        let (x, y) = (i % columns as usize, i / columns as usize);
                        assert_eq!(super::super::lane_of(*pair, 1 - lane), 3.5, "the other lane");
                        let actual = super::super::lane_of(*pair, lane);
                        assert_eq!(actual, expected(&plane, &params, x, y), "at {x}, {y} of {params:?}");
                    }
                }
            }
        }
    }
}
