//! Of what an output is made: everything that can change a byte of it. A run that goes on must find it unchanged.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Value, json};

use crate::job::{Chosen, Image, Job};

/// Options that change how long a run takes and not what it makes; and those whose effect stands beside them: the
/// input's identity, the grid, the backend. The output does not show them: it is the same, byte for byte.
const NEUTRAL: [&str; 8] =
    ["input", "skip_damaged", "memory_bytes", "gpu_memory_bytes", "backend", "device", "threads", "reading"];

/// Names and values; what is long is there as a checksum.
pub fn identity(job: &Job) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "input": job.input.identity(),
        "options": options(job),
        "backend": backend(&job.backend),
        "gpu_driver": gpu_driver(&job.backend),
        "images": job.images.iter().map(image).collect::<Vec<_>>(),
        "shading": checksum(&of_a_kind(job).flat_map(|image| {
            let channels = image.setup.shading.iter();
            channels.map(|shading| shading.as_ref().map(|shading| &shading.pixels))
        }).collect::<Vec<_>>()),
        "camera": of_a_kind(job).map(|image| &image.setup.camera).collect::<Vec<_>>(),
        "psf": checksum(&of_a_kind(job).flat_map(|image| {
            let channels = image.setup.channels.iter();
            channels.map(|channel| (&channel.psf.data, channel.background))
        }).collect::<Vec<_>>()),
    })
}

/// One image of those that have the same PSFs and shadings: the same number of slices, and the same channels.
pub fn of_a_kind(job: &Job) -> impl Iterator<Item = &Image> {
    let kind = |image: &Image| {
        let sources = image.plan.channels.iter().map(|channel| channel.source);
        (image.plan.shape.z, sources.collect::<Vec<_>>())
    };
    let mut known = HashSet::new();
    job.images.iter().filter(move |image| known.insert(kind(image)))
}

/// Those that are not [`NEUTRAL`].
pub fn options(job: &Job) -> Value {
    let mut options = serde_json::to_value(&job.options).expect("plain data has a JSON form");
    if let Some(options) = options.as_object_mut() {
        options.retain(|name, _| !NEUTRAL.contains(&name.as_str()));
    }
    options
}

fn image(image: &Image) -> Value {
    let plan = &image.plan;
    json!({
        "scene": plan.scene,
        "stored_ratio": image.stored_ratio,
        "shape": plan.shape,
        "sample": plan.sample,
        "core": plan.grid.core,
        "fft": plan.grid.fft,
        "halo": plan.halo,
        "halo_z": plan.halo_z,
        "lanes": plan.lanes,
        "shard": plan.shard,
        "shard_planes": (plan.shard_times, plan.shard_slices),
        "fill": image.setup.fill,
        "subblocks": checksum(&image.scene.fields),
    })
}

/// Devices and instruction sets differ in the last bits of a transform.
pub fn backend(chosen: &Chosen) -> String {
    match chosen {
        Chosen::Gpu(gpu) => gpu.device.name().to_owned(),
        Chosen::Null(_) => "nothing".to_owned(),
        Chosen::Cpu { .. } => format!("the processor ({}{})", std::env::consts::ARCH, vector_units()),
    }
}

/// It compiles the shaders: another one may round otherwise.
fn gpu_driver(chosen: &Chosen) -> Option<&str> {
    match chosen {
        Chosen::Gpu(gpu) => Some(gpu.device.driver()),
        Chosen::Null(_) | Chosen::Cpu { .. } => None,
    }
}

/// Those that the transforms choose by.
#[cfg(target_arch = "x86_64")]
fn vector_units() -> &'static str {
    let has_avx = std::arch::is_x86_feature_detected!("avx") && std::arch::is_x86_feature_detected!("fma");
    if has_avx { ", AVX" } else { ", SSE" }
}

#[cfg(not(target_arch = "x86_64"))]
fn vector_units() -> &'static str {
    ""
}

/// Of a value's JSON. 32 bits, as what changes by accident also changes a size or a time.
fn checksum(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).expect("plain data has a JSON form");
    format!("{:08x}", crc32fast::hash(&text))
}
