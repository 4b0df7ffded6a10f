//! A plane of a tile without data: the ground that fields are painted on. 4 bytes a mosaic pixel.

use super::{WORKGROUP, pixel_source};
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Mosaic pixels of the plane.
        pub count: u32,
    }
    items = |p| p.count.into()
}

/// Bindings: plane.
pub fn shader() -> Shader {
    let source = pixel_source(include_str!("../../shaders/fill.wgsl"));
    Shader::new::<Params>("fill", source, &[Access::Write], WORKGROUP)
}
