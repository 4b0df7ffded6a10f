//! What an output says of its images beside the pixels, whatever its format.

use serde_json::Value;

use crate::space::Zyx;

/// What viewers show beside the pixels of an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageMetadata {
    /// Of the image.
    pub name: String,
    /// As the input counts scenes.
    pub scene: u32,
    /// Whether each three channels are red, green and blue of the same pixels.
    pub is_rgb: bool,
    /// Distance between samples of level 0, in micrometres; `None` where unknown, which leaves the axis without a unit.
    pub voxel_um: Zyx<Option<f64>>,
    /// Where the centre of the first sample of level 0 lies, along t and z, y, x: in seconds and micrometres; in samples where
    /// the distance between these is unknown.
    pub origin: (f64, Zyx<f64>),
    /// Seconds between time points, if known.
    pub interval_secs: Option<f64>,
    /// One for each channel of the image.
    pub channels: Vec<ChannelMetadata>,
}

/// How viewers show a channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelMetadata {
    /// Shown to people.
    pub name: String,
    /// Red, green, blue.
    pub color: [u8; 3],
    /// Values shown black and brightest; `None`: as measured, channel by channel. The three channels of a colour
    /// image need the same one, or its white would be tinted.
    pub window: Option<[f64; 2]>,
    /// Whether it is shown at first.
    pub active: bool,
}

/// `provenance`, how an output is made, with what was `described` at its end.
pub(super) fn with_described(provenance: &Value, described: &Value) -> Value {
    let mut provenance = provenance.clone();
    for (key, value) in described.as_object().into_iter().flatten() {
        provenance[key] = value.clone();
    }
    provenance
}
