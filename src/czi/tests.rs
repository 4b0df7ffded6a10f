//! Files made here byte by byte, whole and broken, and the real ones.

mod bytes;
mod layout;
mod real_files;

use std::collections::BTreeMap;

use super::Czi;
use crate::dataset::{Input, Plane, RawSubblock};
use crate::error::{Error, Result};
use crate::pixels::{PixelType, Samples};
use crate::source::Merging;
use crate::space::Rect;
use bytes::{DIRECTORY, File, Memory, Piece};

fn open(bytes: Vec<u8>) -> Result<Czi> {
    Czi::open(Box::new(Memory::new(bytes)), &BTreeMap::new())
}

fn error(bytes: Vec<u8>) -> Error {
    open(bytes).err().expect("an error")
}

/// Opens, reads and decodes everything.
fn decode_all(source: Memory) -> Result<Vec<Samples>> {
    let czi = Czi::open(Box::new(source), &BTreeMap::new())?;
    let mut samples = Vec::new();
    for scene in &czi.dataset().scenes {
        if let Some(unreadable) = scene.unreadable.first() {
            return Err(unreadable.fault.to_error("memory.czi".as_ref()));
        }
        let all: Vec<usize> = (0..scene.fields.len()).collect();
        for raw in czi.read(scene, &all)? {
            samples.push(czi.decode(&scene.fields[raw.field], &raw)?);
        }
    }
    Ok(samples)
}

/// Two fields of 3 × 2 pixels, the one with the higher M first in the file and last in the directory.
fn two_fields() -> File {
    let left = Piece::gray8(-5, -7, 3, 2).with("M", 0).with("C", 2).with("T", 4).filled(10);
    let right = Piece::gray8(-3, -7, 3, 2).with("M", 1).with("C", 2).with("T", 4).filled(20);
    File { pieces: vec![right, left], directory_order: vec![1, 0] }
}

#[test]
fn fields_come_in_file_order_with_indices_from_zero() {
    let czi = open(two_fields().bytes()).unwrap();
    let dataset = czi.dataset();
    let scene = &dataset.scenes[0];
    assert_eq!(scene.rect, Rect::new(-5, -7, 5, 2));
    let fields: Vec<_> = scene.fields.iter().map(|f| (f.m, f.plane, f.rect.x)).collect();
    assert_eq!(fields, [(Some(1), Plane::default(), -3), (Some(0), Plane::default(), -5)]);
    assert_eq!((dataset.scenes[0].times, dataset.scenes[0].slices, dataset.channels.len()), (1, 1, 1));
    assert_eq!(dataset.channels[0].pixel_type, Some(PixelType::Gray8));
    assert_eq!(scene.fields[0].to_string(), "subblock t=0 c=0 z=0 m=1");
    assert_eq!(dataset.notes.len(), 1, "only the empty metadata: {:?}", dataset.notes);
}

#[test]
fn opening_takes_three_requests_and_reading_one_for_neighbours() {
    let source = Memory::new(two_fields().bytes());
    let requests = source.requests();
    let czi = Czi::open(Box::new(source), &BTreeMap::new()).unwrap();
    assert_eq!(requests.lock().unwrap().drain(..).count(), 3);
    let scene = &czi.dataset().scenes[0];
    let fetched = czi.fetch(scene, &[1, 0]).unwrap();
    let read = fetched.subblocks;
    assert_eq!(read.iter().map(|raw| raw.field).collect::<Vec<_>>(), [0, 1]);
    let issued: Vec<(u64, u64)> = requests.lock().unwrap().drain(..).collect();
    let whole = scene.fields[0].extent + scene.fields[1].extent;
    assert_eq!(issued, [(scene.fields[0].offset, whole)]);
    assert_eq!((fetched.requests, fetched.bytes), (1, whole));
    let decode = |read: &[RawSubblock]| -> Vec<_> {
        read.iter().map(|raw| czi.decode(&scene.fields[raw.field], raw).unwrap()).collect()
    };
    let pixels = decode(&read);
    assert_eq!(pixels, [20, 10].map(|first| Samples::U8((first..first + 6).collect())));

    let source = Memory::new(two_fields().bytes());
    let apart = Czi::open(Box::new(source), &BTreeMap::new()).unwrap().with_merging(Merging::NONE);
    let fetched = apart.fetch(scene, &[0, 1]).unwrap();
    assert_eq!((fetched.requests, fetched.bytes), (2, whole));
    assert_eq!(decode(&fetched.subblocks), pixels);
}

#[test]
fn opening_thousands_of_fields_takes_one_request_more() {
    let field = |i| Piece::gray8(i % 100 * 2, i / 100 * 2, 3, 2).with("M", i).filled(i as u8);
    let source = Memory::new(File { pieces: (0..7000).map(field).collect(), ..File::default() }.bytes());
    let requests = source.requests();
    let czi = Czi::open(Box::new(source), &BTreeMap::new()).unwrap();
    assert_eq!(requests.lock().unwrap().len(), 4);
    assert_eq!(czi.dataset().scenes[0].fields.len(), 7000);
}

#[test]
fn neither_a_gap_is_read_nor_long_metadata() {
    let mut file = two_fields();
    file.pieces[0].metadata = 300_000;
    file.pieces[1].gap = 40 << 20;
    let source = Memory::new(file.bytes());
    let requests = source.requests();
    assert_eq!(decode_all(source).unwrap().len(), 2);
    let lengths: Vec<u64> = requests.lock().unwrap().iter().skip(3).map(|request| request.1).collect();
    let most = (6 + 6 / 4 + 64 * 1024) as u64;
    assert_eq!(lengths, [most, most, 6], "then the pixels behind the metadata");
}

#[test]
fn scenes_are_sorted_and_planes_that_are_missing_are_counted() {
    let piece = |s, c, z, x| Piece::gray8(x, 0, 4, 4).with("S", s).with("C", c).with("Z", z).filled(0);
    let pieces = vec![piece(3, 0, 5, 0), piece(1, 1, 7, 90), piece(1, 0, 5, 80), piece(1, 0, 5, 82)];
    let czi = open(File { pieces, ..File::default() }.bytes()).unwrap();
    let scenes: Vec<_> = czi.dataset().scenes.iter().map(|s| (s.index, s.rect, s.fields.len())).collect();
    assert_eq!(scenes, [(1, Rect::new(80, 0, 14, 4), 3), (3, Rect::new(0, 0, 4, 4), 1)]);
    assert_eq!(czi.dataset().scenes[0].slices, 3);
    let note = "4 of 7 planes are missing in the file; they stay empty";
    assert!(czi.dataset().notes.iter().any(|n| n == note), "{:?}", czi.dataset().notes);
}

#[test]
fn pyramids_are_kept_apart() {
    let mut small = Piece::gray8(0, 0, 8, 8).filled(0);
    (small.stored, small.payload) = ((4, 4), vec![0; 16]);
    let pieces = vec![small.clone(), Piece::gray8(1, 1, 7, 7).with("M", 0).filled(1)];
    let czi = open(File { pieces, ..File::default() }.bytes()).unwrap();
    let scene = &czi.dataset().scenes[0];
    assert_eq!((scene.rect, scene.fields.len(), scene.pyramid.len()), (Rect::new(1, 1, 7, 7), 1, 1));
    assert_eq!((scene.pyramid[0].stored_width, scene.pyramid[0].m), (4, None));
}

#[test]
fn other_dimensions_are_fixed_and_can_be_selected() {
    let pieces = (2..5).map(|h| Piece::gray8(h, 0, 4, 4).with("H", h).with("C", h).filled(h as u8)).collect();
    let bytes = File { pieces, ..File::default() }.bytes();
    let open = |select| Czi::open(Box::new(Memory::new(bytes.clone())), &BTreeMap::from([select]));
    let first = Czi::open(Box::new(Memory::new(bytes.clone())), &BTreeMap::new()).unwrap();
    let note = "dimension H has 3 values: taking H=2; --select H=3 takes another";
    assert_eq!(first.dataset().notes[0], note);
    assert_eq!(first.dataset().scenes[0].rect.x, 2);
    let third = open(('H', 4)).unwrap();
    assert_eq!((third.dataset().scenes[0].rect.x, third.dataset().channels.len()), (4, 1));
    for (select, reason) in [
        (('H', 5), "--select: dimension H has no index 5: it runs from 2 to 4"),
        (('V', 0), "--select: the file has no dimension V to select from"),
    ] {
        assert_eq!(open(select).err().map(|error| error.to_string()), Some(reason.to_owned()));
    }
}

#[test]
fn early_files_leave_the_used_size_at_zero() {
    let mut bytes = two_fields().bytes();
    let directory = File::position(&bytes, DIRECTORY);
    bytes[directory + 24..directory + 32].fill(0);
    assert_eq!(open(bytes).unwrap().dataset().scenes[0].fields.len(), 2);
}

#[test]
fn a_file_left_while_it_was_written_is_a_note() {
    let mut bytes = two_fields().bytes();
    bytes[100] = 1;
    let czi = open(bytes).unwrap();
    let note = "the file was left while it was being written; parts may be missing";
    assert_eq!(czi.dataset().notes.last().map(String::as_str), Some(note));
}

/// Breaks a file of one field and expects these words.
fn expect(words: &str, change: impl FnOnce(&mut File)) {
    let mut file = File { pieces: vec![Piece::gray8(0, 0, 3, 2).with("M", 5).filled(0)], ..File::default() };
    change(&mut file);
    let message = decode_all(Memory::new(file.bytes())).expect_err(words).to_string();
    assert!(message.contains(words), "expected \"{words}\" in \"{message}\"");
}

#[test]
fn what_is_wrong_with_a_subblock_is_said() {
    expect("not supported: subblock 0 of the directory (M=5) has pixel type 9 (Bgra32)", |f| {
        f.pieces[0].pixel_type = 9
    });
    expect("has pixel type 77 (unknown)", |f| f.pieces[0].pixel_type = 77);
    expect("not supported: subblock 0 of the directory (M=5) has compression 2 (LZW)", |f| {
        f.pieces[0].compression = 2
    });
    expect("has compression 1001 (raw data of a microscope)", |f| f.pieces[0].compression = 1001);
    expect("not supported: entry 0 of the subblock directory is of the old kind \"DE\"", |f| {
        f.pieces[0].schema = *b"DE"
    });
    expect("broken file: entry 0 of the subblock directory starts with \"XY\"", |f| {
        f.pieces[0].schema = *b"XY"
    });
    expect("not supported: subblock 0 of the directory (M=5) lies in part 2 of a CZI split", |f| {
        f.pieces[0].part = 2
    });
    expect("has a dimension called \"?", |f| f.pieces[0].dimensions[0].0 = "?");
    expect("has no pixels in X", |f| f.pieces[0].size.0 = 0);
    expect("has a negative Y size", |f| f.pieces[0].size.1 = -1);
    expect("stores 4 pixels in X for 3", |f| f.pieces[0].stored.0 = 4);
    expect("should be at byte 99999999, but the file ends at", |f| f.pieces[0].position = Some(99_999_999));
    expect("has a negative position", |f| f.pieces[0].position = Some(-1));
    expect("broken file: subblock t=0 c=0 z=0 m=5: here should be ZISRAWSUBBLOCK, but is", |f| {
        f.pieces[0].position = Some(32);
    });
    expect("it says that -1 bytes hold its 3 × 2 pixels", |f| f.pieces[0].data_size = Some(-1));
    expect("it says that 9223372036854775807 bytes hold", |f| f.pieces[0].data_size = Some(i64::MAX));
    expect("the rest of subblock t=0 c=0 z=0 m=5 takes", |f| f.pieces[0].data_size = Some(90_000));
    expect("channel 0 mixes Gray8 and Gray16", |f| {
        f.pieces.push(Piece { pixel_type: 1, payload: vec![0; 12], ..f.pieces[0].clone() });
    });
}

#[test]
fn numbers_that_no_file_has_are_refused() {
    let other = |x, dimension: (&'static str, i32)| {
        move |f: &mut File| f.pieces.push(Piece::gray8(x, 0, 3, 2).with(dimension.0, dimension.1).filled(0))
    };
    let wide = "pixels between the fields of scene 0: 2147483650 × 2 needed, 16777216 × 16777216 available";
    expect(wide, other(i32::MAX, ("M", 1)));
    expect("dimension C runs from 0 to 2147483647", other(0, ("C", i32::MAX)));
    expect("dimension T runs from -2147483648 to 0", other(0, ("T", i32::MIN)));
    expect("2 subblocks span 1000001 planes (1000001 × 1 × 1: t, c, z)", other(0, ("T", 1_000_000)));
    expect("of 8388608 × 8388608 pixels", |f| {
        (f.pieces[0].size, f.pieces[0].stored) = ((1 << 23, 1 << 23), (1 << 23, 1 << 23));
    });
}

#[test]
fn what_is_wrong_with_the_file_is_said() {
    let whole = two_fields().bytes();
    let patched = |at: usize, with: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        error(bytes).to_string()
    };
    let directory = File::position(&whole, DIRECTORY);
    let expect = |message: String, words: &str| {
        assert!(message.contains(words), "expected \"{words}\" in \"{message}\"");
    };
    expect(error(Vec::new()).to_string(), "memory.czi: broken file: the file is empty");
    expect(error(b"PK\x03\x04".to_vec()).to_string(), "not a CZI file: it starts with \"PK\\x03\\x04\"");
    expect(error(vec![7; 5000]).to_string(), "not a CZI file");
    expect(error(whole[..100].to_vec()).to_string(), "the file ends within its header, at byte 100");
    expect(
        patched(DIRECTORY, &[0; 8]),
        "no subblock directory: it was not closed properly; --skip-damaged looks",
    );
    expect(patched(DIRECTORY, &[0x7f; 8]), "the file ends at byte");
    expect(patched(directory, b"ZISRAWATTDIR"), "the subblock directory should start with ZISRAWDIRECTORY");
    expect(patched(directory + 32, &[0xff; 4]), "the subblock directory has a negative count");
    expect(
        patched(directory + 32, &[0xff, 0xff, 0xff, 0x7f]),
        "the subblock directory counts 2147483647 entries, but has",
    );
    expect(patched(directory + 32, &[5]), "entry 2 of the subblock directory is cut off");
    expect(patched(directory + 32, &[0]), "the file has no subblocks");
}

#[test]
fn metadata_that_is_broken_stops_nothing() {
    let mut bytes = two_fields().bytes();
    let metadata = File::position(&bytes, bytes::METADATA);
    for (at, with) in [(metadata, 9), (metadata + 35, 0x7f), (metadata + 35, 0xff), (metadata + 300, b'<')] {
        let before = std::mem::replace(&mut bytes[at], with);
        let czi = open(bytes.clone()).unwrap();
        assert!(czi.dataset().notes[0].contains("metadata"), "byte {at}: {:?}", czi.dataset().notes);
        assert_eq!(czi.dataset().channels.len(), 1);
        bytes[at] = before;
    }
}

#[test]
fn a_file_that_ends_anywhere_is_read_or_refused() {
    let whole = two_fields().bytes();
    for end in 0..whole.len() {
        let source = Memory::new(whole[..end].to_vec());
        assert!(decode_all(source).is_err(), "cut at byte {end} of {}", whole.len());
    }
    assert_eq!(decode_all(Memory::new(whole)).unwrap().len(), 2);
}

#[test]
fn a_wrong_byte_anywhere_does_no_harm() {
    let whole = two_fields().bytes();
    for at in 0..whole.len() {
        for wrong in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = wrong;
            // `Memory` fails the test when more is asked for than there is.
            if let Ok(samples) = decode_all(Memory::new(bytes)) {
                let most = samples.iter().map(Samples::len).max();
                assert!(most <= Some(whole.len()), "byte {at} = {wrong}: {most:?} samples");
            }
        }
    }
}
