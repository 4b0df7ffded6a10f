//! Averages a painted plane into one lane of the observed volume. 4 bytes a mosaic pixel, 4 a voxel.

use super::{WORKGROUP, pixel_source};
use crate::gpu::{Access, Shader};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Lane of the group.
        pub lane: u32,
        /// First plane to write: it takes the data.
        pub first_plane: u32,
        /// Planes to write; those after the first hold no data.
        pub planes: u32,
        /// Columns of the tile with its halo, output pixels.
        pub width: u32,
        /// Rows of the tile with its halo, output pixels; 0: no data in the first plane either.
        pub height: u32,
        /// Mosaic pixels along each axis of an output pixel.
        pub scale: u32,
        /// Planes of the transform.
        pub fft_z: u32,
        /// Rows of the transform.
        pub fft_y: u32,
        /// Columns of the transform.
        pub fft_x: u32,
        /// Counts that are taken from each mean.
        pub subtracted: f32,
    }
    items = |p| u64::from(p.planes) * u64::from(p.fft_y) * u64::from(p.fft_x)
}

/// Bindings: plane, observed.
pub fn shader() -> Shader {
    let source = pixel_source(include_str!("../../shaders/downsample.wgsl"));
    Shader::new::<Params>("downsample", source, &[Access::Read, Access::Write], WORKGROUP)
}
