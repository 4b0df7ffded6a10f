//! Smaller copies of planes.

use super::raw::*;
use super::*;

/// The pixels of a page, and how many there are across and down.
type Written = (Vec<u8>, [u32; 2]);

/// A page of u16 and 64 × 48 pixels at 1/`ratio`.
fn small(ratio: u32, value: impl Fn(u32, u32) -> u16) -> Written {
    let size = [64 / ratio, 48 / ratio];
    let pixels = (0..size[0] * size[1]).flat_map(|i| value(i % size[0], i / size[0]).to_le_bytes());
    (pixels.collect(), size)
}

fn full(x: u32, y: u32) -> u16 {
    ((x * 7919 + y * 104_729) % 4096) as u16
}

/// The mean of 2 × 2, rounded.
fn mean(x: u32, y: u32) -> u16 {
    let sum: u32 =
        [(0, 0), (1, 0), (0, 1), (1, 1)].iter().map(|(i, j)| u32::from(full(2 * x + i, 2 * y + j))).sum();
    ((sum + 2) / 4) as u16
}

fn entries(pixels: u32, [width, height]: [u32; 2], more: Vec<RawEntry>) -> Vec<RawEntry> {
    let mut entries = vec![
        long(256, &[width]),
        long(257, &[height]),
        short(258, &[16]),
        short(259, &[1]),
        short(262, &[1]),
        long(273, &[pixels]),
        short(277, &[1]),
        long(278, &[height]),
        long(279, &[width * height * 2]),
    ];
    entries.extend(more);
    entries
}

/// A file of pages.
fn pages(pages: Vec<(Written, Vec<RawEntry>)>) -> NamedTempFile {
    let mut tiff = RawTiff::new();
    for ((pixels, size), more) in pages {
        let at = tiff.append(&pixels);
        tiff.directory(entries(at, size, more));
    }
    tiff.file()
}

fn why_not(stack: &TiffStack) -> Option<String> {
    stack.why_not_means(&stack.dataset().scenes[0]).unwrap()
}

#[test]
fn smaller_pages_behind_the_image_are_its_levels() {
    for flagged in [false, true] {
        let kind = || if flagged { vec![long(254, &[1])] } else { vec![] };
        let quarter = |x, y| mean(2 * x, 2 * y) / 2 + mean(2 * x + 1, 2 * y + 1) / 2;
        let file =
            pages(vec![(small(1, full), vec![]), (small(2, mean), kind()), (small(4, quarter), kind())]);
        let stack = TiffStack::open(file.path()).unwrap();
        let scene = &stack.dataset().scenes[0];
        assert_eq!((scene.slices, scene.rect), (1, Rect::new(0, 0, 64, 48)));
        let sizes: Vec<_> = scene.pyramid.iter().map(|s| (s.stored_width, s.rect.width)).collect();
        assert_eq!(sizes, [(32, 64), (16, 64)]);
        assert_eq!(why_not(&stack).unwrap(), "its level 1/4 does not hold means of the fields' pixels");
    }
}

#[test]
fn a_level_is_used_only_where_it_holds_means() {
    let first = |x: u32, y: u32| full(2 * x, 2 * y);
    let file = |value: fn(u32, u32) -> u16, of_half: fn(u32, u32) -> u16| {
        pages(vec![(small(1, value), vec![]), (small(2, of_half), vec![])])
    };
    let stack = |file: NamedTempFile| TiffStack::open(file.path()).unwrap();
    assert_eq!(why_not(&stack(file(full, mean))), None);
    let reason = why_not(&stack(file(full, first))).unwrap();
    assert!(reason.contains("does not hold means"), "{reason}");
    let reason = why_not(&stack(file(|_, _| 9, |_, _| 9))).unwrap();
    assert!(reason.contains("too little detail"), "{reason}");
}

#[test]
fn thumbnails_are_left_out_with_a_note_and_other_pages_are_refused() {
    let label = || (vec![0; 20 * 30 * 2], [20, 30]);
    let file = pages(vec![(small(1, full), vec![]), (label(), vec![]), (small(2, mean), vec![])]);
    let stack = TiffStack::open(file.path()).unwrap();
    let scene = &stack.dataset().scenes[0];
    assert_eq!((scene.fields.len(), scene.pyramid.len()), (1, 1));
    let [note] = &stack.dataset().notes[..] else { panic!("{:?}", stack.dataset().notes) };
    assert!(note.starts_with("page 2 is left out: it has 20 × 30 pixels of uint16"), "{note}");

    let file = pages(vec![(small(1, full), vec![]), (small(1, full), vec![]), (label(), vec![])]);
    assert!(failure(file.path()).to_string().contains("number 3 has 20 × 30"));
    let file = pages(vec![(label(), vec![]), (small(1, full), vec![])]);
    assert!(failure(file.path()).to_string().contains("number 2 has 64 × 48"));
}

#[test]
fn directories_below_a_page_are_its_levels() {
    let mut tiff = RawTiff::new();
    let (pixels, size) = small(2, mean);
    let at = tiff.append(&pixels);
    let below = tiff.directory_below(entries(at, size, vec![long(254, &[1])]));
    let (pixels, size) = small(1, full);
    let at = tiff.append(&pixels);
    // The second lies outside the file: a fault of a level.
    tiff.directory(entries(at, size, vec![long(330, &[below, 0x7fff_fff0])]));
    let stack = TiffStack::open(tiff.file().path()).unwrap();
    let scene = &stack.dataset().scenes[0];
    assert_eq!((scene.fields.len(), scene.pyramid.len()), (1, 1));
    assert_eq!(why_not(&stack), None);
    let notes = &stack.dataset().notes;
    assert!(
        notes[0].starts_with("a level of the stored pyramid is left out: the TIFF ends early"),
        "{notes:?}"
    );
}
