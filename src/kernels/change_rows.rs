//! How an iteration changes its point, beside how the one before did. 16 bytes a voxel: spectrum, estimate, and the change in
//! and out; 4 for the estimate before where the point is beyond the estimate, and 4 for the weight where it is not 1. Runs
//! only where an acceleration is measured.

use super::fft::{LinePlan, Passes};
use super::line_source;
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Rows of all pairs.
        pub lines: u32,
        /// Weight of the last change in the point.
        pub alpha: f32,
        /// 1 where there is no iteration before, else 0.
        pub is_first: u32,
    }
    items = |p| p.lines.into()
}

/// Bytes of the sums of one row: two floats.
pub const SUM_BYTES: u64 = 8;

/// Bindings: twiddles, spectrum, weight, edges, estimate, previous, change, sums of rows.
pub fn shader(rows: &LinePlan) -> Shader {
    let source = line_source(rows, Passes::TwoSums, include_str!("../../shaders/change_rows.wgsl"));
    let bindings = &[
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
    ];
    Shader::new::<Params>("change_rows", source, bindings, rows.lines)
}
