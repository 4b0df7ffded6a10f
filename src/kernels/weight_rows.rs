//! From the spectrum of the back-projected mask to the weight. 8 bytes a voxel.

use super::{fft::LinePlan, line_source};
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Rows of all pairs.
        pub lines: u32,
    }
    items = |p| p.lines.into()
}

/// Bindings: twiddles, spectrum, weight.
pub fn shader(rows: &LinePlan) -> Shader {
    let source = line_source(rows, include_str!("../../shaders/weight_rows.wgsl"));
    Shader::new::<Params>("weight_rows", source, &[Access::Read, Access::Read, Access::Write], rows.lines)
}
