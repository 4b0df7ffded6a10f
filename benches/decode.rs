//! Each codec of a subblock on one core, in bytes of pixels a second: `cargo bench --bench decode`, half a minute.
//!
//! Uncompressed and zstd of a noisy field of 1024² pixels; JPEG-XR of the small pictures that the tests have, as nothing
//! here writes it: their headers weigh more than those of a camera's field.

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use decon_gpu::czi::Czi;
use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Compression, Input, Plane};
use decon_gpu::pixels::{PixelType, SampleType, Samples};
use decon_gpu::source::FileSource;
use decon_gpu::space::Rect;

const SIDE: u32 = 1024;
/// Of the pictures in `tests/data/jpegxr`.
const SMALL: (u32, u32) = (37, 29);

/// Smooth, with noise in the lowest bits, as a camera's.
fn camera(pixel_type: PixelType) -> Samples {
    let count = SIDE * SIDE * pixel_type.samples();
    let value = |i: u32| {
        let (x, y) = (i % SIDE, i / SIDE);
        let noise = i.wrapping_mul(2_654_435_761) >> 26;
        200 + ((x * y) >> 12) + noise
    };
    match pixel_type.sample_type() {
        SampleType::U8 => Samples::U8((0..count).map(|i| (value(i) >> 2) as u8).collect()),
        SampleType::U16 => Samples::U16((0..count).map(|i| value(i) as u16).collect()),
        SampleType::F32 => Samples::F32((0..count).map(|i| value(i) as f32).collect()),
    }
}

/// A file of one subblock, and that subblock's pixels in bytes.
fn file_of(path: &Path, pixel_type: PixelType, compression: Compression) -> u64 {
    let mut czi = CziWriter::create(path).expect("the folder is writable");
    let (width, height) = if compression == Compression::JpegXr { SMALL } else { (SIDE, SIDE) };
    let rect = Rect::new(0, 0, width, height);
    let field = NewSubblock { compression, ..NewSubblock::new(Plane::default(), rect, pixel_type) };
    if compression == Compression::JpegXr {
        let name = match pixel_type {
            PixelType::Gray8 => "gray8.jxr",
            PixelType::Gray16 => "gray16.jxr",
            PixelType::Gray32Float => "gray32float.jxr",
            PixelType::Bgr24 => "bgr24.jxr",
            PixelType::Bgr48 => "bgr48.jxr",
        };
        let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpegxr").join(name);
        czi.add_encoded(&field, &std::fs::read(picture).expect("the picture is there"))
    } else {
        czi.add(&field, &camera(pixel_type))
    }
    .expect("the disk has room");
    czi.finish(&Metadata::default()).expect("the disk has room");
    rect.area() * pixel_type.bytes() as u64
}

fn codecs(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("field.czi");
    let mut group = criterion.benchmark_group("decode");
    for compression in
        [Compression::Uncompressed, Compression::Zstd0, Compression::Zstd1, Compression::JpegXr]
    {
        for pixel_type in [PixelType::Gray8, PixelType::Gray16, PixelType::Bgr24] {
            let bytes = file_of(&path, pixel_type, compression);
            let source = FileSource::open(&path).expect("it was just written");
            let czi = Czi::open(Box::new(source), &Default::default()).expect("it was just written");
            let scene = &czi.dataset().scenes[0];
            let raw = czi.read(scene, &[0]).expect("it was just written");
            group.throughput(Throughput::Bytes(bytes));
            group.bench_function(format!("{compression:?} {pixel_type:?}"), |bencher| {
                bencher.iter(|| czi.decode(&scene.fields[0], &raw[0]).expect("it is whole").recycle());
            });
        }
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(1500))
}

criterion_group! {
    name = decode;
    config = short();
    targets = codecs
}
criterion_main!(decode);
