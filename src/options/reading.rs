//! What the flags of reading mean: sizes, times, hosts.

use std::time::Duration;

use crate::cli::args::ReadingArgs;
use crate::error::{Error, Result};
use crate::source::{Access, Merging, Simulation, seconds};
use crate::stop::Stop;

/// Reads a size such as `2GiB`, `800MiB`, `1.5 GB` or a plain number of bytes.
pub(super) fn bytes(flag: &str, text: &str) -> Result<u64> {
    const UNITS: [(&str, f64); 9] = [
        ("kib", 1024.0),
        ("mib", 1048576.0),
        ("gib", 1073741824.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("k", 1024.0),
        ("m", 1048576.0),
        ("g", 1073741824.0),
    ];
    let lower = text.trim().to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(name, factor)| Some((lower.strip_suffix(name)?, *factor)));
    let (number, factor) = unit.unwrap_or((lower.strip_suffix('b').unwrap_or(&lower), 1.0));
    let size = number.trim().parse().ok().map(|n: f64| n * factor).filter(|n| (1.0..1e18).contains(n));
    size.map(|n| n as u64).ok_or_else(|| Error::option(flag, format!("{text} is not a size such as 2GiB")))
}

/// How `reading` asks for the input.
///
/// # Errors
/// `Option` with the flag and what is wrong.
pub fn access(reading: &ReadingArgs) -> Result<Access> {
    let simulate = |text| Simulation::parse("--simulate-storage", text);
    let silence = seconds(reading.timeout.trim()).filter(|&secs| secs > 0.0);
    let timeout = silence.ok_or_else(|| {
        Error::option("--timeout", format!("{} is not a time such as 30s, up to an hour", reading.timeout))
    })?;
    let gap = match reading.merge_gap.trim() {
        "0" => 0,
        text => bytes("--merge-gap", text)?,
    };
    let merging = Merging { gap, most: bytes("--request-size", &reading.request_size)? };
    Ok(Access {
        io: reading.io,
        simulation: reading.simulate_storage.as_deref().map(simulate).transpose()?,
        retries: reading.retries,
        retry_for: retry_for(&reading.retry_for)?,
        timeout: Duration::from_secs_f64(timeout),
        redirects: redirects(&reading.allow_redirects)?,
        part_bytes: merging.most.max(Access::SMALLEST_PART_BYTES),
        merging,
        stop: Stop::default(),
    })
}

/// For how long requests are repeated.
fn retry_for(text: &str) -> Result<Duration> {
    let secs = seconds(text.trim()).map(Duration::from_secs_f64);
    secs.ok_or_else(|| {
        Error::option("--retry-for", format!("{text} is not a time such as 2m, up to an hour"))
    })
}

/// Hosts that a server may send on to.
fn redirects(hosts: &[String]) -> Result<Vec<String>> {
    let is_host = |text: &str| {
        let text = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or(text);
        let name = text.strip_prefix("*.").unwrap_or(text);
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || ".-_:[]".contains(c))
    };
    match hosts.iter().find(|host| !is_host(host.trim())) {
        Some(wrong) => {
            let what = "no host such as files.example.org, *.example.org or http://localhost:8080";
            Err(Error::option("--allow-redirects", format!("{wrong} is {what}")))
        }
        None => Ok(hosts.iter().map(|host| host.trim().to_owned()).collect()),
    }
}
