//! `decon-gpu devices`.

use std::process::ExitCode;

use crate::error::Result;
use crate::gpu;
use crate::say;

pub fn run() -> Result<ExitCode> {
    let adapters = gpu::adapters();
    if adapters.is_empty() {
        say::out("no Vulkan device; `--backend cpu` computes on the CPU")?;
    }
    for adapter in adapters {
        say::out(&adapter.summary.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
