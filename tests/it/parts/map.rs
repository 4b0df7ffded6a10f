//! `info --map`.

use crate::parts::{complaint, path, succeed, write_mosaic};

#[test]
fn the_fields_are_drawn_where_they_lie() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.czi");
    write_mosaic(&file);
    let (svg, png) = (folder.path().join("map.svg"), folder.path().join("map.png"));
    succeed(&["info", path(&file), "--map", path(&svg)]);
    succeed(&["info", path(&file), "--map", path(&png)]);
    let svg = std::fs::read_to_string(svg).unwrap();
    let drawing = roxmltree::Document::parse(&svg).unwrap();
    let number = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name)?.parse::<f64>().ok();
    let fields = drawing.descendants().filter(|node| node.attribute("stroke").is_some());
    let places: Vec<_> =
        fields.map(|node| (number(node, "x").unwrap(), number(node, "y").unwrap())).collect();
    // 110 px across become 1200.
    let px = |pixels: f64| 16.0 + (pixels * 1200.0 / 110.0 * 100.0).round() / 100.0;
    assert_eq!(places, [(px(0.0), px(0.0)), (px(50.0), px(0.0)), (px(0.0), px(40.0)), (px(50.0), px(40.0))]);
    let texts: Vec<_> = drawing.descendants().filter(|node| node.has_tag_name("text")).collect();
    let texts: Vec<_> = texts.iter().filter_map(|node| node.text()).collect();
    assert_eq!(texts, ["0", "1", "2", "3", "5 µm"]);

    let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(png).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (1232, 1062));
    assert_eq!(pixels[..3], [255, 255, 255]);
}

#[test]
fn another_kind_of_picture_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.czi");
    write_mosaic(&file);
    let text = complaint(&["info", path(&file), "--map", "map.jpg"]);
    assert!(text.contains("--map: map.jpg ends neither with .png nor with .svg"), "{text}");
}
