//! Chunks in every layout are the samples that were written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::written::Layout;
use super::*;
use crate::tiff::planes::planes_of;

/// Noise in every bit.
fn noise(x: u32, y: u32, sample: u32) -> u64 {
    let seed = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ sample.wrapping_mul(0xc2b2_ae3d);
    u64::from(seed.wrapping_mul(0x27d4_eb2f) ^ seed >> 15)
}

/// All samples, each plane of one behind that of another.
fn planes(path: &Path) -> Vec<Vec<f32>> {
    planes_of(&TiffStack::open(path).unwrap()).unwrap()
}

/// What [`planes`] should give of a page of so many samples of unsigned numbers.
fn expected(layout: &Layout, value: &dyn Fn(u32, u32, u32) -> f32) -> Vec<Vec<f32>> {
    let [width, height] = layout.size;
    let plane = |s| (0..width * height).map(|i| value(i % width, i / width, s)).collect();
    (0..layout.samples).map(plane).collect()
}

fn layouts() -> Vec<Layout> {
    let mut layouts = Vec::new();
    for compression in [1, 5, 8, 32946, 50000, 32773] {
        for is_big_endian in [false, true] {
            for (samples, is_planar) in [(1, false), (3, false), (3, true), (2, false), (2, true)] {
                for tile in [None, Some([16, 32]), Some([64, 48])] {
                    let photometric = if samples == 3 { 2 } else { 1 };
                    let layout = Layout { samples, is_planar, tile, photometric, ..Layout::default() };
                    layouts.push(Layout { compression, is_big_endian, ..layout });
                }
            }
        }
    }
    layouts
}

#[test]
fn every_layout_compression_and_byte_order_comes_back() {
    for layout in layouts() {
        for (bits, predictor) in [(8, 1), (16, 1), (8, 2), (16, 2)] {
            if predictor == 2 && matches!(layout.compression, 1 | 32773) {
                continue;
            }
            let layout = Layout { bits, predictor, ..layout.clone() };
            let masked = |x, y, s| noise(x, y, s) & ((1 << bits) - 1);
            let file = layout.write(masked);
            let expected = expected(&layout, &|x, y, s| masked(x, y, s) as f32);
            assert!(planes(file.path()) == expected, "{layout:?}");
        }
    }
}

#[test]
fn floats_with_either_predictor_come_back() {
    let value = |x: u32, y: u32, s: u32| (x as f32).sin() * 1e4 + y as f32 - s as f32 / 3.0;
    for layout in layouts().into_iter().filter(|layout| matches!(layout.compression, 5 | 8 | 50000)) {
        for predictor in [1, 2, 3] {
            let layout = Layout { bits: 32, format: 3, predictor, ..layout.clone() };
            let file = layout.write(|x, y, s| u64::from(value(x, y, s).to_bits()));
            assert!(planes(file.path()) == expected(&layout, &value), "{layout:?}");
        }
    }
}

#[test]
fn numbers_of_all_types_become_floats_and_a_note_says_what_is_lost() {
    let value = |x: u32, y: u32| f64::from(x) * 3.0 - f64::from(y) * 2.0;
    for (bits, format, name, is_exact) in [
        (8, 2, "int8", true),
        (16, 2, "int16", true),
        (32, 2, "int32", false),
        (64, 2, "int64", false),
        (16, 3, "float16", true),
        (64, 3, "float64", false),
    ] {
        let stored = |x: u32, y: u32, _: u32| match (bits, format) {
            (16, 3) => u64::from(half::f16::from_f64(value(x, y)).to_bits()),
            (64, 3) => value(x, y).to_bits(),
            _ => value(x, y) as i64 as u64,
        };
        for predictor in [1, 2] {
            let layout = Layout { bits, format, predictor, compression: 8, ..Layout::default() };
            let file = layout.write(|x, y, s| stored(x, y, s) & (u64::MAX >> (64 - bits)));
            assert!(planes(file.path()) == expected(&layout, &|x, y, _| value(x, y) as f32), "{layout:?}");
            let stack = TiffStack::open(file.path()).unwrap();
            let notes = &stack.dataset().notes;
            assert!(notes[0].starts_with(&format!("samples of {name} are read as float32")), "{notes:?}");
            assert_eq!(notes[0].ends_with("exactly"), is_exact, "{notes:?}");
        }
    }
    // 2^24 + 1 is none of f32.
    let layout = Layout { bits: 32, ..Layout::default() };
    let file = layout.write(|_, _, _| (1 << 24) + 1);
    assert_eq!(planes(file.path())[0][0], 16_777_216.0);
    assert!(TiffStack::open(file.path()).unwrap().dataset().notes[0].contains("16 777 216"));
}

/// weezl 0.1 took the code behind the last row of a tile for the end of the file: of noise in 8 bits, most tiles.
#[test]
fn lzw_tiles_that_reach_beyond_the_page_come_back() {
    let layout =
        Layout { size: [300, 270], bits: 8, tile: Some([256, 256]), compression: 5, ..Layout::default() };
    let value = |x, y, s| noise(x, y, s) & 0xff;
    let file = layout.write(value);
    assert!(planes(file.path()) == expected(&layout, &|x, y, s| value(x, y, s) as f32));
}

#[test]
fn chunks_that_are_not_stored_are_zero_and_one_may_be_stored_for_several() {
    let layout = Layout { size: [32, 32], tile: Some([16, 16]), bits: 8, ..Layout::default() };
    let chunk = |value: u8| vec![value; 256];
    let file = layout.write_chunks(&[chunk(7), Vec::new(), Vec::new(), chunk(9)]);
    let stack = TiffStack::open(file.path()).unwrap();
    let rows: Vec<_> = decoded(&stack).into_iter().map(|row| [row.value(0), row.value(16)]).collect();
    assert_eq!(rows, [[7.0, 0.0], [0.0, 9.0]], "tiles of a row are a field");
    let empty = layout.write_chunks(&[Vec::new(), Vec::new(), Vec::new(), Vec::new()]);
    let rows = decoded(&TiffStack::open(empty.path()).unwrap());
    assert_eq!(rows, vec![Samples::U8(vec![0; 512]); 2]);
    assert!(planes_of(&TiffStack::open(empty.path()).unwrap()).is_err(), "no PSF");

    let mut bytes = b"II\x2a\0\0\0\0\0".to_vec();
    bytes.extend(0..=255);
    let shared = layout.directory(bytes, &[8; 4], &[256; 4]);
    let expected = expected(&layout, &|x, y, _| (y % 16 * 16 + x % 16) as f32);
    assert!(planes(shared.path()) == expected);
}

/// A source that counts the bytes that it is asked for.
struct Counting {
    source: FileSource,
    bytes: Arc<AtomicU64>,
}

impl ReadAt for Counting {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.bytes.fetch_add(buffer.len() as u64, Relaxed);
        self.source.read_exact_at(offset, buffer)
    }

    fn path(&self) -> &Path {
        self.source.path()
    }
}

#[test]
fn a_part_of_a_page_takes_the_bytes_of_its_own_chunks() {
    let tiles = Layout { size: [1024, 1024], tile: Some([256, 256]), ..Layout::default() };
    let strips = Layout { size: [1024, 1024], rows: 1024, ..Layout::default() };
    for (layout, fields, bytes) in [(tiles, 16, 4 * 256 * 256 * 2), (strips, 2, 512 * 1024 * 2)] {
        let file = layout.write(noise);
        let counted = Arc::default();
        let bytes_read = Arc::clone(&counted);
        let source = Counting { source: FileSource::open(file.path()).unwrap(), bytes: bytes_read };
        let stack = TiffStack::from_source(Box::new(source), None, &|_| Ok(None)).unwrap();
        let stack = stack.with_merging(Merging::NONE);
        let scene = &stack.dataset().scenes[0];
        assert_eq!(scene.fields.len(), fields, "{layout:?}");
        let region = Rect::new(0, 0, 300, 300);
        let of_region = |&i: &usize| scene.fields[i].rect.intersect(region).is_some();
        let wanted: Vec<usize> = (0..fields).filter(of_region).collect();
        let before = counted.load(Relaxed);
        let fetched = stack.fetch(scene, &wanted).unwrap();
        assert_eq!(counted.load(Relaxed) - before, bytes, "{layout:?}");
        assert_eq!(fetched.bytes, bytes);
    }
}

#[test]
fn strips_of_a_row_are_few_fields_and_a_page_of_one_strip_is_several() {
    let rows = Layout { size: [100, 2000], rows: 1, bits: 8, compression: 8, ..Layout::default() };
    let file = rows.write(|x, y, s| noise(x, y, s) & 0xff);
    let stack = TiffStack::open(file.path()).unwrap();
    assert_eq!(stack.dataset().scenes[0].fields.len(), 1);
    assert!(planes(file.path()) == expected(&rows, &|x, y, s| (noise(x, y, s) & 0xff) as f32));

    let whole = Layout { size: [1500, 1000], rows: 1000, ..Layout::default() };
    let value = |x, y, s| noise(x, y, s) & 0xffff;
    let file = whole.write(value);
    let stack = TiffStack::open(file.path()).unwrap();
    let fields = &stack.dataset().scenes[0].fields;
    assert_eq!(fields.iter().map(|field| field.rect.height).collect::<Vec<_>>(), [349, 349, 302]);
    assert!(planes(file.path()) == expected(&whole, &|x, y, s| value(x, y, s) as f32));
}

#[test]
fn a_chunk_that_is_too_short_is_a_fault_of_its_field() {
    let layout =
        Layout { size: [32, 32], tile: Some([16, 16]), bits: 8, compression: 8, ..Layout::default() };
    let mut chunks: Vec<_> = (0..4).map(|i| layout.compressed(&[i; 256])).collect();
    let half = chunks[2].len() / 2;
    chunks[2].truncate(half);
    let file = layout.write_chunks(&chunks);
    let stack = TiffStack::open(file.path()).unwrap();
    let scene = &stack.dataset().scenes[0];
    // Small tiles of a row are read at once.
    for (i, field) in scene.fields.iter().enumerate() {
        let raw = &stack.read(scene, &[i]).unwrap()[0];
        assert_eq!(stack.decode(field, raw).is_ok(), field.rect.y != 16, "{field}");
    }
}

#[test]
fn chunks_that_hold_several_channels_are_decoded_once() {
    let layout = Layout { bits: 8, samples: 3, compression: 8, rows: 29, ..Layout::default() };
    let value = |x, y, s| noise(x, y, s) & 0xff;
    let file = layout.write(value);
    let stack = TiffStack::open(file.path()).unwrap();
    let scene = &stack.dataset().scenes[0];
    let expected = expected(&layout, &|x, y, s| value(x, y, s) as f32);
    for (i, field) in scene.fields.iter().enumerate() {
        let mut raw = stack.read(scene, &[i]).unwrap().remove(0);
        if i > 0 {
            // Nothing that could be decoded again.
            raw.bytes = vec![0xff; raw.bytes.len()].into();
        }
        let samples = stack.decode(field, &raw).unwrap();
        let plane = &expected[field.plane.c as usize];
        assert!((0..plane.len()).all(|i| samples.value(i) == plane[i]), "{field}");
    }
}
