//! What the XML says of scenes: their names, and where the stage was.

use std::collections::BTreeMap;

use super::Found;

/// One scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::czi) struct SceneInXml {
    pub name: Option<String>,
    /// Where the stage was for its centre: x and y in micrometres, as columns and rows run.
    pub centre_um: Option<(f64, f64)>,
}

/// By the scene's index. A plate's positions are named alike in each well, so the well is added.
pub(super) fn scenes(scenes: Found<'_>) -> BTreeMap<u32, SceneInXml> {
    let mut found = BTreeMap::new();
    for scene in scenes.children("Scene") {
        let Some(index) = scene.attribute("Index").and_then(|index| index.parse().ok()) else { continue };
        let well = scene.child("ArrayName").text().or(scene.child("Shape").attribute("Name"));
        let name = match (scene.attribute("Name"), well) {
            (Some(name), Some(well)) if name != well => Some(format!("{name}-{well}")),
            (name, well) => name.or(well).map(str::to_owned),
        };
        let centre_um = scene.child("CenterPosition").text().and_then(position);
        found.insert(index, SceneInXml { name, centre_um });
    }
    found
}

/// `x,y`.
fn position(text: &str) -> Option<(f64, f64)> {
    let (x, y) = text.split_once(',')?;
    let number = |text: &str| text.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number(x).zip(number(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_two_numbers() {
        assert_eq!(position("38397.296,-12724.718"), Some((38397.296, -12724.718)));
        assert_eq!(position("37980, 1.3E4"), Some((37980.0, 13000.0)));
        for text in ["", "1", "1;2", "1,2,3", "NaN,2", "1,inf"] {
            assert_eq!(position(text), None, "{text}");
        }
    }
}
