//! What must survive any file: opening, planning, reading, decoding, masks, stitching, all in bounded memory.
//!
//! Shared by the fuzzer and by `tests/mutants.rs`.

use std::path::Path;

use decon_gpu::dataset::Scene;
use decon_gpu::error::{Error, Result};
use decon_gpu::info::Info;
use decon_gpu::job::{Image, Job};
use decon_gpu::options::Options;
use decon_gpu::report::Silent;
use decon_gpu::run::run_without_output;

/// Bytes that a run may take besides what the file itself needs to be understood.
pub const MEMORY: u64 = 256 << 20;
/// Voxels of an output that is still computed. A broken directory may place two fields so far apart that the mosaic
/// between them takes hours to fill; that is what was asked for, and `plan` tells before.
const COMPUTED: u64 = 32 << 20;
/// Tiles of one, as a broken directory may also claim ten thousand time points.
const TILES: u64 = 1 << 13;

/// Does with `path` what a user would, and gives the first error.
///
/// # Errors
/// Whatever is wrong with the file: an error is a good answer.
pub fn use_file(path: &Path) -> Result<()> {
    let whole = prepare(path, &["--skip-damaged"])?;
    let _ = Info::new(&whole.options.input, whole.input.dataset()).to_string();
    read_fields(&whole);
    run(whole)?;
    run(prepare(path, &["--scale", "2"])?)
}

fn prepare(path: &Path, flags: &[&str]) -> Result<Job> {
    let memory = MEMORY.to_string();
    let fixed = ["run", path.to_str().expect("a name of ours"), "--iterations", "0", "--backend", "cpu"];
    let few = ["--threads", "1", "--readers", "1", "--retries", "0", "--memory", &memory];
    let options = Options::parse(fixed.iter().chain(&few).chain(flags)).expect("the flags are right");
    Job::prepare(options)
}

/// Every field on its own, pyramid included, so that one that is damaged hides no other.
fn read_fields(job: &Job) {
    for scene in &job.input.dataset().scenes {
        for fields in [&scene.fields, &scene.pyramid] {
            let scene = Scene { fields: fields.clone(), ..scene.clone() };
            for (i, subblock) in fields.iter().enumerate() {
                let Ok(raw) = job.input.read(&scene, &[i]) else { continue };
                for raw in raw {
                    let _ = job.input.mask(subblock, &raw.bytes);
                    if subblock.decoded_bytes() <= MEMORY {
                        let _ = job.input.decode_field(subblock, raw);
                    }
                }
            }
        }
    }
}

fn run(job: Job) -> Result<()> {
    let voxels = |image: &Image| image.plan.shape.to_array().into_iter().map(u128::from).product::<u128>();
    let voxels: u128 = job.images.iter().map(voxels).sum();
    let tiles: u64 = job.images.iter().map(|image| image.plan.tiles).sum();
    within("voxels of the output", voxels, COMPUTED)?;
    within("tiles", tiles.into(), TILES)?;
    run_without_output(job, &Silent).map(drop)
}

fn within(what: &str, needed: u128, available: u64) -> Result<()> {
    if needed <= u128::from(available) {
        return Ok(());
    }
    Err(Error::Limit { what: what.into(), needed: needed.to_string(), available: available.to_string() })
}
