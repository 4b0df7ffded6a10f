//! The compute kernels: for each the parameters, the complete shader text and the number of items.
//!
//! One file for each shader of `shaders/`, same stem; the same formula in Rust lives in `twins`. What a kernel costs
//! stands in its file as bytes that one run moves through memory for each real voxel (f32, without what the caches
//! save). The line kernels together, for one iteration of Richardson–Lucy:
//!
//! | 2D                          | bytes | 3D                               | bytes |
//! |-----------------------------|-------|----------------------------------|-------|
//! | `convolve_lines` (y)        | 8     | `transform_lines` (y)            | 8     |
//! | `ratio_rows`                | 12    | `convolve_lines` (z)             | 8     |
//! | `convolve_lines` (y)        | 8     | `transform_lines` (y)            | 8     |
//! | `update_rows`               | 16    | `ratio_rows`                     | 12    |
//! |                             |       | `transform_lines` (y)            | 8     |
//! |                             |       | `convolve_lines` (z)             | 8     |
//! |                             |       | `transform_lines` (y)            | 8     |
//! |                             |       | `update_rows`                    | 16    |
//! | four dispatches             | 44    | eight dispatches                 | 76    |
//!
//! With spectra in f16 a pass moves 4 less: 28 and 44 in all.
//!
//! Beside that: 4 in each `convolve_lines` for the OTF, unless it stays in the cache or serves many pairs; 4 in
//! `update_rows` for SHB; and there 4 for the weight where it is not 1, near edges of the data.

/// A kernel's `Params`: the struct, and its fields by name, type and offset for the test that compares them with
/// the shader's.
macro_rules! shader_params {
    (
        $(#[$doc:meta])* pub struct Params { $($(#[$field_doc:meta])* pub $field:ident: $kind:ident,)* }
        items = |$params:ident| $items:expr
    ) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct Params { $($(#[$field_doc])* pub $field: $kind,)* }

        impl crate::gpu::ShaderParams for Params {
            const FIELDS: &'static [crate::gpu::ParamField] = &[$(crate::gpu::ParamField {
                name: stringify!($field),
                kind: stringify!($kind),
                offset: std::mem::offset_of!(Params, $field),
            }),*];

            fn items(&self) -> u64 {
                let $params = self;
                $items
            }
        }
    };
}

pub mod balance_lanes;
pub mod begin_rows;
pub mod change_rows;
pub mod convolve_lines;
pub mod divergence_rows;
pub mod downsample;
pub mod feather;
pub mod fft;
pub mod fill;
pub mod pack;
pub mod ratio_rows;
pub mod stitch;
pub mod transform_lines;
pub mod update_rows;
pub mod weight_rows;

use crate::constants::{
    FLOOR, NO_DATA, NO_DATA_LIMIT, Precision, START_FLOOR, WEIGHT_LIMIT, WEIGHT_ROUNDING,
};
use crate::error::Result;
use crate::gpu::{Shader, WorkgroupLimits};
use crate::pixels::SampleType;
use crate::space::Zyx;
use fft::{LinePlan, LinePlans, Passes};

/// Invocations of a workgroup that fill a device and that every device takes.
const WORKGROUP: u32 = 256;

/// For the first pixel of a shading: there is none.
pub const NO_SHADING: u32 = u32::MAX;

/// The shaders' code for a type of sample.
pub fn sample_code(kind: SampleType) -> u32 {
    match kind {
        SampleType::U8 => 0,
        SampleType::U16 => 1,
        SampleType::F32 => 2,
    }
}

/// Every shader for a transform of shape `fft` whose spectra are stored as `stored` says.
///
/// # Errors
/// `Limit` when an axis is longer than a workgroup's `limits` allow.
pub fn shaders(fft: Zyx<u32>, limits: WorkgroupLimits, stored: Precision) -> Result<Vec<Shader>> {
    let LinePlans { rows, last, middle } = LinePlans::new(fft, limits)?.storing(stored);
    let mut shaders = vec![
        fill::shader(),
        stitch::shader(),
        feather::shader(),
        downsample::shader(),
        balance_lanes::shader(),
        begin_rows::shader(&rows),
        change_rows::shader(&rows),
        convolve_lines::shader(&last),
        divergence_rows::shader(&rows),
        ratio_rows::shader(&rows),
        update_rows::shader(&rows),
        weight_rows::shader(&rows),
        pack::shader(),
    ];
    shaders.extend(middle.as_ref().map(transform_lines::shader));
    Ok(shaders)
}

/// Text of a shader that works on single pixels.
fn pixel_source(body: &str) -> String {
    format!("{}const WORKGROUP: u32 = {WORKGROUP}u;\n\n{COMMON}\n{body}", constants())
}

/// Text of a shader that works on single pixels of a field.
fn field_source(body: &str) -> String {
    pixel_source(&format!("{STORED}\n{body}"))
}

/// Text of a shader that transforms lines.
fn line_source(plan: &LinePlan, passes: Passes, body: &str) -> String {
    let (constants, lines, transforms) = (constants(), plan.constants(), plan.text(passes));
    let spectrum = match plan.stored {
        Precision::F32 => SPECTRUM_F32,
        Precision::F16 => SPECTRUM_F16,
    };
    format!("{constants}{lines}\n{COMMON}\n{spectrum}\n{FFT}\n{transforms}\n{body}")
}

const COMMON: &str = include_str!("../../shaders/common.wgsl");
const STORED: &str = include_str!("../../shaders/stored.wgsl");
const SPECTRUM_F32: &str = include_str!("../../shaders/spectrum_f32.wgsl");
const SPECTRUM_F16: &str = include_str!("../../shaders/spectrum_f16.wgsl");
const FFT: &str = include_str!("../../shaders/fft.wgsl");

fn constants() -> String {
    let floats = [
        ("NO_DATA", NO_DATA),
        ("NO_DATA_LIMIT", NO_DATA_LIMIT),
        ("FLOOR", FLOOR),
        ("START_FLOOR", START_FLOOR),
        ("WEIGHT_LIMIT", WEIGHT_LIMIT),
        ("WEIGHT_ROUNDING", WEIGHT_ROUNDING),
    ];
    let codes = [("U8", SampleType::U8), ("U16", SampleType::U16), ("F32", SampleType::F32)];
    let floats = floats.map(|(name, value)| float_constant(name, value));
    let codes = codes.map(|(name, kind)| format!("const {name}: u32 = {}u;\n", sample_code(kind)));
    floats.concat() + &codes.concat() + &format!("const NO_SHADING: u32 = {NO_SHADING}u;\n")
}

/// With the digits of the f64 of the same value: the fewest digits that tell an f32 from its neighbours may lie beyond the
/// largest, which WGSL refuses.
fn float_constant(name: &str, value: f32) -> String {
    format!("const {name}: f32 = {:e}f;\n", f64::from(value))
}
