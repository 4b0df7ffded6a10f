//! The formula of every shader in Rust on plain slices: what the processor's backend runs on all cores, and what
//! the shaders are tested against.
//!
//! One file for each shader, same stem. The volumes of a pair of tiles are slices of [`Complex32`], `[z, y, x]`,
//! x fastest: the real part belongs to the first tile (lane 0 of the pair), the imaginary part to the second.
//! What runs on several cores does so on the rayon pool it is called from. Order and number of the passes are the
//! backend's; nothing here allocates a volume.

pub mod balance_lanes;
pub mod begin_rows;
pub mod change_rows;
mod columns;
pub mod convolve_lines;
pub mod divergence_rows;
pub mod downsample;
pub mod feather;
pub mod fill;
mod fourier;
pub mod pack;
pub mod ratio_rows;
pub mod stitch;
pub mod transform_lines;
pub mod update_rows;
pub mod weight_rows;

pub use fourier::{Direction, Fourier};
pub use rustfft::num_complex::Complex32;

use crate::constants::NO_DATA_LIMIT;

/// Whether there is no data in an observed pixel. A NaN counts as data: a float image is converted as it is.
#[inline]
pub fn is_no_data(observed: f32) -> bool {
    observed < NO_DATA_LIMIT
}

/// The value of one lane of a pair, 0 or 1.
#[inline]
pub fn lane_of(pair: Complex32, lane: u32) -> f32 {
    if lane == 0 { pair.re } else { pair.im }
}

/// The place of one lane of a pair, 0 or 1.
#[inline]
pub fn lane_of_mut(pair: &mut Complex32, lane: u32) -> &mut f32 {
    if lane == 0 { &mut pair.re } else { &mut pair.im }
}
