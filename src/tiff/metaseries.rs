//! MetaMorph's XML in the description of a page: `<MetaData>` with properties of the plane in `<PlaneInfo>`.
//!
//! Source: files of MetaMorph 7.5 and later, as `MetamorphHandler` of Bio-Formats and `metaseries_description_metadata` of
//! tifffile read them.

use roxmltree::{Document, Node};

use super::description::micrometres;
use crate::space::Zyx;
use crate::xml;

/// Distance between pixels in micrometres, down and across; `None` where `text` is none of MetaMorph's.
pub(super) fn pixel_um(text: &str) -> Option<Zyx<Option<f64>>> {
    let text = text.trim_end_matches('\0').trim();
    if !text.starts_with("<MetaData") {
        return None;
    }
    let document = xml::parse(text).ok()?;
    if property(&document, "spatial-calibration-state").is_some_and(|state| state != "on") {
        return Some(Zyx::default());
    }
    let unit = property(&document, "spatial-calibration-units").unwrap_or_default();
    let size = |id| micrometres(property(&document, id)?.parse().ok()?, unit);
    Some(Zyx::new(None, size("spatial-calibration-y"), size("spatial-calibration-x")))
}

fn property<'a>(document: &'a Document<'_>, id: &str) -> Option<&'a str> {
    let is_property = |node: &Node<'_, '_>| node.has_tag_name("prop") && node.attribute("id") == Some(id);
    document.descendants().find(is_property)?.attribute("value").map(str::trim)
}
