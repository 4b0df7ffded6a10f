//! One payload, as the pixels of a subblock whose size and type the first bytes say.

use std::path::Path;

use decon_gpu::czi::decode::{Payload, decode};
use decon_gpu::dataset::{Compression, Plane, Subblock};
use decon_gpu::pixels::PixelType;
use decon_gpu::space::Rect;

/// Bytes before the payload: width, height, type.
const HEADER: usize = 5;
/// In the order of the third number; as in `seeds.py`.
const TYPES: [PixelType; 5] =
    [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24, PixelType::Bgr48];

/// Decodes `data`: u16 width, u16 height, u8 type, payload.
pub fn decode_payload(compression: Compression, data: &[u8]) {
    let Some((header, payload)) = data.split_at_checked(HEADER) else { return };
    let side = |at: usize| u32::from(u16::from_le_bytes([header[at], header[at + 1]])) % 4096 + 1;
    let (width, height) = (side(0), side(2));
    let pixel_type = TYPES[usize::from(header[4]) % TYPES.len()];
    let subblock = Subblock {
        number: 0,
        plane: Plane::default(),
        m: None,
        rect: Rect::new(0, 0, width, height),
        stored_width: width,
        stored_height: height,
        shown: None,
        pixel_type,
        compression,
        offset: 0,
        extent: payload.len() as u64,
    };
    let expected = subblock.decoded_bytes() as usize;
    if let Ok(samples) = decode(&subblock, Payload { path: Path::new("fuzzed"), offset: 0, bytes: payload }) {
        assert_eq!(samples.as_bytes().len(), expected, "all pixels, or an error");
    }
}
