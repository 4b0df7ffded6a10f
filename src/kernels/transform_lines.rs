//! Transform of a volume along y, in place. 8 bytes a voxel.

use super::fft::{LinePlan, Passes};
use super::line_source;
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Lines of all pairs.
        pub lines: u32,
        /// Voxels from one number of a line to the next.
        pub stride: u32,
        /// 0: forward, 1: inverse.
        pub inverse: u32,
    }
    items = |p| p.lines.into()
}

/// Bindings: twiddles, spectrum.
pub fn shader(middle: &LinePlan) -> Shader {
    let source = line_source(middle, Passes::One, include_str!("../../shaders/transform_lines.wgsl"));
    Shader::new::<Params>("transform_lines", source, &[Access::Read, Access::Write], middle.lines)
}
