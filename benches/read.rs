//! What comes before the pixels: `cargo bench --bench read`, half a minute.
//!
//! Opening a mosaic of 700 small fields, planning it, merging its ranges into requests, and reading all of it from the
//! system's cache.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use decon_gpu::czi::Czi;
use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Input, Plane};
use decon_gpu::job::Job;
use decon_gpu::options::Options;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::source::{FileSource, Merging, merge};
use decon_gpu::space::Rect;

const COLUMNS: u32 = 35;
const ROWS: u32 = 20;
const FIELDS: u64 = COLUMNS as u64 * ROWS as u64;

fn write(path: &Path) {
    let mut czi = CziWriter::create(path).expect("the folder is writable");
    for m in 0..COLUMNS * ROWS {
        let rect = Rect::new(i64::from(m % COLUMNS) * 58, i64::from(m / COLUMNS) * 58, 64, 64);
        let field = NewSubblock { m: Some(m), ..NewSubblock::new(Plane::default(), rect, PixelType::Gray16) };
        czi.add(&field, &Samples::U16(vec![m as u16; 64 * 64])).expect("the disk has room");
    }
    czi.finish(&Metadata::default()).expect("the disk has room");
}

fn open(path: &Path) -> Czi {
    let source = FileSource::open(path).expect("it was just written");
    Czi::open(Box::new(source), &BTreeMap::new()).expect("it was just written")
}

fn reading(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("mosaic.czi");
    write(&path);
    let mut group = criterion.benchmark_group("700 fields");
    group.throughput(Throughput::Elements(FIELDS));
    group.bench_function("open", |bencher| bencher.iter(|| open(&path)));
    let text = path.to_string_lossy();
    for (what, iterations) in [("open and plan, painted at once", "0"), ("open and plan, held", "1")] {
        let optics =
            ["--na", "1", "--emission-nm", "500", "--voxel-um", "1,0.2,0.2", "--immersion-index", "1.33"];
        let fixed = ["bench", &*text, "--backend", "cpu", "--tile", "256", "--iterations", iterations];
        let options = Options::parse(fixed.into_iter().chain(optics)).expect("the flags are right");
        group.bench_function(what, |bencher| {
            bencher.iter(|| Job::prepare(options.clone()).expect("it plans"));
        });
    }
    let czi = open(&path);
    let scene = &czi.dataset().scenes[0];
    let mut fields: Vec<usize> = (0..scene.fields.len()).collect();
    fields.sort_by_key(|&field| scene.fields[field].offset);
    let range = |&field: &usize| {
        let field = &scene.fields[field];
        field.offset..field.offset + field.extent
    };
    let ranges: Vec<_> = fields.iter().map(range).collect();
    group.bench_function("merge", |bencher| bencher.iter(|| merge(&ranges, Merging::default())));
    drop(group);
    let mut group = criterion.benchmark_group("fetch 700 fields");
    group.throughput(Throughput::Bytes(ranges.iter().map(|range| range.end - range.start).sum()));
    for (what, merging) in [("one by one", Merging::NONE), ("merged", Merging::default())] {
        let czi = open(&path).with_merging(merging);
        group.bench_function(what, |bencher| {
            bencher.iter(|| czi.fetch(scene, &fields).expect("the file is whole"));
        });
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = read;
    config = short();
    targets = reading
}
criterion_main!(read);
