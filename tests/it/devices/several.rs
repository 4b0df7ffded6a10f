//! Several devices that share the tiles of an image: the output is that of one.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;

use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Channel, Optics, Plane};
use decon_gpu::error::Error;
use decon_gpu::job::{Gpu, Job};
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::report::{Event, Report, Silent};
use decon_gpu::space::{Rect, Zyx};

use crate::devices::{device, files, job, mosaic, run};

/// As many devices as asked for, all on one adapter.
fn gpu(devices: usize) -> Gpu {
    let others = (1..devices).map(|_| device()).collect();
    Gpu { others, ..Gpu::new(device()) }
}

/// The numbers of tiles in the order in which they are finished.
#[derive(Default)]
struct Order(Mutex<Vec<u32>>);

impl Report for Order {
    fn event(&self, event: &Event<'_>) {
        if let Event::Computed { tile } = event {
            self.0.lock().unwrap().push(*tile);
        }
    }
}

fn check_same(a: &Path, b: &Path, case: &str) {
    let (a, b) = (files(a), files(b));
    assert!(a.keys().eq(b.keys()), "{case}");
    // It says what computed.
    let is_about = |name: &Path| name == Path::new("zarr.json");
    for (name, bytes) in &a {
        assert!(is_about(name) || &b[name] == bytes, "{case}: {} differs", name.display());
    }
}

#[test]
fn several_devices_make_what_one_makes_in_its_order() {
    let home = tempfile::tempdir().unwrap();
    let [image, stack] = ["image.czi", "stack.czi"].map(|name| home.path().join(name));
    mosaic(&image, 1);
    mosaic(&stack, 4);
    let one = gpu(1);
    for (i, (input, flags)) in [
        (&image, "--iterations 3 --tile 32"),
        (&image, "--iterations 0 --scale 2 --tile 32 --overlap feather"),
        (&stack, "--iterations 2 --dimensions 2 --tile 64"),
        (&stack, "--iterations 2 --tile 64"),
        (&image, "--iterations 20 --until 0.01 --check-every 2 --tile 64"),
        (&image, "--iterations 5 --method ba --tile 32"),
        // One group for more devices than there are groups.
        (&image, "--iterations 1 --tile 512 --channels 0"),
    ]
    .into_iter()
    .enumerate()
    {
        let alone = home.path().join(format!("{i}-1.zarr"));
        let order = Order::default();
        run(job(input, flags, one.clone()).unwrap(), &alone, &order).unwrap();
        let devices = 2 + i % 2;
        let shared = home.path().join(format!("{i}-{devices}.zarr"));
        let job = job(input, flags, gpu(devices)).unwrap();
        let theirs = Order::default();
        let summary = run(job, &shared, &theirs).unwrap();
        assert!(summary.backend.starts_with(&format!("{devices} × ")), "{}", summary.backend);
        check_same(&alone, &shared, flags);
        assert_eq!(*order.0.lock().unwrap(), *theirs.0.lock().unwrap(), "{flags}");
    }
}

#[test]
fn one_device_may_be_named_twice_and_all_that_are_named_must_be_there() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    mosaic(&input, 1);
    let run = |devices: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_decon-gpu"));
        program.arg("run").arg(&input).arg("-o").arg(&output).args(["--device", devices]);
        program.args(["--iterations", "0", "--tile", "32", "--chunk", "32"]).output().unwrap()
    };
    let said = |ended: &Output| String::from_utf8_lossy(&ended.stderr).into_owned();
    let missing = run("0,99");
    assert!(said(&missing).contains("no device 99; found: 0: "), "{}", said(&missing));
    let twice = run("0,0");
    assert!(twice.status.success() && output.join("zarr.json").exists(), "{}", said(&twice));
}

/// What the last scene left on a device makes room for the tiles that the next one's iterations are decided on.
#[test]
fn each_of_several_scenes_has_its_iterations_decided() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    let one = gpu(1);
    scenes(&input);
    let flags = "--iterations 4 --until 0.01 --check-every 2 --tile 32";
    let [alone, shared] = ["alone.zarr", "shared.zarr"].map(|name| home.path().join(name));
    run(job(&input, flags, one).unwrap(), &alone, &Silent).unwrap();
    run(job(&input, flags, gpu(3)).unwrap(), &shared, &Silent).unwrap();
    check_same(&alone, &shared, flags);
}

/// Three scenes of one size, of 3 × 2 fields each.
fn scenes(path: &Path) {
    let mut writer = CziWriter::create(path).unwrap();
    for (scene, m) in (0..3_u32).flat_map(|scene| (0..6_u32).map(move |m| (scene, m))) {
        let at = (i64::from(scene) * 1000 + i64::from(m % 3) * 40, i64::from(m / 3) * 40);
        let value = |i: u32| (100 + (i * i + i * (7 * m + 1) + 31 * scene) % 2503) as u16;
        let samples = Samples::U16((0..2500).map(value).collect());
        let rect = Rect::new(at.0, at.1, 50, 50);
        let field = NewSubblock::new(Plane { t: 0, c: 0, z: 0 }, rect, PixelType::Gray16);
        writer.add(&NewSubblock { m: Some(m), scene: Some(scene), ..field }, &samples).unwrap();
    }
    let metadata = Metadata {
        voxel_um: Zyx::new(Some(0.5), Some(0.1), Some(0.1)),
        channels: vec![Channel { emission_nm: Some(500.0), ..Channel::default() }],
        optics: Optics { na: Some(1.0), refractive_index: Some(1.333), ..Optics::default() },
    };
    writer.finish(&metadata).unwrap();
}

/// Little memory on each, so that fields are read again, and given again to those that need them.
#[test]
fn fields_that_are_read_again_go_to_those_that_need_them() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    mosaic(&input, 1);
    let one = gpu(1);
    let flags = "--iterations 2 --tile 64 --backend gpu";
    let tight = |gpu: Gpu, memory_bytes| job(&input, flags, Gpu { memory_bytes, ..gpu });
    let roomy = tight(one.clone(), 1 << 30).unwrap().images[0].plan.memory;
    let shrunk = |percent| tight(one.clone(), roomy.device() * percent / 100).ok();
    let fits = |job: &Job| job.images[0].plan.read_again > 0;
    let percent = (1..100).rev().find(|&percent| shrunk(percent).is_some_and(|job| fits(&job)));
    let bytes = roomy.device() * percent.expect("a size at which fields are read again") / 100;

    let [alone, shared] = ["alone.zarr", "shared.zarr"].map(|name| home.path().join(name));
    run(tight(one.clone(), bytes).unwrap(), &alone, &Silent).unwrap();
    run(tight(gpu(2), bytes).unwrap(), &shared, &Silent).unwrap();
    check_same(&alone, &shared, "read again");
}

/// Ends the life of one device after some tiles.
struct LosesOne<'a>(&'a Gpu, Mutex<u32>);

impl Report for LosesOne<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Computed { .. } = event {
            let mut tiles = self.1.lock().unwrap();
            *tiles += 1;
            if *tiles == 20 {
                self.0.others[0].lose();
            }
        }
    }
}

#[test]
fn one_lost_device_ends_the_file_and_one_alone_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    mosaic(&input, 2);
    let two = gpu(2);
    let job =
        |gpu| job(&input, "--iterations 2 --dimensions 2 --tile 32 --shard 32 --backend gpu", gpu).unwrap();
    let [whole, broken] = ["whole.zarr", "broken.zarr"].map(|name| home.path().join(name));
    let error = run(job(two.clone()), &broken, &LosesOne(&two, Mutex::new(0))).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Gpu { .. }) && text.contains("lost") && text.contains("--resume"),
        "{text}"
    );

    let one = gpu(1);
    run(job(one.clone()), &whole, &Silent).unwrap();
    assert!(run(job(one), &broken, &Silent).unwrap().resumed_shards > 0);
    check_same(&whole, &broken, "resumed");
}
