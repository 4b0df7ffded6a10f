//! Transform along the last axis, product with the OTF, inverse transform, in place. 8 bytes a voxel, and 4 for the
//! OTF of a single pair.

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
        /// 1: with the OTF. −1: with its conjugate.
        pub sign: f32,
    }
    items = |p| p.lines.into()
}

/// Bindings: twiddles, spectrum, OTF.
pub fn shader(last: &LinePlan) -> Shader {
    let source = line_source(last, Passes::Two, include_str!("../../shaders/convolve_lines.wgsl"));
    Shader::new::<Params>("convolve_lines", source, &[Access::Read, Access::Write, Access::Read], last.lines)
}
