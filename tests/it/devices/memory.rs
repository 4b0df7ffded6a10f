//! What a plan counts on the device is what its buffers take there, and nothing more is taken while tiles are computed.

use decon_gpu::dataset::RawSubblock;
use decon_gpu::decon::{Decided, Field, GpuBackend, Method, Start};
use decon_gpu::engine::{DecodedBatch, Engine, Recipe};
use decon_gpu::error::Error;
use decon_gpu::gpu::Device;
use decon_gpu::job::{Gpu, Image, Job};
use decon_gpu::plan::Batch;

use crate::devices::{device, job, mosaic};

/// Drivers align each buffer, to up to 256 bytes as far as was seen; a backend has some thirty.
const ALIGNMENT: u64 = 30 * 256;

/// Behind each finished tile come the times of up to 32 submissions.
const TIMES: u64 = 32 * 2 * 8;

fn allocated(device: &Device) -> u64 {
    device.settle().unwrap();
    device.allocated_bytes().expect("Vulkan's allocator counts")
}

/// Bytes of the buffers that finished tiles, the divergence of each row and how it changes come home through, which lie in the
/// computer's memory.
fn readback_bytes(image: &Image) -> u64 {
    let core = image.setup.core.count() as u64 * image.setup.output.bytes() as u64;
    let tiles = u64::from(image.plan.lanes + 1) * ((4 + core).next_multiple_of(8) + TIMES);
    let rows = u64::from(image.plan.lanes.div_ceil(2) * image.setup.fft.z * image.setup.fft.y);
    let divergence = (rows * 4).next_multiple_of(8) + TIMES;
    let changes = if image.setup.method == Method::Ba { rows * 8 + TIMES } else { 0 };
    if image.setup.channels.is_empty() { tiles } else { tiles + divergence + changes }
}

fn check(job: &Job, device: &Device, case: &str) {
    let image = &job.images[0];
    let before = allocated(device);
    let backend = GpuBackend::new(device.clone(), &image.setup).unwrap();
    let taken = allocated(device) - before - readback_bytes(image);
    let planned = image.plan.memory.device();
    assert!(planned > 0 && planned.abs_diff(taken) <= ALIGNMENT, "{case}: {planned} planned, {taken} taken");
    drop(backend);
    assert_eq!(allocated(device), before, "{case}: everything is given back");
}

#[test]
fn a_plan_counts_what_is_taken_on_the_device() {
    let home = tempfile::tempdir().unwrap();
    let [image, stack] = ["image.czi", "stack.czi"].map(|name| home.path().join(name));
    mosaic(&image, 1);
    mosaic(&stack, 5);
    let device = device();
    for (input, flags) in [
        (&image, "--iterations 1"),
        (&image, "--iterations 1 --tile 64"),
        (&image, "--iterations 1 --tile 64 --overlap feather --output-type f32"),
        (&image, "--iterations 1 --tile 32 --scale 2"),
        (&image, "--iterations 1 --tile 64 --precision f16"),
        (&image, "--iterations 1 --tile 64 --method ba"),
        (&image, "--iterations 0 --tile 64"),
        (&image, "--iterations 0 --scale 4 --overlap feather"),
        (&stack, "--iterations 1 --tile 64"),
        (&stack, "--iterations 1 --tile 64 --precision f16"),
        (&stack, "--iterations 1 --dimensions 2"),
    ] {
        let job = job(input, flags, Gpu::new(device.clone())).unwrap();
        check(&job, &device, flags);
    }
}

#[test]
fn a_plan_fits_the_memory_or_says_which_flag_gives_more() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    mosaic(&input, 1);
    let device = device();
    let plan = |memory_bytes| {
        let gpu = Gpu { memory_bytes, ..Gpu::new(device.clone()) };
        job(&input, "--iterations 1 --backend gpu", gpu).map(|job| job.images[0].plan.clone())
    };
    let roomy = plan(1 << 30).unwrap();
    let mut tiles = vec![roomy.tiles];
    let mut bytes = roomy.memory.device();
    let error = loop {
        bytes = bytes * 4 / 5;
        match plan(bytes) {
            Ok(plan) => {
                assert!(plan.memory.device() <= bytes, "{} of {bytes}", plan.memory.device());
                tiles.push(plan.tiles);
            }
            Err(error) => break error,
        }
    };
    assert!(tiles.last() > tiles.first(), "tiles become smaller: {tiles:?}");
    assert!(matches!(error, Error::Limit { .. }) && error.to_string().contains("--gpu-memory"), "{error}");
}

/// Without waiting for the device: whatever is made for a field or a tile would be there still.
#[test]
fn no_buffer_is_made_while_tiles_are_computed() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    mosaic(&input, 3);
    let device = device();
    for flags in ["--iterations 2 --dimensions 2 --tile 32", "--iterations 0 --tile 32 --scale 2"] {
        let job = job(&input, flags, Gpu::new(device.clone())).unwrap();
        let image = &job.images[0];
        let backend = GpuBackend::new(device.clone(), &image.setup).unwrap();
        let made = device.allocated_bytes().unwrap();
        let recipe = Recipe { method: Method::Shb, start: Start::Observed };
        let mut engine = Engine::new(backend, recipe);
        let mut tiles = 0;
        for batch in &image.plan.batches {
            let count = |_| -> Result<(), Error> {
                tiles += 1;
                Ok(())
            };
            engine.compute(decoded(&job, batch), &Decided::alone(job.options.iterations), count).unwrap();
            assert_eq!(device.allocated_bytes().unwrap(), made, "{flags}");
        }
        while engine.drain().unwrap().is_some() {
            tiles += 1;
        }
        assert_eq!((tiles, device.allocated_bytes().unwrap()), (image.plan.tiles, made), "{flags}");
        let sent = image.plan.batches.iter().map(|batch| batch.reads.len()).sum::<usize>();
        assert!(sent > 3 * image.setup.field_slots as usize, "places are used again: {sent} fields");
    }
}

fn decoded(job: &Job, batch: &Batch) -> DecodedBatch {
    let scene = &job.images[0].scene;
    let fetched = job.input.fetch(scene, &batch.reads).unwrap();
    let field = |raw: RawSubblock| {
        let (index, subblock) = (raw.field, &scene.fields[raw.field]);
        let samples = job.input.decode_field(subblock, raw).unwrap();
        let (width, height) = (subblock.stored_width, subblock.stored_height);
        (index, Some(Field { pixel_type: subblock.pixel_type, width, height, shown: None, samples }))
    };
    DecodedBatch { fields: fetched.subblocks.into_iter().map(field).collect(), groups: batch.groups.clone() }
}
