//! Blends one field into a plane of a tile. 16 bytes a mosaic pixel, and those of the stored pixel;
//! 8 for a shading, which many fields share.

use std::ops::Range;

use super::{WORKGROUP, field_source, stitch};
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Columns to blend.
        pub width: u32,
        /// Rows to blend.
        pub height: u32,
        /// First column to blend, on the plane.
        pub plane_x: u32,
        /// First row to blend, on the plane.
        pub plane_y: u32,
        /// First column to blend, in the field.
        pub field_x: u32,
        /// First row to blend, in the field.
        pub field_y: u32,
        /// Pixels of a row of the plane.
        pub plane_width: u32,
        /// Pixels of a row of the field.
        pub field_width: u32,
        /// Samples of a stored pixel.
        pub samples: u32,
        /// Which of them is blended.
        pub sample: u32,
        /// [`super::sample_code`] of the field.
        pub kind: u32,
        /// The first pixel of its shading in the buffer, or [`super::NO_SHADING`].
        pub first_shading: u32,
        /// The field's first column with a weight.
        pub left: u32,
        /// The column after the last.
        pub right: u32,
        /// The field's first row with a weight.
        pub top: u32,
        /// The row after the last.
        pub bottom: u32,
    }
    items = |p| u64::from(p.width) * u64::from(p.height)
}

impl Params {
    /// The same part as `stitch` paints, of a field that has weights in these columns and rows.
    pub fn of(stitch: &stitch::Params, columns: Range<u32>, rows: Range<u32>) -> Self {
        Self {
            width: stitch.width,
            height: stitch.height,
            plane_x: stitch.plane_x,
            plane_y: stitch.plane_y,
            field_x: stitch.field_x,
            field_y: stitch.field_y,
            plane_width: stitch.plane_width,
            field_width: stitch.field_width,
            samples: stitch.samples,
            sample: stitch.sample,
            kind: stitch.kind,
            first_shading: stitch.first_shading,
            left: columns.start,
            right: columns.end,
            top: rows.start,
            bottom: rows.end,
        }
    }
}

/// Bindings: field, shading, plane, weights.
pub fn shader() -> Shader {
    let source = field_source(include_str!("../../shaders/feather.wgsl"));
    Shader::new::<Params>(
        "feather",
        source,
        &[Access::Read, Access::Read, Access::Write, Access::Write],
        WORKGROUP,
    )
}
