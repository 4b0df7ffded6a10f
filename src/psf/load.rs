//! From a measured or computed volume to a PSF on the image's voxels: checks first, then one resampling.
//!
//! Knows volumes, not file formats.

use std::path::Path;

use super::background;
use super::centre::reach;
use super::oddities::{flat_top, oddities};
use super::resample::{Grid, resample};
use super::{Psf, PsfBackground, PsfCentre, legible};
use crate::error::{Error, Result};
use crate::space::Zyx;

/// Voxel sizes that agree this well are the same: 0.5 % over the 20 voxels that matter is a tenth of a voxel.
const SAME_VOXEL: f64 = 0.005;
/// A centre this close to the middle of a voxel is not moved: measured centres are not known better.
const SAME_CENTRE: f64 = 0.02;
/// Voxel sizes this many times apart are a mistaken unit, not a microscope.
const FARTHEST_VOXELS: f64 = 50.0;
/// The lowest value may be this far below zero, relative to the peak: noise once a background was subtracted.
const NEGATIVE_NOISE: f64 = 0.1;
/// A loss of light worth a note.
const LOST_LIGHT: f64 = 1e-3;
/// Light worth a note that noise makes once what is below zero is cut off.
const NOISE_LIGHT: f64 = 0.01;
/// Rows over columns, or columns over rows, beyond which a volume is not a PSF.
const LONGEST_ASPECT: u32 = 8;
/// What of a source voxel is not worth another voxel at either end.
const SLIVER: f64 = 0.05;
/// Voxels of the result: 1 GiB as f32.
const MOST_VOXELS: f64 = (1u32 << 28) as f64;

/// A volume as a file holds it.
#[derive(Clone, Debug)]
pub struct Measured<'a> {
    /// What messages call it.
    pub name: &'a Path,
    /// `[z, y, x]`, x fastest.
    pub data: Vec<f32>,
    /// Voxels along each axis.
    pub shape: Zyx<u32>,
    /// Distance between them in micrometres, as far as it is known.
    pub voxel_um: Zyx<Option<f64>>,
}

/// What is done to a measured PSF.
#[derive(Clone, Copy, Debug, Default)]
pub struct Treatment {
    /// What is subtracted; `None` for the level of the border where that is plain and much.
    pub background: Option<PsfBackground>,
    /// What becomes its centre.
    pub centre: PsfCentre,
}

impl Psf {
    /// Places a volume on voxels of `to_um`, centred, as large as the part of it that is symmetric about its centre. An
    /// axis of one voxel stays as it is. What is not known of its own voxels is taken from `to_um`.
    ///
    /// A centre between two voxels, as every even size has, is moved onto one, since it would shift the image by that
    /// fraction.
    ///
    /// # Errors
    /// `Format` when the volume is no PSF: sizes that contradict the data or make a line, values that are not finite,
    /// far below zero or all the same, the brightest voxel at the border. `Option` when a voxel size is not positive
    /// or the two are more than 50 times apart; `Limit` when the result would pass 2²⁸ voxels.
    pub fn from_volume(measured: Measured<'_>, to_um: Zyx<f64>, treatment: Treatment) -> Result<Self> {
        let Measured { name, data, shape, voxel_um: from_um } = measured;
        let mut notes = Vec::new();
        check_shape(name, data.len(), shape)?;
        check_values(name, &data, shape, &mut notes)?;
        let level = background::level(&data, shape, treatment.background, &mut notes);
        let light = above(level, &data, &mut notes);
        if light.iter().all(|v| *v == 0.0) {
            let reason = format!("{level} counts are all the light that {} has", name.display());
            return Err(Error::option("--psf-background", reason));
        }
        let step = voxel_steps(name, shape, from_um, to_um, &mut notes)?;
        let centre = treatment.centre.of(&light, shape, border_median(&light, shape), &mut notes);
        check_centre(name, centre, shape)?;
        let grid = centre.zip(step).zip(shape).map(|((centre, step), n)| symmetric_grid(centre, step, n));
        check_size(name, grid)?;
        let placed = resample(&light, shape, grid);
        note_placing(centre, shape, grid, &mut notes);
        let lost = 1.0 - placed.iter().sum::<f64>() / light.iter().sum::<f64>();
        if lost > LOST_LIGHT {
            notes.push(format!(
                "{:.1} % of the PSF's light lies outside the part that is symmetric about its centre and was cut off",
                100.0 * lost
            ));
        }
        let size = grid.map(|g| g.count() as u32);
        notes.extend(oddities(&placed, size, to_um));
        Ok(Self::normalised(&placed, size, to_um, notes))
    }
}

fn check_shape(name: &Path, values: usize, shape: Zyx<u32>) -> Result<()> {
    let count = u128::from(shape.z) * u128::from(shape.y) * u128::from(shape.x);
    let Zyx { y, x, .. } = shape;
    let problem = if count == 0 {
        "the PSF is empty".to_owned()
    } else if count != values as u128 {
        format!("{values} values do not fill a PSF of {shape} voxels")
    } else if y.min(x) < 3 || y.max(x) / y.min(x) >= LONGEST_ASPECT {
        format!("{shape} voxels are no PSF: at least 3 rows and 3 columns of similar number are needed")
    } else {
        return Ok(());
    };
    Err(Error::format(name, problem, None))
}

fn check_values(name: &Path, data: &[f32], shape: Zyx<u32>, notes: &mut Vec<String>) -> Result<()> {
    let broken = |what: String| Err(Error::format(name, what, None));
    let at = |i: usize| {
        let (rows, columns) = (shape.y as usize, shape.x as usize);
        format!("z {}, y {}, x {}", i / (rows * columns), i / columns % rows, i % columns)
    };
    if let Some(i) = data.iter().position(|v| !v.is_finite()) {
        return broken(format!("the PSF has the value {} at {}", data[i], at(i)));
    }
    let peak = data.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (lowest_at, lowest) =
        data.iter().copied().enumerate().fold((0, f32::INFINITY), |low, v| if v.1 < low.1 { v } else { low });
    if peak == lowest {
        return broken(format!("every voxel of the PSF is {peak}"));
    }
    if peak <= 0.0 || f64::from(lowest) < -NEGATIVE_NOISE * f64::from(peak) {
        let place = at(lowest_at);
        return broken(format!(
            "the PSF has the value {lowest} at {place}; its highest is {peak}; light is not negative"
        ));
    }
    if lowest < 0.0 {
        let negative = data.iter().filter(|v| **v < 0.0).count();
        notes.push(format!(
            "{negative} voxels of the PSF below zero (down to {:.2} % of the peak) were set to zero",
            -100.0 * f64::from(lowest) / f64::from(peak)
        ));
    }
    notes.extend(flat_top(data));
    Ok(())
}

/// The light above `level`, noise below it set to zero.
fn above(level: f64, data: &[f32], notes: &mut Vec<String>) -> Vec<f64> {
    let light: Vec<f64> = data.iter().map(|v| (f64::from(*v) - level).max(0.0)).collect();
    let below: f64 = data.iter().map(|v| (level - f64::from(*v)).max(0.0)).sum();
    let made = below / light.iter().sum::<f64>();
    if made > NOISE_LIGHT {
        notes.push(format!(
            "{:.1} % of the PSF's light is noise: its voxels below {} were set to zero, those above are left. The mean of more beads \
             has less",
            100.0 * made,
            if level > 0.0 { "the background" } else { "zero" }
        ));
    }
    light
}

/// Median of the first and last row and column of all planes.
fn border_median(light: &[f64], shape: Zyx<u32>) -> f64 {
    let (rows, columns) = (shape.y as usize, shape.x as usize);
    let mut border: Vec<f64> = light
        .iter()
        .enumerate()
        .filter(|(i, _)| {
            let (y, x) = (i / columns % rows, i % columns);
            y == 0 || x == 0 || y == rows - 1 || x == columns - 1
        })
        .map(|(_, v)| *v)
        .collect();
    let middle = border.len() / 2;
    *border.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Image voxels in units of PSF voxels.
fn voxel_steps(
    name: &Path,
    shape: Zyx<u32>,
    from_um: Zyx<Option<f64>>,
    to_um: Zyx<f64>,
    notes: &mut Vec<String>,
) -> Result<Zyx<f64>> {
    let mut assumed = Vec::new();
    let mut step = |axis: &str, n: u32, from: Option<f64>, to: f64| {
        if n == 1 {
            return Ok(1.0);
        }
        let from = from.unwrap_or_else(|| {
            assumed.push(format!("{to} µm in {axis}"));
            to
        });
        let usable = |v: f64| v.is_finite() && v > 0.0;
        if !usable(from) || !usable(to) || from / to > FARTHEST_VOXELS || to / from > FARTHEST_VOXELS {
            return Err(Error::option(
                "--psf",
                format!(
                    "{}: its voxels are {from} µm in {axis}, the image's {to} µm: both must be positive and no more than \
                     {FARTHEST_VOXELS} times apart",
                    name.display()
                ),
            ));
        }
        Ok(if (to / from - 1.0).abs() <= SAME_VOXEL { 1.0 } else { to / from })
    };
    let steps = Zyx::new(
        step("z", shape.z, from_um.z, to_um.z)?,
        step("y", shape.y, from_um.y, to_um.y)?,
        step("x", shape.x, from_um.x, to_um.x)?,
    );
    if !assumed.is_empty() {
        notes.push(format!(
            "the PSF does not say its voxel size; taken to be the image's: {}",
            assumed.join(", ")
        ));
    }
    if steps != Zyx::new(1.0, 1.0, 1.0) {
        let from = from_um.zip(to_um).map(|(from, to)| from.unwrap_or(to));
        let (from, to) = (legible(from), legible(to_um));
        notes.push(format!("PSF voxels of {from} µm resampled to {to} µm"));
    }
    Ok(steps)
}

/// A centre in a border voxel means half a PSF, or one stored with its origin in the corner.
fn check_centre(name: &Path, centre: Zyx<f64>, shape: Zyx<u32>) -> Result<()> {
    let at_border = |c: f64, n: u32| n >= 3 && reach(c, n) < 1.0;
    if at_border(centre.z, shape.z) || at_border(centre.y, shape.y) || at_border(centre.x, shape.x) {
        let at = centre.map(|c| c.round());
        let what = format!(
            "the PSF is brightest at its border ({at} of {shape}): it is cut, or its origin is in the corner and has to be \
             moved to the middle"
        );
        return Err(Error::format(name, what, None));
    }
    Ok(())
}

/// The new voxels along an axis of `n` voxels: all that its symmetric part reaches into by more than a sliver.
fn symmetric_grid(centre: f64, step: f64, n: u32) -> Grid {
    let untouched = step == 1.0 && (centre - centre.round()).abs() <= SAME_CENTRE;
    let centre = if untouched { centre.round() } else { centre };
    let radius = reach(centre, n);
    let half = ((radius - SLIVER) / step - 0.5).ceil().max(0.0) as usize;
    // An axis of one voxel has no extent to resample.
    if n == 1 {
        Grid { centre: 0.0, step: 1.0, radius: 0.5, half: 0 }
    } else {
        Grid { centre, step, radius, half }
    }
}

fn check_size(name: &Path, grid: Zyx<Grid>) -> Result<()> {
    let voxels = grid.map(|g| g.count() as f64);
    let count = voxels.z * voxels.y * voxels.x;
    if count <= MOST_VOXELS {
        return Ok(());
    }
    Err(Error::Limit {
        what: format!("{}: PSF on the image's voxels", name.display()),
        needed: format!("{count} voxels"),
        available: format!("{MOST_VOXELS} voxels"),
    })
}

fn note_placing(centre: Zyx<f64>, shape: Zyx<u32>, grid: Zyx<Grid>, notes: &mut Vec<String>) {
    let moved = centre.zip(shape).map(|(c, n)| (c - f64::from(n - 1) / 2.0).abs() > SAME_CENTRE);
    let size = grid.map(|g| g.count() as u32);
    if size != shape || moved.z || moved.y || moved.x {
        let at = centre.map(|c| (c * 100.0).round() / 100.0);
        notes.push(format!("the PSF of {shape} voxels, its centre at {at}, was centred in {size} voxels"));
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
