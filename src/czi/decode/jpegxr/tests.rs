use std::path::Path;

use super::*;
use crate::dataset::{Compression, Plane};
use crate::pixels::PixelType;
use crate::space::Rect;

const WIDTH: u32 = 70;
const HEIGHT: u32 = 51;

/// What the reference implementation (jxrlib) makes of each file, as FNV-1a over the bytes; colours as blue, green, red.
const FILES: [(PixelType, &str, u64); 10] = [
    (PixelType::Gray8, "gray8_q80", 0xa306e6d593f22a8f),
    (PixelType::Gray8, "gray8_dc_only", 0xe197edb313648fdf),
    (PixelType::Gray16, "gray16_q30", 0x7b4f320fc7e67349),
    (PixelType::Gray16, "gray16_frequency_tiles", 0xb24c0798b7beb48d),
    (PixelType::Bgr24, "bgr24_q95", 0x156b2fc5a3235384),
    (PixelType::Bgr24, "bgr24_q30_420", 0xfff50fc41a2eb6e2),
    (PixelType::Bgr24, "bgr24_422_tiles", 0xf21947d32fa2589e),
    (PixelType::Bgr24, "bgr24_444_two_overlaps", 0xedd46da7bd54bc7c),
    (PixelType::Bgr24, "bgr24_no_flexbits", 0x19a8154169b1a8b6),
    (PixelType::Bgr48, "bgr48_q80", 0x68a78114861e2e33),
];

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpegxr/coded");
    std::fs::read(folder.join(name).with_extension("jxr")).unwrap()
}

fn subblock(pixel_type: PixelType) -> Subblock {
    Subblock {
        number: 0,
        shown: None,
        plane: Plane::default(),
        m: Some(0),
        rect: Rect::new(0, 0, WIDTH, HEIGHT),
        stored_width: WIDTH,
        stored_height: HEIGHT,
        pixel_type,
        compression: Compression::JpegXr,
        offset: 0,
        extent: 0,
    }
}

fn payload(bytes: &[u8]) -> Payload<'_> {
    Payload { path: Path::new("test.czi"), offset: 1000, bytes }
}

fn run(pixel_type: PixelType, bytes: &[u8]) -> Result<Samples> {
    decode(&subblock(pixel_type), payload(bytes))
}

#[test]
fn lossy_images_of_all_kinds_are_what_the_reference_makes_of_them() {
    for (pixel_type, name, expected) in FILES {
        let samples = run(pixel_type, &file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let hash = samples.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(hash, expected, "{name}: {hash:#018x}");
    }
}

#[test]
fn nothing_is_left_of_what_a_buffer_held_before() {
    for (pixel_type, name, _) in FILES {
        let (subblock, bytes) = (subblock(pixel_type), file(name));
        let expected = decode(&subblock, payload(&bytes)).unwrap();
        let mut poisoned = expected.clone();
        poisoned.as_bytes_mut().fill(0xa5);
        let codestream = container::open(&subblock, payload(&bytes)).unwrap().0;
        super::run(&subblock, codestream.bytes, &mut poisoned).unwrap();
        assert!(poisoned == expected, "{name}");
    }
}

/// Any answer will do but a panic or another number of samples.
#[test]
fn broken_images_of_all_kinds_never_panic() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let files = FILES.map(|(pixel_type, name, _)| (pixel_type, file(name)));
    let mut refused = 0;
    for round in 0..500 {
        let (pixel_type, original) = &files[round % files.len()];
        let mut bytes = original.clone();
        for _ in 0..1 + random(6) {
            let at = random(if round % 3 == 0 { bytes.len().min(250) } else { bytes.len() });
            bytes[at] = [0, 255, bytes[at] ^ 1 << random(8), random(256) as u8][random(4)];
        }
        match run(*pixel_type, &bytes) {
            Ok(samples) => assert_eq!(samples.len(), (WIDTH * HEIGHT * pixel_type.samples()) as usize),
            Err(Error::Format { .. } | Error::Unsupported { .. }) => refused += 1,
            Err(other) => panic!("round {round}: {other}"),
        }
    }
    assert!(refused > 50, "only {refused} of 500 were noticed");
}

#[test]
fn what_is_broken_inside_says_where() {
    let mut bytes = file("bgr24_q95");
    let start = bytes.windows(7).position(|window| window == b"WMPHOTO").unwrap() + 8;
    bytes[start] = 0x12;
    let message = run(PixelType::Bgr24, &bytes).unwrap_err().to_string();
    assert!(message.contains("not supported") && message.contains("version"), "{message}");
    // Three overlaps.
    (bytes[start], bytes[start + 1]) = (0x11, 0x03);
    let message = run(PixelType::Bgr24, &bytes).unwrap_err().to_string();
    assert!(message.contains("JPEG-XR") && message.contains("at byte 1"), "{message}");
}
