//! Sentences about a job that is planned.

use super::{Chosen, memory_of_run};
use crate::decon::{Precision, Start};
use crate::options::Options;
use crate::plan::Plan;

/// How far pixels are from those of f32; measured, see docs/book/src/explanation/benchmarks.md. From a flat start, the first ratios of two tiles that
/// share a transform are as unlike as they are.
const F16_ERROR: &str = "1e-4 to 5e-4 of a tile's largest";
const F16_ERROR_FROM_FLAT: &str =
    "up to 2e-3 of a tile's largest (--start flat), more beside a tile over 20 times as bright";

/// What `--precision f16` means for the pixels.
pub(super) fn precision_note(options: &Options, backend: &Chosen) -> Option<String> {
    if options.iterations == 0 || options.precision == Precision::F32 {
        return None;
    }
    Some(match backend.precision(options) {
        Precision::F32 => "--precision f16 is for a GPU: the CPU keeps everything in f32".to_owned(),
        Precision::F16 => {
            let error = if options.start == Start::Flat { F16_ERROR_FROM_FLAT } else { F16_ERROR };
            format!(
                "spectra are kept in 16 bits a number (--precision f16): values differ from those of f32 by {error}"
            )
        }
    })
}

/// What it costs that memory is short.
pub(super) fn read_again(plan: &Plan, options: &Options, backend: &Chosen) -> Option<String> {
    if plan.read_again == 0 {
        return None;
    }
    let memory_bytes = memory_of_run(options);
    let (flag, bytes) = match plan.memory.on_device {
        true => ("--gpu-memory", backend.limits(memory_bytes).memory_bytes),
        false => ("--memory", memory_bytes),
    };
    Some(format!(
        "scene {}: {} MiB of memory ({flag}) hold too few fields: {} are read again, {:.2} × the bytes that are needed",
        plan.scene,
        bytes >> 20,
        plan.read_again,
        plan.amplification
    ))
}
