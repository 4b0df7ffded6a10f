//! Scenes made by hand, and the whole plan on them.

use std::collections::BTreeSet;

use super::*;
use crate::dataset::{Channel, Compression, Optics, Plane, Subblock, Subblocks};
use crate::pixels::PixelType;

/// A field of 100 × 100 pixels of 16 bits at (`x`, `y`) of plane 0.
pub fn field(m: u32, x: i64, y: i64) -> Subblock {
    Subblock {
        number: 0,
        plane: Plane::default(),
        m: Some(m),
        rect: Rect::new(x, y, 100, 100),
        stored_width: 100,
        stored_height: 100,
        shown: None,
        pixel_type: PixelType::Gray16,
        compression: Compression::Uncompressed,
        offset: u64::from(m) * 30_000,
        extent: 20_500,
    }
}

/// A scene of these fields.
pub fn scene_of(fields: Vec<Subblock>) -> Scene {
    let rect = fields.iter().map(|field| field.rect).reduce(Rect::union).unwrap_or(Rect::new(0, 0, 1, 1));
    let channels = vec![0];
    let slices = fields.iter().map(|field| field.plane.z + 1).max().unwrap_or(1);
    Scene {
        index: 0,
        name: None,
        rect,
        slices,
        times: 1,
        channels,
        origin_um: Zyx::default(),
        origin_secs: None,
        fields: fields.into(),
        pyramid: Subblocks::default(),
        unreadable: Vec::new(),
    }
}

/// One channel, one plane.
pub fn dataset_of(scenes: Vec<Scene>) -> Dataset {
    let channel = Channel { pixel_type: Some(PixelType::Gray16), ..Channel::default() };
    Dataset {
        scenes,
        channels: vec![channel],
        voxel_um: Zyx::new(None, None, None),
        interval_secs: None,
        optics: Optics::default(),
        notes: Vec::new(),
    }
}

fn mosaic(columns: i64, rows: i64) -> Scene {
    let places = (0..rows).flat_map(|j| (0..columns).map(move |i| (i, j)));
    scene_of((0..).zip(places).map(|(m, (i, j))| field(m, i * 90 - 1000, j * 90 + 7)).collect())
}

fn request() -> Request {
    Request {
        blends: false,
        shading_bytes: 0,
        psf_bytes: 0,
        scale: 1,
        volumes: false,
        psf: Some(Zyx::new(1, 21, 21)),
        halo: 8,
        halo_z: 4,
        tile: Some(128),
        chunk: 64,
        shard: None,
        output: SampleType::U16,
        lanes: 2,
        pair_bytes_per_voxel: 40,
        folded_bytes_per_voxel: Some(24),
        bytes_per_row: 8,
        joined_channels: 1,
        bytes_per_chunk: 0,
        memory_bytes: 1 << 30,
        limits: Limits {
            fft_length: 2048,
            volume_bytes: 1 << 27,
            plane_bytes: 1 << 30,
            memory_bytes: 1 << 30,
            cache_bytes: 0,
        },
        paints_at_once: false,
        devices: 1,
        volumes_on_host: true,
        workers: Workers { readers: 2, decoders: 2, loaders: 2, writers: 2, depths: Depths::default() },
        merging: Merging::NONE,
        decoding_bytes: 0,
        takes_zeros_for_granted: vec![true],
        stop: Stop::default(),
    }
}

fn plan(scene: &Scene, request: &Request) -> Plan {
    Plan::new(&dataset_of(vec![scene.clone()]), scene, request).unwrap()
}

fn tiles(plan: &Plan) -> impl Iterator<Item = &Tile> {
    plan.batches.iter().flat_map(|batch| &batch.groups).flat_map(|group| &group.tiles)
}

#[test]
fn each_subblock_is_read_once_in_file_order() {
    let scene = mosaic(7, 5);
    let plan = plan(&scene, &request());
    let reads: Vec<_> = plan.batches.iter().flat_map(|batch| batch.reads.clone()).collect();
    assert_eq!(reads.len(), 35);
    assert_eq!(reads.iter().copied().collect::<BTreeSet<_>>().len(), 35);
    for batch in &plan.batches {
        assert!(batch.reads.is_sorted(), "{:?}", batch.reads);
    }
    assert_eq!((plan.requests, plan.amplification), (35, 1.0));
}

#[test]
fn neighbours_in_a_batch_are_one_request() {
    let mut scene = mosaic(7, 5);
    // As stored: one behind the other, but for a gap before the 21st.
    let place = |i: usize| i as u64 * 20_500 + if i < 20 { 0 } else { 70_000 };
    scene.fields.iter_mut().enumerate().for_each(|(i, field)| field.offset = place(i));
    let whole = |merging| {
        let plan = plan(&scene, &Request { tile: None, merging, ..request() });
        (plan.batches.len(), plan.requests, plan.read_bytes)
    };
    assert_eq!(whole(Merging::NONE), (1, 35, 35 * 20_500), "everything fits one tile");
    assert_eq!(whole(Merging::default()), (1, 2, 35 * 20_500));
    assert_eq!(whole(Merging { gap: 70_000, ..Merging::default() }), (1, 1, 35 * 20_500 + 70_000));
    let most = Merging { gap: 70_000, most: 5 * 20_500 };
    assert_eq!(whole(most), (7, 7, 35 * 20_500), "a batch is not longer than a request");
}

#[test]
fn a_tile_has_every_field_under_its_halo_highest_m_last() {
    let scene = mosaic(7, 5);
    let plan = plan(&scene, &request());
    let mosaic = Rect::<Mosaic>::new(0, 0, 640, 460);
    let mut covered = 0;
    for tile in tiles(&plan) {
        let under = tile.padded.to_mosaic(1, mosaic);
        let needed: Vec<_> = (0..35)
            .filter(|&f| {
                let rect = scene.fields[f].rect;
                Rect::<Mosaic>::new(rect.x + 1000, rect.y - 7, 100, 100).intersect(under).is_some()
            })
            .collect();
        assert_eq!(tile.layers.iter().map(|layer| layer.field).collect::<Vec<_>>(), needed);
        assert!(
            tile.padded.x <= (tile.core.x - 8).max(0)
                && tile.padded.right() >= (tile.core.right() + 8).min(640)
        );
        covered += tile.core.area();
    }
    assert_eq!(covered, 640 * 460);
}

#[test]
fn a_stack_is_one_tile_with_all_planes_or_one_tile_a_plane() {
    let fields =
        (0..4).map(|z| Subblock { plane: Plane { z, ..Plane::default() }, ..field(0, 0, 0) }).collect();
    let scene = scene_of(fields);
    let dataset = dataset_of(vec![scene.clone()]);
    let volume = Plan::new(&dataset, &scene, &Request { volumes: true, ..request() }).unwrap();
    assert_eq!((volume.tiles, volume.grid.core.z, volume.grid.fft.z), (1, 4, 4));
    let layers = &tiles(&volume).next().unwrap().layers;
    assert_eq!(
        layers.iter().map(|l| (l.field, l.plane)).collect::<Vec<_>>(),
        [(0, 0), (1, 1), (2, 2), (3, 3)]
    );
    let planes = Plan::new(&dataset, &scene, &request()).unwrap();
    assert_eq!(planes.tiles, 4);
    assert!(tiles(&planes).all(|tile| tile.layers.len() == 1 && tile.layers[0].plane == 0));
}

#[test]
fn downsampled_tiles_need_the_fields_under_their_mosaic_pixels() {
    let scene = mosaic(7, 5);
    let plan = plan(&scene, &Request { scale: 4, ..request() });
    assert_eq!((plan.shape.y, plan.shape.x), (115, 160));
    assert_eq!(plan.requests, 35);
}

#[test]
fn memory_stays_in_the_budget_and_amplification_says_what_it_costs() {
    let scene = mosaic(40, 4);
    let roomy = plan(&scene, &request());
    assert_eq!(roomy.amplification, 1.0);
    // Room for some 30 fields of 20 kB beside a few batches; a band of tiles lies on 80 and more.
    let memory_bytes = roomy.memory.host() - roomy.memory.fields - roomy.memory.in_flight + 900_000;
    let tight = plan(&scene, &Request { memory_bytes, shard: Some(roomy.shard), ..request() });
    assert!(tight.memory.host() <= memory_bytes, "{:?}", tight.memory);
    assert!(tight.amplification > 1.0, "a budget of 30 fields must cost reads");
    assert_eq!(tight.amplification, 1.0 + tight.read_again as f64 / 160.0, "all fields are as long");
}

fn at_once() -> Request {
    Request { psf: None, halo: 0, lanes: 1, tile: Some(64), chunk: 32, paints_at_once: true, ..request() }
}

/// Fields in the order in which they are read; every tile is complete once and has all of its fields by then.
fn reads_at_once(plan: &Plan) -> Vec<usize> {
    assert!(plan.is_painted_at_once());
    let (mut painted, mut reads, mut complete) = (BTreeSet::new(), Vec::new(), 0);
    for batch in &plan.batches {
        assert!(batch.reads.is_sorted(), "{:?}", batch.reads);
        for (&field, tiles) in batch.reads.iter().zip(&batch.paints) {
            reads.push(field);
            painted.extend(tiles.iter().map(|&tile| (tile, field)));
        }
        for tile in batch.groups.iter().flat_map(|group| &group.tiles) {
            assert_eq!(tile.index, complete, "tiles are numbered as they come out");
            complete += 1;
            assert!(tile.layers.iter().all(|layer| painted.contains(&(tile.index, layer.field))));
        }
    }
    assert_eq!(u64::from(complete), plan.tiles);
    assert_eq!(reads.iter().collect::<BTreeSet<_>>().len(), reads.len(), "no field is read twice");
    reads
}

#[test]
fn where_fields_are_painted_at_once_only_few_tiles_wait() {
    let scene = mosaic(30, 40);
    let plan = plan(&scene, &at_once());
    assert_eq!(reads_at_once(&plan), (0..1200).collect::<Vec<_>>());
    assert_eq!((plan.requests, plan.amplification, plan.memory.fields), (1200, 1.0, 0));
    // A row of fields is 100 pixels high, and batches of 64 KiB are on their way: 3 rows of tiles of 64 pixels.
    assert!(plan.memory.tiles <= 3 * 64 * 2800 * 2, "{:?}", plan.memory);
    let covered: u64 = tiles(&plan).map(|tile| tile.core.area()).sum();
    assert_eq!(covered, 2710 * 3610);
}

/// Four channels, of which the file has all at one place before the next place, one behind the other.
fn interleaved() -> (Dataset, Scene) {
    let mut scene = mosaic(8, 12);
    scene.fields = (0..4 * 96)
        .map(|i| {
            let field = &scene.fields[i / 4];
            let plane = Plane { c: i as u32 % 4, ..field.plane };
            Subblock { plane, offset: i as u64 * 20_500, ..field.clone() }
        })
        .collect();
    scene.channels = vec![0, 1, 2, 3];
    let mut dataset = dataset_of(vec![scene.clone()]);
    dataset.channels = vec![dataset.channels[0].clone(); 4];
    (dataset, scene)
}

#[test]
fn interleaved_channels_are_read_in_one_pass_where_memory_allows() {
    let (dataset, scene) = interleaved();
    let merging = Merging { gap: 30_000, most: 100_000 };
    let roomy = Plan::new(&dataset, &scene, &Request { merging, ..at_once() }).unwrap();
    assert_eq!(reads_at_once(&roomy), (0..384).collect::<Vec<_>>());
    // 7.9 MB in batches of up to 100 kB, the last ones smaller.
    assert!(roomy.requests <= 384 / 4 + 4 && roomy.read_bytes == 384 * 20_500, "{} requests", roomy.requests);

    let memory_bytes = roomy.memory.host() - 1;
    let request = Request { merging, memory_bytes, shard: Some(roomy.shard), ..at_once() };
    let tight = Plan::new(&dataset, &scene, &request).unwrap();
    assert!(tight.memory.host() <= memory_bytes);
    let reads = reads_at_once(&tight);
    let of_the_first = reads[..96].iter().filter(|&&field| field % 4 == 0).count();
    assert!(of_the_first > 96 - 4, "one channel after the other, but for a batch: {of_the_first}");
}

#[test]
fn fields_in_no_order_are_read_in_the_order_of_the_tiles_where_memory_is_short() {
    let mut scene = mosaic(30, 40);
    scene.fields.sort_by_key(|field| field.m.map(|m| m * 577 % 1200));
    (0..).zip(scene.fields.iter_mut()).for_each(|(i, field)| field.offset = i * 20_500);
    let roomy = plan(&scene, &at_once());
    assert_eq!(reads_at_once(&roomy), (0..1200).collect::<Vec<_>>());
    let tight = plan(&scene, &Request { memory_bytes: roomy.memory.host() / 4, ..at_once() });
    assert_eq!(reads_at_once(&tight).len(), 1200);
    assert!(tight.memory.host() <= roomy.memory.host() / 4, "{:?}", tight.memory);
    assert_eq!(tight.amplification, 1.0);
}

#[test]
fn the_list_of_tiles_takes_its_share_of_the_memory_too() {
    // Two fields 8 million pixels apart, as a damaged directory may have them.
    let scene = scene_of(vec![field(0, 0, 0), field(1, 0, 8_000_000)]);
    let request = Request { tile: None, memory_bytes: 64 << 20, ..at_once() };
    let few = plan(&scene, &request);
    assert!(few.is_painted_at_once() && few.tiles == 2, "{} tiles", few.tiles);
    let covered: u64 = few.bare.iter().map(|bare| bare.area.count()).sum();
    let tiles = few.batches.iter().flat_map(|batch| &batch.groups).flat_map(|group| &group.tiles);
    let made: u64 = tiles.map(|tile| tile.core.area()).sum();
    assert_eq!(covered + made, few.shape.y * few.shape.x, "each pixel is of a tile or of none");
    // Where something comes out that has to be written.
    let request = Request { takes_zeros_for_granted: vec![false], ..request };
    let held = plan(&scene, &request);
    assert!(!held.is_painted_at_once() && held.tiles < 65_536, "{} tiles", held.tiles);
    let dataset = dataset_of(vec![scene.clone()]);
    let error = Plan::new(&dataset, &scene, &Request { tile: Some(32), ..request }).unwrap_err();
    assert!(error.to_string().contains("65536 available"), "{error}");
}

#[test]
fn what_is_averaged_or_converted_is_held() {
    let scene = mosaic(3, 2);
    for other in [
        Request { scale: 2, ..at_once() },
        Request { output: SampleType::U8, ..at_once() },
        Request { paints_at_once: false, ..at_once() },
    ] {
        assert!(!plan(&scene, &other).is_painted_at_once(), "{other:?}");
    }
}

#[test]
fn planning_ends_when_the_user_wants_to_end() {
    let scene = scene_of(vec![field(0, 0, 0), field(1, 500, 0)]);
    let stop = Stop::default();
    stop.flag().store(true, std::sync::atomic::Ordering::Relaxed);
    for paints_at_once in [false, true] {
        let request = Request { psf: None, halo: 0, paints_at_once, stop: stop.clone(), ..request() };
        let error = Plan::new(&dataset_of(vec![scene.clone()]), &scene, &request).unwrap_err();
        assert!(matches!(error, Error::Interrupted { .. }), "{error}");
    }
}

#[test]
fn fields_that_lie_on_all_tiles_are_counted_before_they_are_listed() {
    // A thousand fields of 2¹⁶ × 2¹⁶: two hundred thousand tiles, each under all of them.
    let large = |m: u32| Subblock { rect: Rect::new(0, 0, 1 << 16, 1 << 16), ..field(m, 0, 0) };
    let scene = scene_of((0..1000).map(large).collect());
    let request = Request { psf: None, halo: 0, ..request() };
    let error = Plan::new(&dataset_of(vec![scene.clone()]), &scene, &request).unwrap_err().to_string();
    assert!(error.contains("each counted with each of its tiles"), "{error}");
}

#[test]
fn fields_in_a_heap_are_held_and_not_compared_with_each_other() {
    let heap = |count: u32| scene_of((0..count).map(|m| field(m, i64::from(m % 7), 0)).collect());
    let request = Request { psf: None, halo: 0, tile: None, paints_at_once: true, ..request() };
    assert!(plan(&heap(2000), &request).is_painted_at_once());
    assert!(!plan(&heap(2100), &request).is_painted_at_once());
}

#[test]
fn lists_and_psfs_are_counted_and_refused_beyond_the_memory() {
    let scene = mosaic(7, 5);
    let known = plan(&scene, &request());
    // Each field is a subblock, and has a share in a tile at least.
    assert!(known.memory.lists >= 35 * (size_of::<Subblock>() + size_of::<Layer>()) as u64);
    let all = known.memory.host();
    let with_psfs = plan(&scene, &Request { psf_bytes: all, ..request() });
    assert_eq!(with_psfs.memory.host(), 2 * all);
    let fits = |psf_bytes| {
        let tight = Request { psf_bytes, memory_bytes: all + 1000, ..request() };
        Plan::new(&dataset_of(vec![scene.clone()]), &scene, &tight)
    };
    assert!(fits(0).is_ok_and(|plan| plan.memory.host() <= all + 1000));
    assert!(matches!(fits(all), Err(Error::Limit { .. })));
}
