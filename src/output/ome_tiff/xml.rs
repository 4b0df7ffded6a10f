//! The OME-XML of one image: what its pages are, and what viewers show beside them
//! (<https://www.openmicroscopy.org/Schemas/OME/2016-06>).
//!
//! Bio-Formats takes `&#181;` for text, so there are no references to characters, and no unit with a µ: positions are in
//! millimetres.

use std::fmt::Write;

use serde_json::Value;

use super::shape::Shape;
use crate::output::metadata::ImageMetadata;
use crate::output::ome_xml::{SCHEMA, color, distances, escape, pixel_type};
use crate::space::{Tczyx, Zyx};

/// Namespace of the annotation that says how the image was made.
pub(super) const NAMESPACE: &str = "decon-gpu";
/// Planes of which each gets an element of its own; of more, the first one alone.
const MOST_PLANES: u64 = 10_000;

/// The document of an image. `provenance` says how it was made.
pub(super) fn document(shape: &Shape, metadata: &ImageMetadata, provenance: &Value) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <OME {SCHEMA} Creator=\"decon-gpu {version}\">\n\
         <Image ID=\"Image:0\" Name=\"{name}\">\n{pixels}</Image>\n\
         <StructuredAnnotations><CommentAnnotation ID=\"Annotation:0\" Namespace=\"{NAMESPACE}\"><Value>{made}</Value>\
         </CommentAnnotation></StructuredAnnotations>\n</OME>\n",
        version = env!("CARGO_PKG_VERSION"),
        name = escape(&metadata.name),
        pixels = pixels(shape, metadata),
        made = escape(&provenance.to_string()),
    )
}

fn pixels(shape: &Shape, metadata: &ImageMetadata) -> String {
    let Tczyx { t, c, z, y, x } = shape.level(0).shape;
    let kind = pixel_type(shape.sample);
    let is_big_endian = cfg!(target_endian = "big");
    let is_interleaved = shape.samples_per_pixel > 1;
    let mut text = format!(
        "<Pixels ID=\"Pixels:0\" DimensionOrder=\"XYZCT\" Type=\"{kind}\" BigEndian=\"{is_big_endian}\" \
         Interleaved=\"{is_interleaved}\" SizeX=\"{x}\" SizeY=\"{y}\" SizeZ=\"{z}\" SizeC=\"{c}\" SizeT=\"{t}\""
    );
    text += &distances(metadata);
    text += ">\n";
    for k in 0..c / shape.samples_per_pixel {
        text += &channel(shape, metadata, k);
    }
    let _ = writeln!(text, "<TiffData IFD=\"0\" PlaneCount=\"{}\"/>", shape.pages());
    text += &planes(shape, metadata);
    text + "</Pixels>\n"
}

fn channel(shape: &Shape, metadata: &ImageMetadata, k: u64) -> String {
    let samples = shape.samples_per_pixel;
    let Some(first) = metadata.channels.get((k * samples) as usize) else { return String::new() };
    // Of three samples, the name is what theirs begin with, and they have their own colours.
    let (name, shown_in) = match samples {
        1 => (first.name.as_str(), format!(" Color=\"{}\"", color(first))),
        _ => (first.name.strip_suffix("Red").unwrap_or(&first.name).trim_end(), String::new()),
    };
    let name = if name.is_empty() { String::new() } else { format!(" Name=\"{}\"", escape(name)) };
    format!("<Channel ID=\"Channel:0:{k}\"{name}{shown_in} SamplesPerPixel=\"{samples}\"/>\n")
}

/// Where each plane lies, and when it was taken, where any of that is known.
fn planes(shape: &Shape, metadata: &ImageMetadata) -> String {
    let Tczyx { t, c, z, .. } = shape.level(0).shape;
    let channels = c / shape.samples_per_pixel;
    let (first_secs, first) = metadata.origin;
    let has_place = first != Zyx::default() && metadata.voxel_um.y.is_some() && metadata.voxel_um.x.is_some();
    let has_time = first_secs != 0.0 && metadata.interval_secs.is_some();
    let mut text = String::new();
    if !has_place && !has_time {
        return text;
    }
    let [times, channels, slices] =
        if t * channels * z <= MOST_PLANES { [t, channels, z] } else { [1, 1, 1] };
    for (t, c) in (0..times).flat_map(|t| (0..channels).map(move |c| (t, c))) {
        for z in 0..slices {
            let _ = write!(text, "<Plane TheZ=\"{z}\" TheT=\"{t}\" TheC=\"{c}\"");
            if let Some(interval) = metadata.interval_secs.filter(|_| has_time) {
                let _ = write!(text, " DeltaT=\"{}\"", first_secs + t as f64 * interval);
            }
            if has_place {
                let um = first.z + z as f64 * metadata.voxel_um.z.unwrap_or(0.0);
                for (axis, um) in [("X", first.x), ("Y", first.y), ("Z", um)] {
                    let mm = um / 1e3;
                    let _ = write!(text, " Position{axis}=\"{mm}\" Position{axis}Unit=\"mm\"");
                }
            }
            text += "/>\n";
        }
    }
    text
}
