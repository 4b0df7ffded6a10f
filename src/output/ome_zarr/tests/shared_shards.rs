//! Shards of several times and slices.

use super::*;

fn layout(shape: Tczyx<u64>, (shard_times, shard_slices): (u32, u32)) -> ImageLayout {
    let cut = Cut { chunk_px: 64, shard_px: 128, shard_times, shard_slices };
    ImageLayout::new(shape, SampleType::U16, cut).unwrap()
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn planes_that_share_shards_come_back_on_every_level_whatever_their_order() {
    for (shape, shared) in [
        (Tczyx::new(7, 2, 5, 3, 70), (3, 5)),
        (Tczyx::new(7, 2, 5, 3, 70), (1, 2)),
        (Tczyx::new(20, 1, 1, 1, 300), (8, 1)),
        (Tczyx::new(5, 1, 3, 270, 130), (2, 3)),
    ] {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out.ome.zarr");
        let layout = layout(shape, shared);
        let zarr = create(&target, &[(layout.clone(), metadata(&layout))], &Value::Null);
        let image = Image::cycling(shape, 200.0);
        let ranges = write(&zarr, 0, &image, &scattered(shape, 100, 2));
        assert_eq!((ranges[0].min, ranges[0].max), (200.0, 50_200.0));
        zarr.finish(&[ranges], &json!({})).unwrap();
        let levels = layout.levels().iter().enumerate();
        let planes = (shape.t.div_ceil(shared.0.into()) * shape.z.div_ceil(shared.1.into())) as usize;
        for (k, level) in levels {
            let shards = (planes as u64 * shape.c * level.shards().y * level.shards().x) as usize;
            assert_eq!(files(&target.join(k.to_string()).join("c")), shards, "level {k} of {shape:?}");
        }
        assert_levels(&target, "", image, &layout);
    }
}

#[test]
fn a_run_that_goes_on_wants_the_planes_of_shards_that_are_not_finished() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("out.ome.zarr");
    let shape = Tczyx::new(10, 1, 1, 3, 300);
    let layout = layout(shape, (4, 1));
    let images = [(layout.clone(), metadata(&layout))];
    let image = Image::cycling(shape, 200.0);
    let send = |zarr: &OmeZarr, pyramid: &mut Pyramid, times: std::ops::Range<u64>| {
        let writer = zarr.image(0);
        for t in times {
            let rect = Rect::new(0, 0, 300, 3);
            let samples = image.samples(SampleType::U16, (t, 0), 0..1, rect);
            let block = Block { t, c: 0, z: 0, rect, samples: &samples };
            pyramid.add(&block, |shard| writer.store(shard).map(drop)).unwrap();
        }
    };
    let zarr = create(&target, &images, &Value::Null);
    send(&zarr, &mut Pyramid::new(&layout), 0..6);
    drop(zarr);

    let resume = Target { resume: true, ..Target::new(&target) };
    let zarr = OmeZarr::create(&resume, Settings::default(), &images, &Value::Null, &Arc::default())
        .unwrap()
        .unwrap();
    let writer = zarr.image(0);
    let rect = Rect::new(0, 0, 300, 3);
    let wanted: Vec<u64> = (0..10).filter(|&t| writer.progress().is_wanted((t, 0, 0), 1, rect)).collect();
    assert_eq!(wanted, [4, 5, 6, 7, 8, 9]);
    let mut pyramid = Pyramid::resumed(writer.progress());
    for key in pyramid.wanted() {
        pyramid.take_back(writer, key, |shard| writer.store(shard).map(drop)).unwrap();
    }
    send(&zarr, &mut pyramid, 4..10);
    zarr.finish(&[pyramid.ranges()], &json!({})).unwrap();
    assert_levels(&target, "", image, &layout);
}
