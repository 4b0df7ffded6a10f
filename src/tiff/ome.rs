//! OME-XML in the description of the first page (OME-TIFF). The first image is read; other files are not followed.
//!
//! Source: OME data model 2016-06, elements `Pixels`, `Channel`, `TiffData`, `Objective`, `ObjectiveSettings`.

use std::collections::BTreeSet;
use std::path::Path;

use roxmltree::{Document, Node};

use super::description::{Description, Sizes, micrometres};
use crate::dataset::{Channel, Optics};
use crate::error::{Error, Result};
use crate::space::Zyx;

/// Whether `text` is OME-XML.
pub(super) fn is_ome(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with('<') && text.contains("<OME") && text.contains("<Pixels")
}

/// What `text` says about a file of `pages`.
///
/// # Errors
/// `Format` when it is no XML or sizes are missing; `Unsupported` when the pixels are in other files.
pub(super) fn describe(path: &Path, text: &str, pages: usize) -> Result<Description> {
    let broken = |what: String| Error::format(path, format!("OME-XML: {what}"), None);
    let document = Document::parse(text.trim_start_matches('\u{feff}')).map_err(|e| broken(e.to_string()))?;
    let root = document.root_element();
    let images: Vec<_> = children(root, "Image").collect();
    let image = *images.first().ok_or_else(|| broken("no Image".into()))?;
    let pixels = children(image, "Pixels").next().ok_or_else(|| broken("no Pixels".into()))?;
    let channels: Vec<_> = children(pixels, "Channel").collect();
    let sizes = sizes(pixels, &channels).map_err(broken)?;
    if sizes.c as usize > pages.max(channels.len()) {
        return Err(broken(format!("{} channels in {pages} pages", sizes.c)));
    }
    let order = pixels.attribute("DimensionOrder").and_then(|order| order.strip_prefix("XY"));
    let order = order.filter(|order| ["ZCT", "ZTC", "CTZ", "CZT", "TCZ", "TZC"].contains(order));
    let order = order.ok_or_else(|| broken("no DimensionOrder that is known".into()))?;

    let mut description = Description {
        slices: sizes.z,
        times: sizes.t,
        channels: (0..sizes.c as usize).map(|c| channel(channels.get(c).copied(), pixels)).collect(),
        voxel_um: Zyx::new("Z", "Y", "X").map(|axis| physical_size(pixels, axis)),
        interval_secs: interval(pixels),
        optics: optics(root, image),
        ..Description::plain(pages)
    };
    assign_pages(&mut description, pixels, (sizes, order), path)?;
    if images.len() > 1 {
        let more = images.len() - 1;
        description.notes.push(format!("the file describes {more} further images, which are not read"));
    }
    Ok(description)
}

/// RGB channels count three times in SizeC.
fn sizes(pixels: Node<'_, '_>, channels: &[Node<'_, '_>]) -> Result<Sizes, String> {
    let size = |name: &str| {
        let value = pixels.attribute(name).and_then(|v| v.parse().ok()).filter(|&n: &u32| n > 0);
        value.ok_or_else(|| format!("no {name} that is a number over 0"))
    };
    let samples = channels.first().and_then(|c| c.attribute("SamplesPerPixel")?.parse().ok()).unwrap_or(1);
    let c = size("SizeC")?;
    let c = if samples > 1 && c % samples == 0 { c / samples } else { c };
    Ok(Sizes { c, z: size("SizeZ")?, t: size("SizeT")? })
}

/// By the TiffData elements: each maps pages from IFD on to planes from FirstC, FirstZ, FirstT on.
fn assign_pages(
    description: &mut Description,
    pixels: Node<'_, '_>,
    (sizes, order): (Sizes, &str),
    path: &Path,
) -> Result<()> {
    let total = sizes.pages().filter(|&total| total <= u32::MAX as usize);
    let total = total.ok_or_else(|| Error::format(path, "OME-XML: more planes than can be counted", None))?;
    let pages = description.planes.len();
    let mut planes = vec![None; pages];
    let first_planes = |from: usize, count: usize| from..total.min(from.saturating_add(count));
    let elements: Vec<_> = children(pixels, "TiffData").collect();
    if elements.is_empty() {
        first_planes(0, pages).zip(&mut planes).for_each(|(i, page)| *page = Some(sizes.plane(order, i)));
    }
    let own_name = path.file_name().and_then(|name| name.to_str());
    let file = |element| children(element, "UUID").next().and_then(|uuid| uuid.attribute("FileName"));
    let files: BTreeSet<_> = elements.iter().filter_map(|&element| file(element)).collect();
    for element in elements {
        // A single name that is not this file's is the name before it was renamed.
        if files.len() > 1 && file(element) != own_name {
            continue;
        }
        let number = |name: &str| element.attribute(name).and_then(|v| v.parse::<usize>().ok());
        let count = number("PlaneCount").unwrap_or(if element.has_attribute("IFD") { 1 } else { total });
        let start = index_of(sizes, order, |axis| number(axis).unwrap_or(0));
        for (plane, page) in first_planes(start, count).zip(number("IFD").unwrap_or(0)..) {
            let Some(page) = planes.get_mut(page) else { break };
            *page = Some(sizes.plane(order, plane));
        }
    }
    let found = planes.iter().flatten().count();
    if found == 0 && files.len() > 1 {
        return Err(Error::unsupported(path, "an OME-TIFF whose pixels are in other files"));
    }
    if found == 0 {
        return Err(Error::format(path, "OME-XML: no page belongs to a plane", None));
    }
    if found < total {
        description.notes.push(format!("{} of {total} planes are missing in this file", total - found));
    }
    description.planes = planes;
    Ok(())
}

/// The number of a plane in `order`, the fastest axis first.
fn index_of(sizes: Sizes, order: &str, first: impl Fn(&str) -> usize) -> usize {
    order.chars().rev().fold(0, |index: usize, axis| {
        let (size, name) = match axis {
            'C' => (sizes.c, "FirstC"),
            'Z' => (sizes.z, "FirstZ"),
            _ => (sizes.t, "FirstT"),
        };
        index.saturating_mul(size as usize).saturating_add(first(name))
    })
}

fn channel(node: Option<Node<'_, '_>>, pixels: Node<'_, '_>) -> Channel {
    let text = |name: &str| node.and_then(|n| n.attribute(name)).map(str::to_owned).filter(|s| !s.is_empty());
    let nanometres = |name: &str| {
        let unit = text(&format!("{name}Unit")).unwrap_or_else(|| "nm".into());
        text(name)?.parse().ok().and_then(|value| micrometres(value, &unit)).map(|um| um * 1e3)
    };
    Channel {
        left_out: false,
        name: text("Name"),
        // A signed number of the bytes red, green, blue, alpha.
        color: text("Color").and_then(|c| c.parse::<i32>().ok()).map(|c| {
            let [red, green, blue, _] = c.to_be_bytes();
            [red, green, blue]
        }),
        emission_nm: nanometres("EmissionWavelength"),
        excitation_nm: nanometres("ExcitationWavelength"),
        bits: pixels.attribute("SignificantBits").and_then(|bits| bits.parse().ok()),
        acquisition_mode: text("AcquisitionMode"),
        pixel_type: None,
    }
}

fn physical_size(pixels: Node<'_, '_>, axis: &str) -> Option<f64> {
    let value = pixels.attribute(format!("PhysicalSize{axis}").as_str())?.parse().ok()?;
    micrometres(value, pixels.attribute(format!("PhysicalSize{axis}Unit").as_str()).unwrap_or("µm"))
}

fn interval(pixels: Node<'_, '_>) -> Option<f64> {
    let value: f64 = pixels.attribute("TimeIncrement")?.parse().ok()?;
    let factor = match pixels.attribute("TimeIncrementUnit").unwrap_or("s") {
        "s" => 1.0,
        "ms" => 1e-3,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(value * factor).filter(|secs| secs.is_finite() && *secs > 0.0)
}

/// The objective that the image's settings name, or the only one.
fn optics(root: Node<'_, '_>, image: Node<'_, '_>) -> Optics {
    let settings = children(image, "ObjectiveSettings").next();
    let all: Vec<_> =
        children(root, "Instrument").flat_map(|instrument| children(instrument, "Objective")).collect();
    let objective = match settings.and_then(|s| s.attribute("ID")) {
        Some(id) => all.iter().find(|objective| objective.attribute("ID") == Some(id)),
        None => all.first().filter(|_| all.len() == 1),
    };
    let text = |name: &str| objective.and_then(|o| o.attribute(name)).map(str::to_owned);
    Optics {
        objective: text("Model"),
        na: text("LensNA").and_then(|v| v.parse().ok()),
        magnification: text("NominalMagnification").and_then(|v| v.parse().ok()),
        immersion: text("Immersion"),
        refractive_index: settings.and_then(|s| s.attribute("RefractiveIndex")?.parse().ok()),
    }
}

/// By local name: the namespace carries the version of the model.
fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}
