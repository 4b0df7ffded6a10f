//! The backend that a plan fits: the chosen one, or what is gone on with where its memory does not do.

use super::{Chosen, Gpu, Image};
use crate::cli::args::BackendChoice;
use crate::error::{Error, Result};
use crate::gpu::Device;
use crate::options::Options;

/// How often less of a device's memory is tried, half of it each time.
const HALVINGS: u32 = 2;

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
) -> Result<(Chosen, Vec<Image>)> {
    let planned = |chosen: &Chosen, notes: &mut Vec<String>| {
        let mut said = Vec::new();
        let images = plan(chosen, &mut said)?;
        notes.append(&mut said);
        Ok(images)
    };
    let Chosen::Gpu(mut gpu) = chosen else {
        let images = planned(&chosen, notes)?;
        return Ok((chosen, images));
    };
    let is_auto = options.backend == BackendChoice::Auto;
    let mut halvings = 0;
    let reason = loop {
        let mut said = Vec::new();
        let error = match planned(&Chosen::Gpu(gpu.clone()), &mut said) {
            Ok(images) => match tried(&gpu, &images) {
                Ok(()) => {
                    notes.append(&mut said);
                    return Ok((Chosen::Gpu(Gpu { is_tried: true, ..gpu }), images));
                }
                Err(error) if is_auto && halvings < HALVINGS && matches!(error, Error::Limit { .. }) => {
                    halvings += 1;
                    gpu.memory_bytes /= 2;
                    notes.push(format!("{error}; planned again with {} MiB", gpu.memory_bytes >> 20));
                    continue;
                }
                Err(error) => error,
            },
            // With less memory it would not fit, either.
            Err(error) => error,
        };
        match error {
            Error::Limit { .. } | Error::Gpu { .. } if is_auto => break error,
            error => return Err(error),
        }
    };
    notes.push(format!("{reason}; computing on the processor"));
    let cpu = Chosen::Cpu { threads: options.threads };
    let images = planned(&cpu, notes)?;
    Ok((cpu, images))
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
