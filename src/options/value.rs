//! Values of flags: each function reads one from its text, or says what is wrong with it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::source::{Location, seconds};
use crate::space::Zyx;

/// Longest side that a tile, halo, chunk or shard may have, in pixels. No machine holds a tile of this size; it keeps
/// sums of a few sides within 32 bits.
pub(super) const LONGEST_SIDE: u32 = 1 << 20;

/// More threads than any computer has cores.
const MOST_THREADS: usize = 1024;

/// A value, or what is wrong with its text.
pub type Parsed<T> = Result<T, String>;

/// A size such as `2GiB`, `800MiB`, `1.5 GB` or a plain number of bytes.
pub fn bytes(text: &str) -> Parsed<u64> {
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
    size.map(|n| n as u64).ok_or_else(|| format!("{text} is not a size such as 2GiB"))
}

/// As [`bytes`], or 0.
pub fn bytes_or_none(text: &str) -> Parsed<u64> {
    if text.trim() == "0" { Ok(0) } else { bytes(text) }
}

/// A time up to an hour, such as `2m`.
pub fn time(text: &str) -> Parsed<Duration> {
    let time = seconds(text.trim()).map(Duration::from_secs_f64);
    time.ok_or_else(|| format!("{text} is not a time such as 2m, up to an hour"))
}

/// As [`time`], but not 0.
pub fn some_time(text: &str) -> Parsed<Duration> {
    let time = seconds(text.trim()).filter(|&secs| secs > 0.0).map(Duration::from_secs_f64);
    time.ok_or_else(|| format!("{text} is not a time such as 30s, up to an hour"))
}

/// A server, as [`crate::source::Access::redirects`] names it.
pub fn host(text: &str) -> Parsed<String> {
    let text = text.trim();
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or(text);
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_host = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || ".-_:[]".contains(c));
    is_host.then(|| text.to_owned()).ok_or_else(|| {
        format!("{text} is no host such as files.example.org, *.example.org or http://localhost:8080")
    })
}

/// A number above 0.
pub fn positive(text: &str) -> Parsed<f64> {
    let number = text.trim().parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| format!("{text} is not a number above 0"))
}

/// A number from 0 on.
pub fn not_negative(text: &str) -> Parsed<f32> {
    let number = text.trim().parse().ok().filter(|n: &f32| n.is_finite() && *n >= 0.0);
    number.ok_or_else(|| format!("{text} is not a number from 0 on"))
}

/// Any number but infinity.
pub fn finite(text: &str) -> Parsed<f32> {
    let number = text.trim().parse().ok().filter(|n: &f32| n.is_finite());
    number.ok_or_else(|| format!("{text} is not a finite number"))
}

/// A number between 0 and 1.
pub fn share(text: &str) -> Parsed<f64> {
    let number = text.trim().parse().ok().filter(|n: &f64| *n > 0.0 && *n < 1.0);
    number.ok_or_else(|| format!("{text} is not a number between 0 and 1"))
}

/// 1, 2, 4 or 8.
pub fn scale(text: &str) -> Parsed<u32> {
    let scale = text.trim().parse().ok().filter(|n| [1, 2, 4, 8].contains(n));
    scale.ok_or_else(|| format!("{text} must be 1, 2, 4 or 8"))
}

/// A number of threads.
pub fn threads(text: &str) -> Parsed<usize> {
    let threads = text.trim().parse().ok().filter(|n| (1..=MOST_THREADS).contains(n));
    threads.ok_or_else(|| format!("{text} must be from 1 to {MOST_THREADS}"))
}

/// A side in pixels.
pub fn side(text: &str) -> Parsed<u32> {
    let side = text.trim().parse().ok().filter(|px| (1..=LONGEST_SIDE).contains(px));
    side.ok_or_else(|| format!("{text} must be from 1 to {LONGEST_SIDE} pixels"))
}

/// Three lengths in µm, as `Z,Y,X`.
pub fn lengths(text: &str) -> Parsed<Zyx<f64>> {
    triple(text, positive)
}

/// The sides of a PSF, as `Z,Y,X`.
pub fn odd_sides(text: &str) -> Parsed<Zyx<u32>> {
    triple(text, |text| {
        let number = text.trim().parse().ok().filter(|n: &u32| n % 2 == 1);
        number.ok_or_else(|| format!("{text} is not an odd number: a PSF has a middle voxel"))
    })
}

fn triple<T: Copy>(text: &str, parse: impl Fn(&str) -> Parsed<T>) -> Parsed<Zyx<T>> {
    let values = text.split(',').map(parse).collect::<Parsed<Vec<T>>>()?;
    match values[..] {
        [z, y, x] => Ok(Zyx::new(z, y, x)),
        _ => Err(format!("{text} is not of the form Z,Y,X")),
    }
}

/// A letter and an index, as `H=3`, of a dimension that no other flag selects from.
pub fn dimension(text: &str) -> Parsed<(char, i32)> {
    let parse = || {
        let (dimension, index) = text.split_once('=')?;
        let mut letters = dimension.chars();
        let letter = letters.next().filter(|c| c.is_ascii_alphabetic() && letters.next().is_none())?;
        Some((letter.to_ascii_uppercase(), index.parse().ok()?))
    };
    let (letter, index) = parse().ok_or_else(|| format!("{text} is not of the form H=3"))?;
    let better = match letter {
        'S' => "choose a scene with --scene",
        'C' => "choose channels with --channels",
        'Z' => "choose slices with --slices",
        'T' => "choose times with --times",
        'X' | 'Y' => "choose a part of a scene with --region",
        'M' => "fields are always stitched; choose a part with --region",
        _ => return Ok((letter, index)),
    };
    Err(better.to_owned())
}

/// A file or folder of this computer, which a URL is not.
pub fn local(text: &str) -> Parsed<PathBuf> {
    match Location::from(OsString::from(text)) {
        Location::Path(path) => Ok(path),
        url @ Location::Url(_) => {
            Err(format!("{} is a URL; this flag takes a path of this computer", url.name().display()))
        }
    }
}
