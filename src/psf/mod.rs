//! Point spread functions: load, check, resample, centre, normalise; the Born–Wolf model; objectives by name.
//!
//! Data flow: a measured volume passes [`Psf::from_volume`] (checks, `centre`, `resample`), a model comes from
//! [`Psf::born_wolf`]; both end in the one constructor here that upholds the invariants. What reads files of
//! images, and what turns a PSF into an OTF, lives elsewhere.

mod background;
mod bessel;
mod born_wolf;
mod centre;
mod extent;
mod load;
mod microscope;
mod objective;
mod oddities;
mod quadrature;
mod resample;

pub use background::PsfBackground;
pub use born_wolf::WidefieldOptics;
pub use centre::PsfCentre;
pub use load::{Measured, Treatment};
pub use microscope::Microscope;
pub use objective::Objective;

use crate::space::Zyx;

/// A point spread function on the image's voxels: odd sizes, its centre at voxel (n − 1) / 2 of every axis,
/// sum 1, all values finite and not negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Psf {
    /// Share of a point's light in each voxel, `[z, y, x]`, x fastest.
    pub data: Vec<f32>,
    /// Voxels along each axis, all odd.
    pub shape: Zyx<u32>,
    /// Distance between voxels in micrometres.
    pub voxel_um: Zyx<f64>,
    /// Sentences for the user: what was assumed and what was changed.
    pub notes: Vec<String>,
}

impl Psf {
    /// Scales `light` (finite, not negative, some of it positive; `[z, y, x]`) to sum 1.
    ///
    /// The sum is taken in f64: a million voxels summed in f32 are off by more than their last digits.
    fn normalised(light: &[f64], shape: Zyx<u32>, voxel_um: Zyx<f64>, notes: Vec<String>) -> Self {
        assert_eq!(light.len(), shape.count(), "the volume has the shape it claims");
        assert!([shape.z, shape.y, shape.x].iter().all(|n| n % 2 == 1), "the centre is a voxel");
        let sum: f64 = light.iter().sum();
        assert!(sum > 0.0 && sum.is_finite(), "a PSF holds light");
        Self { data: light.iter().map(|v| (v / sum) as f32).collect(), shape, voxel_um, notes }
    }

    /// Index of the centre voxel along each axis.
    fn centre(&self) -> Zyx<usize> {
        self.shape.map(|n| (n as usize - 1) / 2)
    }
}

/// For messages: micrometres to a tenth of a nanometre.
fn legible(um: Zyx<f64>) -> Zyx<f64> {
    um.map(|v| rounded(v, 4))
}

/// For messages: `value` with at most so many decimals. Files have 1.4000000000000001 for 1.4.
pub fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Centre of mass in voxels, `[z, y, x]`.
    pub(super) fn centroid(psf: &Psf) -> Zyx<f64> {
        let n = psf.shape.map(|n| n as usize);
        let mut at = Zyx::new(0.0, 0.0, 0.0);
        for (i, &v) in psf.data.iter().enumerate() {
            at.z += f64::from(v) * (i / (n.y * n.x)) as f64;
            at.y += f64::from(v) * (i / n.x % n.y) as f64;
            at.x += f64::from(v) * (i % n.x) as f64;
        }
        at
    }

    /// Fails with the voxel's index unless every invariant holds.
    pub(super) fn assert_invariants(psf: &Psf) {
        assert_eq!(psf.data.len(), psf.shape.count());
        assert!([psf.shape.z, psf.shape.y, psf.shape.x].iter().all(|n| n % 2 == 1), "{}", psf.shape);
        for (i, v) in psf.data.iter().enumerate() {
            assert!(v.is_finite() && *v >= 0.0, "voxel {i} is {v}");
        }
        // Each voxel is rounded to f32 (relative 6e-8), so the sum is within 6e-8 of 1.
        let sum: f64 = psf.data.iter().map(|&v| f64::from(v)).sum();
        assert!((sum - 1.0).abs() < 1e-7, "sum {sum}");
    }

    #[test]
    fn the_sum_is_one_even_for_a_million_unequal_voxels() {
        let shape = Zyx::new(101, 101, 101);
        let light: Vec<f64> = (0..shape.count()).map(|i| (i % 251) as f64).collect();
        assert_invariants(&Psf::normalised(&light, shape, Zyx::new(1.0, 1.0, 1.0), Vec::new()));
    }
}
