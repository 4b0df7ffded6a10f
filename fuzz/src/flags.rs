//! The small languages of flags: regions, lists, sizes, times, values for one channel, simulated storage, hosts.

use decon_gpu::error::Error;
use decon_gpu::options::{Options, wrong_flag};

/// Those whose values are parsed here, and not by the library for command lines alone.
const FLAGS: [&str; 26] = [
    "region",
    "channels",
    "slices",
    "times",
    "select",
    "voxel-um",
    "fill",
    "flatfield",
    "darkfield",
    "psf",
    "psf-size",
    "background",
    "emission-nm",
    "na",
    "immersion-index",
    "until",
    "halo",
    "memory",
    "gpu-memory",
    "merge-gap",
    "request-size",
    "timeout",
    "retry-for",
    "allow-redirects",
    "simulate-storage",
    "device",
];

/// The first byte says which flag, the rest is its value: either is an error that names the flag, in one line.
pub fn use_flag(data: &[u8]) {
    let Some((first, value)) = data.split_first() else { return };
    let flag = FLAGS[usize::from(*first) % FLAGS.len()];
    let value = String::from_utf8_lossy(value);
    let parsed = Options::parse(["fuzz", "in.czi", &format!("--{flag}={value}")]);
    let error = match parsed {
        Ok(options) => options.checked().err(),
        Err(error) => wrong_flag(&error),
    };
    if let Some(error) = error {
        assert!(matches!(error, Error::Option { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("--{flag}: ")), "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
