//! Entries that are not simply one field at full resolution: several planes, reduced sizes, parts, scenes, what cannot be read.

use super::bytes::{DIRECTORY, File, Memory, Piece, with_xml};
use super::{decode_all, expect, open, two_fields};
use crate::dataset::{Input, Plane};
use crate::pixels::Samples;
use crate::space::Rect;

/// Columns and rows are repeated; a coarser level is still its pyramid.
#[test]
fn a_plane_stored_at_a_reduced_size_only_is_read_at_that_size() {
    let piece = |stored: (i32, i32), first| {
        let mut piece = Piece::gray8(5, 6, 4, 4).with("C", 1);
        piece.stored = stored;
        piece.filled(first)
    };
    let full = Piece::gray8(5, 6, 4, 4).with("C", 0).filled(100);
    for (stored, expected) in [
        ((4, 2), [[7, 8, 9, 10], [7, 8, 9, 10], [11, 12, 13, 14], [11, 12, 13, 14]]),
        ((2, 2), [[7, 7, 8, 8], [7, 7, 8, 8], [9, 9, 10, 10], [9, 9, 10, 10]]),
        ((3, 4), [[7, 7, 8, 9], [10, 10, 11, 12], [13, 13, 14, 15], [16, 16, 17, 18]]),
    ] {
        for others in [vec![], vec![full.clone()]] {
            let pieces = [others, vec![piece(stored, 7), piece((1, 1), 50)]].concat();
            let bytes = File { pieces, ..File::default() }.bytes();
            let czi = open(bytes.clone()).unwrap();
            let scene = &czi.dataset().scenes[0];
            assert_eq!((scene.rect, scene.pyramid.len()), (Rect::new(5, 6, 4, 4), 1));
            let (down, across) = (4 / stored.1, (4 + stored.0 / 2) / stored.0);
            if (down, across) != (1, 1) {
                let note = format!("stored at 1/{down} in y and 1/{across} in x only");
                assert!(czi.dataset().notes.iter().any(|n| n.contains(&note)), "{:?}", czi.dataset().notes);
            }
            let samples = decode_all(Memory::new(bytes)).unwrap();
            assert_eq!(samples.last(), Some(&Samples::U8(expected.concat())), "{stored:?}");
        }
    }
}

#[test]
fn planes_of_one_subblock_are_split_in_the_order_of_its_dimensions() {
    let mut piece = Piece::gray8(0, 0, 3, 2).with("Z", 4).with("C", 0).with("T", 7).with("M", 0);
    piece.sizes = vec![("Z", 2), ("T", 3)];
    let planes: Vec<Vec<u8>> = (0..6).map(|i| (0..6).map(|p| 10 * i + p).collect()).collect();
    let raw = planes.concat();
    let zstd = zstd::bulk::compress(&raw, 1).unwrap();
    let zstd1 = [&[1], zstd.as_slice()].concat();
    for (compression, payload) in [(0, raw), (5, zstd), (6, zstd1)] {
        let piece = Piece { compression, payload, ..piece.clone() };
        let bytes = File { pieces: vec![piece], ..File::default() }.bytes();
        let czi = open(bytes.clone()).unwrap();
        let scene = &czi.dataset().scenes[0];
        assert_eq!((scene.times, scene.slices, scene.fields.len()), (3, 2, 6));
        // Z stands before T in the entry, and so is faster.
        for (i, field) in scene.fields.iter().enumerate() {
            assert_eq!((field.plane.z, field.plane.t), (i as u32 % 2, i as u32 / 2));
        }
        let note = "subblocks hold several planes each: they are read as 6 planes";
        assert_eq!(czi.dataset().notes[0], note);
        let expected: Vec<_> = planes.iter().map(|plane| Samples::U8(plane.clone())).collect();
        assert_eq!(decode_all(Memory::new(bytes)).unwrap(), expected, "compression {compression}");
    }
}

#[test]
fn a_size_that_the_payload_does_not_have_is_said() {
    let lines = |f: &mut File| {
        f.pieces[0].dimensions.push(("T", 0));
        f.pieces[0].sizes = vec![("T", 4)];
    };
    expect("should hold 4 planes of 6 bytes (4 in T), but has 6 bytes", lines);
    expect("holds several planes (4 in T) in one JPEG-XR image", |f| {
        lines(f);
        f.pieces[0].compression = 4;
    });
    expect("holds several fields of a mosaic (2 in M)", |f| f.pieces[0].sizes = vec![("M", 2)]);
    expect("holds too many planes (2147483647 in T)", |f| {
        lines(f);
        f.pieces[0].sizes = vec![("T", i32::MAX)];
    });
    expect("cannot be stored in", |f| {
        lines(f);
        (f.pieces[0].compression, f.pieces[0].sizes) = (5, vec![("T", 1 << 20)]);
    });
}

/// As ZEN names NAME(2).czi: part 2 of a file whose first part has another GUID.
#[test]
fn a_part_with_its_own_pixels_is_read_and_one_without_is_not() {
    for part in [0, 2] {
        let mut file = two_fields();
        file.pieces.iter_mut().for_each(|piece| piece.part = part);
        let mut bytes = file.bytes();
        bytes[48..64].fill(1);
        bytes[80] = 2;
        assert_eq!(decode_all(Memory::new(bytes.clone())).unwrap().len(), 2);
        // The directory of another part, whose positions mean something else here.
        file.pieces.swap(0, 1);
        let other = file.bytes();
        let directory = File::position(&other, DIRECTORY);
        bytes[directory..].copy_from_slice(&other[directory..]);
        let message = decode_all(Memory::new(bytes)).unwrap_err().to_string();
        assert!(
            message.contains("lie in another file of a CZI that was split (this is part 2)"),
            "{message}"
        );
    }
}

#[test]
fn a_scene_with_a_negative_number_is_no_scene() {
    let pieces = |scenes: [i32; 2]| {
        let piece = |(x, s)| Piece::gray8(x, 0, 3, 2).with("S", s).filled(x as u8);
        [(0, scenes[0]), (50, scenes[1])].map(piece).to_vec()
    };
    let scenes = |of| {
        let czi = open(File { pieces: pieces(of), ..File::default() }.bytes()).unwrap();
        czi.dataset().scenes.iter().map(|scene| (scene.index, scene.fields.len())).collect::<Vec<_>>()
    };
    assert_eq!(scenes([-1, -1]), [(0, 2)]);
    assert_eq!(scenes([-1, 4]), [(4, 2)]);
    assert_eq!(scenes([3, 4]), [(3, 1), (4, 1)]);
}

#[test]
fn a_pyramid_without_a_scene_is_of_the_only_one_or_of_none() {
    let field = |x, s| Piece::gray8(x, 0, 4, 4).with("S", s).filled(x as u8);
    let mut level = Piece::gray8(0, 0, 8, 4);
    level.stored = (4, 2);
    let level = level.filled(9);
    let pyramids = |pieces: Vec<Piece>| {
        let czi = open(File { pieces, ..File::default() }.bytes()).unwrap();
        czi.dataset().scenes.iter().map(|scene| scene.pyramid.len()).collect::<Vec<_>>()
    };
    assert_eq!(pyramids(vec![field(0, 2), field(4, 2), level.clone()]), [1]);
    assert_eq!(pyramids(vec![field(0, 0), field(4, 1), level]), [0, 0]);
}

#[test]
fn what_cannot_be_read_is_kept_with_its_plane_and_stops_no_other() {
    let mut jpeg = Piece::gray8(0, 0, 3, 2).with("C", 1).filled(1);
    jpeg.compression = 1;
    let other_type = Piece { pixel_type: 1, ..Piece::gray8(0, 0, 3, 2).with("C", 0).with("T", 1) };
    let mut large = Piece::gray8(0, 0, 3, 2).with("C", 2);
    large.stored.0 = 30;
    let pieces = vec![Piece::gray8(0, 0, 3, 2).with("C", 0).filled(5), jpeg, other_type, large];
    let czi = open(File { pieces, ..File::default() }.bytes()).unwrap();
    let scene = &czi.dataset().scenes[0];
    let found: Vec<_> =
        scene.unreadable.iter().map(|u| (u.plane, u.is_pyramid, u.fault.to_string())).collect();
    let plane = |t, c| Plane { t, c, z: 0 };
    assert_eq!((scene.fields.len(), scene.times, czi.dataset().channels.len()), (1, 2, 3));
    let jpeg = "subblock 1 of the directory (C=1 no M) has compression 1 (JPEG)";
    let mixed = "channel 0 mixes Gray8 and Gray16: subblock t=1 c=0 z=0";
    let large = "subblock 3 of the directory (C=2 no M) stores 30 pixels in X for 3";
    let expected = [(plane(0, 1), jpeg), (plane(1, 0), mixed), (plane(0, 2), large)];
    assert_eq!(found, expected.map(|(plane, why)| (plane, false, why.to_owned())));
}

#[test]
fn the_stage_tells_where_scenes_lie_whose_fields_have_no_positions() {
    let scene = |s: i32, x: i32| Piece::gray8(x, 0, 3, 2).with("S", s).filled(7);
    let xml = r#"<ImageDocument><Metadata>
        <Scaling><Items><Distance Id="X"><Value>2E-06</Value></Distance><Distance Id="Y"><Value>4E-06</Value></Distance></Items></Scaling>
        <Information><Image><Dimensions><S><Scenes>
        <Scene Index="0"><CenterPosition>100,200</CenterPosition></Scene><Scene Index="1"><CenterPosition>-50.5,300</CenterPosition></Scene>
        </Scenes></S></Dimensions></Image></Information></Metadata></ImageDocument>"#;
    let origins = |second_x: i32, xml: &str| {
        let file = File { pieces: vec![scene(0, 0), scene(1, second_x)], ..File::default() };
        let czi = open(with_xml(file.bytes(), xml)).unwrap();
        let of = |scene: &crate::dataset::Scene| (scene.origin_um.x, scene.origin_um.y);
        czi.dataset().scenes.iter().map(of).collect::<Vec<_>>()
    };
    // 3 × 2 pixels of 2 and 4 µm: the middle of the first lies 2 and 2 µm before the centre.
    assert_eq!(origins(0, xml), [(Some(98.0), Some(198.0)), (Some(-52.5), Some(298.0))]);
    // Where fields have positions, these are exact.
    assert_eq!(origins(500, xml), [(Some(0.0), Some(0.0)), (Some(1000.0), Some(0.0))]);
    assert_eq!(origins(0, &xml.replace("Center", "Other")), [(Some(0.0), Some(0.0)); 2]);
    assert_eq!(origins(0, &xml.replace("Scaling", "Other")), [(None, None); 2]);
}

#[test]
fn a_file_without_its_directory_is_read_from_segment_to_segment() {
    let whole = two_fields();
    let expected = decode_all(Memory::new(whole.bytes())).unwrap();
    let mut unclosed = whole.bytes();
    unclosed[DIRECTORY..DIRECTORY + 8].fill(0);
    let mut cut = whole.bytes();
    // In the middle of the directory, which goes last.
    cut.truncate(cut.len() - 40);
    for bytes in [unclosed, cut] {
        let failure = open(bytes.clone()).err().unwrap().to_string();
        assert!(failure.contains("--skip-damaged looks for its subblocks"), "{failure}");
        let source = Box::new(Memory::new(bytes));
        let czi = super::Czi::open_damaged(source, &Default::default()).unwrap();
        let dataset = czi.dataset();
        let note = dataset.notes.last().unwrap();
        assert!(note.contains("2 subblocks were found from segment to segment"), "{note}");
        let scene = &dataset.scenes[0];
        let raw = czi.read(scene, &[0, 1]).unwrap();
        let samples: Vec<_> =
            raw.iter().map(|raw| czi.decode(&scene.fields[raw.field], raw).unwrap()).collect();
        assert_eq!(samples, expected);
    }
    // Cut within the second subblock's pixels: it is known, and what is missing is said when it is read.
    let mut cut = File { pieces: two_fields().pieces, ..File::default() }.bytes();
    let second = (0..cut.len()).filter(|&at| cut[at..].starts_with(b"ZISRAWSUBBLOCK")).nth(1).unwrap();
    cut.truncate(second + 32 + 256 + 9);
    let czi = super::Czi::open_damaged(Box::new(Memory::new(cut)), &Default::default()).unwrap();
    let scene = &czi.dataset().scenes[0];
    assert_eq!(scene.fields.len(), 2);
    assert!(czi.read(scene, &[0]).and_then(|raw| czi.decode(&scene.fields[0], &raw[0])).is_ok());
    assert!(czi.read(scene, &[1]).and_then(|raw| czi.decode(&scene.fields[1], &raw[0])).is_err());
}
