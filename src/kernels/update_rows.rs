//! From the spectrum of the back projection to that of the next point. 28 bytes a voxel: spectrum, estimate and
//! point in and out, weight.

use super::{fft::LinePlan, line_source};
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Rows of all pairs.
        pub lines: u32,
        /// Weight of the last change in the next point.
        pub alpha: f32,
    }
    items = |p| p.lines.into()
}

/// Bindings: twiddles, spectrum, weight, estimate, point.
pub fn shader(rows: &LinePlan) -> Shader {
    let source = line_source(rows, include_str!("../../shaders/update_rows.wgsl"));
    let bindings = &[Access::Read, Access::Write, Access::Read, Access::Write, Access::Write];
    Shader::new::<Params>("update_rows", source, bindings, rows.lines)
}
