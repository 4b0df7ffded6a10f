//! What all documents of OME-XML that are written share (<https://www.openmicroscopy.org/Schemas/OME/2016-06>).

use std::fmt::Write;

use super::metadata::{ChannelMetadata, ImageMetadata};
use crate::pixels::SampleType;
use crate::space::Zyx;

/// Attributes of the root element that name the schema.
pub(super) const SCHEMA: &str = "xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" \
     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
     xsi:schemaLocation=\"http://www.openmicroscopy.org/Schemas/OME/2016-06 \
     http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd\"";

/// The `Type` of `Pixels`.
pub(super) fn pixel_type(sample: SampleType) -> &'static str {
    match sample {
        SampleType::U8 => "uint8",
        SampleType::U16 => "uint16",
        SampleType::F32 => "float",
    }
}

/// Attributes of `Pixels` with the distances between samples, as far as they are known.
pub(super) fn distances(metadata: &ImageMetadata) -> String {
    let Zyx { z, y, x } = metadata.voxel_um;
    let known = [
        ("PhysicalSizeX", x),
        ("PhysicalSizeY", y),
        ("PhysicalSizeZ", z),
        ("TimeIncrement", metadata.interval_secs),
    ];
    let mut attributes = String::new();
    for (name, value) in known {
        // The schema knows no size of 0; micrometres and seconds are its default units.
        if let Some(value) = value.filter(|&value| value > 0.0) {
            let _ = write!(attributes, " {name}=\"{value}\"");
        }
    }
    attributes
}

/// The `Color` of a `Channel`: opaque, as a signed 32-bit RGBA.
pub(super) fn color(channel: &ChannelMetadata) -> i32 {
    let [r, g, b] = channel.color;
    i32::from_be_bytes([r, g, b, 255])
}

/// As text or the value of an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            // XML 1.0 has no way to write control characters.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
