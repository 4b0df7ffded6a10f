//! A synthetic slide with known truth: made, written as a CZI mosaic, and compared with what was restored from it.
//!
//! Two channels of nuclei, fibres and vesicles; blurred by sums in space (no transform is shared with the engine that
//! is shown), a camera background, Poisson noise, fields with overlap and noise of their own.

mod picture;
pub(crate) mod specimen;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Poisson};
use rayon::prelude::*;

use crate::czi::Czi;
use crate::czi::write::{CziWriter, Metadata, NewSubblock};
use crate::dataset::{Channel, Compression, Input, Optics, Plane};
use crate::error::{Error, Result};
use crate::pixels::{PixelType, Samples};
use crate::psf::{Psf, WidefieldOptics};
use crate::source::FileSource;
use crate::space::{Rect, Stored, Zyx};

pub use picture::write_picture;

/// Side of a field in pixels.
const FIELD: u32 = 256;
/// Distance between fields: 10 % overlap.
const STEP: u32 = 230;
/// Fields across and down.
const GRID: (u32, u32) = (4, 3);
/// Where the stage stood when the scan began.
const ORIGIN: (i64, i64) = (-5000, 1200);
/// Counts of the camera without light.
pub const BACKGROUND: f32 = 100.0;
/// Distance between pixels.
const PIXEL_UM: f64 = 0.1;
/// Of the simulated objective, in water.
const NA: f64 = 1.0;
const REFRACTIVE_INDEX: f64 = 1.333;
/// Name, emission in nanometres, display colour.
const CHANNELS: [(&str, f64, [u8; 3]); 2] =
    [("nuclei", 461.0, [0, 200, 255]), ("fibres", 610.0, [255, 120, 0])];
const SEED: u64 = 20;
/// There is none of this name.
const OBJECTIVE: &str = "synthetic 63x/1.0 water";

/// Whether the file `path` is the slide of a demo, by its objective.
///
/// # Errors
/// The system's.
pub fn is_demo_slide(path: &Path) -> io::Result<bool> {
    let opened = FileSource::open(path).and_then(|source| Czi::open(Box::new(source), &BTreeMap::new()));
    match opened {
        Ok(czi) => Ok(czi.dataset().optics.objective.as_deref() == Some(OBJECTIVE)),
        Err(Error::Io { source, .. }) => Err(source),
        Err(_) => Ok(false),
    }
}

/// An image of one channel.
pub struct Image {
    /// `[y, x]`, counts.
    pub pixels: Vec<f32>,
    /// Pixels across.
    pub width: usize,
}

/// The slide: what is there, and what the camera saw.
pub struct Slide {
    /// The mosaic's size.
    pub width: u32,
    /// The mosaic's size.
    pub height: u32,
    /// What is there, for each channel.
    pub truth: Vec<Image>,
    /// What the camera saw, fields painted in order, for each channel.
    pub observed: Vec<Image>,
    fields: Vec<CameraField>,
}

struct CameraField {
    channel: u32,
    m: u32,
    rect: Rect<Stored>,
    pixels: Samples,
}

impl Slide {
    /// Makes the slide; always the same one.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn make() -> Result<Self> {
        let (width, height) = ((GRID.0 - 1) * STEP + FIELD, (GRID.1 - 1) * STEP + FIELD);
        let mut rng = StdRng::seed_from_u64(SEED);
        let mut slide = Self { width, height, truth: Vec::new(), observed: Vec::new(), fields: Vec::new() };
        for (channel, (_, emission_nm, _)) in (0..).zip(CHANNELS) {
            let psf = psf_of(emission_nm)?;
            // Light from outside the scan reaches its edge, as on a real slide.
            let margin = psf.shape.x / 2;
            let object = specimen::draw(channel, width + 2 * margin, height + 2 * margin, &mut rng);
            let blurred = blur(&object, &psf, width as usize, height as usize);
            slide.scan(channel, &blurred, &mut rng);
            slide.truth.push(object.cropped(margin as usize, width as usize, height as usize));
        }
        Ok(slide)
    }

    /// Takes the fields in a snake, each with photon noise of its own.
    fn scan(&mut self, channel: u32, blurred: &Image, rng: &mut StdRng) {
        let mut observed = Image { pixels: vec![0.0; blurred.pixels.len()], width: blurred.width };
        for m in 0..GRID.0 * GRID.1 {
            let (row, place) = (m / GRID.0, m % GRID.0);
            let column = if row % 2 == 0 { place } else { GRID.0 - 1 - place };
            let (left, top) = ((column * STEP) as usize, (row * STEP) as usize);
            let mut pixels = Vec::with_capacity((FIELD * FIELD) as usize);
            for y in 0..FIELD as usize {
                let start = (top + y) * blurred.width + left;
                for x in start..start + FIELD as usize {
                    let photons = Poisson::new(blurred.pixels[x] + BACKGROUND).expect("light is positive");
                    let count: f32 = photons.sample(rng);
                    observed.pixels[x] = count;
                    pixels.push(count.min(65535.0) as u16);
                }
            }
            let rect = Rect::new(ORIGIN.0 + left as i64, ORIGIN.1 + top as i64, FIELD, FIELD);
            self.fields.push(CameraField { channel, m, rect, pixels: Samples::U16(pixels) });
        }
        self.observed.push(observed);
    }

    /// The fields as a CZI mosaic; always the same bytes.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn czi(&self) -> Result<Vec<u8>> {
        let mut writer = CziWriter::in_memory()?;
        for field in &self.fields {
            let plane = Plane { c: field.channel, ..Plane::default() };
            let described = NewSubblock::new(plane, field.rect, PixelType::Gray16);
            let subblock = NewSubblock { m: Some(field.m), compression: Compression::Zstd1, ..described };
            writer.add(&subblock, &field.pixels)?;
        }
        Ok(writer.finish(&metadata())?.into_inner())
    }

    /// Relative root mean square error of `image` against the truth of `channel`: ‖image − truth‖ / ‖truth‖.
    pub fn error(&self, channel: usize, image: impl Iterator<Item = f32>) -> f64 {
        let truth = &self.truth[channel].pixels;
        let (mut difference, mut norm) = (0.0, 0.0);
        for (&t, v) in truth.iter().zip(image) {
            difference += f64::from(v - t).powi(2);
            norm += f64::from(t).powi(2);
        }
        (difference / norm).sqrt()
    }
}

impl Image {
    fn cropped(&self, margin: usize, width: usize, height: usize) -> Self {
        let rows = (margin..margin + height).map(|y| &self.pixels[y * self.width + margin..][..width]);
        Self { pixels: rows.flatten().copied().collect(), width }
    }
}

fn psf_of(emission_nm: f64) -> Result<Psf> {
    let optics = WidefieldOptics { na: NA, refractive_index: REFRACTIVE_INDEX, emission_nm };
    Psf::born_wolf_plane(optics, (PIXEL_UM, PIXEL_UM))
}

/// The middle `width` × `height` pixels of `object` ⊗ `psf`, by the sum itself.
fn blur(object: &Image, psf: &Psf, width: usize, height: usize) -> Image {
    let side = psf.shape.x as usize;
    let mut pixels = vec![0.0; width * height];
    pixels.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (dy, weights) in psf.data.chunks(side).enumerate() {
            let source = &object.pixels[(y + side - 1 - dy) * object.width..][..object.width];
            for (dx, weight) in weights.iter().enumerate() {
                let shifted = &source[side - 1 - dx..][..width];
                row.iter_mut().zip(shifted).for_each(|(sum, value)| *sum += weight * value);
            }
        }
    });
    Image { pixels, width }
}

fn metadata() -> Metadata {
    let channel = |(name, emission_nm, color): (&str, f64, [u8; 3])| Channel {
        name: Some(name.to_owned()),
        color: Some(color),
        emission_nm: Some(emission_nm),
        acquisition_mode: Some("WideField".to_owned()),
        ..Channel::default()
    };
    Metadata {
        voxel_um: Zyx::new(None, Some(PIXEL_UM), Some(PIXEL_UM)),
        channels: CHANNELS.map(channel).to_vec(),
        optics: Optics {
            objective: Some(OBJECTIVE.to_owned()),
            na: Some(NA),
            magnification: Some(63.0),
            immersion: Some("Water".to_owned()),
            refractive_index: Some(REFRACTIVE_INDEX),
            z_axis_shear: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_blurred_into_the_psf() {
        let psf = psf_of(520.0).unwrap();
        let side = psf.shape.x as usize;
        let (width, height) = (side + 10, side + 4);
        let mut object =
            Image { pixels: vec![0.0; (width + side - 1) * (height + side - 1)], width: width + side - 1 };
        let centre = (height / 2 + side / 2) * object.width + width / 2 + side / 2;
        object.pixels[centre] = 1.0;
        let blurred = blur(&object, &psf, width, height);
        let corner = (height / 2 - side / 2) * width + width / 2 - side / 2;
        for (i, &expected) in psf.data.iter().enumerate() {
            assert_eq!(blurred.pixels[corner + i / side * width + i % side], expected, "voxel {i}");
        }
    }

    fn count(field: &CameraField, y: usize, x: usize) -> u16 {
        let Samples::U16(pixels) = &field.pixels else { panic!("the camera has 16 bits") };
        pixels[y * FIELD as usize + x]
    }

    #[test]
    fn neighbouring_fields_see_the_same_slide_with_noise_of_their_own() {
        let slide = Slide::make().unwrap();
        let (a, b) = (&slide.fields[0], &slide.fields[1]);
        let overlap = (0..FIELD as usize).flat_map(|y| (STEP as usize..FIELD as usize).map(move |x| (y, x)));
        let (mut same, mut pixels, mut difference) = (0, 0, 0.0);
        for (y, x) in overlap {
            let left = count(a, y, x);
            let right = count(b, y, x - STEP as usize);
            same += u32::from(left == right);
            pixels += 1;
            difference += f64::from(left) - f64::from(right);
        }
        assert!(same < pixels / 4, "{same} of {pixels} pixels agree: the noise is not their own");
        assert!(
            (difference / f64::from(pixels)).abs() < 2.0,
            "the means differ by {}",
            difference / f64::from(pixels)
        );
        assert!(slide.error(0, slide.truth[0].pixels.iter().copied()) == 0.0);
    }
}
