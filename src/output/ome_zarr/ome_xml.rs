//! `OME/METADATA.ome.xml` of a collection, which bioformats2raw's layout asks for: sizes and names, no more
//! (<https://www.openmicroscopy.org/Schemas/OME/2016-06>).

use crate::output::layout::ImageLayout;
use crate::output::metadata::ImageMetadata;
use crate::output::ome_xml::{SCHEMA, color, distances, escape, pixel_type};
use crate::space::Tczyx;

/// One `Image` for each image, in order.
pub(super) fn document(images: &[(ImageLayout, ImageMetadata)]) -> String {
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<OME {SCHEMA}>\n");
    for (i, (layout, metadata)) in images.iter().enumerate() {
        xml += &image(i, layout, metadata);
    }
    xml + "</OME>\n"
}

fn image(i: usize, layout: &ImageLayout, metadata: &ImageMetadata) -> String {
    let Tczyx { t, c, z, y, x } = layout.shape();
    let (kind, distances) = (pixel_type(layout.sample()), distances(metadata));
    let channels = metadata.channels.iter().enumerate().map(|(k, channel)| {
        let (name, color) = (escape(&channel.name), color(channel));
        format!("<Channel ID=\"Channel:{i}:{k}\" Name=\"{name}\" Color=\"{color}\" SamplesPerPixel=\"1\"/>\n")
    });
    format!(
        "<Image ID=\"Image:{i}\" Name=\"{name}\">\n\
         <Pixels ID=\"Pixels:{i}\" DimensionOrder=\"XYZCT\" Type=\"{kind}\" BigEndian=\"false\" \
         SizeX=\"{x}\" SizeY=\"{y}\" SizeZ=\"{z}\" SizeC=\"{c}\" SizeT=\"{t}\"{distances}>\n\
         {channels}<MetadataOnly/>\n</Pixels>\n</Image>\n",
        name = escape(&metadata.name),
        channels = channels.collect::<String>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{ChannelMetadata, Cut};
    use crate::pixels::SampleType;
    use crate::space::Zyx;

    #[test]
    fn names_come_back_from_an_xml_parser() {
        let layout = ImageLayout::new(Tczyx::new(2, 1, 3, 4, 5), SampleType::F32, Cut::default()).unwrap();
        let channel =
            ChannelMetadata { name: "a<b>&\"c\"\u{1}".into(), color: [255, 0, 0], ..Default::default() };
        let voxel_um = Zyx::new(None, Some(0.25), Some(0.0));
        let metadata =
            ImageMetadata {
                name: "µ-scene".into(), voxel_um, channels: vec![channel], ..Default::default()
            };
        let xml = document(&[(layout.clone(), metadata.clone()), (layout, metadata)]);
        let parsed = roxmltree::Document::parse(&xml).unwrap();
        let named =
            |name: &str| parsed.descendants().filter(|node| node.has_tag_name(name)).collect::<Vec<_>>();
        let namespaced = |name: &'static str| named(name);
        assert_eq!(namespaced("Image").len(), 2);
        assert_eq!(namespaced("Image")[1].attribute("Name"), Some("µ-scene"));
        let channel = namespaced("Channel")[0];
        assert_eq!(channel.attribute("Name"), Some("a<b>&\"c\" "));
        // Red, opaque, as a signed 32-bit RGBA.
        assert_eq!(channel.attribute("Color"), Some("-16776961"));
        let pixels = namespaced("Pixels")[0];
        let sizes = ["SizeT", "SizeC", "SizeZ", "SizeY", "SizeX"].map(|name| pixels.attribute(name).unwrap());
        assert_eq!(sizes, ["2", "1", "3", "4", "5"]);
        assert_eq!(pixels.attribute("PhysicalSizeY"), Some("0.25"));
        assert_eq!(pixels.attribute("PhysicalSizeX"), None);
    }
}
