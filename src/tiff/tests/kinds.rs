//! What samples mean, and what is refused by its name.

use super::written::Layout;
use super::*;
use crate::tiff::planes::planes_of;

fn planes(path: &Path) -> Vec<Vec<f32>> {
    planes_of(&TiffStack::open(path).unwrap()).unwrap()
}

fn notes(path: &Path) -> Vec<String> {
    TiffStack::open(path).unwrap().dataset().notes.clone()
}

/// Sample `s` of pixel (x, y) in 8 bits.
fn value(x: u32, y: u32, s: u32) -> u64 {
    u64::from((x * 3 + y * 5 + s * 70) % 251)
}

fn plane_of(s: u32) -> Vec<f32> {
    (0..37 * 29).map(|i| value(i % 37, i / 37, s) as f32).collect()
}

#[test]
fn transparency_is_left_out_and_said() {
    for is_planar in [false, true] {
        for more in [vec![], vec![(338, 1)], vec![(338, 2)]] {
            let layout = Layout { bits: 8, samples: 4, photometric: 2, is_planar, more, ..Layout::default() };
            let file = layout.write(value);
            let stack = TiffStack::open(file.path()).unwrap();
            assert_eq!(stack.dataset().channels[0].pixel_type, Some(PixelType::Bgr24));
            assert_eq!(planes(file.path()), [plane_of(0), plane_of(1), plane_of(2)]);
            assert!(notes(file.path())[0].contains("(alpha)"), "{:?}", notes(file.path()));
        }
    }
    let gray = Layout { bits: 8, samples: 2, more: vec![(338, 2)], ..Layout::default() };
    assert_eq!(planes(gray.write(value).path()), [plane_of(0)]);
}

#[test]
fn samples_that_are_no_colours_are_channels() {
    for is_planar in [false, true] {
        let layout = Layout { bits: 8, samples: 5, is_planar, more: vec![], ..Layout::default() };
        let file = layout.write(value);
        let stack = TiffStack::open(file.path()).unwrap();
        assert_eq!(stack.dataset().channels.len(), 5);
        assert_eq!(planes(file.path()), (0..5).map(plane_of).collect::<Vec<_>>());
    }
    // Colours of floats have no type of their own.
    let layout = Layout { bits: 32, format: 3, samples: 3, photometric: 2, ..Layout::default() };
    let file = layout.write(|x, y, s| u64::from((value(x, y, s) as f32).to_bits()));
    let names: Vec<_> =
        TiffStack::open(file.path()).unwrap().dataset().channels.iter().map(|c| c.name.clone()).collect();
    assert_eq!(names, ["Red", "Green", "Blue"].map(|name| Some(name.to_owned())));
    assert_eq!(planes(file.path()), [plane_of(0), plane_of(1), plane_of(2)]);
}

#[test]
fn white_as_zero_is_inverted_and_said() {
    for bits in [8, 16] {
        let most = (1 << bits) - 1;
        let file =
            Layout { bits, photometric: 0, ..Layout::default() }.write(|x, y, s| most - value(x, y, s));
        assert_eq!(planes(file.path()), [plane_of(0)]);
        assert!(notes(file.path())[0].contains("MinIsWhite"));
    }
}

#[test]
fn what_old_writers_leave_out_is_known() {
    // No lengths: 0 for all, or no tag.
    let layout = Layout { bits: 8, rows: 29, ..Layout::default() };
    let mut bytes = b"II\x2a\0\0\0\0\0".to_vec();
    bytes.extend((0..37 * 29).map(|i| value(i % 37, i / 37, 0) as u8));
    for lengths in [&[][..], &[0]] {
        assert_eq!(
            planes(layout.directory(bytes.clone(), &[8], lengths).path()),
            [plane_of(0)],
            "{lengths:?}"
        );
    }
    // SampleFormat 4 is "undefined".
    let layout = Layout { bits: 32, format: 4, ..Layout::default() };
    assert_eq!(planes(layout.write(value).path()), [plane_of(0)]);
}

#[test]
fn what_is_not_read_is_called_by_its_name() {
    for (layout, what) in [
        (
            Layout { compression: 34712, ..Layout::default() },
            "JPEG 2000 (code 34712); `bfconvert -compression zlib`",
        ),
        (Layout { compression: 33005, ..Layout::default() }, "JPEG 2000 (Aperio) (code 33005)"),
        (Layout { compression: 50002, ..Layout::default() }, "JPEG XL (code 50002)"),
        (Layout { compression: 50001, ..Layout::default() }, "WebP (code 50001)"),
        (Layout { compression: 34925, ..Layout::default() }, "LZMA (code 34925)"),
        (Layout { compression: 60000, ..Layout::default() }, "a codec that is not known (code 60000)"),
        (Layout { bits: 64, format: 6, ..Layout::default() }, "complex numbers"),
        (Layout { photometric: 5, samples: 4, ..Layout::default() }, "CMYK"),
        (
            Layout { photometric: 6, samples: 3, bits: 8, ..Layout::default() },
            "YCbCr pixels that are not JPEG",
        ),
        (Layout { more: vec![(32997, 16)], ..Layout::default() }, "16 slices in one page"),
        (Layout { more: vec![(266, 2)], ..Layout::default() }, "FillOrder 2"),
        (Layout { predictor: 2, ..Layout::default() }, "a predictor, but without a compression"),
    ] {
        let failure = failure(layout.write(value).path());
        assert!(matches!(failure, Error::Unsupported { .. }), "{failure}");
        assert!(failure.to_string().contains(what), "{failure}");
    }
    for bits in [1, 4, 12] {
        let pixels = [b"II\x2a\0\0\0\0\0".to_vec(), vec![0; 4096]].concat();
        let file = Layout { bits, ..Layout::default() }.directory(pixels, &[8; 4], &[900; 4]);
        assert!(failure(file.path()).to_string().contains(&format!("{bits}-bit samples")));
    }
}

/// The segments of a JPEG stream up to its scan, each with its marker.
fn segments(stream: &[u8]) -> Vec<&[u8]> {
    let mut segments = Vec::new();
    let mut at = 2;
    while stream[at + 1] != 0xda {
        let end = at + 2 + usize::from(stream[at + 2]) * 256 + usize::from(stream[at + 3]);
        segments.push(&stream[at..end]);
        at = end;
    }
    segments.push(&stream[at..]);
    segments
}

/// Pixels by libjpeg-turbo; another transform may round otherwise.
#[test]
fn jpeg_chunks_are_what_libjpeg_makes_of_them() {
    let gray = include_bytes!("../../../tests/data/jpeg/gray.jpg");
    let layout = Layout { size: [24, 16], bits: 8, compression: 7, ..Layout::default() };
    let file = Layout { rows: 16, ..layout.clone() }.write_chunks(&[gray.to_vec()]);
    let plane = &planes(file.path())[0];
    let last = [
        84, 93, 101, 108, 117, 125, 132, 141, 149, 157, 165, 172, 182, 189, 196, 205, 212, 221, 230, 236,
        244, 253, 255, 255,
    ];
    for (x, (&found, expected)) in plane[15 * 24..].iter().zip(last).enumerate() {
        assert!((found - expected as f32).abs() <= 1.0, "{x}: {found}, {expected}");
    }
    assert!((plane.iter().sum::<f32>() - 59_279.0).abs() < 24.0);

    // The tables once for all chunks; brightness and differences of colour at half the size.
    let colour = include_bytes!("../../../tests/data/jpeg/colour.jpg");
    let is_table = |segment: &&[u8]| matches!(segment[1], 0xdb | 0xc4);
    let (tables, rest): (Vec<&[u8]>, Vec<&[u8]>) = segments(colour).into_iter().partition(is_table);
    let rest: Vec<_> = rest.into_iter().filter(|segment| segment[1] != 0xe0).collect();
    let tables = [&[0xff, 0xd8][..], &tables.concat(), &[0xff, 0xd9]].concat();
    let stream = [&[0xff, 0xd8][..], &rest.concat()].concat();
    let layout = Layout { size: [32, 16], rows: 16, samples: 3, photometric: 6, ..layout };
    let file = Layout { tables, ..layout }.write_chunks(&[stream]);
    let [red, green, blue] = &planes(file.path())[..] else { panic!("three colours") };
    for (x, expected) in [(4, [200.0, 31.0, 100.0]), (28, [20.0, 179.0, 60.0])] {
        let at = 3 * 32 + x;
        for (found, expected) in [red[at], green[at], blue[at]].into_iter().zip(expected) {
            assert!((found - expected).abs() <= 1.0, "{x}: {found}, {expected}");
        }
    }
}
