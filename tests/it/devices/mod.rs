//! Whole jobs on graphics devices: the memory that is planned and taken, what happens where there is less, and a device
//! that fails. Software devices are enough.
//!
//! Without a Vulkan device every test fails and says what to install.

mod benchmark;
mod failures;
mod memory;
mod precision;
mod several;
mod times;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Channel, Optics, Plane};
use decon_gpu::error::Result;
use decon_gpu::gpu::{Adapter, Device, adapters};
use decon_gpu::job::{Chosen, Gpu, Job};
use decon_gpu::options::Options;
use decon_gpu::output::Target;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::report::{Report, Summary};
use decon_gpu::run::{Stop, run as run_job};
use decon_gpu::space::{Rect, Zyx};
use decon_gpu::timeline::{Detail, Timeline};

/// Every test opens devices of its own: what others take would be counted.
pub fn adapter() -> Adapter {
    adapters().into_iter().next().expect(
        "no Vulkan device: install a driver (a software one: `apt-get install mesa-vulkan-drivers`), or go without these \
         tests: DECON_GPU_SKIP_GPU_TESTS=1 scripts/test.sh",
    )
}

pub fn device() -> Device {
    Device::open(&adapter()).expect("the device opens")
}

/// 4 × 3 fields of 100 × 80 pixels that overlap by 20, of two channels and `slices` slices.
pub fn mosaic(path: &Path, slices: u32) {
    let mut writer = CziWriter::create(path).unwrap();
    for (z, c, m) in (0..slices).flat_map(|z| (0..2).flat_map(move |c| (0..12).map(move |m| (z, c, m)))) {
        let rect = Rect::new(i64::from(m % 4) * 80, i64::from(m / 4) * 60, 100, 80);
        let value = |i: u32| (100 + (i * i + i * (7 * m + 1) + 31 * (z + 5 * c)) % 2503) as u16;
        let samples = Samples::U16((0..8000).map(value).collect());
        let plane = Plane { t: 0, c, z };
        let subblock = NewSubblock { m: Some(m), ..NewSubblock::new(plane, rect, PixelType::Gray16) };
        writer.add(&subblock, &samples).unwrap();
    }
    let channel = |emission| Channel { emission_nm: Some(emission), ..Channel::default() };
    let metadata = Metadata {
        voxel_um: Zyx::new(Some(0.5), Some(0.1), Some(0.1)),
        channels: vec![channel(500.0), channel(600.0)],
        optics: Optics { na: Some(1.0), refractive_index: Some(1.333), ..Optics::default() },
    };
    writer.finish(&metadata).unwrap();
}

/// Every file under `folder`, by its path; what depends on when and where it was made is left out.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Does `job` into `output`.
pub fn run(job: Job, output: &Path, report: &dyn Report) -> Result<Summary> {
    run_job(job, Some(Target { resume: true, ..Target::new(output) }), &Stop::default(), report)
}

/// `input` with `flags`, split at spaces, on `gpu`.
pub fn job(input: &Path, flags: &str, gpu: Gpu) -> Result<Job> {
    let fixed = ["run", input.to_str().unwrap(), "--chunk", "32", "--psf-size", "3,9,9"];
    let options = Options::parse(fixed.into_iter().chain(flags.split_whitespace()));
    let timeline: Arc<Timeline> = Timeline::new(Detail::Spans);
    Job::prepare_on(options.expect("the flags are right"), timeline, Some(Chosen::Gpu(gpu)))
}
