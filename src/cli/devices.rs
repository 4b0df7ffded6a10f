//! `decon-gpu devices`.

use std::process::ExitCode;

use super::print;
use crate::error::Result;
use crate::gpu;

pub fn run() -> Result<ExitCode> {
    let adapters = gpu::adapters();
    if adapters.is_empty() {
        print("no Vulkan device; `--backend cpu` computes on the processor");
    }
    for adapter in adapters {
        print(&adapter.summary.to_string());
    }
    Ok(ExitCode::SUCCESS)
}
