use super::*;
use crate::czi::decode::{Payload, decode};
use crate::dataset::{Channel, Optics, Subblock};
use crate::space::Zyx;

fn samples(count: usize, salt: usize) -> Samples {
    Samples::U16((0..count).map(|i| ((i * 1009 + i / 97 + salt) % 65521) as u16).collect())
}

fn metadata() -> Metadata {
    let channel = Channel {
        name: Some("DAPI <&\" µ".into()),
        color: Some([0, 128, 255]),
        emission_nm: Some(461.5),
        ..Channel::default()
    };
    Metadata {
        voxel_um: Zyx::new(Some(0.3), Some(0.065), Some(0.065)),
        channels: vec![channel, Channel { name: Some("GFP".into()), ..Channel::default() }],
        optics: Optics { na: Some(1.4), refractive_index: Some(1.518), ..Optics::default() },
    }
}

/// Two channels, two planes, two fields that overlap by 10 pixels; the second is painted on top.
fn write<W: Write + Seek>(mut writer: CziWriter<W>, compression: Compression) -> W {
    for c in 0..2 {
        for z in 0..2 {
            for m in 0..2 {
                let rect = Rect::new(-20 + 30 * i64::from(m), 5, 40, 33);
                let plane = Plane { t: 0, c, z };
                let new = NewSubblock::new(plane, rect, PixelType::Gray16);
                let salt = (c * 4 + z * 2 + m) as usize;
                let field = NewSubblock { scene: Some(0), m: Some(m), compression, ..new };
                writer.add(&field, &samples(40 * 33, salt)).unwrap();
            }
        }
    }
    writer.finish(&metadata()).unwrap()
}

#[test]
fn an_independent_reader_finds_pixels_sizes_scaling_and_names() {
    for compression in [Compression::Uncompressed, Compression::Zstd0, Compression::Zstd1] {
        let file = tempfile::Builder::new().suffix(".czi").tempfile().unwrap();
        write(CziWriter::create(file.path()).unwrap(), compression);
        let mut reader = czi_rs::CziFile::open(file.path()).unwrap();
        let summary = reader.summary().unwrap();
        for (axis, size) in [("X", 70), ("Y", 33), ("C", 2), ("Z", 2), ("S", 1)] {
            assert_eq!(summary.sizes[axis], size, "{axis}");
        }
        let scaling = summary.scaling.unwrap();
        // Written in metres with the shortest digits that give the same number back.
        assert_eq!((scaling.x, scaling.z), (Some(0.065 * 1e-6), Some(0.3 * 1e-6)));
        assert_eq!(summary.channels[0].name.as_deref(), Some("DAPI <&\" µ"));
        assert_eq!(summary.channels[0].color.as_deref(), Some("#FF0080FF"));

        let (c, z) = (1, 1);
        let frame = reader.read_frame_2d(0, 0, c, z).unwrap();
        let fields = [0, 1].map(|m| samples(40 * 33, c * 4 + z * 2 + m));
        let wrong = (0..70 * 33).find(|i| {
            let (x, y) = (i % 70, i / 70);
            let Samples::U16(field) = &fields[usize::from(x >= 30)] else { unreachable!() };
            frame[*i] != field[y * 40 + x % 30 + if x >= 60 { 30 } else { 0 }]
        });
        assert_eq!(wrong, None, "{compression:?}");
    }
}

#[test]
fn the_file_in_memory_is_the_file_on_disk() {
    let file = tempfile::NamedTempFile::new().unwrap();
    write(CziWriter::create(file.path()).unwrap(), Compression::Zstd1);
    let memory = write(CziWriter::in_memory().unwrap(), Compression::Zstd1).into_inner();
    assert_eq!(memory, std::fs::read(file.path()).unwrap());
    assert_eq!(memory.len() % ALIGNMENT as usize, 0);
}

/// Walks the segments by their headers alone, which the directory is not needed for.
#[test]
fn segments_are_aligned_and_the_header_points_at_directory_and_metadata() {
    let bytes = write(CziWriter::in_memory().unwrap(), Compression::Uncompressed).into_inner();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let mut at = 0;
    let mut names = Vec::new();
    while at < bytes.len() {
        assert_eq!(at % ALIGNMENT as usize, 0);
        let name = String::from_utf8(bytes[at..at + 16].to_vec()).unwrap();
        names.push((name.trim_end_matches('\0').to_owned(), at));
        assert!(word(at + 24) <= word(at + 16));
        at += SEGMENT_HEADER + word(at + 16);
    }
    assert_eq!(names.len(), 1 + 8 + 2);
    assert_eq!(names[0].0, "ZISRAWFILE");
    assert!(names[1..9].iter().all(|(name, _)| name == "ZISRAWSUBBLOCK"));
    assert_eq!(names[9], ("ZISRAWMETADATA".to_owned(), word(32 + 60)));
    assert_eq!(names[10], ("ZISRAWDIRECTORY".to_owned(), word(32 + 52)));
}

#[test]
fn every_pixel_type_and_compression_decodes_to_what_was_written() {
    for pixel_type in
        [PixelType::Gray8, PixelType::Gray16, PixelType::Gray32Float, PixelType::Bgr24, PixelType::Bgr48]
    {
        let count = 9 * 7 * pixel_type.samples() as usize;
        let samples = match pixel_type {
            PixelType::Gray8 | PixelType::Bgr24 => Samples::U8((0..count).map(|i| (i % 251) as u8).collect()),
            PixelType::Gray16 | PixelType::Bgr48 => samples(count, 5),
            PixelType::Gray32Float => Samples::F32((0..count).map(|i| i as f32 / 3.0).collect()),
        };
        for compression in [Compression::Uncompressed, Compression::Zstd0, Compression::Zstd1] {
            let rect = Rect::new(0, 0, 9, 7);
            let new = NewSubblock { compression, ..NewSubblock::new(Plane::default(), rect, pixel_type) };
            let payload = CziWriter::in_memory().unwrap().encode(&new, &samples).unwrap();
            let subblock = Subblock {
                number: 0,
                plane: new.plane,
                m: None,
                rect,
                stored_width: 9,
                stored_height: 7,
                shown: None,
                pixel_type,
                compression,
                offset: 0,
                extent: 0,
            };
            let payload = Payload { path: Path::new("memory.czi"), offset: 0, bytes: &payload };
            assert_eq!(decode(&subblock, payload).unwrap(), samples, "{pixel_type:?} {compression:?}");
        }
    }
}

#[test]
fn jpegxr_is_refused() {
    let rect = Rect::new(0, 0, 1, 1);
    let new = NewSubblock::new(Plane::default(), rect, PixelType::Gray16);
    let new = NewSubblock { compression: Compression::JpegXr, ..new };
    let result = CziWriter::in_memory().unwrap().add(&new, &samples(1, 0));
    assert!(matches!(result, Err(Error::Unsupported { .. })));
}
