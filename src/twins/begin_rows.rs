//! The start of an iteration's first pass: what is transformed along x when a group begins.
//!
//! Start: estimate ← max(observed − background, [`START_FLOOR`]), beyond a tile's own extents the value of
//! the nearest row, column or plane of it, going around the ends, since the transform does; [`START_FLOOR`] where
//! there is no data; or 1 everywhere. Mask: 1 where there is data, else 0. Then the spectrum's row ← its forward
//! transform along x, unscaled; of a start, of lane 1 times its balance (`balance_lanes`).

use rayon::prelude::*;

use super::{Complex32, Direction, Fourier, is_no_data, lane_of, lane_of_mut};
use crate::constants::START_FLOOR;
use crate::space::Zyx;

/// What [`begin_rows`] starts from.
#[derive(Clone, Copy, Debug)]
pub struct BeginRows {
    /// Shape of the volumes.
    pub fft: Zyx<u32>,
    /// Extents of each lane's tile with its halo, from the origin; 0 for a lane that is not in use.
    pub extents: [Zyx<u32>; 2],
    /// Counts that do not come from the object.
    pub background: f32,
    /// What lane 1 is multiplied with in the spectrum.
    pub balance: f32,
    /// 1 everywhere instead of the observed image.
    pub flat: bool,
    /// Rows of each half when the two lanes are the halves of one tile, whose extents both then are.
    pub half_rows: Option<usize>,
}

/// The volumes that [`begin_rows`] writes, `[z, y, x]` of one pair.
pub struct Begun<'a> {
    /// Becomes the start.
    pub estimate: &'a mut [Complex32],
    /// Becomes the start, transformed along x.
    pub spectrum: &'a mut [Complex32],
}

/// Starts one pair from its `observed` volume, `[z, y, x]`.
pub fn begin_rows(observed: &[Complex32], params: &BeginRows, fourier: &Fourier, begun: Begun) {
    let at_once = fourier.rows_at_once();
    let Begun { estimate, spectrum } = begun;
    estimate.par_chunks_mut(at_once).enumerate().for_each(|(i, part)| {
        for (j, row) in part.chunks_mut(fourier.length()).enumerate() {
            start_row(observed, params, i * at_once / fourier.length() + j, row);
        }
    });
    let estimate = &*estimate;
    fourier.each_row(spectrum, |i, row, scratch| {
        let start = &estimate[i * row.len()..][..row.len()];
        row.iter_mut().zip(start).for_each(|(s, v)| *s = Complex32::new(v.re, v.im * params.balance));
        fourier.transform(Direction::Forward, row, scratch);
    });
}

fn start_row(observed: &[Complex32], params: &BeginRows, row: usize, estimate: &mut [Complex32]) {
    if params.flat {
        estimate.fill(Complex32::new(1.0, 1.0));
        return;
    }
    let fft = params.fft.map(|n| n as usize);
    for lane in 0..2 {
        let row = row + lane as usize * params.half_rows.unwrap_or(0);
        let (z, y) = (row / fft.y, row % fft.y);
        let extents = params.extents[lane as usize].map(|n| n as usize);
        let source = nearest(z, extents.z, fft.z) * fft.y + nearest(y, extents.y, fft.y);
        let (source, source_lane) = match params.half_rows {
            None => (source, lane),
            Some(rows) => (source % rows, (source / rows) as u32),
        };
        let source = &observed[source * fft.x..][..fft.x];
        for (x, pair) in estimate.iter_mut().enumerate() {
            let value = lane_of(source[nearest(x, extents.x, fft.x)], source_lane);
            let start =
                if is_no_data(value) { START_FLOOR } else { (value - params.background).max(START_FLOOR) };
            *lane_of_mut(pair, lane) = start;
        }
    }
}

/// The index below `extent` that is nearest to `i` on a ring of `length`; half way, the last.
fn nearest(i: usize, extent: usize, length: usize) -> usize {
    if i < extent {
        i
    } else if i - extent < length - i {
        extent.saturating_sub(1)
    } else {
        0
    }
}

/// spectrum ← transform along x of the mask of `observed`; any number of rows.
pub fn mask_rows(observed: &[Complex32], fourier: &Fourier, spectrum: &mut [Complex32]) {
    let mask = |v: f32| if is_no_data(v) { 0.0 } else { 1.0 };
    fourier.each_row(spectrum, |i, row, scratch| {
        let observed = &observed[i * row.len()..][..row.len()];
        row.iter_mut().zip(observed).for_each(|(s, d)| *s = Complex32::new(mask(d.re), mask(d.im)));
        fourier.transform(Direction::Forward, row, scratch);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::NO_DATA;
    use crate::twins::fourier::tests::{assert_close, by_definition, pattern};

    const FFT: Zyx<u32> = Zyx::new(5, 6, 9);

    /// Values within `extents`, with a gap, and no data elsewhere.
    fn observed(extents: [Zyx<u32>; 2]) -> Vec<Complex32> {
        let mut volume = pattern(FFT.count());
        for (i, pair) in volume.iter_mut().enumerate() {
            let i = i as u32;
            let at = Zyx::new(i / 54, i / 9 % 6, i % 9);
            for (lane, n) in extents.iter().enumerate() {
                if at.z >= n.z || at.y >= n.y || at.x >= n.x || i % 13 == 5 {
                    *lane_of_mut(pair, lane as u32) = NO_DATA;
                }
            }
        }
        volume
    }

    /// The index within `extent` that takes the fewest steps from `i` on a ring; of two, the last.
    fn nearest_by_search(i: u32, extent: u32, length: u32) -> u32 {
        let steps = |j: u32| i.abs_diff(j).min(length - i.abs_diff(j));
        (0..extent).rev().min_by_key(|&j| steps(j)).unwrap_or(0)
    }

    #[test]
    fn the_start_goes_on_beyond_the_edges_and_is_transformed() {
        let whole = FFT;
        for other in [Zyx::new(0, 0, 0), Zyx::new(1, 1, 1), Zyx::new(2, 5, 8), Zyx::new(4, 4, 4), whole] {
            let extents = [Zyx::new(3, 4, 7), other];
            let observed = observed(extents);
            let params =
                BeginRows { fft: FFT, extents, background: 20.0, balance: 0.5, flat: false, half_rows: None };
            let mut volumes = [pattern(FFT.count()), pattern(FFT.count())];
            let [estimate, spectrum] = &mut volumes;
            begin_rows(&observed, &params, &Fourier::new(9), Begun { estimate, spectrum });
            for (i, actual) in estimate.iter().enumerate() {
                for lane in [0, 1] {
                    let (n, i) = (extents[lane as usize], i as u32);
                    let z = nearest_by_search(i / 54, n.z, 5);
                    let y = nearest_by_search(i / 9 % 6, n.y, 6);
                    let x = nearest_by_search(i % 9, n.x, 9);
                    let value = lane_of(observed[((z * 6 + y) * 9 + x) as usize], lane);
                    let expected = if value == NO_DATA { 1e-3 } else { (value - 20.0).max(1e-3) };
                    assert_eq!(lane_of(*actual, lane), expected, "voxel {i} of lane {lane}, {n}");
                }
            }
            for (row, start) in spectrum.chunks(9).zip(estimate.chunks(9)) {
                let balanced: Vec<_> = start.iter().map(|v| Complex32::new(v.re, v.im * 0.5)).collect();
                assert_close(row, &by_definition(Direction::Forward, &balanced), 1e-6);
            }
        }
    }

    #[test]
    fn halves_of_one_tile_start_as_the_whole() {
        for z in [1, 2, 5] {
            let fft = Zyx::new(z, 7 - z, 9);
            let extents = Zyx::new(z.min(3), 4.min(fft.y), 7);
            let whole = observed([extents; 2]).into_iter().take(fft.count()).map(|v| v.re);
            let whole: Vec<_> = whole.map(Complex32::from).collect();
            let half_rows = if z == 1 { fft.y.div_ceil(2) } else { z.div_ceil(2) * fft.y } as usize;
            let half = half_rows * 9;
            let value = |volume: &[Complex32], i: usize| volume.get(i).map_or(NO_DATA, |v| v.re);
            let halves: Vec<_> =
                (0..half).map(|i| Complex32::new(value(&whole, i), value(&whole, i + half))).collect();
            let begin = |observed: &[Complex32], half_rows| {
                let params = BeginRows {
                    fft,
                    extents: [extents; 2],
                    background: 20.0,
                    balance: 1.0,
                    flat: false,
                    half_rows,
                };
                let [mut estimate, mut spectrum] = [(); 2].map(|()| pattern(observed.len()));
                let begun = Begun { estimate: &mut estimate, spectrum: &mut spectrum };
                begin_rows(observed, &params, &Fourier::new(9), begun);
                estimate
            };
            let (whole, halves) = (begin(&whole, None), begin(&halves, Some(half_rows)));
            for (i, expected) in whole.iter().enumerate() {
                assert_eq!(lane_of(halves[i % half], (i / half) as u32), expected.re, "voxel {i} of {fft}");
            }
        }
    }

    #[test]
    fn a_flat_start_is_one_everywhere() {
        let params = BeginRows {
            fft: FFT,
            extents: [FFT; 2],
            background: 20.0,
            balance: 1.0,
            flat: true,
            half_rows: None,
        };
        let mut volumes = [pattern(FFT.count()), pattern(FFT.count())];
        let [estimate, spectrum] = &mut volumes;
        begin_rows(&pattern(FFT.count()), &params, &Fourier::new(9), Begun { estimate, spectrum });
        assert!(estimate.iter().all(|&v| v == Complex32::new(1.0, 1.0)));
        assert_close(&spectrum[..2], &[Complex32::new(9.0, 9.0), Complex32::default()], 1e-6);
    }

    #[test]
    fn the_mask_is_one_where_there_is_data() {
        let observed = observed([Zyx::new(3, 4, 7), Zyx::new(5, 6, 2)]);
        let mut spectrum = pattern(FFT.count());
        mask_rows(&observed, &Fourier::new(9), &mut spectrum);
        let mask = |v: f32| if v == NO_DATA { 0.0 } else { 1.0 };
        let mask: Vec<_> = observed.iter().map(|v| Complex32::new(mask(v.re), mask(v.im))).collect();
        for (row, mask) in spectrum.chunks(9).zip(mask.chunks(9)) {
            assert_close(row, &by_definition(Direction::Forward, mask), 1e-6);
        }
    }
}
