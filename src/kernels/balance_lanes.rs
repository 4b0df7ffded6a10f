//! What makes the two lanes of a pair as bright as each other in a spectrum. Once for each group; 8 bytes for each of the
//! [`SAMPLES`] voxels of a pair.

use super::{WORKGROUP, float_constant, pixel_source};
use crate::gpu::{Access, Shader};
use crate::twins::balance_lanes::{BRIGHTEST, SAMPLES, SPREAD};

shader_params! {
    /// Parameters of the shader.
    pub struct Params {
        /// How many pairs.
        pub pairs: u32,
        /// Of one pair.
        pub voxels: u32,
        /// Counts that do not come from the object.
        pub background: f32,
    }
    items = |p| p.pairs.into()
}

/// Bindings: observed, balance.
pub fn shader() -> Shader {
    let constants = format!("const SAMPLES: u32 = {SAMPLES}u;\nconst SPREAD: u32 = {SPREAD}u;\n")
        + &float_constant("BRIGHTEST", BRIGHTEST);
    let source = constants + &pixel_source(include_str!("../../shaders/balance_lanes.wgsl"));
    const { assert!(WORKGROUP.is_power_of_two(), "sums are halved") };
    Shader::new::<Params>("balance_lanes", source, &[Access::Read, Access::Write], 1)
}
