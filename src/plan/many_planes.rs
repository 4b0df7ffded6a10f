//! Shards of several planes: where an image has many small planes, as a series of scanned lines, a file for each would be
//! mostly names and folders.

use super::Request;
use crate::space::Tczyx;

/// A plane of more bytes has shards of its own.
const SMALL_BYTES: u64 = 32 << 10;
/// As has each of fewer planes than this.
const MANY: u64 = 256;
/// Bytes of pixels that a shard of several planes holds, at most.
const SHARD_BYTES: u64 = 1 << 20;
/// The image is at most this share of the memory: fields may come in any order, so that all shards may wait for planes.
const SHARE: u64 = 16;

/// Times and slices of one shard of an image of `shape`; both 1 where each plane has its own.
pub(super) fn planes_per_shard(shape: Tczyx<u64>, request: &Request) -> (u32, u32) {
    planes_within(shape, request.output.bytes() as u64, request.memory_bytes)
}

fn planes_within(shape: Tczyx<u64>, sample_bytes: u64, memory_bytes: u64) -> (u32, u32) {
    let plane = shape.y * shape.x * sample_bytes;
    let (planes, image) = (shape.t * shape.z, plane.saturating_mul(shape.t * shape.z * shape.c));
    if plane > SMALL_BYTES || planes < MANY || image > memory_bytes / SHARE {
        return (1, 1);
    }
    let most = SHARD_BYTES / plane;
    let slices = shape.z.min(most);
    let times = if slices == shape.z { shape.t.min(most / slices) } else { 1 };
    (times as u32, slices as u32)
}

/// What shards of several planes hold while they wait for these, at most: all levels, each of which has at most half the
/// pixels of the one before.
pub(super) fn waiting_bytes(shape: Tczyx<u64>, request: &Request) -> u64 {
    match planes_per_shard(shape, request) {
        (1, 1) => 0,
        _ => 2 * shape.to_array().iter().product::<u64>() * request.output.bytes() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_small_planes_share_shards() {
        let of = |t, z, y, x| planes_within(Tczyx::new(t, 2, z, y, x), 2, 1 << 30);
        assert_eq!(of(20_000, 1, 1, 128), (4096, 1), "1 MiB of lines");
        assert_eq!(of(300, 1, 1, 128), (300, 1));
        assert_eq!(of(100, 10, 16, 16), (100, 10));
        assert_eq!(of(500, 100, 16, 16), (20, 100));
        assert_eq!(of(2, 5000, 16, 16), (1, 2048));
        assert_eq!(of(255, 1, 1, 128), (1, 1), "few");
        assert_eq!(of(1000, 1, 128, 129), (1, 1), "no longer small");
        assert_eq!(planes_within(Tczyx::new(20_000, 1, 1, 1, 128), 2, 1 << 20), (1, 1), "short of memory");
    }
}
