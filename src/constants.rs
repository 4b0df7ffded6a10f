//! The numbers that every step of a computation agrees on, in Rust and in the shaders.

use serde::{Deserialize, Serialize};

/// Stands in `observed` where there is no data.
pub const NO_DATA: f32 = -f32::MAX;
/// What is below is no data.
pub const NO_DATA_LIMIT: f32 = -1e38;
/// The smallest divisor and the smallest estimate, in counts.
pub const FLOOR: f32 = 1e-6;
/// The smallest value of a start from the observed image, in counts: an estimate of 0 could never grow.
pub const START_FLOOR: f32 = 1e-3;
/// Below this sum of the PSF over the data, a pixel is not estimated (Bertero and Boccacci, section 3).
pub const WEIGHT_LIMIT: f32 = 0.01;
/// So near to 1, that sum is 1: the transforms that make it round by less. Such a weight is not read on a device.
pub const WEIGHT_ROUNDING: f32 = 4e-6;

/// How a graphics device stores spectra between two passes. It computes in f32 either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// In 32 bits a number.
    #[default]
    F32,
    /// In 16 bits a number.
    F16,
}

impl Precision {
    /// Bytes of a stored complex number.
    pub fn spectrum_bytes(self) -> u64 {
        match self {
            Self::F32 => 8,
            Self::F16 => 4,
        }
    }
}
