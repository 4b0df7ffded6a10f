//! From the spectrum of the back-projected mask to the weight, and to where it is not 1. 8 bytes a voxel.

use super::fft::{LinePlan, Passes};
use super::line_source;
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Rows of all pairs.
        pub lines: u32,
    }
    items = |p| p.lines.into()
}

/// Bindings: twiddles, spectrum, weight, edges: all 0 before.
pub fn shader(rows: &LinePlan) -> Shader {
    let source = line_source(rows, Passes::One, include_str!("../../shaders/weight_rows.wgsl"));
    Shader::new::<Params>(
        "weight_rows",
        source,
        &[Access::Read, Access::Read, Access::Write, Access::Write],
        rows.lines,
    )
}
