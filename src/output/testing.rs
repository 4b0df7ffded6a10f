//! What the tests of every format share: images with known pixels, a naive pyramid of them, and blocks in any order.

use std::convert::Infallible;

use super::{Block, ChannelMetadata, ChannelRange, ImageLayout, ImageMetadata, Output, Pyramid};
use crate::pixels::{SampleType, Samples};
use crate::space::{Rect, Tczyx};

/// Five-dimensional pixels as numbers, slowest axis first.
pub struct Image {
    pub shape: Tczyx<u64>,
    pub values: Vec<f64>,
}

impl Image {
    /// Cycles through 251 values, so that a swapped row shows; `step` sets their size.
    pub fn cycling(shape: Tczyx<u64>, step: f64) -> Self {
        let count = shape.to_array().iter().product::<u64>();
        Self { shape, values: (0..count).map(|i| (1 + i % 251) as f64 * step).collect() }
    }

    pub fn at(&self, at: Tczyx<u64>) -> f64 {
        let offset =
            at.to_array().iter().zip(self.shape.to_array()).fold(0, |offset, (i, side)| offset * side + i);
        self.values[offset as usize]
    }

    /// The naive mean: of each output pixel, of all input pixels that exist.
    pub fn halved(&self, is_float: bool) -> Self {
        let shape = Tczyx { y: self.shape.y.div_ceil(2), x: self.shape.x.div_ceil(2), ..self.shape };
        let values = positions(shape).map(|at| {
            let sources = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| Tczyx {
                y: 2 * at.y + dy,
                x: 2 * at.x + dx,
                ..at
            });
            let inside = sources.into_iter().filter(|p| p.y < self.shape.y && p.x < self.shape.x);
            let inside = inside.map(|p| self.at(p)).collect::<Vec<_>>();
            let mean = inside.iter().sum::<f64>() / inside.len() as f64;
            if is_float { f64::from(mean as f32) } else { mean.round_ties_even() }
        });
        Self { shape, values: values.collect() }
    }

    pub fn samples(
        &self,
        kind: SampleType,
        (t, c): (u64, u64),
        depth: std::ops::Range<u64>,
        rect: Rect<crate::space::Output>,
    ) -> Samples {
        let values = depth.flat_map(|z| {
            (rect.y..rect.bottom()).flat_map(move |y| {
                (rect.x..rect.right()).map(move |x| self.at(Tczyx::new(t, c, z, y as u64, x as u64)))
            })
        });
        match kind {
            SampleType::U8 => Samples::U8(values.map(|v| v as u8).collect()),
            SampleType::U16 => Samples::U16(values.map(|v| v as u16).collect()),
            SampleType::F32 => Samples::F32(values.map(|v| v as f32).collect()),
        }
    }
}

pub fn positions(shape: Tczyx<u64>) -> impl Iterator<Item = Tczyx<u64>> {
    let [t, c, z, y, x] = shape.to_array();
    (0..t * c * z * y * x)
        .map(move |i| Tczyx::new(i / (x * y * z * c), i / (x * y * z) % c, i / (x * y) % z, i / x % y, i % x))
}

/// A place of a block: time and channel, planes, rectangle.
pub type Place = ((u64, u64), std::ops::Range<u64>, Rect<crate::space::Output>);

/// Blocks of `side` pixels and `depth` planes, in an order that is neither rows nor columns.
pub fn scattered(shape: Tczyx<u64>, side: u64, depth: u64) -> Vec<Place> {
    let mut places = Vec::new();
    let blocks =
        Tczyx::new(shape.t, shape.c, shape.z.div_ceil(depth), shape.y.div_ceil(side), shape.x.div_ceil(side));
    for at in positions(blocks) {
        let (x, y, z) = (at.x * side, at.y * side, at.z * depth);
        let rect = Rect::new(x as i64, y as i64, side.min(shape.x - x) as u32, side.min(shape.y - y) as u32);
        places.push(((at.t, at.c), z..(z + depth).min(shape.z), rect));
    }
    let count = places.len();
    let stride = (count * 5 / 8..).find(|&s| s > 0 && gcd(s, count) == 1).unwrap();
    (0..count).map(|i| places[i * stride % count].clone()).collect()
}

pub fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

pub fn metadata(layout: &ImageLayout) -> ImageMetadata {
    let channel = |c| ChannelMetadata { name: format!("channel {c}"), active: true, ..Default::default() };
    ImageMetadata {
        name: "test".into(),
        channels: (0..layout.shape().c).map(channel).collect(),
        ..Default::default()
    }
}

/// Sends the blocks through a pyramid into image `i`, stored by two threads; gives the ranges.
pub fn write(output: &dyn Output, i: usize, image: &Image, places: &[Place]) -> Vec<ChannelRange> {
    let writer = output.image(i);
    let mut pyramid = Pyramid::new(writer.progress().layout());
    for ((t, c), depth, rect) in places.iter().cloned() {
        let samples = image.samples(writer.progress().layout().sample(), (t, c), depth.clone(), rect);
        let block = Block { t, c, z: depth.start, rect, samples: &samples };
        let mut shards = Vec::new();
        let Ok(()) = pyramid.add(&block, |shard| {
            shards.push(shard);
            Ok::<(), Infallible>(())
        });
        std::thread::scope(|scope| {
            for part in shards.chunks(shards.len().div_ceil(2).max(1)) {
                scope.spawn(move || {
                    for shard in part {
                        writer.store(shard.clone()).unwrap();
                    }
                });
            }
        });
    }
    assert_eq!(pyramid.held_bytes(), 0);
    pyramid.ranges()
}
