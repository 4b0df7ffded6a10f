//! The attributes of the groups, as OME-Zarr words them (<https://ngff.openmicroscopy.org/0.5/>,
//! <https://ngff.openmicroscopy.org/0.4/>).

use serde_json::{Map, Value, json};

use super::image::AXES;
use super::version::Version;
use crate::output::layout::{ImageLayout, Level};
use crate::output::metadata::{ChannelMetadata, ImageMetadata};
use crate::output::range::ChannelRange;
use crate::space::{Tczyx, Zyx};

/// The attributes of an image's group.
pub(super) fn image(
    version: Version,
    layout: &ImageLayout,
    metadata: &ImageMetadata,
    ranges: &[ChannelRange],
) -> Map<String, Value> {
    let datasets = layout.levels().iter().enumerate().map(|(k, level)| {
        json!({ "path": k.to_string(), "coordinateTransformations": transformations(level, metadata) })
    });
    let channels =
        metadata.channels.iter().zip(ranges).map(|(channel, range)| omero_channel(channel, *range));
    version.worded(json!({
        "multiscales": [{
            "name": metadata.name,
            "axes": axes(metadata),
            "datasets": datasets.collect::<Vec<_>>(),
            "type": "mean",
        }],
        "omero": {
            "name": metadata.name,
            "channels": channels.collect::<Vec<_>>(),
            "rdefs": { "defaultT": 0, "defaultZ": layout.shape().z / 2, "model": "color" },
        },
    }))
}

/// The attributes of the root of several images.
pub(super) fn collection(version: Version) -> Map<String, Value> {
    version.worded(json!({ "bioformats2raw.layout": 3 }))
}

/// The attributes of the group `OME` beside `count` images.
pub(super) fn series(version: Version, count: usize) -> Map<String, Value> {
    let paths = (0..count).map(|i| i.to_string()).collect::<Vec<_>>();
    version.worded(json!({ "series": paths }))
}

fn axes(metadata: &ImageMetadata) -> Vec<Value> {
    let Zyx { z, y, x } = metadata.voxel_um.map(|um| um.map(|_| "micrometer"));
    let units = [metadata.interval_secs.map(|_| "second"), None, z, y, x];
    let kinds = ["time", "channel", "space", "space", "space"];
    let axes = AXES.iter().zip(kinds).zip(units).map(|((name, kind), unit)| match unit {
        Some(unit) => json!({ "name": name, "type": kind, "unit": unit }),
        None => json!({ "name": name, "type": kind }),
    });
    axes.collect()
}

/// Scale, then translation: the first mean of `factor` pixels has its centre (factor - 1) / 2 level-0 pixels after the
/// first pixel's. Readers that place pixel centres (neuroglancer, napari, ngff-zarr) would show the levels displaced
/// without it; those that ignore it (Bio-Formats) lose nothing.
fn transformations(level: &Level, metadata: &ImageMetadata) -> Value {
    let voxel = metadata.voxel_um.map(|um| um.unwrap_or(1.0));
    let factor = level.factor as f64;
    let scale =
        Tczyx::new(metadata.interval_secs.unwrap_or(1.0), 1.0, voxel.z, voxel.y * factor, voxel.x * factor);
    let shift = (factor - 1.0) / 2.0;
    let (t, first) = metadata.origin;
    let translation = Tczyx::new(t, 0.0, first.z, first.y + shift * voxel.y, first.x + shift * voxel.x);
    json!([
        { "type": "scale", "scale": scale.to_array() },
        { "type": "translation", "translation": translation.to_array() },
    ])
}

fn omero_channel(channel: &ChannelMetadata, range: ChannelRange) -> Value {
    let [start, mut end] = channel.window.unwrap_or([range.low, range.high]);
    if end <= start {
        // A constant channel; viewers refuse an empty window.
        end = start + 1.0;
    }
    let [r, g, b] = channel.color;
    json!({
        "label": channel.name,
        "color": format!("{r:02X}{g:02X}{b:02X}"),
        "active": channel.active,
        "coefficient": 1,
        "family": "linear",
        "inverted": false,
        "window": { "min": range.min.min(start), "max": range.max.max(end), "start": start, "end": end },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Cut;
    use crate::pixels::SampleType;

    fn example(metadata: &ImageMetadata) -> Value {
        let layout =
            ImageLayout::new(Tczyx::new(1, 1, 5, 300, 1000), SampleType::U8, Cut::default()).unwrap();
        let range = ChannelRange { min: 2.0, max: 250.0, low: 5.0, high: 200.0 };
        Value::Object(image(Version::V05, &layout, metadata, &vec![range; metadata.channels.len()]))
    }

    #[test]
    fn voxel_sizes_double_and_centres_move() {
        let voxel_um = Zyx::new(Some(0.5), Some(0.25), Some(0.125));
        let value = example(&ImageMetadata { voxel_um, interval_secs: Some(3.0), ..Default::default() });
        let multiscale = &value["ome"]["multiscales"][0];
        assert_eq!(multiscale["axes"][3], json!({ "name": "y", "type": "space", "unit": "micrometer" }));
        let last = &multiscale["datasets"][2]["coordinateTransformations"];
        assert_eq!(last[0]["scale"], json!([3.0, 1.0, 0.5, 1.0, 0.5]));
        // Centres of 4 pixels 0..4 lie at 0, 1, 2, 3: their mean at 1.5.
        assert_eq!(last[1]["translation"], json!([0.0, 0.0, 0.0, 0.375, 0.1875]));
    }

    #[test]
    fn unknown_sizes_have_no_unit() {
        let value = example(&ImageMetadata::default());
        let multiscale = &value["ome"]["multiscales"][0];
        assert_eq!(multiscale["axes"][4], json!({ "name": "x", "type": "space" }));
        let first = &multiscale["datasets"][0]["coordinateTransformations"];
        assert_eq!(first[0]["scale"], json!([1.0, 1.0, 1.0, 1.0, 1.0]));
    }

    #[test]
    fn windows_are_as_given_or_as_measured() {
        let fixed = ChannelMetadata { window: Some([0.0, 255.0]), color: [255, 0, 10], ..Default::default() };
        let value =
            example(&ImageMetadata { channels: vec![fixed, Default::default()], ..Default::default() });
        let channels = &value["ome"]["omero"]["channels"];
        assert_eq!(channels[0]["window"], json!({ "min": 0.0, "max": 255.0, "start": 0.0, "end": 255.0 }));
        assert_eq!(channels[1]["window"], json!({ "min": 2.0, "max": 250.0, "start": 5.0, "end": 200.0 }));
        assert_eq!(channels[0]["color"], "FF000A");
    }
}
