//! Display ranges: percentiles of level 0, whatever the order, and whatever an earlier run finished.

use super::*;

/// 100 to 355 without order, as the oracle sorts them.
fn values(shape: Tczyx<u64>) -> Vec<f64> {
    let count = shape.to_array().iter().product::<u64>();
    let mix = |i: u64| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as f64;
    (0..count).map(|i| 100.0 + mix(i) * (mix(i + 1) / 255.0)).map(f64::floor).collect()
}

#[test]
fn a_few_hot_pixels_do_not_darken_a_channel() {
    let home = tempfile::tempdir().unwrap();
    let shape = Tczyx::new(1, 2, 1, 501, 657);
    let plane = (shape.y * shape.x) as usize;
    let mut image = Image { shape, values: values(shape) };
    // 25 of 330 000: a mean of 4 × 4 pixels would make a thousandth of them.
    (0..25).for_each(|i| image.values[plane + i * 13_001] = 65535.0);
    let layout = small(shape, SampleType::U16);
    let zarr = create(&home.path().join("out"), &[(layout.clone(), metadata(&layout))], &Value::Null);
    let ranges = write(&zarr, 0, &image, &scattered(shape, 256, 1));
    for (c, range) in ranges.iter().enumerate() {
        let mut sorted = image.values[c * plane..][..plane].to_vec();
        sorted.sort_by(f64::total_cmp);
        let tail = plane / 1000;
        assert_eq!((range.low, range.high), (sorted[tail], sorted[plane - 1 - tail]), "channel {c}");
        assert_eq!((range.min, range.max), (sorted[0], sorted[plane - 1]));
    }
}

fn add(pyramid: &mut Pyramid, writer: &dyn ImageSink, image: &Image, (.., rect): &Place) {
    let samples = image.samples(writer.progress().layout().sample(), (0, 0), 0..1, *rect);
    let block = Block { t: 0, c: 0, z: 0, rect: *rect, samples: &samples };
    pyramid.add(&block, |shard| writer.store(shard).map(drop)).unwrap();
}

#[test]
fn a_run_that_goes_on_finds_the_range_of_one_that_was_not_interrupted() {
    // More pixels than are counted.
    let shape = Tczyx::new(1, 1, 1, 2100, 2300);
    let image = Image { shape, values: values(shape) };
    for kind in [SampleType::U8, SampleType::F32] {
        let home = tempfile::tempdir().unwrap();
        let layout = small(shape, kind);
        let images = [(layout.clone(), metadata(&layout))];
        let target = Target { resume: true, ..Target::new(home.path().join("out")) };
        let places = scattered(shape, 300, 1);
        let first = &places[..places.len() / 2];
        let zarr = OmeZarr::create(&target, Settings::default(), &images, &Value::Null, &Arc::default())
            .unwrap()
            .unwrap();
        let mut pyramid = Pyramid::new(&layout);
        first.iter().for_each(|place| add(&mut pyramid, zarr.image(0), &image, place));
        assert!(zarr.image(0).progress().stored() > 0);
        drop((zarr, pyramid));

        let zarr = OmeZarr::create(&target, Settings::default(), &images, &Value::Null, &Arc::default())
            .unwrap()
            .unwrap();
        let writer = zarr.image(0);
        let mut pyramid = Pyramid::resumed(writer.progress());
        for key in pyramid.wanted() {
            pyramid.take_back(writer, key, |shard| writer.store(shard).map(drop)).unwrap();
        }
        // Those under the shards that are finished are passed over.
        places.iter().for_each(|place| add(&mut pyramid, writer, &image, place));
        let ranges = pyramid.ranges();
        zarr.finish(std::slice::from_ref(&ranges), &json!({})).unwrap();

        let whole = create(&home.path().join("whole"), &images, &Value::Null);
        assert_eq!(ranges, write(&whole, 0, &image, &scattered(shape, 256, 1)), "{kind:?}");
        let mut sorted = image.values.clone();
        sorted.sort_by(f64::total_cmp);
        let exact = sorted[sorted.len() - 1 - sorted.len() / 1000];
        // A third of the rows, and a float to 1/128.
        assert!((ranges[0].high - exact).abs() <= 4.0, "{} instead of {exact}", ranges[0].high);
    }
}
