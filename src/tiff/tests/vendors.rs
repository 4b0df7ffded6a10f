//! What vendors write: tags of ZEISS LSM and MetaMorph STK, the index of NDTiff. The files are built entry by entry, with the sizes of the formats' own
//! descriptions.

use super::raw::*;
use super::*;

/// A tag CZ_LSMINFO of z slices and t times of one channel; voxels of 0.1, 0.1, 0.5 µm.
fn lsm_info(width: u32, z: u32, t: u32, positions: u32) -> RawEntry {
    bytes(34412, lsm_tag(width, z, t, positions))
}

fn lsm_tag(width: u32, z: u32, t: u32, positions: u32) -> Vec<u8> {
    let mut info = vec![0; 512];
    for (at, number) in
        [(0, 0x0400_494c), (4, 512), (8, width), (12, HEIGHT), (16, z), (20, 1), (24, t), (264, positions)]
    {
        info[at..at + 4].copy_from_slice(&u32::to_le_bytes(number));
    }
    for (at, number) in [(40, 1e-7), (48, 1e-7), (56, 5e-7), (112, 2.0)] {
        info[at..at + 8].copy_from_slice(&f64::to_le_bytes(number));
    }
    info
}

/// Pages, each before a thumbnail.
fn lsm(pages: usize, info: impl Fn() -> RawEntry) -> NamedTempFile {
    let mut tiff = RawTiff::new();
    for page in 0..pages {
        let at = tiff.page(page);
        tiff.gray_directory(at, (page == 0).then(&info).into_iter().collect());
        tiff.directory(vec![
            long(254, &[1]),
            long(256, &[WIDTH.div_ceil(2)]),
            long(257, &[HEIGHT.div_ceil(2)]),
            short(258, &[16]),
            short(259, &[1]),
            short(262, &[1]),
            long(273, &[at]),
            short(277, &[1]),
            long(278, &[HEIGHT.div_ceil(2)]),
            long(279, &[WIDTH.div_ceil(2) * HEIGHT.div_ceil(2) * 2]),
        ]);
    }
    tiff.file()
}

#[test]
fn an_lsm_counts_slices_then_times_and_its_thumbnails_are_no_pages() {
    let file = lsm(6, || lsm_info(WIDTH, 3, 2, 0));
    let stack = TiffStack::open(file.path()).unwrap();
    let dataset = stack.dataset();
    let planes: Vec<_> =
        dataset.scenes[0].fields.iter().map(|field| (field.plane.t, field.plane.z)).collect();
    assert_eq!(planes, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
    assert!(dataset.scenes[0].pyramid.is_empty(), "thumbnails are no levels");
    let um = dataset.voxel_um.map(Option::unwrap);
    assert!((um.z - 0.5).abs() + (um.y - 0.1).abs() + (um.x - 0.1).abs() < 1e-12, "{um:?}");
    assert_eq!((dataset.interval_secs, &dataset.notes), (Some(2.0), &Vec::new()));
    assert_eq!(dataset.channels[0].acquisition_mode.as_deref(), Some("LaserScanningConfocalMicroscopy"));
    assert_eq!(decoded(&stack)[5], Samples::U16(values(5, 1).map(|v| (v * 257) as u16).collect()));

    let times = TiffStack::open(lsm(4, || lsm_info(WIDTH, 1, 4, 1)).path()).unwrap();
    assert_eq!((times.dataset().scenes[0].slices, times.dataset().scenes[0].times), (1, 4));
}

#[test]
fn an_lsm_of_other_pages_than_it_counts_is_refused_or_noted() {
    let positions = failure(lsm(6, || lsm_info(WIDTH, 3, 1, 2)).path()).to_string();
    assert!(positions.contains("2 positions") && positions.contains("bfconvert"), "{positions}");
    for (info, note) in [
        (
            lsm_info as fn(u32, u32, u32, u32) -> RawEntry,
            "counts 3 slices × 2 times × 1 channels, but there are 5 pages",
        ),
        (|_, z, t, p| lsm_info(99, z, t, p), "pages are no x-y planes"),
    ] {
        let stack = TiffStack::open(lsm(5, || info(WIDTH, 3, 2, 1)).path()).unwrap();
        assert!(stack.dataset().notes[0].contains(note), "{:?}", stack.dataset().notes);
        assert!(stack.dataset().notes[0].contains("--axes"), "{:?}", stack.dataset().notes);
    }
}

/// Entries of an LSM's scan information: a block that begins, a whole number, a real one, a text.
fn block(id: u32) -> Vec<u8> {
    [id, 0, 0].map(u32::to_le_bytes).concat()
}

fn whole(id: u32, number: u32) -> Vec<u8> {
    [id, 4, 4, number].map(u32::to_le_bytes).concat()
}

fn real(id: u32, number: f64) -> Vec<u8> {
    [&[id, 5, 8].map(u32::to_le_bytes).concat()[..], &number.to_le_bytes()].concat()
}

fn ascii(id: u32, text: &str) -> Vec<u8> {
    [&[id, 2, text.len() as u32 + 1].map(u32::to_le_bytes).concat()[..], text.as_bytes(), &[0]].concat()
}

/// Two tracks: one laser of two that is on, and two detectors; then two lasers, and a detector of two that is on.
fn scan_information() -> Vec<u8> {
    const END: u32 = 0xffff_ffff;
    let laser =
        |nm: f64, is_on| [block(0x9000_0000), real(0x9000_0003, nm), whole(0x9000_0004, is_on), block(END)];
    let detector = |is_on, [start, stop]: [f64; 2], dye: &str| {
        let spectrum = [real(0x7000_0022, start), real(0x7000_0023, stop)].concat();
        [block(0x7000_0000), whole(0x7000_000b, is_on), spectrum, ascii(0x7000_0026, dye), block(END)]
    };
    [
        vec![block(0x1000_0000), ascii(0x1000_0004, "Plan-Apochromat 63x/1.40 Oil DIC M27")],
        vec![block(0x2000_0000), block(0x4000_0000), whole(0x4000_0006, 1)],
        laser(488.0, 1).to_vec(),
        laser(561.0, 0).to_vec(),
        detector(1, [495.0, 545.0], "GFP").to_vec(),
        detector(1, [0.0, 0.0], "").to_vec(),
        vec![block(END), block(0x4000_0000), whole(0x4000_0006, 1)],
        laser(561.0, 1).to_vec(),
        laser(633.0, 1).to_vec(),
        detector(0, [400.0, 500.0], "off").to_vec(),
        detector(1, [570.0, 620.0], "RFP").to_vec(),
        vec![block(END), block(END), block(END)],
    ]
    .concat()
    .concat()
}

#[test]
fn an_lsm_says_the_objective_and_the_light_and_colours_of_its_channels() {
    let mut tiff = RawTiff::new();
    let planes = [0, 1, 2].map(|page| tiff.page(page));
    let names = ["Ch1", "Ch2", ""]
        .map(|name| [&(name.len() as u32 + 1).to_le_bytes()[..], name.as_bytes(), &[0]].concat());
    let head = [60, 3, 3, 24, 36, 0].map(u32::to_le_bytes).concat();
    let colours = vec![0, 255, 0, 0, 255, 0, 9, 0, 1, 2, 255, 0];
    let colours = tiff.append(&[head, colours, names.concat()].concat());
    let scan = tiff.append(&scan_information());
    let mut info = lsm_tag(WIDTH, 1, 1, 0);
    for (at, number) in [(20, 3), (108, colours), (124, scan)] {
        info[at..at + 4].copy_from_slice(&u32::to_le_bytes(number));
    }
    // Three channels of a confocal call themselves red, green, blue.
    tiff.directory(vec![
        long(256, &[WIDTH]),
        long(257, &[HEIGHT]),
        short(258, &[16; 3]),
        short(259, &[1]),
        short(262, &[2]),
        long(273, &planes),
        short(277, &[3]),
        long(278, &[HEIGHT]),
        long(279, &[COUNT as u32 * 2; 3]),
        short(284, &[2]),
        bytes(34412, info),
    ]);
    let file = tiff.file();
    let stack = TiffStack::open(file.path()).unwrap();
    let dataset = stack.dataset();
    let told: Vec<_> = dataset
        .channels
        .iter()
        .map(|channel| (channel.name.as_deref(), channel.color, channel.excitation_nm, channel.emission_nm))
        .collect();
    let expected = [
        (Some("Ch1"), Some([0, 255, 0]), Some(488.0), Some(520.0)),
        (Some("Ch2"), Some([255, 0, 9]), Some(488.0), None),
        (Some("RFP"), Some([1, 2, 255]), None, Some(595.0)),
    ];
    assert_eq!(told, expected);
    assert!(dataset.channels.iter().all(|channel| channel.pixel_type == Some(PixelType::Gray16)));
    let optics = &dataset.optics;
    assert_eq!((optics.na, optics.magnification), (Some(1.4), Some(63.0)));
    assert_eq!(optics.immersion.as_deref(), Some("Oil"));
    for (page, samples) in decoded(&stack).into_iter().enumerate() {
        assert_eq!(samples, Samples::U16(values(page, 1).map(|v| (v * 257) as u16).collect()), "{page}");
    }
}

/// Planes behind one directory, with these distances in quarters of a micrometre, a second after each other.
fn stk(distances: &[u32]) -> NamedTempFile {
    let mut tiff = RawTiff::new();
    let first = tiff.page(0);
    (1..distances.len()).for_each(|page| {
        tiff.page(page);
    });
    // Pixels have an even number of bytes: planes follow each other without a gap.
    let size = tiff.append(&[3_u32.to_le_bytes(), 20_u32.to_le_bytes()].concat());
    let unit = tiff.append(&[&2_u32.to_le_bytes()[..], b"um"].concat());
    let planes = distances.iter().zip(0..).flat_map(|(&distance, nth)| {
        [distance, 4, 2_459_000, nth * 1000, 2_459_000, 0].map(u32::to_le_bytes).concat()
    });
    let planes = fractions(33629, distances.len() as u32, planes.collect());
    let calibration = [3, 1, 4, size, 5, size, 6, unit].map(u32::to_le_bytes).concat();
    let calibration = longs(33628, 4, calibration);
    tiff.gray_directory(first, vec![calibration, planes]);
    tiff.file()
}

#[test]
fn an_stk_has_all_its_planes_behind_one_directory() {
    let file = stk(&[2, 2, 2, 2]);
    let stack = TiffStack::open(file.path()).unwrap();
    let dataset = stack.dataset();
    assert_eq!((dataset.scenes[0].slices, dataset.scenes[0].times, &dataset.notes), (4, 1, &Vec::new()));
    assert_eq!(dataset.voxel_um, Zyx::new(Some(0.5), Some(0.15), Some(0.15)));
    for (page, samples) in decoded(&stack).into_iter().enumerate() {
        assert_eq!(samples, Samples::U16(values(page, 1).map(|v| (v * 257) as u16).collect()), "{page}");
    }
    let times = TiffStack::open(stk(&[0, 0, 0]).path()).unwrap();
    let dataset = times.dataset();
    assert_eq!((dataset.scenes[0].slices, dataset.scenes[0].times, dataset.interval_secs), (1, 3, Some(1.0)));
}

/// An entry of NDTiff.index as its README has it.
fn entry(axes: &str, file: &str) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    [text(axes), text(file), vec![0; 32]].concat()
}

#[test]
fn an_ndtiff_has_the_axes_of_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, pages: std::ops::Range<usize>| {
        let mut tiff = RawTiff::new();
        let summary = r#"{"z-step_um": 0.3}"#.to_owned();
        let head = [483_729, 3, 0, 2_355_492, summary.len() as u32].map(u32::to_le_bytes).concat();
        tiff.append(&[head, summary.into_bytes()].concat());
        for page in pages {
            let at = tiff.page(page);
            tiff.gray_directory(at, vec![text(51123, r#"{"PixelSizeUm": 0.1}"#)]);
        }
        tiff.write(&folder.path().join(name));
    };
    write("a.tif", 0..4);
    write("a_1.tif", 4..6);
    let open = || TiffStack::open(&folder.path().join("a.tif"));
    let alone = open().unwrap();
    assert!(alone.dataset().notes[0].contains("without NDTiff.index"), "{:?}", alone.dataset().notes);

    // Slices from above to below, channels by name.
    let axes = |page: usize| {
        format!(r#"{{"channel": "{}", "z": {}}}"#, ["GFP", "DAPI"][page % 2], 1 - (page / 2) as i32)
    };
    let file = |page: usize| if page < 4 { "a.tif" } else { "a_1.tif" };
    let index = |more: &[u8]| {
        let index: Vec<u8> =
            (0..6).flat_map(|page| entry(&axes(page), file(page))).chain(more.iter().copied()).collect();
        std::fs::write(folder.path().join("NDTiff.index"), index).unwrap();
    };
    index(&[0; 4]);
    let stack = open().unwrap();
    let dataset = stack.dataset();
    assert_eq!((dataset.scenes[0].slices, dataset.channels.len(), &dataset.notes), (3, 2, &Vec::new()));
    assert_eq!(dataset.channels[1].name.as_deref(), Some("DAPI"));
    assert_eq!(dataset.voxel_um, Zyx::new(Some(0.3), Some(0.1), Some(0.1)));
    for (field, samples) in dataset.scenes[0].fields.iter().zip(decoded(&stack)) {
        let page = (2 - field.plane.z as usize) * 2 + field.plane.c as usize;
        assert_eq!(samples, Samples::U16(values(page, 1).map(|v| (v * 257) as u16).collect()), "{field}");
    }
    let two: Vec<u8> = (0..2).flat_map(|p| entry(&format!("{{\"position\": {p}}}"), "a.tif")).collect();
    index(&two);
    let failure = failure(&folder.path().join("a.tif")).to_string();
    assert!(failure.contains("2 × position"), "{failure}");
}
