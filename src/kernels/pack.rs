//! Brings the core of one lane into the output type. 8 bytes a voxel, and those of the output.

use super::{WORKGROUP, pixel_source};
use crate::gpu::{Access, Shader};
use crate::pixels::SampleType;

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// Lane of the group.
        pub lane: u32,
        /// Columns of the core.
        pub width: u32,
        /// Rows of the core.
        pub height: u32,
        /// Planes of the core.
        pub planes: u32,
        /// First column of the core, in the tile with its halo.
        pub x: u32,
        /// First row of the core, in the tile with its halo.
        pub y: u32,
        /// First plane of the core, in the tile with its halo.
        pub z: u32,
        /// Planes of the transform.
        pub fft_z: u32,
        /// Rows of the transform.
        pub fft_y: u32,
        /// Columns of the transform.
        pub fft_x: u32,
        /// [`super::sample_code`] of the output.
        pub kind: u32,
        /// What comes out where there is no data.
        pub fill: f32,
    }
    items = |p| {
        let values = u64::from(p.width) * u64::from(p.height) * u64::from(p.planes);
        values.div_ceil(values_per_word(p.kind))
    }
}

fn values_per_word(kind: u32) -> u64 {
    let kinds = [SampleType::U8, SampleType::U16, SampleType::F32];
    let kind =
        kinds.into_iter().find(|&k| super::sample_code(k) == kind).expect("a code of a type of sample");
    4 / kind.bytes() as u64
}

/// Bytes before the values: how many were clamped, and by how many counts, low and high word.
pub const HEADER_BYTES: usize = 12;

/// Bindings: image, observed, result.
pub fn shader() -> Shader {
    let source = pixel_source(include_str!("../../shaders/pack.wgsl"));
    Shader::new::<Params>("pack", source, &[Access::Read, Access::Read, Access::Write], WORKGROUP)
}
