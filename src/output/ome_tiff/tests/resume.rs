//! What an interrupted run left is gone on with, and what is in the way is kept.

use super::*;
use crate::error::Error;
use crate::output::Pyramid;
use crate::output::ome_tiff::made_here::is_made_here;

/// Compressed tiles and sizes of every page of every level: what must not depend on the order in which tiles came.
fn contents(path: &Path) -> Vec<(u64, Vec<Vec<u8>>)> {
    let file = Parsed::open(path);
    let with_levels = |page: &Page| {
        let levels = page.numbers(330).into_iter().map(|at| file.page(at));
        [page.clone()].into_iter().chain(levels).collect::<Vec<_>>()
    };
    let pages = file.pages();
    let all = pages.iter().flat_map(with_levels);
    all.map(|page| (page.number(256), file.tiles(&page).into_iter().map(<[u8]>::to_vec).collect())).collect()
}

/// Writes the shards of all pixels, from `from` on in the order in which they come; stops after `most` of them.
fn store(output: &OmeTiff, image: &Image, most: usize) -> bool {
    let sink = output.image(0);
    let mut pyramid = Pyramid::resumed(sink.progress());
    let mut shards = Vec::new();
    let mut take = |shard| {
        shards.push(shard);
        Ok::<(), Error>(())
    };
    for key in pyramid.wanted() {
        pyramid.take_back(sink, key, &mut take).unwrap();
    }
    for ((t, c), depth, rect) in scattered(image.shape, 100, 1) {
        let samples = image.samples(sink.progress().layout().sample(), (t, c), depth.clone(), rect);
        let block = crate::output::Block { t, c, z: depth.start, rect, samples: &samples };
        pyramid.add(&block, &mut take).unwrap();
    }
    let is_all = shards.len() <= most;
    shards.into_iter().take(most).for_each(|shard| _ = sink.store(shard).unwrap());
    is_all
}

#[test]
fn a_run_that_goes_on_again_and_again_makes_what_one_run_makes() {
    // Of colours, three shards make one.
    for (is_rgb, most) in [(false, 7), (true, 60)] {
        let home = tempfile::tempdir().unwrap();
        let layout = layout(Tczyx::new(1, 3, 2, 300, 270), SampleType::U16);
        let images = [(layout.clone(), ImageMetadata { is_rgb, ..metadata(&layout) })];
        let image = Image::cycling(layout.shape(), 100.0);
        let [whole, broken] = ["whole.tif", "broken.tif"].map(|name| home.path().join(name));
        let output = create(&Target::new(&whole), Compression::Deflate, &images);
        assert!(store(&output, &image, usize::MAX));
        output.finish(&[], &json!({})).unwrap();
        let target = Target { resume: true, ..Target::new(&broken) };
        let mut runs = 0;
        loop {
            let output = create(&target, Compression::Deflate, &images);
            runs += 1;
            if store(&output, &image, most) {
                output.finish(&[], &json!({})).unwrap();
                break;
            }
            drop(output);
            assert!(!broken.exists());
            // A torn end, as a crash leaves one.
            let hidden = home.path().join(".broken.tif.partial/image");
            let mut bytes = fs::read(&hidden).unwrap();
            bytes.extend([7; 1000]);
            fs::write(&hidden, bytes).unwrap();
        }
        assert!(runs > if is_rgb { 1 } else { 5 });
        assert!(contents(&broken) == contents(&whole), "RGB {is_rgb}");
        assert_levels(&broken, image, false);
        let same = OmeTiff::create(
            &target,
            Settings::default(),
            &images,
            &json!({ "identity": { "a": "<µ>" } }),
            &Arc::default(),
        );
        assert!(same.unwrap().is_none(), "it is there already");
        let other = OmeTiff::create(
            &target,
            Settings::default(),
            &images,
            &json!({ "identity": 1 }),
            &Arc::default(),
        );
        assert!(other.unwrap_err().to_string().contains("made of something else"));
    }
}

#[test]
fn what_this_program_did_not_write_is_never_replaced() {
    let home = tempfile::tempdir().unwrap();
    let layout = layout(Tczyx::new(1, 1, 1, 20, 20), SampleType::U8);
    let images = [(layout.clone(), metadata(&layout))];
    let image = Image::cycling(layout.shape(), 1.0);
    let path = home.path().join("slide.ome.tif");
    let target = Target { overwrite: true, ..Target::new(&path) };
    let acquisitions: [&[u8]; 5] = [
        b"",
        b"II+\0\x08\0\0\0",
        b"II+\0\x08\0\0\0 from a microscope",
        b"II*\0\x08\0\0\0 from a microscope",
        &[0; 100],
    ];
    for bytes in acquisitions {
        fs::write(&path, bytes).unwrap();
        assert!(!is_made_here(&path).unwrap());
        let made = OmeTiff::create(&target, Settings::default(), &images, &Value::Null, &Arc::default());
        assert!(made.unwrap_err().to_string().contains("not an OME-TIFF of this program"));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    fs::remove_file(&path).unwrap();
    for compression in [Compression::Deflate, Compression::Zstd] {
        let output = create(&target, compression, &images);
        assert!(store(&output, &image, usize::MAX));
        output.finish(&[], &json!({})).unwrap();
        assert!(is_made_here(&path).unwrap());
    }
    assert_eq!(Parsed::open(&path).pages()[0].number(259), 50000);
}

fn two_scenes() -> [(ImageLayout, ImageMetadata); 2] {
    [0, 3].map(|scene| {
        let layout = layout(Tczyx::new(1, 1, 1, 90 + u64::from(scene), 80), SampleType::U8);
        (layout.clone(), ImageMetadata { scene, ..metadata(&layout) })
    })
}

#[test]
fn each_scene_is_a_file_and_a_crash_while_they_get_their_names_loses_none() {
    let home = tempfile::tempdir().unwrap();
    let images = two_scenes();
    let target = Target { resume: true, ..Target::new(home.path().join("out.ome.tif")) };
    let output = create(&target, Compression::Deflate, &images);
    for (i, (layout, _)) in images.iter().enumerate() {
        let image = Image::cycling(layout.shape(), 1.0);
        write(&output, i, &image, &scattered(layout.shape(), 64, 1));
    }
    output.finish(&[], &json!({})).unwrap();
    let files = ["out_S00.ome.tif", "out_S03.ome.tif"].map(|name| home.path().join(name));
    for (file, (layout, _)) in files.iter().zip(&images) {
        assert_levels(file, Image::cycling(layout.shape(), 1.0), false);
    }
    let whole = files.each_ref().map(|file| contents(file));

    // One file has its name, the other has not.
    files.iter().for_each(|file| fs::remove_file(file).unwrap());
    let output = create(&target, Compression::Deflate, &images);
    for (i, (layout, _)) in images.iter().enumerate() {
        write(&output, i, &Image::cycling(layout.shape(), 1.0), &scattered(layout.shape(), 64, 1));
    }
    fs::create_dir(&files[1]).unwrap();
    fs::write(files[1].join("in the way"), "").unwrap();
    assert!(output.finish(&[], &json!({})).is_err());
    assert!(!files[0].exists(), "none gets its name alone");
    fs::remove_dir_all(&files[1]).unwrap();
    fs::rename(home.path().join(".out.ome.tif.partial/image"), &files[0]).unwrap();
    drop(output);
    let output = create(&target, Compression::Deflate, &images);
    let finished = (0..2).map(|i| output.image(i).progress().finished_count());
    assert!(finished.eq(images.iter().map(|(layout, _)| layout.shard_count())));
    output.finish(&[], &json!({})).unwrap();
    assert!(files.each_ref().map(|file| contents(file)) == whole);
}
