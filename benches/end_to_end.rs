//! Whole runs on the processor with a mosaic of 16 fields: `cargo bench --bench end_to_end`, half a minute.
//!
//! Pixels of the mosaic a second. To the disk means into a temporary folder, each shard flushed.

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Compression, Plane};
use decon_gpu::job::Job;
use decon_gpu::options::Options;
use decon_gpu::output::Target;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::report::Silent;
use decon_gpu::run::{Stop, run, run_without_output};
use decon_gpu::space::Rect;

const SIDE: u32 = 512;
/// Of 4 fields with 52 pixels of overlap.
const MOSAIC: u64 = 4 * SIDE as u64 - 3 * 52;

fn write(path: &Path) {
    let mut czi = CziWriter::create(path).expect("the folder is writable");
    let value = |i: u32| 300 + (((i % SIDE) * (i / SIDE)) >> 10) + (i.wrapping_mul(2_654_435_761) >> 26);
    let pixels = Samples::U16((0..SIDE * SIDE).map(|i| value(i) as u16).collect());
    for m in 0..16 {
        let step = i64::from(SIDE) - 52;
        let rect = Rect::new(i64::from(m % 4) * step, i64::from(m / 4) * step, SIDE, SIDE);
        let field = NewSubblock::new(Plane::default(), rect, PixelType::Gray16);
        let field = NewSubblock { m: Some(m), compression: Compression::Zstd1, ..field };
        czi.add(&field, &pixels).expect("the disk has room");
    }
    czi.finish(&Metadata::default()).expect("the disk has room");
}

fn prepare(path: &Path, flags: &str) -> Job {
    let optics = "--na 1 --emission-nm 500 --voxel-um 1,0.2,0.2 --immersion-index 1.33 --psf-size 1,31,31";
    let flags = flags.split_whitespace().chain(optics.split_whitespace());
    let path = path.to_string_lossy();
    let flags = ["bench", &*path, "--backend", "cpu"].into_iter().chain(flags);
    Job::prepare(Options::parse(flags).expect("the flags are right")).expect("it plans")
}

fn runs(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (input, output) = (folder.path().join("mosaic.czi"), folder.path().join("out.zarr"));
    write(&input);
    let mut group = criterion.benchmark_group("run");
    group.throughput(Throughput::Elements(MOSAIC * MOSAIC));
    for (what, flags) in [
        ("stitch", "--iterations 0"),
        ("stitch, feathered", "--iterations 0 --overlap feather"),
        ("stitch, half as large", "--iterations 0 --scale 2"),
        ("5 iterations", "--iterations 5"),
    ] {
        group.bench_function(format!("{what}, to nowhere"), |bencher| {
            bencher.iter(|| run_without_output(prepare(&input, flags), &Silent).expect("it runs"));
        });
        group.bench_function(format!("{what}, to the disk"), |bencher| {
            bencher.iter(|| {
                let target = Target { overwrite: true, ..Target::new(&output) };
                run(prepare(&input, flags), Some(target), &Stop::default(), &Silent).expect("it runs")
            });
        });
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = end_to_end;
    config = short();
    targets = runs
}
criterion_main!(end_to_end);
