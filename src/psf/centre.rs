//! Where the centre of a PSF lies, to a fraction of a voxel, and how wide it is.

use clap::ValueEnum;
use serde::Serialize;

use super::resample::along;
use super::rounded;
use crate::space::Zyx;

/// A centre of light this far from the middle, in voxels, is worth a sentence.
const OFF_MIDDLE: f64 = 0.1;

/// A window this many standard deviations wide on each side holds all weight that matters (e^-4.5 = 1 %).
const WINDOW_SIGMAS: f64 = 3.0;

/// What of a measured PSF becomes its centre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PsfCentre {
    /// Its middle voxel where that is the brightest, else the centre of its light near the brightest one.
    #[default]
    Auto,
    /// The middle of the volume.
    Middle,
    /// The brightest voxel.
    Brightest,
}

impl PsfCentre {
    /// Where it is in `data`, as [`locate`] takes it.
    pub(super) fn of(
        self,
        data: &[f64],
        shape: Zyx<u32>,
        background: f64,
        notes: &mut Vec<String>,
    ) -> Zyx<f64> {
        let middle = shape.map(|n| f64::from(n - 1) / 2.0);
        if self == Self::Middle {
            return middle;
        }
        let peak = brightest(data, shape).map(|i| i as f64);
        if self == Self::Brightest {
            return peak;
        }
        let found = locate(data, shape, background);
        if peak != middle {
            return found;
        }
        let off = found.zip(middle).map(|(a, b)| (a - b).abs());
        if off.z.max(off.y).max(off.x) > OFF_MIDDLE {
            notes.push(format!(
                "the PSF's light is centred at {}; it was not moved, as its middle voxel is its brightest",
                found.map(|at| rounded(at, 2))
            ));
        }
        middle
    }
}

/// The centre of `data` (`[z, y, x]`, voxels; voxel i of an axis is centred at i), where `background` is the level far
/// from the PSF.
///
/// The brightest voxel, then the centre of mass under a Gaussian window as wide as the PSF, repeated with the window
/// moved to the centre found. The window is symmetric about the centre and cut where the nearer border ends, so neither
/// a constant background nor an uneven cut pulls the fixed point away: the plain centre of mass suffers from both.
pub(super) fn locate(data: &[f64], shape: Zyx<u32>, background: f64) -> Zyx<f64> {
    let peak = brightest(data, shape);
    let sigma = window_sigma(data, shape, peak, background);
    let mut centre = peak.map(|i| i as f64);
    // Each step shrinks the error to 0.4 of it for a Gaussian PSF, less quickly over a high background.
    for _ in 0..100 {
        let moved = weighted_centroid(data, shape, centre, sigma);
        let step = moved.zip(centre).map(|(a, b)| (a - b).abs());
        centre = moved;
        if step.z.max(step.y).max(step.x) < 1e-5 {
            break;
        }
    }
    centre
}

/// The distance from `centre` to the nearer end of an axis with `count` voxels.
pub(super) fn reach(centre: f64, count: u32) -> f64 {
    (centre + 0.5).min(f64::from(count) - 0.5 - centre)
}

/// Width of `line` around `peak` where it is above the mean of `line[peak]` and `background`, in samples; crossings are
/// interpolated linearly. A side that never falls so low counts as the other; `None` when neither does.
pub(super) fn full_width_at_half_maximum(line: &[f64], peak: usize, background: f64) -> Option<f64> {
    let level = (line[peak] + background) / 2.0;
    let right = crossing(line[peak..].iter(), level);
    let left = crossing(line[..=peak].iter().rev(), level);
    Some(left.or(right)? + right.or(left)?)
}

/// How far from its start an outgoing line falls below `level`.
fn crossing<'a>(line: impl Iterator<Item = &'a f64>, level: f64) -> Option<f64> {
    let mut before = f64::NAN;
    for (i, &value) in line.enumerate() {
        if value < level {
            return Some(i as f64 - (level - value) / (before - value));
        }
        before = value;
    }
    None
}

/// The brightest voxel near the brightest 3 × 3 × 3 mean: one hot pixel of a camera does not win.
fn brightest(data: &[f64], shape: Zyx<u32>) -> Zyx<usize> {
    let n = shape.map(|n| n as usize);
    let depth = along(data, n.z, n.y * n.x, n.z, mean_of_three);
    let rows = along(&depth, n.y, n.x, n.y, mean_of_three);
    let smooth = along(&rows, n.x, 1, n.x, mean_of_three);
    let all = shape.map(|n| (0, n as usize - 1));
    let coarse = maximum(&smooth, shape, all);
    let around = coarse.zip(n).map(|(i, n)| (i.saturating_sub(1), (i + 1).min(n - 1)));
    maximum(data, shape, around)
}

/// Each value's mean with its neighbours; at an end, with the one it has.
pub(super) fn mean_of_three(line: &[f64], out: &mut [f64]) {
    for (i, value) in out.iter_mut().enumerate() {
        let near = &line[i.saturating_sub(1)..(i + 2).min(line.len())];
        *value = near.iter().sum::<f64>() / near.len() as f64;
    }
}

/// Index of the highest voxel within the inclusive `ranges`; of equals, the one nearest to the middle of the volume.
fn maximum(data: &[f64], shape: Zyx<u32>, ranges: Zyx<(usize, usize)>) -> Zyx<usize> {
    let n = shape.map(|n| n as usize);
    let off_middle = |i: usize, n: usize| (2 * i + 1).abs_diff(n).pow(2);
    let (mut best, mut key) = (Zyx::new(0, 0, 0), (f64::NEG_INFINITY, usize::MAX));
    for z in ranges.z.0..=ranges.z.1 {
        for y in ranges.y.0..=ranges.y.1 {
            for x in ranges.x.0..=ranges.x.1 {
                let value = data[(z * n.y + y) * n.x + x];
                let distance = off_middle(z, n.z) + off_middle(y, n.y) + off_middle(x, n.x);
                if value > key.0 || (value == key.0 && distance < key.1) {
                    (best, key) = (Zyx::new(z, y, x), (value, distance));
                }
            }
        }
    }
    best
}

/// Half the PSF's full width at half maximum along each axis through `peak`, in voxels.
fn window_sigma(data: &[f64], shape: Zyx<u32>, peak: Zyx<usize>, background: f64) -> Zyx<f64> {
    let n = shape.map(|n| n as usize);
    let at = |z: usize, y: usize, x: usize| data[(z * n.y + y) * n.x + x];
    let lines = Zyx::new(
        (0..n.z).map(|z| at(z, peak.y, peak.x)).collect::<Vec<_>>(),
        (0..n.y).map(|y| at(peak.z, y, peak.x)).collect(),
        (0..n.x).map(|x| at(peak.z, peak.y, x)).collect(),
    );
    lines.zip(peak).map(|(line, peak)| {
        full_width_at_half_maximum(&line, peak, background).unwrap_or(line.len() as f64) / 2.0
    })
}

/// One voxel's part in the window along one axis.
struct Share {
    index: usize,
    /// Middle of the part of the voxel that lies in the window.
    position: f64,
    weight: f64,
}

/// The voxels of an axis in the Gaussian window about `centre`.
fn window(centre: f64, sigma: f64, count: u32) -> Vec<Share> {
    let radius = reach(centre, count).min(WINDOW_SIGMAS * sigma);
    let (low, high) = (centre - radius, centre + radius);
    (0..count as usize)
        .filter_map(|index| {
            let (from, to) = ((index as f64 - 0.5).max(low), (index as f64 + 0.5).min(high));
            let position = (from + to) / 2.0;
            let weight = (to - from) * (-0.5 * ((position - centre) / sigma).powi(2)).exp();
            (to > from).then_some(Share { index, position, weight })
        })
        .collect()
}

fn weighted_centroid(data: &[f64], shape: Zyx<u32>, centre: Zyx<f64>, sigma: Zyx<f64>) -> Zyx<f64> {
    let n = shape.map(|n| n as usize);
    let windows = centre.zip(sigma).zip(shape).map(|((c, s), n)| window(c, s, n));
    let mut mass = 0.0;
    let mut moment = Zyx::new(0.0, 0.0, 0.0);
    for z in &windows.z {
        for y in &windows.y {
            let row = &data[(z.index * n.y + y.index) * n.x..][..n.x];
            let (mut row_mass, mut row_moment) = (0.0, 0.0);
            for x in &windows.x {
                let light = row[x.index] * x.weight;
                row_mass += light;
                row_moment += light * x.position;
            }
            let weight = z.weight * y.weight;
            mass += weight * row_mass;
            moment.z += weight * row_mass * z.position;
            moment.y += weight * row_mass * y.position;
            moment.x += weight * row_moment;
        }
    }
    if mass > 0.0 { moment.map(|m| m / mass) } else { centre }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaussian(shape: Zyx<u32>, centre: Zyx<f64>, sigma: Zyx<f64>, background: f64) -> Vec<f64> {
        let n = shape.map(|n| n as usize);
        (0..shape.count())
            .map(|i| {
                let at = Zyx::new(i / (n.y * n.x), i / n.x % n.y, i % n.x);
                let r = at.zip(centre).zip(sigma).map(|((i, c), s)| ((i as f64 - c) / s).powi(2));
                background + 1000.0 * (-0.5 * (r.z + r.y + r.x)).exp()
            })
            .collect()
    }

    #[test]
    fn the_centre_is_found_between_voxels_over_a_background_and_next_to_a_border() {
        let shape = Zyx::new(20, 33, 32);
        for (centre, background) in [
            (Zyx::new(9.5, 16.0, 15.5), 0.0),
            (Zyx::new(10.0, 16.0, 16.0), 200.0),
            (Zyx::new(8.3, 12.77, 17.41), 50.0),
            (Zyx::new(4.0, 20.25, 9.5), 0.0),
        ] {
            let data = gaussian(shape, centre, Zyx::new(4.0, 1.5, 1.2), background);
            let found = locate(&data, shape, background);
            let error = found.zip(centre).map(|(a, b)| (a - b).abs());
            // The fixed point of a sampled Gaussian is exact up to the cut window: far below a hundredth of a voxel.
            assert!(error.z.max(error.y).max(error.x) < 5e-3, "{centre}: found {found}");
        }
    }

    #[test]
    fn a_hot_pixel_is_not_the_centre_but_a_single_voxel_is() {
        let shape = Zyx::new(9, 17, 17);
        let centre = Zyx::new(4.0, 8.0, 8.0);
        let mut data = gaussian(shape, centre, Zyx::new(2.0, 2.0, 2.0), 0.0);
        data[5] = 5000.0;
        let found = locate(&data, shape, 0.0);
        assert!((found.y - 8.0).abs() < 0.01 && (found.x - 8.0).abs() < 0.01, "{found}");
        let mut delta = vec![0.0; shape.count()];
        delta[(5 * 17 + 9) * 17 + 7] = 3.0;
        assert_eq!(locate(&delta, shape, 0.0), Zyx::new(5.0, 9.0, 7.0));
    }

    #[test]
    fn the_width_at_half_maximum_is_interpolated() {
        assert_eq!(full_width_at_half_maximum(&[0.0, 1.0, 0.0], 1, 0.0), Some(1.0));
        assert_eq!(full_width_at_half_maximum(&[0.0, 2.0, 4.0, 3.0], 2, 0.0), Some(2.0));
        assert_eq!(full_width_at_half_maximum(&[10.0, 12.0, 14.0, 12.0, 10.0], 2, 10.0), Some(2.0));
        assert_eq!(full_width_at_half_maximum(&[3.0, 4.0, 3.0], 1, 0.0), None);
    }
}
