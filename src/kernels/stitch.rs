//! Paints one field on a plane of a tile. 4 bytes a mosaic pixel, and those of the stored pixel;
//! 8 for a shading, which many fields share.

use super::{WORKGROUP, field_source};
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Columns to paint.
        pub width: u32,
        /// Rows to paint.
        pub height: u32,
        /// First column to paint, on the plane.
        pub plane_x: u32,
        /// First row to paint, on the plane.
        pub plane_y: u32,
        /// First column to paint, in the field.
        pub field_x: u32,
        /// First row to paint, in the field.
        pub field_y: u32,
        /// Pixels of a row of the plane.
        pub plane_width: u32,
        /// Pixels of a row of the field.
        pub field_width: u32,
        /// Samples of a stored pixel.
        pub samples: u32,
        /// Which of them is painted.
        pub sample: u32,
        /// [`super::sample_code`] of the field.
        pub kind: u32,
        /// The first pixel of its shading in the buffer, or [`super::NO_SHADING`].
        pub first_shading: u32,
    }
    items = |p| u64::from(p.width) * u64::from(p.height)
}

/// Bindings: field, shading, plane.
pub fn shader() -> Shader {
    let source = field_source(include_str!("../../shaders/stitch.wgsl"));
    Shader::new::<Params>("stitch", source, &[Access::Read, Access::Read, Access::Write], WORKGROUP)
}
