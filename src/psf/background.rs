//! The level under a measured PSF: the camera's offset, or light from elsewhere. It is small beside the peak and large
//! beside the light, since it lies under every voxel.

use serde::Serialize;

use super::rounded;
use crate::space::Zyx;

/// A level with more than this share of the light is subtracted unless the user says otherwise.
const MUCH_LIGHT: f64 = 0.05;
/// A level with more than this share of the light is worth a sentence.
const SOME_LIGHT: f64 = 0.01;
/// A level that is the same for camera and border grows inwards by no more than this share of itself. Airy rings grow by a
/// half.
const FLAT: f64 = 0.1;
/// Standard errors of a difference that noise makes.
const ERRORS: f64 = 3.0;
/// How far the inner ring lies from the border, as a share of the shorter side.
const INNER: u32 = 16;
/// Median absolute deviation to standard deviation, and that to the standard error of a median, for Gaussian noise.
const DEVIATION: f64 = 1.4826;
const OF_MEDIAN: f64 = 1.2533;

/// What is subtracted from a measured PSF.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PsfBackground {
    /// The level of its border.
    Auto,
    /// Counts of its file.
    Counts(f32),
}

/// What is to be subtracted from `data`, `[z, y, x]`, which has some light; `asked` by the user or not.
pub(super) fn level(
    data: &[f32],
    shape: Zyx<u32>,
    asked: Option<PsfBackground>,
    notes: &mut Vec<String>,
) -> f64 {
    let light: f64 = data.iter().map(|v| f64::from(v.max(0.0))).sum();
    let share = |level: f64| level * data.len() as f64 / light;
    let percent = |level: f64| format!("{:.1} %", 100.0 * share(level));
    let found = darkest_border(data, shape);
    let level = found.level;
    match asked {
        Some(PsfBackground::Counts(counts)) => {
            let counts = f64::from(counts);
            notes.push(format!(
                "{counts} counts, {} of the PSF's light, were subtracted (--psf-background)",
                percent(counts)
            ));
            counts
        }
        Some(PsfBackground::Auto) => {
            notes.push(format!(
                "{} counts, {} of the PSF's light, were subtracted: the level of its border (--psf-background auto)",
                in_counts(level),
                percent(level)
            ));
            level
        }
        None if share(level) > MUCH_LIGHT && found.is_flat => {
            notes.push(format!(
                "{} of the PSF's light is a level of {} counts, as at its border, and was subtracted; --psf-background 0 keeps it",
                percent(level),
                in_counts(level)
            ));
            level
        }
        None => {
            if share(level) > SOME_LIGHT {
                notes.push(format!(
                    "{} of the PSF's light would be a level of {} counts, as at its border, and was kept; --psf-background auto \
                     subtracts it",
                    percent(level),
                    in_counts(level)
                ));
            }
            0.0
        }
    }
}

/// To four digits behind the point, or three in all where that is less: a PSF may be a share of its peak.
fn in_counts(level: f64) -> String {
    if level == 0.0 || level.abs() >= 0.01 { rounded(level, 4).to_string() } else { format!("{level:.2e}") }
}

/// The border of the plane where it is darkest: out of focus, light crosses it that is the PSF's own.
struct Border {
    /// Median of the outermost rows and columns, at least 0.
    level: f64,
    /// Whether it is the same further in.
    is_flat: bool,
}

fn darkest_border(data: &[f32], shape: Zyx<u32>) -> Border {
    let columns = shape.x as usize;
    let planes = data.chunks_exact(columns * shape.y as usize);
    // One that is all the same was filled.
    let taken = planes.filter(|plane| plane.iter().any(|v| *v != plane[0]));
    let darkest = taken.min_by(|a, b| median(ring(a, columns, 0)).total_cmp(&median(ring(b, columns, 0))));
    let Some(plane) = darkest else { return Border { level: 0.0, is_flat: false } };
    let outer = ring(plane, columns, 0);
    let inwards = (shape.y.min(shape.x) / INNER).max(1) as usize;
    let (count, level) = (outer.len() as f64, median(outer.clone()));
    let deviation = DEVIATION * median(outer.iter().map(|v| (v - level).abs()).collect());
    let error = OF_MEDIAN * deviation * (2.0 / count).sqrt();
    let grows = median(ring(plane, columns, inwards)) - level;
    Border { level: level.max(0.0), is_flat: grows <= FLAT * level + ERRORS * error }
}

/// The pixels that lie `inwards` pixels from the border of a plane.
fn ring(plane: &[f32], columns: usize, inwards: usize) -> Vec<f64> {
    let rows = plane.len() / columns;
    let depth = |i: usize, count: usize| i.min(count - 1 - i);
    let pixels = plane.iter().enumerate();
    let on_ring =
        pixels.filter(|(i, _)| depth(i / columns, rows).min(depth(i % columns, columns)) == inwards);
    on_ring.map(|(_, v)| f64::from(*v)).collect()
}

/// Of values that are numbers; the upper one of two, 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}

#[cfg(test)]
mod tests {
    use super::super::Psf;
    use super::super::WidefieldOptics;
    use super::*;

    /// A Gaussian over `pedestal`, with a ripple of ±`ripple`.
    fn bead(shape: Zyx<u32>, pedestal: f32, ripple: f32) -> Vec<f32> {
        let n = shape.map(|n| n as usize);
        let value = |i: usize| {
            let at = Zyx::new(i / (n.y * n.x), i / n.x % n.y, i % n.x);
            let r = at.zip(n).map(|(i, n)| (i as f32 - (n as f32 - 1.0) / 2.0).powi(2));
            let ripple = ripple * ((i * 7919 % 251) as f32 / 125.0 - 1.0);
            5000.0 * (-0.5 * (r.z / 4.0 + (r.y + r.x) / 2.25)).exp() + pedestal + ripple
        };
        (0..shape.count()).map(value).collect()
    }

    #[test]
    fn a_level_is_judged_by_its_share_of_the_light() {
        let shape = Zyx::new(41, 65, 65);
        let found = |data: &[f32], asked| {
            let mut notes = Vec::new();
            (level(data, shape, asked, &mut notes), notes.join("\n"))
        };
        let plain = bead(shape, 0.0, 0.0);
        let (subtracted, said) = found(&plain, None);
        assert!(subtracted < 1e-3 && said.is_empty(), "{subtracted}: {said}");
        // 5 of 5000: 0.1 % of the peak, and 5 · 41 · 65² of a light of 5000 (2π)^1.5 · 2 · 1.5²: 71 %.
        for ripple in [0.0, 2.0] {
            let (subtracted, said) = found(&bead(shape, 5.0, ripple), None);
            assert!((subtracted - 5.0).abs() < 0.3, "{subtracted}");
            assert!(said.contains(" % of the PSF's light is a level of "), "{said}");
        }
        assert!(
            found(&bead(shape, 5.0, 0.0), None)
                .1
                .starts_with("71.0 % of the PSF's light is a level of 5 counts")
        );
        let counts = found(&bead(shape, 5.0, 0.0), Some(PsfBackground::Counts(0.0)));
        assert_eq!((counts.0, counts.1.starts_with("0 counts, 0.0 %")), (0.0, true), "{}", counts.1);
        assert_eq!(found(&bead(shape, 5.0, 0.0), Some(PsfBackground::Counts(3.0))).0, 3.0);
        // 0.05 counts are 2 % of the light: kept, and said.
        let (subtracted, said) = found(&bead(shape, 0.05, 0.0), None);
        assert!(
            subtracted == 0.0 && said.contains("was kept; --psf-background auto"),
            "{subtracted}: {said}"
        );
        let (subtracted, _) = found(&bead(shape, 0.05, 0.0), Some(PsfBackground::Auto));
        assert!((subtracted - 0.05).abs() < 1e-3, "{subtracted}");
    }

    #[test]
    fn light_out_of_focus_is_no_background() {
        let optics = WidefieldOptics { na: 1.4, refractive_index: 1.515, emission_nm: 520.0 };
        for shape in [Zyx::new(49, 65, 65), Zyx::new(1, 31, 31), Zyx::new(5, 17, 17)] {
            let psf = Psf::born_wolf(optics, Zyx::new(0.2, 0.1, 0.1), shape).unwrap();
            let subtracted = level(&psf.data, shape, None, &mut Vec::new());
            assert_eq!(subtracted, 0.0, "{shape}");
        }
        // A Gaussian that was cut where it is still bright: no level, but a small window.
        let shape = Zyx::new(1, 9, 9);
        let cut =
            |i: usize| (-(((i / 9) as f32 - 4.0).powi(2) + ((i % 9) as f32 - 4.0).powi(2)) / 20.0).exp();
        let cut: Vec<f32> = (0..81).map(cut).collect();
        assert_eq!(level(&cut, shape, None, &mut Vec::new()), 0.0);
    }
}
