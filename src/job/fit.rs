//! The backend that a plan fits: the chosen one, or what is gone on with where its memory does not do.

use super::{Chosen, Gpu, Image};
use crate::error::{Error, Result};
use crate::gpu::Device;
use crate::options::{BackendChoice, Options};

/// How often less of a device's memory is tried, half of it each time.
const HALVINGS: u32 = 2;

/// A backend and what is planned for it.
pub struct Fitted {
    /// What computes.
    pub backend: Chosen,
    /// What later files are to be planned for: the device, also where this file is too large for it.
    pub for_later: Chosen,
    /// What is planned.
    pub images: Vec<Image>,
    /// Of the plan.
    pub notes: Vec<String>,
}

/// `chosen` and what `plan` makes for it. The memory that the largest image takes on a device is tried, once for all
/// files: nothing is known of what others hold there. With `--backend auto` a plan with half the memory, a quarter of it,
/// and then the processor take its place, and `notes` say so: all before any tile is computed, so that a file's pixels
/// come from one backend.
///
/// # Errors
/// Those of `plan`; `Limit` where the memory does not do, `Gpu` where the device fails.
pub fn fitted(
    chosen: Chosen,
    options: &Options,
    notes: &mut Vec<String>,
    plan: impl Fn(&Chosen, &mut Vec<String>) -> Result<Vec<Image>>,
) -> Result<Fitted> {
    let Chosen::Gpu(mut gpu) = chosen else {
        let mut said = Vec::new();
        let images = plan(&chosen, &mut said)?;
        return Ok(Fitted { backend: chosen.clone(), for_later: chosen, images, notes: said });
    };
    let is_auto = options.backend == BackendChoice::Auto;
    let mut halvings = 0;
    let (reason, is_planned) = loop {
        let mut said = Vec::new();
        let planned = plan(&Chosen::Gpu(gpu.clone()), &mut said);
        let is_planned = planned.is_ok();
        match planned.and_then(|images| tried(&gpu, &images).map(|()| images)) {
            Ok(images) => {
                let backend = Chosen::Gpu(Gpu { is_tried: true, ..gpu });
                return Ok(Fitted { backend: backend.clone(), for_later: backend, images, notes: said });
            }
            // A plan that does not fit would not with less, either.
            Err(error @ Error::Limit { .. }) if is_auto && is_planned && halvings < HALVINGS => {
                halvings += 1;
                gpu.memory_bytes /= 2;
                notes.push(format!("{error}; planned again with {} MiB", gpu.memory_bytes >> 20));
            }
            Err(error @ (Error::Limit { .. } | Error::Gpu { .. })) if is_auto => break (error, is_planned),
            Err(error) => return Err(error),
        }
    };
    notes.push(format!("{reason}; computing on the CPU"));
    let backend = Chosen::Cpu { threads: options.threads };
    let mut said = Vec::new();
    let images = plan(&backend, &mut said)?;
    let for_later = if is_planned { backend.clone() } else { Chosen::Gpu(gpu) };
    Ok(Fitted { backend, for_later, images, notes: said })
}

/// Whether the devices have the memory that `images` take; only asked before anything else holds some.
fn tried(gpu: &Gpu, images: &[Image]) -> Result<()> {
    gpu.devices().try_for_each(Device::check)?;
    if gpu.is_tried {
        return Ok(());
    }
    let bytes = images.iter().map(|image| image.plan.memory.device()).max().unwrap_or(0);
    // All at once: one device may be there twice.
    let taken = gpu.devices().map(|device| device.take_memory(bytes)).collect::<Result<Vec<_>>>();
    let taken = taken.map(drop);
    gpu.devices().try_for_each(Device::settle)?;
    taken
}
