//! OME-XML in the description of the first page (OME-TIFF). Those of its images are read that have planes in this file.
//!
//! Source: OME data model 2016-06, elements `Pixels`, `Channel`, `TiffData`, `Objective`, `ObjectiveSettings`. Where text
//! and pages contradict each other, the pages win, as in Bio-Formats.

mod tiff_data;

use std::path::Path;

use roxmltree::{Document, Node};

use self::tiff_data::{Assigned, Blocks, Owner};
use super::description::{Description, PageList, Sizes, micrometres, seconds};
use crate::dataset::{Channel, MOST_CHANNELS, Optics};
use crate::error::{Error, Result};
use crate::space::Zyx;
use crate::xml;

/// Pages times images, at most, where several images are read.
const MOST_ASSIGNED: usize = 1 << 24;

/// Whether `text` is OME-XML, whatever prefix its namespace has.
pub(super) fn is_ome(text: &str) -> bool {
    root_name(text).is_some_and(|name| name.rsplit(':').next() == Some("OME"))
}

/// Where else the OME-XML of a file stands.
pub(super) struct Elsewhere {
    /// Its name, in the same folder.
    pub file: String,
    /// What the file that was opened is called there.
    pub own_uuid: Option<String>,
}

/// Where the OME-XML stands that `text` only points to (BinaryOnly).
pub(super) fn told_elsewhere(text: &str) -> Option<Elsewhere> {
    if !is_ome(text) || !text.contains("BinaryOnly") {
        return None;
    }
    let document = parse(text, Path::new("")).ok()?;
    let root = document.root_element();
    let pointer = children(root, "BinaryOnly").next()?;
    let file = pointer.attribute("MetadataFile")?.rsplit(['/', '\\']).next()?.to_owned();
    Some(Elsewhere { file, own_uuid: root.attribute("UUID").map(str::to_owned) })
}

/// The name of the first element, behind declarations and comments.
fn root_name(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest.strip_prefix('<')? {
            inner if inner.starts_with('?') => "?>",
            inner if inner.starts_with("!--") => "-->",
            inner if inner.starts_with('!') && declares_within(inner) => "]>",
            inner if inner.starts_with('!') => ">",
            inner => return inner.split(|c: char| c.is_whitespace() || "/>".contains(c)).next(),
        };
        rest = rest.split_once(end)?.1.trim_start();
    }
}

/// Whether a DOCTYPE has declarations of its own in brackets.
fn declares_within(doctype: &str) -> bool {
    doctype.find('[').is_some_and(|bracket| doctype.find('>').is_some_and(|end| bracket < end))
}

/// What `text` says about `pages`.
///
/// # Errors
/// `Format` when it is no XML or sizes are missing; `Unsupported` when it stands in another file or declares entities.
pub(super) fn describe(text: &str, pages: &PageList<'_>) -> Result<Description> {
    let broken = |what: String| Error::format(pages.path, format!("OME-XML: {what}"), None);
    let document = parse(text, pages.path)?;
    let root = document.root_element();
    if let Some(elsewhere) = children(root, "BinaryOnly").next() {
        let file = elsewhere.attribute("MetadataFile").unwrap_or("another file");
        let what =
            format!("an OME-TIFF whose OME-XML is in {file} (BinaryOnly): give a file that has it itself");
        return Err(Error::unsupported(pages.path, what));
    }
    let images: Vec<_> = children(root, "Image").collect();
    let blocks: Vec<_> =
        images.iter().map(|&image| children(image, "Pixels").next().map(Blocks::of)).collect();
    let own_uuid = pages.own_uuid.or_else(|| root.attribute("UUID"));
    let owner = Owner::new(own_uuid, blocks.iter().flatten(), pages.path);
    let is_here = |nth: &usize| blocks[*nth].as_ref().is_some_and(|blocks| owner.has_some_of(blocks));
    let first = (0..images.len()).find(is_here).unwrap_or(0);
    let of = |nth: usize| {
        let image = *images.get(nth).ok_or_else(|| broken("no Image".into()))?;
        let blocks = blocks[nth].as_ref().ok_or_else(|| broken("no Pixels".into()))?;
        OmeImage { index: nth as u32, image, root, blocks, owner: &owner }.describe(pages)
    };
    let mut description = of(first)?;
    // What does not say which directories it means has those of the first.
    let says_where = |nth: &usize| blocks[*nth].as_ref().is_some_and(|blocks| blocks.len() > 0);
    let is_short = images.len().saturating_mul(pages.numbers.len()) <= MOST_ASSIGNED;
    let (here, others): (Vec<_>, Vec<_>) = (0..images.len())
        .filter(|&nth| nth != first)
        .partition(|nth| is_short && says_where(&first) && says_where(nth) && is_here(nth));
    let mut is_taken: Vec<bool> = description.planes.iter().map(Option::is_some).collect();
    for nth in here {
        match of(nth) {
            Ok(further) => {
                let mut pages = is_taken.iter_mut().zip(&further.planes).filter(|(_, plane)| plane.is_some());
                if pages.all(|(is_taken, _)| !std::mem::replace(is_taken, true)) {
                    description.further.push(further);
                } else {
                    description.notes.push(format!("image {nth} is left out: it has pages of another image"));
                }
            }
            Err(Error::Format { what, .. } | Error::Unsupported { what, .. }) => {
                description.notes.push(format!("image {nth} is left out: {what}"));
            }
            Err(other) => return Err(other),
        }
    }
    match others.len() {
        0 => {}
        1 => description.notes.push("the OME-XML describes another image, which is not read".into()),
        more => {
            description.notes.push(format!("the OME-XML describes {more} further images, which are not read"))
        }
    }
    Ok(description)
}

/// One element `Image`.
struct OmeImage<'a, 'input> {
    index: u32,
    image: Node<'a, 'input>,
    root: Node<'a, 'input>,
    blocks: &'a Blocks<'a>,
    owner: &'a Owner<'a>,
}

impl OmeImage<'_, '_> {
    fn describe(&self, pages: &PageList<'_>) -> Result<Description> {
        let Self { image, root, blocks, owner, .. } = *self;
        let broken = |what: String| Error::format(pages.path, format!("OME-XML: {what}"), None);
        let pages = &pages.of_directory(blocks.directory(owner));
        let pixels = children(image, "Pixels").next().ok_or_else(|| broken("no Pixels".into()))?;
        let order = pixels.attribute("DimensionOrder").and_then(|order| order.strip_prefix("XY"));
        let order = order.filter(|order| ["ZCT", "ZTC", "CTZ", "CZT", "TCZ", "TZC"].contains(order));
        let order = order.ok_or_else(|| broken("no DimensionOrder that is known".into()))?;
        let sizes = sizes(pixels, pages.like.samples).map_err(broken)?;
        let nodes: Vec<_> = children(pixels, "Channel").collect();
        if sizes.c as usize > pages.numbers.len().max(nodes.len()).max(blocks.len()).min(MOST_CHANNELS) {
            return Err(broken(format!("{} channels in {} pages", sizes.c, pages.numbers.len())));
        }
        let mut notes = Vec::new();
        let Assigned { planes, elsewhere } = blocks.assign(sizes, order, (pages, owner), &mut notes)?;
        notes.extend(about_the_type(pixels, pages));
        Ok(Description {
            index: self.index,
            name: image.attribute("Name").map(str::to_owned).filter(|name| !name.is_empty()),
            planes,
            elsewhere,
            slices: sizes.z,
            times: sizes.t,
            channels: channels(&nodes, sizes.c, pixels, root),
            voxel_um: Zyx::new("Z", "Y", "X").map(|axis| physical_size(pixels, axis)),
            interval_secs: interval(pixels),
            optics: optics(root, image),
            notes,
            ..Description::default()
        })
    }
}

/// A DOCTYPE is tolerated, entities of its own are not: they can stand for texts of any length.
fn parse<'a>(text: &'a str, path: &Path) -> Result<Document<'a>> {
    if text.contains("<!ENTITY") {
        return Err(Error::unsupported(path, "OME-XML that declares entities (<!ENTITY)"));
    }
    let document = xml::parse_with_doctype(text.trim_start_matches('\u{feff}').trim_start());
    document.map_err(|what| Error::format(path, format!("OME-XML: {what}"), None))
}

/// A page of `samples` values a pixel holds as many of SizeC.
fn sizes(pixels: Node<'_, '_>, samples: u32) -> Result<Sizes, String> {
    let size = |name: &str| {
        let value = pixels.attribute(name).and_then(|v| v.trim().parse().ok()).filter(|&n: &u32| n > 0);
        value.ok_or_else(|| format!("no {name} that is a number over 0"))
    };
    let c = size("SizeC")?;
    let c = if c.is_multiple_of(samples) { c / samples } else { c };
    Ok(Sizes { c, z: size("SizeZ")?, t: size("SizeT")? })
}

fn about_the_type(pixels: Node<'_, '_>, pages: &PageList<'_>) -> Option<String> {
    let named = pixels.attribute("Type").or_else(|| pixels.attribute("PixelType"))?;
    let stored = pages.like.sample_type?;
    (!named.eq_ignore_ascii_case(stored)).then(|| {
        format!("OME-XML says that the pixels are {named}, the pages hold {stored}: read as the pages say")
    })
}

/// `count` of them; colours may be named one by one, and then none of the names is the page's.
fn channels(nodes: &[Node<'_, '_>], count: u32, pixels: Node<'_, '_>, root: Node<'_, '_>) -> Vec<Channel> {
    let is_one_each = nodes.len() <= count as usize;
    let node = |c: u32| nodes.get(c as usize).filter(|_| is_one_each).copied();
    (0..count).map(|c| channel(node(c), pixels, root)).collect()
}

fn channel(node: Option<Node<'_, '_>>, pixels: Node<'_, '_>, root: Node<'_, '_>) -> Channel {
    let text = |name: &str| node.and_then(|n| n.attribute(name)).map(str::to_owned).filter(|s| !s.is_empty());
    Channel {
        left_out: false,
        name: text("Name"),
        // A signed number of the bytes red, green, blue, alpha.
        color: text("Color").and_then(|c| c.parse::<i32>().ok()).map(|c| {
            let [red, green, blue, _] = c.to_be_bytes();
            [red, green, blue]
        }),
        emission_nm: node.and_then(|node| nanometres(node, "EmissionWavelength")),
        excitation_nm: node.and_then(|node| {
            nanometres(node, "ExcitationWavelength").or_else(|| wavelength_of_source(node, root))
        }),
        bits: pixels.attribute("SignificantBits").and_then(|bits| bits.parse().ok()),
        acquisition_mode: text("AcquisitionMode"),
        pixel_type: None,
    }
}

fn nanometres(node: Node<'_, '_>, name: &str) -> Option<f64> {
    let unit = node.attribute(format!("{name}Unit").as_str()).unwrap_or("nm");
    let value = node.attribute(name)?.parse().ok()?;
    micrometres(value, unit).map(|um| um * 1e3)
}

/// As the channel sets the light source, else as that is.
fn wavelength_of_source(channel: Node<'_, '_>, root: Node<'_, '_>) -> Option<f64> {
    let settings = children(channel, "LightSourceSettings").next()?;
    let id = settings.attribute("ID");
    let mut sources = children(root, "Instrument").flat_map(|instrument| instrument.children());
    let source = sources.find(|source| id.is_some() && source.attribute("ID") == id);
    nanometres(settings, "Wavelength").or_else(|| nanometres(source?, "Wavelength"))
}

fn physical_size(pixels: Node<'_, '_>, axis: &str) -> Option<f64> {
    let value = pixels.attribute(format!("PhysicalSize{axis}").as_str())?.parse().ok()?;
    micrometres(value, pixels.attribute(format!("PhysicalSize{axis}Unit").as_str()).unwrap_or("µm"))
}

fn interval(pixels: Node<'_, '_>) -> Option<f64> {
    let value: f64 = pixels.attribute("TimeIncrement")?.parse().ok()?;
    seconds(value, pixels.attribute("TimeIncrementUnit").unwrap_or("s"))
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
        z_axis_shear: None,
    }
}

/// By local name: the namespace carries the version of the model.
fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}
