//! OME-XML as other programs write it: prefixes, colours, several images, several files.

use super::raw::*;
use super::*;

/// 2 channels × 3 slices.
const PIXELS: &str = r#"<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="37" SizeY="29" SizeZ="3"
 SizeC="2" SizeT="1" PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ="0.3">"#;

fn ome(inner: &str) -> String {
    format!(
        "<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" UUID=\"urn:uuid:me\">{inner}</OME>"
    )
}

fn image(inner: &str) -> String {
    format!("<Image ID=\"Image:0\">{PIXELS}{inner}</Pixels></Image>")
}

fn planes(file: &NamedTempFile) -> Vec<Plane> {
    let stack = TiffStack::open(file.path()).unwrap();
    stack.dataset().scenes[0].fields.iter().map(|field| field.plane).collect()
}

/// Pages of u16 with any description: the crate's encoder takes only ASCII.
fn described(pages: usize, description: &str) -> NamedTempFile {
    let mut tiff = RawTiff::new();
    for page in 0..pages {
        let at = tiff.page(page);
        tiff.gray_directory(at, (page == 0).then(|| text(270, description)).into_iter().collect());
    }
    tiff.file()
}

/// z fastest, as the XML of `PIXELS` says.
fn z_then_c() -> Vec<Plane> {
    (0..6).map(|i| Plane { t: 0, c: i / 3, z: i % 3 }).collect()
}

#[test]
fn of_two_descriptions_in_one_directory_the_ome_xml_is_believed() {
    let imagej = "ImageJ=1.52i\nimages=6\nchannels=2\nslices=3\nhyperstack=true\nunit=um\nspacing=0.7\n";
    for texts in [[ome(&image("")).as_str(), imagej], [imagej, &ome(&image(""))]] {
        let mut tiff = RawTiff::new();
        for page in 0..6 {
            let at = tiff.page(page);
            let more =
                if page == 0 { texts.map(|description| text(270, description)).into() } else { vec![] };
            tiff.gray_directory(at, more);
        }
        let file = tiff.file();
        assert_eq!(planes(&file), z_then_c());
        let stack = TiffStack::open(file.path()).unwrap();
        assert_eq!(stack.dataset().voxel_um, Zyx::new(Some(0.3), Some(0.1), Some(0.1)));
    }
}

#[test]
fn prefixes_comments_and_a_doctype_change_nothing() {
    let plain = ome(&image("<TiffData/>"));
    let prefixed = |prefix: &str| {
        plain
            .replace("<OME xmlns=", &format!("<{prefix}:OME xmlns:{prefix}="))
            .replace("</OME", &format!("</{prefix}:OME"))
            .replace("Image ID", &format!("{prefix}:Image ID"))
            .replace("</Image", &format!("</{prefix}:Image"))
            .replace("<Pixels", &format!("<{prefix}:Pixels"))
            .replace("</Pixels", &format!("</{prefix}:Pixels"))
            .replace("<TiffData", &format!("<{prefix}:TiffData"))
    };
    for description in [
        prefixed("OME"),
        prefixed("ome"),
        format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a <b> -->{plain}"),
        format!("<!DOCTYPE OME>{plain}"),
        format!("<!DOCTYPE OME [<!ELEMENT OME ANY>]>{plain}"),
    ] {
        assert_eq!(planes(&described(6, &description)), z_then_c(), "{description}");
    }
    let bomb = format!("<!DOCTYPE OME [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>{plain}");
    let failure = failure(gray16(6, &bomb).path());
    assert!(matches!(failure, Error::Unsupported { .. }), "{failure}");
    // Another vendor's XML says nothing about pages.
    assert_eq!(planes(&gray16(2, "<MetaData><Image/></MetaData>")).len(), 2);
}

#[test]
fn colours_of_a_page_are_counted_in_size_c() {
    for channels in
        ["", "<Channel ID=\"0\"/>", "<Channel Name=\"R\"/><Channel Name=\"G\"/><Channel Name=\"B\"/>"]
    {
        let xml = ome(&image(channels)).replace("SizeC=\"2\"", "SizeC=\"3\"").replace("uint16", "uint8");
        let file = write::<colortype::RGB8>(3, 3, &xml, Packing::Uncompressed, |v| v as u8);
        let stack = TiffStack::open(file.path()).unwrap();
        let dataset = stack.dataset();
        assert_eq!(
            (dataset.channels.len(), dataset.scenes[0].slices, &dataset.channels[0].name),
            (1, 3, &None)
        );
        assert_eq!(dataset.notes, Vec::<String>::new());
    }
}

#[test]
fn a_type_that_the_pages_contradict_is_noted() {
    let file = gray16(6, &ome(&image("")).replace("uint16", "int16"));
    let stack = TiffStack::open(file.path()).unwrap();
    let note = "OME-XML says that the pixels are int16, the pages hold uint16: read as the pages say";
    assert_eq!(stack.dataset().notes, [note]);
}

#[test]
fn planes_that_the_image_has_not_are_left_out() {
    let mapped = |ifd, c, z| format!("<TiffData IFD=\"{ifd}\" FirstC=\"{c}\" FirstZ=\"{z}\"/>");
    // Not the plane that follows in the order of counting.
    let file = gray16(2, &ome(&image(&(mapped(0, 0, 5) + &mapped(1, 1, 0)))));
    assert_eq!(planes(&file), [Plane { t: 0, c: 1, z: 0 }]);
    let notes = TiffStack::open(file.path()).unwrap().dataset().notes.join("\n");
    assert!(notes.contains("1 TiffData elements name planes that the image has not"), "{notes}");
    // Counted from 1 along z.
    let from_one: String = (0..6).map(|i| mapped(i, i / 3, i % 3 + 1)).collect();
    assert_eq!(planes(&gray16(6, &ome(&image(&from_one)))), z_then_c());
}

#[test]
fn directories_of_smaller_copies_count_in_ifd() {
    let mut tiff = RawTiff::new();
    let mapped = r#"<TiffData IFD="0" FirstZ="0"/><TiffData IFD="2" FirstZ="1"/>"#;
    for page in 0..4 {
        let at = tiff.page(page);
        let mut more = vec![long(254, &[page as u32 % 2])];
        more.extend((page == 0).then(|| text(270, &ome(&image(mapped)))));
        tiff.gray_directory(at, more);
    }
    assert_eq!(planes(&tiff.file()), [Plane { t: 0, c: 0, z: 0 }, Plane { t: 0, c: 0, z: 1 }]);
}

/// One image of these sizes, whose planes are directories from `ifd` on.
fn part(ifd: u32, [c, z, t]: [u32; 3], more: &str) -> String {
    let count = c * z * t;
    image(&format!("<TiffData IFD=\"{ifd}\" PlaneCount=\"{count}\"/>"))
        .replace("SizeC=\"2\"", &format!("SizeC=\"{c}\""))
        .replace("SizeZ=\"3\"", &format!("SizeZ=\"{z}\""))
        .replace("SizeT=\"1\"", &format!("SizeT=\"{t}\" {more}"))
        .replace("<Image", &format!("<Image Name=\"at {ifd}\""))
}

fn opened(pages: usize, inner: &str) -> Dataset {
    TiffStack::open(described(pages, &ome(inner)).path()).unwrap().dataset().clone()
}

#[test]
fn images_of_one_file_are_scenes() {
    let file =
        described(9, &ome(&(part(0, [2, 2, 1], "") + &part(4, [1, 3, 1], "") + &part(7, [2, 1, 1], ""))));
    let stack = TiffStack::open(file.path()).unwrap();
    let dataset = stack.dataset();
    let sizes = |scene: &Scene| (scene.index, scene.times, scene.slices, scene.channels.clone());
    let found: Vec<_> = dataset.scenes.iter().map(sizes).collect();
    // Channels that are alike are counted once.
    assert_eq!(found, [(0, 1, 2, vec![0, 1]), (1, 1, 3, vec![0]), (2, 1, 1, vec![0, 1])]);
    assert_eq!((dataset.channels.len(), &dataset.notes), (2, &Vec::new()));
    assert_eq!(dataset.scenes[1].name.as_deref(), Some("at 4"));
    let mut page = 0;
    for scene in &dataset.scenes {
        for (i, field) in scene.fields.iter().enumerate() {
            let raw = &stack.read(scene, &[i]).unwrap()[0];
            let expected = Samples::U16(values(page, 1).map(|v| (v * 257) as u16).collect());
            assert_eq!(stack.decode(field, raw).unwrap(), expected, "{} {field}", scene.index);
            page += 1;
        }
    }
    assert_eq!(page, 9);
}

#[test]
fn images_that_do_not_fit_the_first_are_left_out_with_a_note() {
    let first = part(0, [1, 2, 1], "");
    for (second, note) in [
        (
            part(2, [1, 2, 1], "").replace("\"0.1\"", "\"0.2\""),
            "image 1 is left out: it has other voxel sizes",
        ),
        (part(1, [1, 2, 1], ""), "image 1 is left out: it has pages of another image"),
        (part(2, [1, 2, 1], "").replace("XYZCT", "XYQCT"), "image 1 is left out: OME-XML: no DimensionOrder"),
        (part(2, [1, 2, 1], "").replace("TiffData", "Other"), "the OME-XML describes another image"),
    ] {
        let dataset = opened(4, &(first.clone() + &second));
        assert_eq!((dataset.scenes.len(), dataset.scenes[0].fields.len()), (1, 2), "{note}");
        assert!(dataset.notes[0].contains(note), "{note}: {:?}", dataset.notes);
    }
}

#[test]
fn images_in_files_of_their_own_are_read_from_these() {
    let block = |ifd: u32, z: u32, file: &str| {
        format!(
            "<TiffData IFD=\"{ifd}\" FirstZ=\"{z}\"><UUID FileName=\"{file}\">urn:uuid:{file}</UUID></TiffData>"
        )
    };
    let of = |file: &str| (0..3).map(|z| block(z, z, file)).collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pos1.tif");
    let one_channel = |inner: &str| image(inner).replace("SizeC=\"2\"", "SizeC=\"1\"");
    let xml = ome(&(one_channel(&of("pos0.tif")) + &one_channel(&of("pos1.tif"))));
    std::fs::copy(gray16(3, &xml).path(), &path).unwrap();
    let stack = TiffStack::open(&path).unwrap();
    let scenes = &stack.dataset().scenes;
    assert_eq!((scenes.len(), scenes[0].index, scenes[0].fields.len()), (1, 1, 3));
    assert!(stack.dataset().notes[0].contains("another image"), "{:?}", stack.dataset().notes);
}

#[test]
fn pages_of_another_image_may_differ() {
    let one_channel = |inner: &str| image(inner).replace("SizeC=\"2\"", "SizeC=\"1\"");
    let mut tiff = RawTiff::new();
    let first = ome(&(one_channel(r#"<TiffData IFD="0"/>"#) + &one_channel(r#"<TiffData IFD="1"/>"#)));
    let at = tiff.page(0);
    tiff.gray_directory(at, vec![text(270, &first)]);
    tiff.directory(vec![
        long(256, &[2]),
        long(257, &[2]),
        short(258, &[8]),
        short(259, &[1]),
        short(262, &[1]),
        long(273, &[at]),
        short(277, &[1]),
        long(278, &[2]),
        long(279, &[4]),
    ]);
    let file = tiff.file();
    let stack = TiffStack::open(file.path()).unwrap();
    let [first, second] = &stack.dataset().scenes[..] else { panic!("two scenes") };
    assert_eq!((first.rect, second.rect), (Rect::new(0, 0, WIDTH, HEIGHT), Rect::new(0, 0, 2, 2)));
    assert_eq!((&first.channels[..], &second.channels[..]), (&[0][..], &[1][..]), "of other types");
    assert_eq!(stack.dataset().channels[1].pixel_type, Some(PixelType::Gray8));
}

#[test]
fn binary_only_names_the_file_that_has_the_xml() {
    let xml = ome("<BinaryOnly MetadataFile=\"a.companion.ome\" UUID=\"urn:uuid:x\"/>");
    let failure = failure(gray16(3, &xml).path()).to_string();
    assert!(failure.contains("a.companion.ome"), "{failure}");
}

/// Two channels, a file each, with the whole XML in both.
fn write_two_files(folder: &Path, text_of: impl Fn(&str, &str) -> String) -> [PathBuf; 2] {
    let block = |c: u32, z: u32| {
        format!(
            "<TiffData IFD=\"{z}\" FirstC=\"{c}\" FirstZ=\"{z}\"><UUID FileName=\"c{c}.tif\">urn:uuid:c{c}</UUID></TiffData>"
        )
    };
    let xml = image(&(0..2).flat_map(|c| (0..3).map(move |z| block(c, z))).collect::<String>());
    [0, 1].map(|c| {
        let mut tiff = RawTiff::new();
        for z in 0..3 {
            let at = tiff.page(c * 3 + z);
            let own = format!("urn:uuid:c{c}");
            tiff.gray_directory(at, (z == 0).then(|| text(270, &text_of(&xml, &own))).into_iter().collect());
        }
        let path = folder.join(format!("c{c}.tif"));
        tiff.write(&path);
        path
    })
}

fn with_uuid(xml: &str, own: &str) -> String {
    ome(xml).replace("urn:uuid:me", own)
}

fn assert_has_both(path: &Path) {
    let stack = TiffStack::open(path).unwrap();
    let scene = &stack.dataset().scenes[0];
    assert_eq!((scene.fields.len(), stack.dataset().notes.len()), (6, 0), "{:?}", stack.dataset().notes);
    for (field, samples) in scene.fields.iter().zip(decoded(&stack)) {
        let page = (field.plane.c * 3 + field.plane.z) as usize;
        assert_eq!(samples, Samples::U16(values(page, 1).map(|v| (v * 257) as u16).collect()), "{field}");
    }
}

#[test]
fn an_image_in_several_files_is_read_whole_from_any_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = write_two_files(folder.path(), with_uuid);
    assert_has_both(&first);
    assert_has_both(&second);
    let both = TiffStack::open(&first).unwrap().identity();
    assert_eq!(
        both.size,
        [&first, &second].map(|path| std::fs::metadata(path).unwrap().len()).iter().sum::<u64>()
    );

    // Renamed, it is known by its UUID.
    let renamed = folder.path().join("renamed.tif");
    std::fs::rename(&first, &renamed).unwrap();
    assert_has_both(&renamed);
    // The other one is not where the XML says.
    let failure = failure(&second).to_string();
    assert!(failure.contains("c0.tif is not there, with 3 planes"), "{failure}");
    // Who does not need it reads the rest.
    let open = || Box::new(FileSource::open(&second).unwrap());
    let half = TiffStack::from_source(open(), None, &|_| Ok(None)).unwrap();
    let scene = &half.dataset().scenes[0];
    let channels = |planes: Vec<Plane>| planes.into_iter().map(|plane| plane.c).collect::<Vec<_>>();
    assert_eq!(channels(scene.fields.iter().map(|field| field.plane).collect()), [1, 1, 1]);
    assert_eq!(channels(scene.unreadable.iter().map(|field| field.plane).collect()), [0, 0, 0]);
    let source = open();
    let alone = TiffStack::from_source(source, Some(&"z".parse().unwrap()), &|_| Ok(None)).unwrap();
    assert_eq!(alone.dataset().scenes[0].fields.len(), 3);
}

#[test]
fn ome_xml_in_a_companion_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let binary_only = |_: &str, own: &str| {
        with_uuid("<BinaryOnly MetadataFile=\"a.companion.ome\" UUID=\"urn:uuid:a\"/>", own)
    };
    let [first, second] = write_two_files(folder.path(), with_uuid);
    // The XML of the first, as a file of its own.
    let bytes = std::fs::read(&first).unwrap();
    let at = bytes.windows(4).position(|four| four == b"<OME").unwrap();
    let end = bytes.windows(6).position(|six| six == b"</OME>").unwrap() + 6;
    std::fs::write(folder.path().join("a.companion.ome"), &bytes[at..end]).unwrap();
    write_two_files(folder.path(), binary_only);
    assert_has_both(&first);
    assert_has_both(&second);
    // Or the one that has it is another TIFF.
    let [master, _] = write_two_files(folder.path(), with_uuid);
    std::fs::rename(&master, folder.path().join("kept")).unwrap();
    write_two_files(folder.path(), binary_only);
    std::fs::rename(folder.path().join("kept"), folder.path().join("a.companion.ome")).unwrap();
    assert_has_both(&second);
}
