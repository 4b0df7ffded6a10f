//! What the operating system says of memory and of the processor.

/// Memory for a run when the user says nothing and the system cannot be asked: 2 GiB.
const UNKNOWN: u64 = 2 << 30;

/// A quarter of the computer's memory, or of what its control group allows.
pub fn default_memory_bytes() -> u64 {
    let total = kib_of("/proc/meminfo", "MemTotal:").map(|kib| kib << 10);
    let group =
        std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    total.into_iter().chain(group).min().map_or(UNKNOWN, |bytes| bytes / 4)
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

/// Seconds of processor cores that this process used so far, to 10 ms; `None` where the system does not say.
pub fn cpu_secs() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name in brackets, may hold anything. User and system time are fields 14 and 15, in
    // hundredths of a second on every Linux (proc(5), USER_HZ).
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().ok());
    Some(ticks.sum::<Option<u64>>()? as f64 / 100.0)
}

fn kib_of(file: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}
