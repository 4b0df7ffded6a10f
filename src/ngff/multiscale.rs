//! What the attributes of an image say: its levels, where they lie, how its channels look.

use serde_json::{Map, Value};

use super::axes::Axes;
use super::transform::Transform;
use crate::dataset::Channel;

/// An image and its levels, as described; no array has been looked at.
#[derive(Clone, Debug)]
pub(super) struct Multiscale {
    pub name: Option<String>,
    pub axes: Axes,
    /// Level 0 first.
    pub levels: Vec<Level>,
    /// How each level was made from the one before.
    pub method: Option<String>,
    /// As shown; fewer or more than the image has, perhaps.
    pub channels: Vec<Channel>,
}

/// One array.
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Below the image's folder.
    pub path: String,
    /// Where its samples lie, in the axes' units.
    pub transform: Transform,
}

impl Multiscale {
    /// From the attributes of a group; `None` when it is no image.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(attributes: &Map<String, Value>) -> Result<Option<Self>, String> {
        let Some(all) = attributes.get("multiscales") else { return Ok(None) };
        // Further multiscales are other pyramids of the same image.
        let image = all.get(0).ok_or("multiscales is empty")?;
        let axes = Axes::parse(image.get("axes"))?;
        let level = |dataset: &Value| {
            let path = dataset["path"].as_str().ok_or("a dataset has no path")?;
            let transform = Transform::parse([dataset, image], &axes)?;
            Ok(Level { path: path.trim_matches('/').to_owned(), transform })
        };
        let datasets = image["datasets"].as_array().ok_or("multiscales[0] has no datasets")?;
        let levels = datasets.iter().map(level).collect::<Result<Vec<_>, String>>()?;
        if levels.is_empty() {
            return Err("multiscales[0] has no datasets".into());
        }
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let channels = attributes.get("omero").and_then(|omero| omero["channels"].as_array());
        Ok(Some(Self {
            name: text(&image["name"]),
            method: text(&image["type"]),
            channels: channels.into_iter().flatten().map(channel).collect(),
            axes,
            levels,
        }))
    }
}

fn channel(omero: &Value) -> Channel {
    let color = omero["color"].as_str().map(|text| text.trim_start_matches('#'));
    let color = color.filter(|hex| hex.len() == 6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    Channel {
        name: omero["label"].as_str().filter(|label| !label.is_empty()).map(str::to_owned),
        color: color.map(|rgb| [(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8]),
        ..Channel::default()
    }
}
