//! One number for all pixels of a mosaic, whatever the order in which they come: the ways to load deliver the same.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::decon::FinishedTile;
use crate::job::Job;
use crate::pixels::{SampleType, Samples};
use crate::plan::Tile;
use crate::report::{Event, Report};

/// The sum of a number for each pixel, modulo 2⁶⁴, that depends on its value as a float and on its place; 0 where there
/// is nothing. From any thread.
#[derive(Debug, Default)]
pub struct Checksum(AtomicU64);

/// A part of one row of the output, at level 0.
#[derive(Clone, Copy, Debug)]
pub struct RowPart {
    /// Time, output channel, depth.
    pub plane: [u32; 3],
    /// Row of the mosaic.
    pub y: i64,
    /// First column of the mosaic.
    pub x: i64,
    /// Columns.
    pub count: usize,
}

/// Where the samples of a row lie among others.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// All of them, native byte order, at any address.
    pub bytes: &'a [u8],
    /// What each is.
    pub kind: SampleType,
    /// Of the row's first.
    pub first: usize,
    /// From one to the next.
    pub step: usize,
}

impl Checksum {
    /// Adds a part of a row.
    pub fn add(&self, row: RowPart, stored: Stored<'_>) {
        let Stored { bytes, kind, first, step } = stored;
        let sum = match kind {
            SampleType::U8 => row.sum(|i| f32::from(bytes[first + i * step])),
            SampleType::U16 => row.sum(|i| u16::from_ne_bytes(at(bytes, first + i * step)).into()),
            SampleType::F32 => row.sum(|i| f32::from_ne_bytes(at(bytes, first + i * step))),
        };
        self.0.fetch_add(sum, Relaxed);
    }

    fn add_tile(&self, tile: &Tile, samples: &Samples) {
        let width = tile.core.width as usize;
        for (plane, y) in (0..tile.planes).flat_map(|plane| (0..tile.core.height).map(move |y| (plane, y))) {
            let row = RowPart {
                plane: [tile.t, tile.channel, tile.z + plane],
                y: tile.core.y + i64::from(y),
                x: tile.core.x,
                count: width,
            };
            let first = (plane * tile.core.height + y) as usize * width;
            self.add(row, Stored { bytes: samples.as_bytes(), kind: samples.kind(), first, step: 1 });
        }
    }

    /// For people, and to compare.
    pub fn text(&self) -> String {
        format!("{:016x}", self.0.load(Relaxed))
    }
}

impl Report for Checksum {
    fn event(&self, _: &Event<'_>) {}

    fn finished(&self, job: &Job, image: usize, tile: &FinishedTile) {
        let setup = &job.images[image].setup;
        let filled = tile.is_bare().then(|| tile.fill(setup.output, setup.fill_of(tile.tile.channel)));
        self.add_tile(&tile.tile, filled.as_ref().unwrap_or(&tile.samples));
    }
}

fn at<const N: usize>(bytes: &[u8], index: usize) -> [u8; N] {
    bytes[index * N..][..N].try_into().expect("the slice has N bytes")
}

impl RowPart {
    fn sum(self, value: impl Fn(usize) -> f32) -> u64 {
        let [t, c, z] = self.plane.map(u64::from);
        let row = mixed(mixed(mixed(t) ^ c) ^ z) ^ mixed(self.y as u64);
        let weight = |i: usize| (row ^ (self.x as u64 + i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1;
        let term = |i: usize| {
            let value = value(i);
            // What a run takes for no data, and fills with 0.
            let bits = if value.abs() <= 1e30 { value.to_bits() } else { 0 };
            let product = u64::from(bits).wrapping_mul(weight(i));
            // Small whole numbers end in many zeros as floats, and so does the product.
            product ^ (product >> 32)
        };
        (0..self.count).fold(0, |sum: u64, i| sum.wrapping_add(term(i)))
    }
}

/// A number that shows every bit of `n` in all of its own (Steele, Lea and Flood 2014, doi 10.1145/2660193.2660195).
fn mixed(n: u64) -> u64 {
    let z = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: RowPart = RowPart { plane: [0, 1, 2], y: 7, x: 3, count: 6 };

    fn of(parts: &[(RowPart, &[u8])]) -> String {
        let sum = Checksum::default();
        for &(row, bytes) in parts {
            sum.add(row, Stored { bytes, kind: SampleType::U8, first: 0, step: 1 });
        }
        sum.text()
    }

    #[test]
    fn the_order_of_parts_does_not_count_and_every_place_does() {
        let pixels = [9, 8, 7, 6, 5, 4];
        let whole = of(&[(ROW, &pixels)]);
        let rest = RowPart { x: 5, count: 4, ..ROW };
        assert_eq!(of(&[(rest, &pixels[2..]), (RowPart { count: 2, ..ROW }, &pixels)]), whole);
        for other in [
            RowPart { y: 8, ..ROW },
            RowPart { x: 4, ..ROW },
            RowPart { plane: [1, 0, 2], ..ROW },
            RowPart { count: 5, ..ROW },
        ] {
            assert_ne!(of(&[(other, &pixels)]), whole, "{other:?}");
        }
        assert_ne!(of(&[(ROW, &[8, 9, 7, 6, 5, 4])]), whole, "two pixels have changed places");
    }

    #[test]
    fn the_same_numbers_of_any_type_are_the_same() {
        let sum = |kind, bytes: &[u8], first, step| {
            let sum = Checksum::default();
            sum.add(ROW, Stored { bytes, kind, first, step });
            sum.text()
        };
        let bytes: Vec<u8> = (20..38).collect();
        let words: Vec<u8> = bytes.iter().flat_map(|&byte| u16::from(byte).to_ne_bytes()).collect();
        let floats: Vec<u8> = bytes.iter().flat_map(|&byte| f32::from(byte).to_ne_bytes()).collect();
        let expected = sum(SampleType::U8, &bytes, 1, 3);
        assert_eq!(sum(SampleType::U16, &words, 1, 3), expected);
        assert_eq!(sum(SampleType::F32, &floats, 1, 3), expected);
    }
}
