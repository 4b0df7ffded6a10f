use super::*;

/// Source: TIFF 6.0, section 9, and Apple's Technical Note 1023.
#[test]
fn pack_bits_gives_the_bytes_of_the_specification() {
    let stored = [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa];
    let expected = [
        0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0x22, 0xaa, 0xaa, 0xaa,
        0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
    ];
    let mut pixels = [0; 24];
    Codec::PackBits.decompress(&stored, &mut pixels, 24).unwrap();
    assert_eq!(pixels, expected);
    let mut more = [0; 25];
    assert!(matches!(Codec::PackBits.decompress(&stored, &mut more, 25), Err(Fault::Broken(_))));
}

/// Source: TIFF 6.0, section 13, the example: 7, 7, 7, 8, 8, 7, 7, 6, 6 are the codes
/// Clear, 7, 258, 8, 8, 258, 6, 6, EndOfInformation.
#[test]
fn lzw_gives_the_bytes_of_the_specification() {
    let codes = [256_u32, 7, 258, 8, 8, 258, 6, 6, 257];
    let bits: String = codes.iter().map(|code| format!("{code:09b}")).collect();
    let stored: Vec<u8> = bits
        .as_bytes()
        .chunks(8)
        .map(|byte| byte.iter().enumerate().map(|(i, bit)| (bit - b'0') << (7 - i)).sum())
        .collect();
    let mut pixels = [0; 9];
    Codec::Lzw.decompress(&stored, &mut pixels, 9).unwrap();
    assert_eq!(pixels, [7, 7, 7, 8, 8, 7, 7, 6, 6]);
    let mut part = [0; 4];
    Codec::Lzw.decompress(&stored, &mut part, 9).unwrap();
    assert_eq!(part, [7, 7, 7, 8]);
    assert!(matches!(Codec::Lzw.decompress(&stored, &mut [0; 10], 10), Err(Fault::Broken(_))));
}

/// What takes little room and holds much costs a chunk and no more.
#[test]
fn a_chunk_that_holds_more_than_it_can_costs_no_more_than_a_chunk() {
    let much = vec![7_u8; 64 << 20];
    let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut deflated, &much).unwrap();
    let deflated = deflated.finish().unwrap();
    let zstd = zstd::bulk::compress(&much, 1).unwrap();
    let mut pixels = [0; 1000];
    Codec::Deflate.decompress(&deflated, &mut pixels, 1000).unwrap();
    assert_eq!(pixels, [7; 1000]);
    let error = Codec::Zstd.decompress(&zstd, &mut pixels, 1000).unwrap_err();
    assert!(matches!(error, Fault::Broken(what) if what.starts_with("zstd, of 1000 bytes")));
}

#[test]
fn a_wrong_checksum_behind_the_pixels_is_noticed() {
    let mut stored = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut stored, &[1, 2, 3, 4]).unwrap();
    let mut stored = stored.finish().unwrap();
    let mut pixels = [0; 4];
    Codec::Deflate.decompress(&stored, &mut pixels, 4).unwrap();
    *stored.last_mut().unwrap() ^= 1;
    assert!(Codec::Deflate.decompress(&stored, &mut pixels, 4).is_err());
    // Without the checksum, the pixels are all there.
    stored.truncate(stored.len() - 4);
    Codec::Deflate.decompress(&stored, &mut pixels, 4).unwrap();
}
