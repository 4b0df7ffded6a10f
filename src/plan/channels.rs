//! Output channels: one for each gray channel of the file, three for each Bgr channel.

use serde::Serialize;

use crate::dataset::{Dataset, Scene};
use crate::pixels::{PixelType, SampleType};

/// One channel of the output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputChannel {
    /// The channel of the file.
    pub source: u32,
    /// Which sample of its pixels: 0 for gray; 2, 1, 0 for red, green, blue.
    pub sample: u32,
    /// Shown to people.
    pub name: String,
    /// Display colour, red, green, blue.
    pub color: [u8; 3],
    /// Wavelength that a PSF is computed for, in nanometres.
    pub emission_nm: Option<f64>,
    /// As stored.
    pub pixel_type: PixelType,
}

/// Names and colours by which QuPath knows three channels for a colour image.
const RGB: [(&str, u32, [u8; 3]); 3] =
    [("Red", 2, [255, 0, 0]), ("Green", 1, [0, 255, 0]), ("Blue", 0, [0, 0, 255])];

/// Colours for channels of which the file says none, in the order that ImageJ gives them.
const DEFAULT_COLORS: [[u8; 3]; 6] =
    [[255, 255, 255], [0, 255, 0], [255, 0, 255], [0, 255, 255], [255, 255, 0], [255, 0, 0]];

/// The output channels of a data set, in order, without those left out. A channel without any subblock takes the type of the first that has.
pub fn output_channels(dataset: &Dataset) -> Vec<OutputChannel> {
    let known = dataset.channels.iter().find_map(|channel| channel.pixel_type);
    let alone = dataset.channels.len() == 1;
    let mut output = Vec::new();
    for (source, channel) in (0..).zip(&dataset.channels).filter(|(_, channel)| !channel.left_out) {
        let pixel_type = channel.pixel_type.or(known).unwrap_or(PixelType::Gray16);
        let name = channel.name.clone().unwrap_or_else(|| format!("channel {source}"));
        if pixel_type.samples() == 1 {
            let color = channel.color.unwrap_or(DEFAULT_COLORS[source as usize % DEFAULT_COLORS.len()]);
            let emission_nm = channel.emission_nm;
            output.push(OutputChannel { source, sample: 0, name, color, emission_nm, pixel_type });
            continue;
        }
        for (part, sample, color) in RGB {
            let name = if alone { part.to_owned() } else { format!("{name} {part}") };
            let emission_nm = channel.emission_nm;
            output.push(OutputChannel { source, sample, name, color, emission_nm, pixel_type });
        }
    }
    output
}

/// Which of `channels` show one of the three colours of a pixel: of a Bgr channel; and all where they are named and coloured
/// as those are, since an OME-Zarr holds colours as three gray channels.
pub fn are_colors(channels: &[OutputChannel]) -> impl Fn(&OutputChannel) -> bool {
    let is_like = |(channel, (name, _, color)): (&OutputChannel, (&str, u32, [u8; 3]))| {
        channel.name == name && channel.color == color && channel.pixel_type == PixelType::Gray8
    };
    let are_rgb = channels.len() == RGB.len() && channels.iter().zip(RGB).all(is_like);
    move |channel| are_rgb || channel.pixel_type.samples() > 1
}

/// Whether each three of `channels` are the colours of the same pixels.
pub fn are_rgb_pixels(channels: &[OutputChannel]) -> bool {
    let are_one = |three: &[OutputChannel]| {
        let samples: Vec<_> = three.iter().map(|channel| (channel.source, channel.sample)).collect();
        samples == RGB.map(|(_, sample, _)| (three[0].source, sample))
    };
    !channels.is_empty() && channels.chunks(RGB.len()).all(are_one)
}

/// Those of [`output_channels`] that `scene` has.
pub fn channels_of(dataset: &Dataset, scene: &Scene) -> Vec<OutputChannel> {
    let mut channels = output_channels(dataset);
    channels.retain(|channel| scene.channels.contains(&channel.source));
    channels
}

/// The type that holds every channel without loss, and whether they differ.
pub fn widest_type(channels: &[OutputChannel]) -> (SampleType, bool) {
    let types = || channels.iter().map(|channel| channel.pixel_type.sample_type());
    let widest = types().max().unwrap_or(SampleType::U16);
    (widest, types().any(|kind| kind != widest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Channel;
    use crate::plan::tests::dataset_of;

    #[test]
    fn bgr_becomes_red_green_blue_and_gray_stays() {
        let mut dataset = dataset_of(Vec::new());
        dataset.channels[0].pixel_type = Some(PixelType::Bgr24);
        let names = |channels: &[OutputChannel]| {
            channels.iter().map(|c| (c.source, c.sample, c.name.clone())).collect::<Vec<_>>()
        };
        let alone = output_channels(&dataset);
        let expected = [(0, 2, "Red".into()), (0, 1, "Green".into()), (0, 0, "Blue".into())];
        assert_eq!(names(&alone), expected);
        assert!(are_rgb_pixels(&alone) && !are_rgb_pixels(&alone[..2]) && !are_rgb_pixels(&[]));

        let mut gray = dataset.channels[0].clone();
        gray.pixel_type = Some(PixelType::Gray16);
        gray.name = Some("DAPI".into());
        dataset.channels.push(gray);
        let both = output_channels(&dataset);
        assert_eq!(names(&both)[3], (1, 0, "DAPI".into()));
        assert!(!are_rgb_pixels(&both));
        assert_eq!(both[0].name, "channel 0 Red");
        assert_eq!(widest_type(&both), (SampleType::U16, true));
    }

    #[test]
    fn gray_channels_are_colors_only_where_they_are_called_and_coloured_so() {
        let mut dataset = dataset_of(Vec::new());
        let gray = |(name, _, color): (&str, u32, [u8; 3])| Channel {
            name: Some(name.to_owned()),
            color: Some(color),
            pixel_type: Some(PixelType::Gray8),
            ..Channel::default()
        };
        dataset.channels = RGB.map(gray).into();
        let colors = |dataset: &Dataset| {
            let channels = output_channels(dataset);
            channels.iter().map(are_colors(&channels)).collect::<Vec<_>>()
        };
        assert_eq!(colors(&dataset), [true; 3]);
        dataset.channels[0].name = Some("Cy3".into());
        assert_eq!(colors(&dataset), [false; 3]);
    }
}
