//! The Born–Wolf model of a widefield microscope, integrated over the pixels.
//!
//! Scalar, with the paraxial defocus phase, after Born and Wolf, Principles of Optics, 7th edition, section 8.8.1:
//! I(r, z) = |2 ∫₀¹ J₀(k NA r ρ) exp(−i k z NA² ρ² / 2n) ρ dρ|², k = 2π/λ in vacuum. Chosen because it is what other
//! programs call Born–Wolf, so results compare. It assumes no refractive index mismatch, and above NA 1 it understates
//! defocus (the exact phase is k n z √(1 − (NA ρ/n)²)): a measured PSF is better there.

use std::f64::consts::PI;

use super::bessel::j0;
use super::quadrature::gauss_legendre;
use super::{Psf, legible, rounded};
use crate::error::{Error, Result};
use crate::space::Zyx;

/// Step of the radial profile, in radians of k NA r. Cubic interpolation of a function with bandwidth 2 is then off by
/// 3/128 · (2 · 0.125)⁴ < 1e-4 at the very worst and by 2e-6 on real profiles.
const RADIAL_STEP: f64 = 0.125;
/// Largest phase at the model's corner, in radians: beyond it the quadrature takes minutes.
const MOST_PHASE: f64 = 10_000.0;
/// Largest phase across one pixel, in radians: 16 λ/NA, where a whole Airy pattern lies in one pixel.
const MOST_PHASE_A_PIXEL: f64 = 100.0;
/// The default size never passes this along any axis: 129³ is 8 MiB and a spectrum that still fits beside a tile.
const LARGEST_DEFAULT: u32 = 129;
/// Half a side beyond which there is no end of the sizes that a stack asks for.
const LARGEST_HALF: f64 = 1e6;
/// Most voxels of a PSF: 1 GiB as f32.
const MOST_VOXELS: f64 = (1u32 << 28) as f64;
/// Light that a limit costs and that is worth a sentence.
const LOST_LIGHT: f64 = 0.01;
/// The default size is at least this, so that one pixel of blur has neighbours.
const SMALLEST_DEFAULT: u32 = 9;
/// Full width at half maximum along the axis, in n λ/NA²: where sinc²(NA² z / 4 n λ) falls to a half.
const AXIAL_WIDTH: f64 = 1.77;
/// Planes from focus to one axial width, when a PSF for single planes is collapsed.
const PLANES_TO_WIDTH: u32 = 8;
/// Radius in focus that holds 98 % of the light, in λ/NA: 1 − E ≈ 2/(π v) for v = 2π NA r/λ (Born and Wolf 8.5.2).
const AIRY_RADIUS: f64 = 5.0;

/// What the model needs to know of a widefield microscope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WidefieldOptics {
    /// Numerical aperture.
    pub na: f64,
    /// Of the immersion medium, taken to be that of the specimen too.
    pub refractive_index: f64,
    /// Wavelength in vacuum that reaches the camera, in nanometres.
    pub emission_nm: f64,
}

impl WidefieldOptics {
    /// The flag that sets a wrong number, and why it is wrong.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        let Self { na, refractive_index: n, emission_nm } = *self;
        if !(n.is_finite() && (1.0..=2.5).contains(&n)) {
            Some((
                "--immersion-index",
                format!("{n} is no refractive index of an immersion; air has 1, oil 1.518"),
            ))
        } else if !(na.is_finite() && na > 0.0 && na < n) {
            Some((
                "--na",
                format!("a numerical aperture lies between 0 and the immersion's index {n}, this is {na}"),
            ))
        } else if !(emission_nm.is_finite() && (100.0..=5000.0).contains(&emission_nm)) {
            Some((
                "--emission-nm",
                format!("a wavelength in nanometres (100 to 5000) is needed, this is {emission_nm}"),
            ))
        } else {
            None
        }
    }

    /// The size of a PSF, `[z, y, x]`, all odd, for an image of `slices` planes with voxels of `voxel_um`, as far as
    /// `largest` allows.
    ///
    /// In z, 2 · slices − 1 planes: then every plane can send light to every other. In y and x, the cone of the farthest
    /// of these planes (slope NA/n) and 5 λ/NA of Airy rings around it, and at least 9 voxels.
    fn shape(&self, voxel_um: Zyx<f64>, slices: u32, largest: Zyx<u32>) -> Zyx<u32> {
        let z = slices.saturating_mul(2).saturating_sub(1).clamp(1, largest.z);
        let farthest_um = f64::from(z / 2) * voxel_um.z;
        let cone_um = if z > 1 { farthest_um * self.na / self.refractive_index } else { 0.0 };
        let radius_um = cone_um + AIRY_RADIUS * self.emission_nm / 1000.0 / self.na;
        let side = |pixel_um: f64, largest: u32| {
            let half = (radius_um / pixel_um).ceil().clamp(0.0, LARGEST_HALF) as u32;
            (2 * half + 1).max(SMALLEST_DEFAULT).min(largest)
        };
        Zyx::new(z, side(voxel_um.y, largest.y), side(voxel_um.x, largest.x))
    }

    /// As large as single planes ask for, up to 129 voxels a side.
    fn default_shape(&self, voxel_um: Zyx<f64>, slices: u32) -> Zyx<u32> {
        self.shape(voxel_um, slices, Zyx::new(LARGEST_DEFAULT, LARGEST_DEFAULT, LARGEST_DEFAULT))
    }

    /// k NA in radians per micrometre.
    fn radial_frequency(&self) -> f64 {
        2.0 * PI / (self.emission_nm / 1000.0) * self.na
    }

    /// ∫ I over a whole plane, in µm², the same at any depth: 4π / (k NA)² by Parseval's theorem, as I is 1 in focus.
    fn light_of_plane(&self) -> f64 {
        4.0 * PI / self.radial_frequency().powi(2)
    }

    /// Phase of the pupil's edge against its centre, in radians per micrometre of defocus: k NA² / 2n.
    fn defocus_frequency(&self) -> f64 {
        self.radial_frequency() * self.na / (2.0 * self.refractive_index)
    }
}

impl Psf {
    /// The Born–Wolf PSF on voxels of `voxel_um`, `shape` voxels (an even number counts as one more), each the integral
    /// over its pixel in y and x and the value at its middle in z. Mirror symmetric to the last bit in every axis.
    ///
    /// # Errors
    /// `Option` naming the flag of a number that no microscope has; `Limit` when the volume is so large against the
    /// wavelength that the model would take minutes.
    pub fn born_wolf(optics: WidefieldOptics, voxel_um: Zyx<f64>, shape: Zyx<u32>) -> Result<Self> {
        Self::born_wolf_and_rest(optics, voxel_um, shape).map(|(psf, _)| psf)
    }

    /// The Born–Wolf PSF for a stack of `slices` planes: each sends light to every other, as far as `largest` voxels, odd
    /// numbers, reach; 129 a side where the user says nothing. What lies beyond is said.
    ///
    /// # Errors
    /// As [`Psf::born_wolf`].
    pub fn born_wolf_stack(
        optics: WidefieldOptics,
        voxel_um: Zyx<f64>,
        slices: u32,
        largest: Option<Zyx<u32>>,
    ) -> Result<Self> {
        let unlimited = Zyx::new(u32::MAX, u32::MAX, u32::MAX);
        let needed = optics.shape(voxel_um, slices, unlimited);
        let default = Zyx::new(LARGEST_DEFAULT, LARGEST_DEFAULT, LARGEST_DEFAULT);
        let shape = needed.zip(largest.unwrap_or(default)).map(|(needed, largest)| needed.min(largest));
        let (mut psf, rest) = Self::born_wolf_and_rest(optics, voxel_um, shape)?;
        if shape.z < needed.z || shape != needed && rest > LOST_LIGHT {
            psf.notes.push(cut_note(shape, needed, rest));
        }
        Ok(psf)
    }

    /// The PSF, and the share of its planes' light that lies beside it.
    fn born_wolf_and_rest(
        optics: WidefieldOptics,
        voxel_um: Zyx<f64>,
        shape: Zyx<u32>,
    ) -> Result<(Self, f64)> {
        if let Some((flag, reason)) = optics.problem() {
            return Err(Error::option(flag, reason));
        }
        if [voxel_um.z, voxel_um.y, voxel_um.x].iter().any(|v| !(v.is_finite() && *v > 0.0)) {
            return Err(Error::option(
                "--psf",
                format!("voxels of {voxel_um} µm: all three must be positive"),
            ));
        }
        let pixel_um = voxel_um.y.max(voxel_um.x);
        if pixel_um * optics.radial_frequency() > MOST_PHASE_A_PIXEL {
            let reason = format!(
                "pixels of {pixel_um} µm hold whole Airy patterns, so there is no blur to undo; is the unit µm?"
            );
            return Err(Error::option("--voxel-um", reason));
        }
        let half = shape.map(|n| n as usize / 2);
        let extent_um = half.zip(voxel_um).map(|(h, um)| (h as f64 + 0.5) * um);
        let reach_um = extent_um.y.hypot(extent_um.x);
        let phase = reach_um * optics.radial_frequency() + extent_um.z * optics.defocus_frequency();
        let too_much = |needed: String, available: String| Error::Limit {
            what: format!("Born-Wolf PSF of {shape} voxels of {voxel_um} µm"),
            needed,
            available: format!("{available}; give a smaller PSF (--psf-size)"),
        };
        if phase > MOST_PHASE {
            return Err(too_much(format!("{phase:.0} radians of phase"), format!("{MOST_PHASE} radians")));
        }
        let sides = half.map(|h| (2 * h + 1) as f64);
        if sides.z * sides.y * sides.x > MOST_VOXELS {
            return Err(too_much(format!("{shape} voxels"), format!("{MOST_VOXELS} voxels")));
        }
        let profile = Profile::new(optics, voxel_um.z, half.z + 1, reach_um);
        let quadrant = profile.over_pixels(voxel_um, half, optics.radial_frequency());
        let shape = half.map(|h| 2 * h as u32 + 1);
        let light = mirrored(&quadrant, half);
        let all = f64::from(shape.z) * optics.light_of_plane() / (voxel_um.y * voxel_um.x);
        let rest = 1.0 - light.iter().sum::<f64>() / all;
        Ok((Self::normalised(&light, shape, voxel_um, notes(optics, voxel_um, shape)), rest))
    }
}

impl Psf {
    /// The Born–Wolf PSF for single planes of a specimen thicker than the depth of field: computed to one axial width
    /// above and below focus and collapsed. `[1, y, x]`, pixels of `pixel_um` (y, x).
    ///
    /// # Errors
    /// As [`Psf::born_wolf`].
    pub fn born_wolf_plane(optics: WidefieldOptics, pixel_um: (f64, f64)) -> Result<Self> {
        if let Some((flag, reason)) = optics.problem() {
            return Err(Error::option(flag, reason));
        }
        let width_um =
            AXIAL_WIDTH * optics.refractive_index * optics.emission_nm / 1000.0 / optics.na.powi(2);
        let voxel_um = Zyx::new(width_um / f64::from(PLANES_TO_WIDTH), pixel_um.0, pixel_um.1);
        let shape = optics.default_shape(voxel_um, PLANES_TO_WIDTH + 1);
        Ok(Self::born_wolf(optics, voxel_um, shape)?.collapse())
    }
}

fn cut_note(shape: Zyx<u32>, needed: Zyx<u32>, rest: f64) -> String {
    let beside = format!("{:.1} % of the light of its planes lies beside it", 100.0 * rest);
    let apart = match shape.z < needed.z {
        true => format!(", and planes more than {} apart do not light each other", shape.z / 2),
        false => String::new(),
    };
    format!(
        "the PSF has {shape} voxels where the stack asks for {needed}: {beside}{apart}; --psf-size {},{},{} takes all, and more \
         memory and time",
        needed.z, needed.y, needed.x
    )
}

fn notes(optics: WidefieldOptics, voxel_um: Zyx<f64>, shape: Zyx<u32>) -> Vec<String> {
    let WidefieldOptics { na, refractive_index, emission_nm } = optics;
    let um = legible(voxel_um);
    let mut notes = vec![format!(
        "Born-Wolf PSF: NA {}, refractive index {}, emission {} nm, {shape} voxels of {um} µm",
        rounded(na, 3),
        rounded(refractive_index, 4),
        rounded(emission_nm, 1)
    )];
    let nyquist_um = emission_nm / 1000.0 / (4.0 * na);
    if voxel_um.y.max(voxel_um.x) > nyquist_um {
        notes.push(format!(
            "the pixels of {:.3} µm are larger than the {nyquist_um:.3} µm (λ / 4 NA) that record all the objective \
             resolves: finer detail cannot come back",
            voxel_um.y.max(voxel_um.x)
        ));
    }
    notes
}

/// Intensity against radius and defocus.
struct Profile {
    /// Micrometres between radii.
    step_um: f64,
    /// Planes from focus outwards.
    planes: usize,
    /// `[radius, plane]`, plane fastest, 1 at the origin.
    intensity: Vec<f64>,
}

impl Profile {
    /// The model for `planes` planes `dz_um` apart from focus outwards and radii up to `reach_um` and two steps more,
    /// which interpolation needs. Gauss–Legendre in ρ: half the phase, and 32 more, nodes leave an error near 1e-12.
    fn new(optics: WidefieldOptics, dz_um: f64, planes: usize, reach_um: f64) -> Self {
        let radii = (reach_um * optics.radial_frequency() / RADIAL_STEP) as usize + 4;
        let defocus = dz_um * optics.defocus_frequency();
        let phase = radii as f64 * RADIAL_STEP + 2.0 * defocus * planes as f64;
        let nodes = gauss_legendre((phase / 2.0) as usize + 32);
        let pupil: Vec<(f64, f64)> = nodes
            .iter()
            .flat_map(|&(rho, weight)| {
                (0..planes).map(move |plane| {
                    let (sin, cos) = (defocus * plane as f64 * rho * rho).sin_cos();
                    (2.0 * weight * rho * cos, 2.0 * weight * rho * sin)
                })
            })
            .collect();
        let mut intensity = Vec::with_capacity(radii * planes);
        let mut field = vec![(0.0, 0.0); planes];
        for radius in 0..radii {
            field.fill((0.0, 0.0));
            for (&(rho, _), waves) in nodes.iter().zip(pupil.chunks_exact(planes)) {
                let amplitude = j0(radius as f64 * RADIAL_STEP * rho);
                for (sum, wave) in field.iter_mut().zip(waves) {
                    sum.0 += amplitude * wave.0;
                    sum.1 += amplitude * wave.1;
                }
            }
            intensity.extend(field.iter().map(|(re, im)| re * re + im * im));
        }
        Self { step_um: RADIAL_STEP / optics.radial_frequency(), planes, intensity }
    }

    /// Adds `weight` × the intensity at `radius_um` of every plane to `sums`: cubic Lagrange interpolation over four
    /// radii, the profile being even about 0.
    fn add(&self, radius_um: f64, weight: f64, sums: &mut [f64]) {
        let position = radius_um / self.step_um;
        let i = position as usize;
        let t = position - i as f64;
        let weights = [
            (i.abs_diff(1), -t * (t - 1.0) * (t - 2.0) / 6.0),
            (i, (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0),
            (i + 1, -(t + 1.0) * t * (t - 2.0) / 2.0),
            (i + 2, (t + 1.0) * t * (t - 1.0) / 6.0),
        ];
        for (radius, w) in weights {
            let planes = &self.intensity[radius * self.planes..][..self.planes];
            for (sum, value) in sums.iter_mut().zip(planes) {
                *sum += weight * w * value;
            }
        }
    }

    /// Means over the pixels of the quadrant y ≥ 0, x ≥ 0: `[y, x, plane]`, plane fastest. `frequency` in radians/µm.
    fn over_pixels(&self, voxel_um: Zyx<f64>, half: Zyx<usize>, frequency: f64) -> Vec<f64> {
        // Half a pixel's phase of an intensity with bandwidth 2 k NA is k NA · pixel.
        let nodes = |pixel_um: f64| gauss_legendre((frequency * pixel_um).ceil() as usize + 4);
        let (down, across) = (nodes(voxel_um.y), nodes(voxel_um.x));
        let mut quadrant = vec![0.0; (half.y + 1) * (half.x + 1) * self.planes];
        for (i, sums) in quadrant.chunks_exact_mut(self.planes).enumerate() {
            let (row, column) = (i / (half.x + 1), i % (half.x + 1));
            for (v, weight_y) in &down {
                let y_um = (row as f64 + v - 0.5) * voxel_um.y;
                for (u, weight_x) in &across {
                    let x_um = (column as f64 + u - 0.5) * voxel_um.x;
                    self.add(y_um.hypot(x_um), weight_y * weight_x, sums);
                }
            }
        }
        quadrant
    }
}

/// The whole volume, `[z, y, x]`, from its quadrant `[y, x, plane]`. Interpolation may leave −1e-7 where the light is 0.
fn mirrored(quadrant: &[f64], half: Zyx<usize>) -> Vec<f64> {
    let size = half.map(|h| 2 * h + 1);
    let mut volume = Vec::with_capacity(size.z * size.y * size.x);
    for z in 0..size.z {
        for y in 0..size.y {
            for x in 0..size.x {
                let pixel = y.abs_diff(half.y) * (half.x + 1) + x.abs_diff(half.x);
                volume.push(quadrant[pixel * (half.z + 1) + z.abs_diff(half.z)].max(0.0));
            }
        }
    }
    volume
}

#[cfg(test)]
#[path = "born_wolf_tests.rs"]
mod tests;
