//! What the operating system says of memory and of the processor.

use super::control_group::memory_limit;
use crate::error::{Error, Result};

/// Memory for a run when the user says nothing and the system cannot be asked: 2 GiB.
const UNKNOWN: u64 = 2 << 30;

/// A quarter of the computer's memory, or of what a batch system or a container allows.
pub fn default_memory_bytes() -> u64 {
    let total = kib_of("/proc/meminfo", "MemTotal:").map(|kib| kib << 10);
    total.into_iter().chain(memory_limit()).min().map_or(UNKNOWN, |bytes| bytes / 4)
}

/// Refuses what takes more than the memory of the run before it is read.
///
/// # Errors
/// `Limit`.
pub(super) fn check_memory(what: &str, needed_bytes: u64, memory_bytes: u64) -> Result<()> {
    if needed_bytes <= memory_bytes {
        return Ok(());
    }
    let mib = |bytes: u64| format!("{} MiB", bytes.div_ceil(1 << 20));
    Err(Error::Limit {
        what: what.to_owned(),
        needed: mib(needed_bytes),
        available: format!("{} (--memory)", mib(memory_bytes)),
    })
}

/// The most memory that this process held; `None` where the system does not say.
pub fn peak_memory_bytes() -> Option<u64> {
    kib_of("/proc/self/status", "VmHWM:").map(|kib| kib << 10)
}

/// The memory that this process holds now; `None` where the system does not say.
pub fn memory_bytes() -> Option<u64> {
    kib_of("/proc/self/status", "VmRSS:").map(|kib| kib << 10)
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Seconds of processor cores that this process used so far; `None` where the system does not say.
pub fn cpu_secs() -> Option<f64> {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

fn kib_of(file: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}
