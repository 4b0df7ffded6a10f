//! What looks wrong about a measured PSF once it is in its place: another bead beside it, axes in another order, a peak that was cut off.

use super::centre::{full_width_at_half_maximum, mean_of_three};
use super::resample::along;
use super::rounded;
use crate::space::Zyx;

/// A second peak with more than this share of the light is worth a sentence.
const MUCH_LIGHT: f64 = 0.05;
/// Light beside the PSF counts where it is this much of the peak above its mirror image: noise is not.
const ABOVE_MIRROR: f64 = 0.02;
/// From this many full widths on light lies beside the PSF; nearer it is its own shape.
const BESIDE: f64 = 2.0;
/// Widths in y and x that differ by more than this factor are unusual.
const ROUND: f64 = 1.25;
/// A PSF whose depth is less than this part of its width has its axes in another order.
const FLAT: f64 = 0.9;
/// Voxels around a point between voxels.
const MOST_AT_PEAK: usize = 8;
/// Planes that tell a depth.
const LEAST_PLANES: u32 = 5;

/// Sentences on `light`, `[z, y, x]` with its centre in the middle of odd sizes, on voxels of `voxel_um`.
pub(super) fn oddities(light: &[f64], shape: Zyx<u32>, voxel_um: Zyx<f64>) -> Vec<String> {
    let widths = widths(light, shape);
    order(widths, shape, voxel_um).into_iter().chain(second_peak(light, shape, widths)).collect()
}

/// A PSF whose peak lies between voxels has up to eight that are as bright; one that was over-exposed has more. `data` is as the
/// file has it.
pub(super) fn flat_top(data: &[f32]) -> Option<String> {
    let peak = data.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let count = data.iter().filter(|&&value| value == peak).count();
    (peak > 0.0 && count > MOST_AT_PEAK).then(|| {
        format!("{count} voxels of the PSF have its highest value, {peak}: was it over-exposed? Its peak is then too flat")
    })
}

/// Full widths at half maximum through the centre, in voxels.
fn widths(light: &[f64], shape: Zyx<u32>) -> Zyx<Option<f64>> {
    let n = shape.map(|n| n as usize);
    let c = n.map(|n| n / 2);
    let middle = (c.z * n.y + c.y) * n.x + c.x;
    let line = |count: usize, stride: usize| -> Vec<f64> {
        (0..count).map(|i| light[middle + i * stride - count / 2 * stride]).collect()
    };
    Zyx::new(line(n.z, n.y * n.x), line(n.y, n.x), line(n.x, 1))
        .map(|line| full_width_at_half_maximum(&line, line.len() / 2, 0.0))
}

fn order(widths: Zyx<Option<f64>>, shape: Zyx<u32>, voxel_um: Zyx<f64>) -> Option<String> {
    let um = widths.zip(voxel_um).map(|(width, um)| width.map(|width| width * um));
    let (y, x) = um.y.zip(um.x)?;
    let is_flat = um.z.is_some_and(|z| shape.z >= LEAST_PLANES && z < FLAT * y.max(x));
    let is_long = y.max(x) > ROUND * y.min(x);
    let z = um.z.filter(|_| shape.z > 1).map(|z| format!(" {} µm in z,", rounded(z, 3))).unwrap_or_default();
    (is_flat || is_long).then(|| {
        format!(
            "the PSF's width at half its height is{z} {} µm in y and {} µm in x, which is unusual: are the axes of its \
             file planes (z), rows (y) and columns (x), in this order?",
            rounded(y, 3),
            rounded(x, 3)
        )
    })
}

/// A PSF looks the same from opposite sides, about; another bead does not.
fn second_peak(light: &[f64], shape: Zyx<u32>, widths: Zyx<Option<f64>>) -> Option<String> {
    let (n, c) = (shape.map(|n| n as usize), shape.map(|n| n as usize / 2));
    let near = BESIDE * widths.y?.max(widths.x?);
    let rows = along(light, n.y, n.x, n.y, mean_of_three);
    let smooth = along(&rows, n.x, 1, n.x, mean_of_three);
    let plane = n.y * n.x;
    let least = ABOVE_MIRROR * smooth[c.z * plane + plane / 2];
    let (mut beside, mut brightest) = (0.0, (0.0, 0));
    for (i, &value) in smooth.iter().enumerate() {
        let (y, x) = (i % plane / n.x, i % n.x);
        let mirrored = i / plane * plane + (plane - 1 - i % plane);
        let above = value - smooth[mirrored];
        if above > least && (y.abs_diff(c.y) as f64).hypot(x.abs_diff(c.x) as f64) > near {
            beside += above;
            brightest = if value > brightest.0 { (value, i) } else { brightest };
        }
    }
    let share = beside / light.iter().sum::<f64>();
    let at = Zyx::new(brightest.1 / plane, brightest.1 % plane / n.x, brightest.1 % n.x);
    (share > MUCH_LIGHT).then(|| {
        format!(
            "{:.0} % of the PSF's light lies beside it, most around {at}: another bead? Crop it away (--psf-size)",
            100.0 * share
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UM: Zyx<f64> = Zyx::new(0.2, 0.1, 0.1);

    fn gaussian(shape: Zyx<u32>, sigma: Zyx<f64>, off: Zyx<f64>, height: f64) -> Vec<f64> {
        let n = shape.map(|n| n as usize);
        let value = |i: usize| {
            let at = Zyx::new(i / (n.y * n.x), i / n.x % n.y, i % n.x);
            let r = at.zip(n).zip(off).zip(sigma);
            let r = r.map(|(((i, n), off), s)| ((i as f64 - (n / 2) as f64 - off) / s).powi(2));
            height * (-0.5 * (r.z + r.y + r.x)).exp()
        };
        (0..shape.count()).map(value).collect()
    }

    #[test]
    fn a_second_bead_is_said_with_its_light_and_place() {
        let (shape, sigma) = (Zyx::new(17, 49, 49), Zyx::new(2.0, 1.5, 1.5));
        let one = gaussian(shape, sigma, Zyx::default(), 1.0);
        assert_eq!(oddities(&one, shape, UM), Vec::<String>::new());
        let with = |height| {
            let other = gaussian(shape, sigma, Zyx::new(0.0, 12.0, 15.0), height);
            oddities(&one.iter().zip(other).map(|(a, b)| a + b).collect::<Vec<_>>(), shape, UM)
        };
        // 0.6 of 1.6 is 37.5 %; what is below 2 % of the peak is not seen.
        let said = with(0.6).remove(0);
        let share: f64 = said.split_once(" %").unwrap().0.parse().unwrap();
        assert!((34.0..=37.5).contains(&share) && said.contains("around 8 × 36 × 39"), "{said}");
        assert!(with(0.03).is_empty());
    }

    #[test]
    fn a_peak_that_was_cut_off_is_said() {
        let data = |height: f32, off: f64| -> Vec<f32> {
            let (shape, sigma) = (Zyx::new(16, 16, 16), Zyx::new(2.0, 1.5, 1.5));
            let light = gaussian(shape, sigma, Zyx::new(off, off, off), 1.0);
            light.iter().map(|&value| (value as f32).min(height)).collect()
        };
        // In the middle of a voxel, and of eight.
        assert_eq!((flat_top(&data(1.0, 0.0)), flat_top(&data(1.0, -0.5))), (None, None));
        let said = flat_top(&data(0.3, 0.0)).unwrap();
        assert!(said.contains(" voxels of the PSF have its highest value, 0.3: "), "{said}");
        assert_eq!(flat_top(&[0.0; 20]), None);
    }

    #[test]
    fn axes_in_another_order_are_said() {
        let sigma = Zyx::new(1.5, 1.5, 2.0);
        let said =
            oddities(&gaussian(Zyx::new(21, 33, 9), sigma, Zyx::default(), 1.0), Zyx::new(21, 33, 9), UM);
        assert!(
            said[0].contains(" µm in y") && said[0].contains(" 0.35") && said[0].contains(" 0.4"),
            "{said:?}"
        );
        let shape = Zyx::new(21, 21, 21);
        let flat = gaussian(shape, Zyx::new(1.0, 3.0, 3.0), Zyx::default(), 1.0);
        assert!(oddities(&flat, shape, UM)[0].contains("which is unusual"));
        let shape = Zyx::new(1, 21, 21);
        assert!(
            oddities(&gaussian(shape, Zyx::new(1.0, 3.0, 3.0), Zyx::default(), 1.0), shape, UM).is_empty()
        );
    }
}
