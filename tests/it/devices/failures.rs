//! Less memory than was planned for, and a device that is lost while it computes.

use std::sync::Mutex;

use decon_gpu::error::Error;
use decon_gpu::gpu::Device;
use decon_gpu::job::{Chosen, Gpu, Job};
use decon_gpu::report::{Event, Report, Silent};

use crate::devices::{device, files, job, mosaic, run};

/// What `device` needs for `input` as it is.
fn planned(job: &Job) -> u64 {
    job.images[0].plan.memory.device()
}

/// Half of it makes smaller tiles, a little nothing that a plan could use.
#[test]
fn where_memory_is_short_auto_goes_on_with_less_or_on_the_processor_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    mosaic(&input, 1);
    let device = device();
    let beside = device.allocated_bytes().unwrap();
    let gpu = |device: Device, memory_bytes| Gpu { memory_bytes, ..Gpu::new(device) };
    let roomy = job(&input, "--iterations 2", gpu(device.clone(), 1 << 30)).unwrap();
    // As large as the plan, so that half of it is a smaller plan.
    let asked = planned(&roomy);
    let auto = |limit| {
        let limited = device.clone().limited_to(beside + limit);
        job(&input, "--iterations 2 --backend auto", gpu(limited, asked)).unwrap()
    };

    let enough = auto(asked + 4096);
    assert_eq!((planned(&enough), enough.all_notes().count()), (asked, roomy.all_notes().count()));

    let less = auto(asked * 2 / 3);
    assert!(planned(&less) <= asked / 2 && matches!(&less.backend, Chosen::Gpu(gpu) if gpu.is_tried));
    let note = less.all_notes().find(|note| note.contains("planned again")).expect("it says so");
    assert!(note.contains("--gpu-memory"), "{note}");
    let summary = run(less, &home.path().join("less.zarr"), &Silent).unwrap();
    assert_eq!(summary.backend, device.name());

    let none = auto(1000);
    assert!(matches!(none.backend, Chosen::Cpu { .. }) && !none.images[0].plan.memory.on_device);
    assert!(none.all_notes().any(|note| note.contains("computing on the CPU")));
    let none_for_later = none.for_later.clone();
    let summary = run(none, &home.path().join("none.zarr"), &Silent).unwrap();
    assert!(summary.backend.starts_with("the CPU"), "{}", summary.backend);

    // Less than the smallest tile takes, though there is more.
    let small = job(&input, "--iterations 2 --backend auto", gpu(device.clone(), 4096)).unwrap();
    assert!(matches!(small.backend, Chosen::Cpu { .. }), "{}", small.backend.name());
    assert!(matches!(small.for_later, Chosen::Gpu(_)), "a smaller file may fit");
    assert!(matches!(none_for_later, Chosen::Cpu { .. }), "memory that is not there");
}

#[test]
fn where_memory_is_short_a_gpu_that_was_asked_for_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    mosaic(&input, 1);
    let device = device();
    let limited = device.clone().limited_to(device.allocated_bytes().unwrap() + 100_000);
    let Err(error) = job(&input, "--iterations 2 --backend gpu", Gpu::new(limited)) else {
        panic!("100 kB are not enough")
    };
    let text = error.to_string();
    assert!(matches!(error, Error::Limit { .. }) && text.contains("--gpu-memory"), "{text}");
    assert!(text.contains(device.name()) && text.contains("MiB needed"), "{text}");
}

/// Ends the device's life after some tiles.
struct Loses<'a> {
    device: &'a Device,
    tiles: Mutex<u32>,
}

impl Report for Loses<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Computed { .. } = event {
            let mut tiles = self.tiles.lock().unwrap();
            *tiles += 1;
            if *tiles == 20 {
                self.device.lose();
            }
        }
    }
}

#[test]
fn a_device_that_is_lost_ends_the_file_and_a_run_that_resumes_makes_the_same() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    mosaic(&input, 2);
    let lost = device();
    let job = |device| {
        job(&input, "--iterations 2 --dimensions 2 --tile 32 --shard 32 --backend gpu", Gpu::new(device))
            .unwrap()
    };
    let [whole, broken] = ["whole.zarr", "broken.zarr"].map(|name| home.path().join(name));
    run(job(device()), &whole, &Silent).unwrap();

    let report = Loses { device: &lost, tiles: Mutex::new(0) };
    let error = run(job(lost.clone()), &broken, &report).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Gpu { .. }) && text.contains("lost") && text.contains("--resume"),
        "{text}"
    );
    assert!(!broken.exists(), "no half of an output");

    let driver = lost.driver();
    assert!(!driver.is_empty(), "the driver says its name");
    let refused = run(job(device().driven_by("another 1.0")), &broken, &Silent).unwrap_err();
    let what = format!("gpu_driver was \"{driver}\", is \"another 1.0\"");
    assert!(matches!(refused, Error::Option { .. }) && refused.to_string().contains(&what), "{refused}");

    let summary = run(job(device()), &broken, &Silent).unwrap();
    assert!(summary.resumed_shards > 0, "what was written stays");
    assert_eq!(files(&broken).keys().collect::<Vec<_>>(), files(&whole).keys().collect::<Vec<_>>());
    for (name, bytes) in files(&whole) {
        assert!(files(&broken)[&name] == bytes, "{} differs", name.display());
    }
}
