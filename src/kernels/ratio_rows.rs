//! From the spectrum of the blurred point to that of the ratio. 12 bytes a voxel: spectrum in and out, observed.

use super::fft::{LinePlan, Passes};
use super::line_source;
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Rows of all pairs.
        pub lines: u32,
        /// Of one pair.
        pub pair_lines: u32,
        /// Counts that do not come from the object.
        pub background: f32,
    }
    items = |p| p.lines.into()
}

/// Bindings: twiddles, spectrum, observed, balance.
pub fn shader(rows: &LinePlan) -> Shader {
    let source = line_source(rows, Passes::Two, include_str!("../../shaders/ratio_rows.wgsl"));
    let bindings = &[Access::Read, Access::Write, Access::Read, Access::Read];
    Shader::new::<Params>("ratio_rows", source, bindings, rows.lines)
}
