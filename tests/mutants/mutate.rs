//! Small damage, mostly where it matters: near the headers of segments.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Numbers at which sizes and positions go wrong.
const NUMBERS: [i64; 12] =
    [0, 1, -1, 2, 127, 255, 65_535, 1 << 20, i32::MAX as i64, i32::MIN as i64, i64::MAX, i64::MIN];
/// Bytes from the start of a segment that hold its header, sizes and directory entries.
const NEAR: usize = 512;

/// `original` with one to four pieces of damage, the same for the same seed.
pub fn mutant(original: &[u8], seed: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut bytes = original.to_vec();
    let segments: Vec<usize> =
        bytes.windows(6).enumerate().filter(|(_, six)| six == b"ZISRAW").map(|(at, _)| at).collect();
    for _ in 0..random.random_range(1..=4) {
        damage(&mut bytes, &segments, &mut random);
    }
    bytes
}

fn damage(bytes: &mut Vec<u8>, segments: &[usize], random: &mut StdRng) {
    if bytes.is_empty() {
        return;
    }
    let anywhere = random.random_range(0..bytes.len());
    let at = match segments {
        [] => anywhere,
        _ if random.random_bool(0.2) => anywhere,
        _ => (segments[random.random_range(0..segments.len())] + random.random_range(0..NEAR))
            .min(bytes.len() - 1),
    };
    match random.random_range(0..10) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at] = random.random(),
        2..=6 => {
            let number = NUMBERS[random.random_range(0..NUMBERS.len())].to_le_bytes();
            let width = [1, 2, 4, 8][random.random_range(0..4)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&number[..width]);
        }
        7 => bytes.truncate(at),
        8 => {
            let end = (at + random.random_range(1..100)).min(bytes.len());
            bytes.drain(at..end);
        }
        _ => {
            let piece: Vec<u8> = bytes[at..].iter().copied().take(random.random_range(1..100)).collect();
            bytes.splice(at..at, piece);
        }
    }
}
