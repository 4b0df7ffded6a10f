//! From the spectrum of the back projection to that of the next point. 16 bytes a voxel: spectrum and estimate in and
//! out; 4 for the estimate before where the point is beyond the estimate; 4 for the weight where it is not 1, and 4 a
//! row for knowing that.

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
        /// Weight of the last change in the point.
        pub alpha: f32,
        /// The same in the next point; not 0: the next estimate takes the place of `previous`.
        pub next_alpha: f32,
    }
    items = |p| p.lines.into()
}

/// Bindings: twiddles, spectrum, weight, edges, estimate, previous, balance.
pub fn shader(rows: &LinePlan) -> Shader {
    let source = line_source(rows, Passes::Step, include_str!("../../shaders/update_rows.wgsl"));
    let bindings = &[
        Access::Read,
        Access::Write,
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
        Access::Read,
    ];
    Shader::new::<Params>("update_rows", source, bindings, rows.lines)
}
