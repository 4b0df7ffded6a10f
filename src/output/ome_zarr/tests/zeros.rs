//! Zeros that nobody makes a buffer for give what zeros in a buffer give.

use std::collections::BTreeMap;

use super::*;
use crate::space::{Area, Output};

/// Channel and slice.
const PLANES: [(u64, u64); 4] = [(0, 0), (0, 1), (1, 0), (1, 1)];

/// By level and place: samples, and the range.
type Shards = BTreeMap<(usize, [u64; 5]), (Vec<u8>, Option<ShardRange>)>;

/// What becomes of zeros.
#[derive(Clone, Copy, PartialEq)]
enum Zeros {
    InABuffer,
    Bare,
    LeftOut,
}

/// A tile: plane, place, and whether all of it is zero.
type Tile = (Tczyx<u64>, Rect<Output>, bool);

/// Also how many shards were left out.
fn add(layout: &ImageLayout, blocks: &[Tile], zeros: Zeros) -> (Shards, Vec<ChannelRange>, u64) {
    let mut pyramid = Pyramid::new(layout);
    let mut left_out = 0;
    if zeros == Zeros::LeftOut {
        let areas = PLANES.map(|(c, z)| {
            let of_plane = blocks.iter().filter(|(at, _, is_zero)| (at.c, at.z) == (c, z) && *is_zero);
            ((0, c, z..z + 1), Area::of(of_plane.map(|(_, rect, _)| *rect)))
        });
        left_out = pyramid.leave_out(areas.iter().map(|(planes, area)| (planes.clone(), area)));
    }
    let mut shards = Shards::new();
    for &(Tczyx { t, c, z, .. }, rect, is_zero) in blocks {
        let mut keep = |shard: Shard| {
            let length = layout.levels()[shard.level].shard.to_array().iter().product::<u64>() as usize;
            let made = Samples::zeros(layout.sample(), length);
            let samples = if shard.samples.is_empty() { &made } else { &shard.samples };
            shards.insert((shard.level, shard.index.to_array()), (samples.as_bytes().to_vec(), shard.range));
            Ok::<(), Infallible>(())
        };
        let Ok(()) = if is_zero && zeros == Zeros::LeftOut {
            Ok(())
        } else if is_zero && zeros == Zeros::Bare {
            pyramid.add_zeros((t, c, z..z + 1), rect, &mut keep)
        } else {
            let value = |i: u64| if is_zero { 0 } else { (i % 65_521) as u16 };
            let samples = match layout.sample() {
                SampleType::F32 => {
                    Samples::F32((0..rect.area()).map(|i| f32::from(value(i)) / 7.0).collect())
                }
                _ => Samples::U16((0..rect.area()).map(value).collect()),
            };
            pyramid.add(&Block { t, c, z, rect, samples: &samples }, &mut keep)
        };
    }
    assert_eq!(pyramid.held_bytes(), 0);
    (shards, pyramid.ranges(), left_out)
}

#[test]
fn zeros_without_a_buffer_are_zeros() {
    for sample in [SampleType::U16, SampleType::F32] {
        let shape = Tczyx::new(1, 2, 2, 1100, 900);
        let layout = small(shape, sample);
        // Tiles that do not lie on the grid of shards; a plane and a channel without anything, and one tile with.
        for with in [vec![], vec![(0, 0, 0, 0)], vec![(1, 0, 400, 300), (1, 1, 800, 600)]] {
            let tiles = |(c, z)| {
                let places =
                    (0..3_i64).flat_map(|row| (0..3_i64).map(move |column| (row * 400, column * 300)));
                places.map(move |(y, x)| (c, z, y, x)).collect::<Vec<_>>()
            };
            let blocks: Vec<Tile> = PLANES
                .into_iter()
                .flat_map(tiles)
                .map(|place @ (c, z, y, x)| {
                    let rect = Rect::new(x, y, 300, (1100 - y).min(400) as u32);
                    (Tczyx::new(0, c, z, 0, 0), rect, !with.contains(&place))
                })
                .collect();
            let made = add(&layout, &blocks, Zeros::InABuffer);
            let bare = add(&layout, &blocks, Zeros::Bare);
            assert_eq!(bare.0.len() as u64, layout.shard_count());
            assert!(bare.0 == made.0, "{sample:?}, pixels in {with:?}: shards differ");
            assert_eq!(bare.1, made.1, "{sample:?}, pixels in {with:?}");
            let left_out = add(&layout, &blocks, Zeros::LeftOut);
            assert_eq!(left_out.0.len() as u64 + left_out.2, layout.shard_count());
            for (key, made) in &made.0 {
                match left_out.0.get(key) {
                    Some(shard) => assert!(shard == made, "{sample:?}, pixels in {with:?}: {key:?}"),
                    None => assert!(made.0.iter().all(|&byte| byte == 0), "{key:?} is not made"),
                }
            }
            assert_eq!(left_out.1, made.1, "{sample:?}, pixels in {with:?}");
            assert!(left_out.2 > 8, "whole shards are left out");
        }
    }
}
