use std::path::{Path, PathBuf};

use super::*;
use crate::dataset::Plane;
use crate::pixels::PixelType;
use crate::space::Rect;

const WIDTH: u32 = 37;
const HEIGHT: u32 = 29;

fn subblock(pixel_type: PixelType, compression: Compression) -> Subblock {
    Subblock {
        number: 0,
        plane: Plane::default(),
        m: Some(0),
        rect: Rect::new(0, 0, WIDTH, HEIGHT),
        stored_width: WIDTH,
        stored_height: HEIGHT,
        shown: None,
        pixel_type,
        compression,
        offset: 0,
        extent: 0,
    }
}

/// The pixels of all fixtures, a formula of the sample's position: rows, columns and bytes all differ.
fn pixels(pixel_type: PixelType) -> Samples {
    let positions = 0..u64::from(WIDTH * HEIGHT * pixel_type.samples());
    match pixel_type {
        PixelType::Gray8 | PixelType::Bgr24 => {
            Samples::U8(positions.map(|i| ((i * 31 + i / 97) % 251) as u8).collect())
        }
        PixelType::Gray16 | PixelType::Bgr48 => {
            Samples::U16(positions.map(|i| ((i * 1009 + i / 97) % 65521) as u16).collect())
        }
        PixelType::Gray32Float => {
            Samples::F32(positions.map(|i| ((i * 31) % 251) as f32 * 0.125 - 3.0).collect())
        }
    }
}

const PIXEL_TYPES: [PixelType; 5] =
    [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24, PixelType::Bgr48];

fn run(pixel_type: PixelType, compression: Compression, bytes: &[u8]) -> Result<Samples> {
    let payload = Payload { path: Path::new("test.czi"), offset: 1000, bytes };
    decode(&subblock(pixel_type, compression), payload)
}

fn message(result: Result<Samples>) -> String {
    match result {
        Err(error @ (Error::Format { .. } | Error::Unsupported { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Low bytes, then high bytes, the plain way.
fn pack(samples: &[u16]) -> Vec<u8> {
    let mut packed = vec![0; samples.len() * 2];
    for (i, sample) in samples.iter().enumerate() {
        packed[i] = (sample & 0xff) as u8;
        packed[samples.len() + i] = (sample >> 8) as u8;
    }
    packed
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::bulk::compress(bytes, 1).unwrap()
}

fn after(header: &[u8], bytes: &[u8]) -> Vec<u8> {
    [header, bytes].concat()
}

#[test]
fn raw_pixels_come_back_and_padding_is_ignored() {
    for pixel_type in PIXEL_TYPES {
        let expected = pixels(pixel_type);
        let bytes = after(expected.as_bytes(), &[7; 31]);
        assert_eq!(run(pixel_type, Compression::Uncompressed, &bytes).unwrap(), expected);
        // The label is wrong, and there is no JPEG-XR signature: only as many bytes as pixels take are raw pixels.
        assert_eq!(run(pixel_type, Compression::JpegXr, expected.as_bytes()).unwrap(), expected);
        for wrong in [&bytes, &expected.as_bytes()[1..], b"\xff\xd8\xff\xe0 a JPEG"] {
            let message = message(run(pixel_type, Compression::JpegXr, wrong));
            assert!(message.contains("should be JPEG-XR, but is not"), "{message}");
        }
    }
}

#[test]
fn zstd_comes_back_in_all_its_varieties() {
    for pixel_type in PIXEL_TYPES {
        let expected = pixels(pixel_type);
        let frame = zstd(expected.as_bytes());
        assert_eq!(run(pixel_type, Compression::Zstd0, &frame).unwrap(), expected);
        assert_eq!(run(pixel_type, Compression::Zstd1, &after(&[1], &frame)).unwrap(), expected);
        assert_eq!(run(pixel_type, Compression::Zstd1, &after(&[3, 1, 0], &frame)).unwrap(), expected);
        let Samples::U16(values) = &expected else { continue };
        let packed = after(&[3, 1, 1], &zstd(&pack(values)));
        assert_eq!(run(pixel_type, Compression::Zstd1, &packed).unwrap(), expected);
    }
}

#[test]
fn what_is_too_short_says_how_much_there_is() {
    let Samples::U16(values) = pixels(PixelType::Gray16) else { unreachable!() };
    let raw = bytemuck::cast_slice::<u16, u8>(&values);
    let short = &raw[..raw.len() - 1];
    let expected = "broken file: the subblock holds 2145 of 2146 bytes of pixels (at byte 100";
    for (compression, bytes) in [
        (Compression::Uncompressed, short.to_vec()),
        (Compression::Zstd0, zstd(short)),
        (Compression::Zstd1, after(&[1], &zstd(short))),
        (Compression::Zstd1, after(&[3, 1, 1], &zstd(&pack(&values)[..2145]))),
    ] {
        let message = message(run(PixelType::Gray16, compression, &bytes));
        assert!(message.contains(expected), "{compression:?}: {message}");
    }
}

#[test]
fn what_zstd_holds_behind_the_pixels_is_ignored_but_not_if_it_is_more_than_these() {
    let expected = pixels(PixelType::Gray8);
    let longer = |by: usize| zstd(&after(expected.as_bytes(), &vec![9; by]));
    for by in [1, 500] {
        assert_eq!(run(PixelType::Gray8, Compression::Zstd0, &longer(by)).unwrap(), expected);
        let bytes = after(&[3, 1, 0], &longer(by));
        assert_eq!(run(PixelType::Gray8, Compression::Zstd1, &bytes).unwrap(), expected);
    }
    assert!(message(run(PixelType::Gray8, Compression::Zstd0, &longer(2000))).contains("zstd"));
    let mut damaged = longer(500);
    let last = damaged.len() - 1;
    damaged.truncate(last);
    assert!(message(run(PixelType::Gray8, Compression::Zstd0, &damaged)).contains("zstd"));
}

#[test]
fn reserved_bits_of_a_zstd1_header_are_ignored() {
    let expected = pixels(PixelType::Gray16);
    let Samples::U16(values) = &expected else { unreachable!() };
    let plain = after(&[3, 1, 2], &zstd(expected.as_bytes()));
    let packed = after(&[3, 1, 0xff], &zstd(&pack(values)));
    for bytes in [plain, packed] {
        assert_eq!(run(PixelType::Gray16, Compression::Zstd1, &bytes).unwrap(), expected);
    }
}

#[test]
fn unknown_zstd1_headers_are_unsupported() {
    let frame = zstd(pixels(PixelType::Gray16).as_bytes());
    for header in [&[3, 2, 1][..], &[5, 1, 1, 1, 1], &[0]] {
        let message = message(run(PixelType::Gray16, Compression::Zstd1, &after(header, &frame)));
        assert!(message.contains("not supported"), "{message}");
    }
    assert!(message(run(PixelType::Gray8, Compression::Zstd1, &after(&[3, 1, 1], &frame))).contains("hi-lo"));
    assert!(message(run(PixelType::Gray8, Compression::Zstd1, &[])).contains("header"));
}

#[test]
fn a_size_that_the_payload_cannot_hold_is_refused_before_memory_is_taken() {
    for compression in
        [Compression::Uncompressed, Compression::Zstd0, Compression::Zstd1, Compression::JpegXr]
    {
        let mut huge = subblock(PixelType::Bgr48, compression);
        (huge.stored_width, huge.stored_height) = (u32::MAX, u32::MAX);
        let bytes = after(&[3, 1, 1], &zstd(&[0; 99]));
        let payload = Payload { path: Path::new("test.czi"), offset: 0, bytes: &bytes };
        assert!(matches!(decode(&huge, payload), Err(Error::Format { .. })), "{compression:?}");
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpegxr").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const JPEGXR: [(PixelType, &str); 6] = [
    (PixelType::Gray8, "gray8.jxr"),
    (PixelType::Gray16, "gray16.jxr"),
    (PixelType::Gray32Float, "gray32float.jxr"),
    (PixelType::Bgr24, "bgr24.jxr"),
    (PixelType::Bgr24, "rgb24.jxr"),
    (PixelType::Bgr48, "bgr48.jxr"),
];

#[test]
fn lossless_jpegxr_is_exact_and_in_bgr_order() {
    for (pixel_type, name) in JPEGXR {
        let decoded = run(pixel_type, Compression::JpegXr, &fixture(name)).unwrap();
        assert!(decoded == pixels(pixel_type), "{name}");
    }
}

#[test]
fn jpegxr_of_another_kind_or_size_than_the_directory_says_is_refused() {
    for (pixel_type, name) in JPEGXR {
        let bytes = fixture(name);
        for other in PIXEL_TYPES.into_iter().filter(|&other| other != pixel_type) {
            let message = message(run(other, Compression::JpegXr, &bytes));
            assert!(message.contains("the directory says"), "{name} as {other:?}: {message}");
        }
        let mut wider = subblock(pixel_type, Compression::JpegXr);
        wider.stored_width += 2;
        let payload = Payload { path: Path::new("test.czi"), offset: 0, bytes: &bytes };
        let message = message(decode(&wider, payload));
        assert!(message.contains("39 × 29") && message.contains("37 × 29"), "{message}");
    }
}

/// One that is missing is like the one beside it; one too many is left out.
#[test]
fn a_row_or_column_that_jpegxr_has_more_or_less_than_the_directory_is_fitted() {
    for (pixel_type, name) in JPEGXR {
        let whole = pixels(pixel_type);
        let (pixel, bytes) = (pixel_type.bytes(), fixture(name));
        for (width, height) in [(36, 29), (38, 29), (37, 28), (37, 30), (38, 30), (36, 28)] {
            let mut other = subblock(pixel_type, Compression::JpegXr);
            (other.stored_width, other.stored_height) = (width, height);
            let payload = Payload { path: Path::new("test.czi"), offset: 0, bytes: &bytes };
            let places = (0..height).flat_map(|y| (0..width).map(move |x| (x.min(36), y.min(28))));
            let at = |(x, y): (u32, u32)| (y * WIDTH + x) as usize * pixel;
            let expected: Vec<u8> =
                places.flat_map(|place| whole.as_bytes()[at(place)..][..pixel].to_vec()).collect();
            let decoded = decode(&other, payload).unwrap();
            assert!(decoded.as_bytes() == expected, "{name} as {width} × {height}");
        }
    }
}

#[test]
fn truncated_jpegxr_is_refused_at_every_length() {
    for (pixel_type, name) in JPEGXR {
        let bytes = fixture(name);
        for length in (4..bytes.len()).step_by(23) {
            message(run(pixel_type, Compression::JpegXr, &bytes[..length]));
        }
    }
}

/// 500 payloads with flipped, replaced and missing bytes: any answer will do but a crash or a wrong length.
#[test]
fn broken_payloads_never_crash_nor_give_another_number_of_samples() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut payloads: Vec<_> =
        JPEGXR.map(|(pixel_type, name)| (pixel_type, Compression::JpegXr, fixture(name))).into();
    let Samples::U16(values) = pixels(PixelType::Gray16) else { unreachable!() };
    payloads.push((PixelType::Gray16, Compression::Zstd0, zstd(bytemuck::cast_slice(&values))));
    payloads.push((PixelType::Gray16, Compression::Zstd1, after(&[3, 1, 1], &zstd(&pack(&values)))));
    let mut refused = 0;
    for round in 0..500 {
        let (pixel_type, compression, bytes) = &payloads[round % payloads.len()];
        let mut bytes = bytes.clone();
        for _ in 0..1 + random(8) {
            let at = random(bytes.len());
            bytes[at] = [0, 255, bytes[at] ^ 1 << random(8), random(256) as u8][random(4)];
        }
        if round % 5 == 0 {
            bytes.truncate(random(bytes.len()));
        }
        match run(*pixel_type, *compression, &bytes) {
            Ok(samples) => {
                assert_eq!(samples.len(), (WIDTH * HEIGHT * pixel_type.samples()) as usize, "round {round}")
            }
            Err(Error::Format { .. } | Error::Unsupported { .. }) => refused += 1,
            Err(other) => panic!("round {round}: {other}"),
        }
    }
    assert!(refused > 100, "only {refused} of 500 were noticed");
}
