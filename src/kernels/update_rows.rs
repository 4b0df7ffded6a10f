//! From the spectrum of the back projection to that of the next point. 20 bytes a voxel: spectrum and estimate in and
//! out, weight; and 4 for the estimate before where the point is beyond the estimate.

use super::{fft::LinePlan, line_source};
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Rows of all pairs.
        pub lines: u32,
        /// Weight of the last change in the point.
        pub alpha: f32,
        /// The same in the next point; not 0: the next estimate takes the place of `previous`.
        pub next_alpha: f32,
    }
    items = |p| p.lines.into()
}

/// Bindings: twiddles, spectrum, weight, estimate, previous.
pub fn shader(rows: &LinePlan) -> Shader {
    let source = line_source(rows, include_str!("../../shaders/update_rows.wgsl"));
    let bindings = &[Access::Read, Access::Write, Access::Read, Access::Write, Access::Write];
    Shader::new::<Params>("update_rows", source, bindings, rows.lines)
}
