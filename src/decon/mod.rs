//! Deconvolution: the methods (`method`), the loop that they share ([`iterate`]), and the trait [`Backend`] of what computes.
//!
//! A backend holds the volumes of one *group*: up to `lanes` tiles of one channel that are deconvolved
//! together, each padded to the shape of the Fourier transform ([`Setup::fft`], x fastest). Two lanes, `2p` and
//! `2p + 1`, are the real and the imaginary part of one complex volume, the *pair* `p`: with a real PSF they stay
//! apart through transform, product and inverse transform.
//!
//! Conventions that both backends keep:
//! - A pixel that no field covers, or that lies outside the mosaic, holds [`NO_DATA`] in `observed`; whatever is
//!   below [`NO_DATA_LIMIT`] is no data. Its ratio is 0, and it comes out as the fill value.
//! - The OTF is the transform of the PSF with its centre at index 0, and carries the 1/N of the inverse transform.
//! - Boundaries are Bertero and Boccacci's (doi 10.1051/0004-6361:20052717): the work volume is larger than the
//!   data, and `weight` = 1 / (hᵀ ⊗ 1 over the data) where that is above [`WEIGHT_LIMIT`], else 0.

mod cpu;
mod gpu;
mod iterate;
mod method;
mod null;
mod otf;
mod volumes;

#[cfg(test)]
pub(crate) mod oracle;
#[cfg(test)]
mod tests;

pub use crate::constants::{
    FLOOR, NO_DATA, NO_DATA_LIMIT, Precision, START_FLOOR, WEIGHT_LIMIT, WEIGHT_ROUNDING,
};
pub use crate::twins::change_rows::Changes;
pub use crate::twins::pack::Clamped;
pub use cpu::{CpuBackend, OpenTiles, Painter};
pub use gpu::GpuBackend;
pub use iterate::{Course, Decided, Until, iterate};
pub use method::Method;
pub use null::NullBackend;
pub use otf::otf;
pub use volumes::VolumeRole;

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::dataset::FieldSamples;
use crate::error::Result;
use crate::pixels::{PixelType, SampleType, Samples};
use crate::psf::Psf;
use crate::space::{Local, Rect, Zyx};
use crate::tile::Tile;
use crate::twins::pack::Packed;

/// What a mosaic shows where fields overlap; `twins::feather` has the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// The field with the highest M.
    #[default]
    Paint,
    /// The mean of all fields, by weights that fall linearly towards each field's own edges.
    Feather,
}

/// The first estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// The image less the background, at least a little; beyond its edges the nearest row or column goes on.
    Observed,
    /// 1 everywhere.
    Flat,
}

/// What a backend must be ready for: every buffer is made from this, once.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Shape of the Fourier transform: tile with halo, plus PSF − 1, rounded up to a size that is fast.
    /// Without deconvolution: the largest padded tile.
    pub fft: Zyx<u32>,
    /// Tiles in one group, at most; even when there is something to deconvolve.
    pub lanes: u32,
    /// Whose volumes are held when there is something to deconvolve.
    pub method: Method,
    /// Mosaic pixels that one output pixel averages, along each axis: 1, 2, 4 or 8.
    pub scale: u32,
    /// What is observed where fields overlap.
    pub overlap: Overlap,
    /// Of a device's spectra.
    pub precision: Precision,
    /// Of each output channel; `None` where pixels are observed as they are stored, empty when all are.
    pub shading: Vec<Option<Arc<Shading>>>,
    /// Of each output channel; empty where the camera adds nothing.
    pub camera: Vec<Camera>,
    /// What comes out.
    pub output: SampleType,
    /// What comes out where there is no data, of each output channel; that of the last holds for all behind it.
    pub fill: Vec<f32>,
    /// Largest core, in output voxels.
    pub core: Zyx<u32>,
    /// Fields that are held at once, at most.
    pub field_slots: u32,
    /// Bytes of the largest field.
    pub field_bytes: u64,
    /// One for each output channel; empty when nothing is to be deconvolved.
    pub channels: Vec<ChannelSetup>,
}

impl Setup {
    /// What comes out of output channel `channel` where there is no data.
    pub fn fill_of(&self, channel: u32) -> f32 {
        fill_of(&self.fill, channel)
    }

    /// The shading of output channel `channel`.
    pub fn shading_of(&self, channel: u32) -> Option<&Shading> {
        self.shading.get(channel as usize)?.as_deref()
    }

    /// What is subtracted from all that is observed of output channel `channel`.
    pub fn subtracted(&self, channel: u32) -> f32 {
        self.camera_of(channel as usize).subtracted()
    }

    /// Counts that the model of output channel `channel` adds to the blurred object.
    fn added(&self, channel: usize) -> f32 {
        self.channels[channel].background + self.camera_of(channel).read_variance
    }

    fn camera_of(&self, channel: usize) -> Camera {
        self.camera.get(channel).copied().unwrap_or_default()
    }
}

/// As [`Setup::fill_of`], of the values alone.
pub fn fill_of(fill: &[f32], channel: u32) -> f32 {
    fill.get(channel as usize).or(fill.last()).copied().unwrap_or(0.0)
}

/// What camera and illumination make of a field. What is observed of a stored value is (value − dark) · gain, in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Shading {
    /// Pixels of every field across.
    pub width: u32,
    /// Pixels of every field down.
    pub height: u32,
    /// `[y, x]`: the dark counts, and the gain.
    pub pixels: Vec<[f32; 2]>,
}

/// What a camera adds to a count of light: a constant, and noise about it. A count of light that is Poisson distributed, and
/// noise of variance s², have nearly the distribution of Poisson counts of mean and variance light + s² once s² is added
/// (Snyder, Hammoud and White 1993, doi 10.1364/JOSAA.10.001014): data d − offset + s², model h ⊗ u + b + s². What stays
/// below zero, noise beyond s²/s deviations, is kept: its ratio is negative, and only their sum under the PSF counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Camera {
    /// Counts without light.
    pub offset: f32,
    /// Variance of the read noise, in counts²; 0 when nothing is deconvolved.
    pub read_variance: f32,
}

impl Camera {
    fn subtracted(self) -> f32 {
        self.offset - self.read_variance
    }
}

/// What the deconvolution of one output channel needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelSetup {
    /// At the output's voxel size.
    pub psf: Psf,
    /// Counts of light that does not come from the object.
    pub background: f32,
}

/// A decoded field on its way to a backend.
#[derive(Clone, Debug)]
pub struct Field {
    /// Stored type.
    pub pixel_type: PixelType,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The parts that are painted, which do not overlap; `None` for all.
    pub shown: Option<Vec<Rect<Local>>>,
    /// `height × width × samples` values.
    pub samples: FieldSamples,
}

impl Field {
    /// The least rectangle around what is painted of it.
    pub fn bounds(&self) -> Rect<Local> {
        let whole = Rect::new(0, 0, self.width, self.height);
        self.shown.as_ref().map_or(whole, |shown| shown.iter().copied().reduce(Rect::union).unwrap_or(whole))
    }

    /// The parts that are painted.
    fn shown(&self) -> impl Iterator<Item = Rect<Local>> {
        let whole = self.shown.is_none().then(|| Rect::new(0, 0, self.width, self.height));
        self.shown.iter().flatten().copied().chain(whole)
    }
}

/// A tile's core as it will be written.
#[derive(Debug)]
pub struct FinishedTile {
    /// Which.
    pub tile: Tile,
    /// `[z, y, x]` of the core. None where no field lies: all of it is the fill value, and nobody makes a buffer for that.
    pub samples: Samples,
    /// Values that did not fit the output type and were set to its nearest value.
    pub clamped: Clamped,
    /// When a device worked on it.
    pub worked: Worked,
}

impl FinishedTile {
    /// A tile on which no field lies.
    pub fn bare(tile: Tile) -> Self {
        Self {
            tile,
            samples: Samples::U8(Vec::new()),
            clamped: Clamped::default(),
            worked: Worked::default(),
        }
    }

    /// Whether no field lies on it.
    pub fn is_bare(&self) -> bool {
        self.samples.is_empty()
    }

    /// What a bare one stands for: `value` everywhere, as `output` holds it.
    pub fn fill(&self, output: SampleType, value: f32) -> Samples {
        let count = self.tile.core_shape().count();
        match output {
            SampleType::U8 => Samples::U8(vec![u8::from_f32(value).0; count]),
            SampleType::U16 => Samples::U16(vec![u16::from_f32(value).0; count]),
            SampleType::F32 => Samples::F32(vec![value; count]),
        }
    }
}

/// Intervals of a device that times itself.
#[derive(Debug, Default)]
pub struct Worked {
    /// Which of several.
    pub device: usize,
    /// In order; empty where nothing is timed.
    pub times: Vec<Range<Instant>>,
}

/// One group's volumes and the steps on them, as large as what one pass over memory can hold.
pub trait Backend {
    /// A field where this backend stitches from.
    type Field;

    /// Takes a field in.
    fn upload(&mut self, field: Field) -> Result<Self::Field>;

    /// Gives a field's place back.
    fn release(&mut self, field: Self::Field);

    /// observed of `lane` ← the tile's layers painted in order, or blended ([`Setup::overlap`]), averaged `scale` × `scale` over the pixels that
    /// have data. `fields[i]` is the field of `tile.layers[i]`.
    fn stitch(&mut self, lane: usize, tile: &Tile, fields: &[&Self::Field]) -> Result<()>;

    /// Makes weight and estimate ready for the first `lanes` lanes of output channel `channel`:
    /// weight ← 1 / (hᵀ ⊗ data mask), estimate ← start, which is the first point.
    fn begin(&mut self, channel: usize, lanes: usize, start: Start) -> Result<()>;

    /// ratio ← observed / max(h ⊗ point + background, [`FLOOR`]); 0 where there is no data.
    fn project(&mut self) -> Result<()>;

    /// As [`Backend::project`]. Returns the divergence of the point over all tiles of the group: Σ d ln(d / y) − d + y with
    /// d = observed, y = max(h ⊗ point + background, [`FLOOR`]), where there is data.
    fn project_and_measure(&mut self) -> Result<f64>;

    /// correction ← hᵀ ⊗ ratio.
    fn back_project(&mut self) -> Result<()>;

    /// How the update that comes next changes its point: g = max(point · weight · correction, [`FLOOR`]) − point, and the g that
    /// this said in the iteration before, over all tiles of the group.
    ///
    /// # Panics
    /// Where the method of the setup does not hold what that takes ([`VolumeRole::Change`]).
    fn measure_change(&mut self) -> Result<Changes>;

    /// estimate ← max(point · weight · correction, [`FLOOR`]), and the next point ←
    /// max(estimate + alpha (estimate − the last estimate), [`FLOOR`]).
    fn update(&mut self, alpha: f32) -> Result<()>;

    /// Starts to bring the core of `lane` out: the estimate, or observed when nothing was deconvolved; no data ←
    /// fill; rounded to even and clamped to the output type. Returns the oldest tile once every place for
    /// read-back is taken.
    fn download(&mut self, lane: usize, tile: Tile) -> Result<Option<FinishedTile>>;

    /// The oldest tile still on its way; `None` when there is none.
    fn drain(&mut self) -> Result<Option<FinishedTile>>;
}
