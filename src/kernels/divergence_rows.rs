//! From the spectrum of the blurred point to its divergence from the observed image. 8 bytes a voxel: spectrum,
//! observed; runs only where the number of iterations is decided.

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

/// Bindings: twiddles, spectrum, observed, sums of rows, balance.
pub fn shader(rows: &LinePlan) -> Shader {
    let source = line_source(rows, Passes::Sum, include_str!("../../shaders/divergence_rows.wgsl"));
    let bindings = &[Access::Read, Access::Read, Access::Read, Access::Write, Access::Read];
    Shader::new::<Params>("divergence_rows", source, bindings, rows.lines)
}
