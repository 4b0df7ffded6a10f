//! The start of a pair of tiles, or the mask of its data, and their transform along x. 12 bytes a voxel (mask: 8).

use super::fft::{LinePlan, Passes};
use super::line_source;
use crate::gpu::{Access, Shader};

/// What the start is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The observed image, less the background.
    Observed,
    /// 1 everywhere.
    Flat,
    /// 1 where there is data, 0 elsewhere; leaves the estimate as it is.
    Mask,
}

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Which pair.
        pub pair: u32,
        /// A [`Mode`] as a number.
        pub mode: u32,
        /// Counts that do not come from the object.
        pub background: f32,
        /// Planes of the transform.
        pub fft_z: u32,
        /// Rows of the transform.
        pub fft_y: u32,
        /// Planes of the even lane's tile.
        pub even_z: u32,
        /// Rows of the even lane's tile.
        pub even_y: u32,
        /// Columns of the even lane's tile.
        pub even_x: u32,
        /// Planes of the odd lane's tile; 0 when there is none.
        pub odd_z: u32,
        /// Rows of the odd lane's tile.
        pub odd_y: u32,
        /// Columns of the odd lane's tile.
        pub odd_x: u32,
    }
    items = |p| u64::from(p.fft_z) * u64::from(p.fft_y)
}

/// Bindings: twiddles, spectrum, observed, estimate, balance.
pub fn shader(rows: &LinePlan) -> Shader {
    let modes = [("OBSERVED", Mode::Observed), ("FLAT", Mode::Flat), ("MASK", Mode::Mask)];
    let modes = modes.map(|(name, mode)| format!("const {name}: u32 = {}u;\n", mode as u32)).concat();
    let source = modes + &line_source(rows, Passes::One, include_str!("../../shaders/begin_rows.wgsl"));
    let bindings = &[Access::Read, Access::Write, Access::Read, Access::Write, Access::Read];
    Shader::new::<Params>("begin_rows", source, bindings, rows.lines)
}
