//! Values to PNGs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Images, PsfPicture};
use crate::plan::OutputChannel;
use crate::psf::Psf;

/// Values of several channels, `[y, x]` each; NaN where there is nothing.
#[derive(Clone, Debug)]
pub(super) struct Raster {
    pub width: u32,
    pub height: u32,
    pub channels: Vec<Vec<f32>>,
}

/// What is shown as black, and as full brightness.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    black: f32,
    white: f32,
    /// Whether a camera has made it for the eye: then it is shown as it is, else its square root, so that what is
    /// faint shows beside what is bright.
    is_color: bool,
}

/// Of the values, the share below black, and up to white.
const SHARES: [f64; 2] = [0.002, 0.998];

impl Window {
    /// One for all `rasters` of `channel`; a colour image keeps its white.
    fn of(rasters: &[&Vec<f32>], channel: &OutputChannel) -> Self {
        let mut values: Vec<f32> =
            rasters.iter().copied().flatten().copied().filter(|v| v.is_finite()).collect();
        values.sort_unstable_by(f32::total_cmp);
        let Some(&last) = values.last() else { return Self { black: 0.0, white: 1.0, is_color: false } };
        if channel.pixel_type.samples() > 1 {
            let white = if last > 255.0 {
                65535.0
            } else if last > 1.0 {
                255.0
            } else {
                1.0
            };
            return Self { black: 0.0, white, is_color: true };
        }
        let [black, white] = SHARES.map(|share| values[((values.len() - 1) as f64 * share) as usize]);
        Self { black, white, is_color: false }
    }

    /// From 0 to 1.
    fn shade(self, value: f32) -> f32 {
        let range = (self.white - self.black).max(f32::MIN_POSITIVE);
        let shade = ((value - self.black) / range).clamp(0.0, 1.0);
        if self.is_color { shade } else { shade.sqrt() }
    }
}

/// The same place before and after.
pub(super) fn images(before: &Raster, after: &Raster, channels: &[OutputChannel]) -> Images {
    let windows = |rasters: &[&Raster]| -> Vec<Window> {
        let values = |c: usize| rasters.iter().map(|raster| &raster.channels[c]).collect::<Vec<_>>();
        channels.iter().enumerate().map(|(c, channel)| Window::of(&values(c), channel)).collect()
    };
    let [own_before, own_after, both] = [&[before][..], &[after], &[before, after]].map(windows);
    let is_other = own_before != both || own_after != both;
    Images {
        before: compose(before, channels, &own_before),
        after: compose(after, channels, &own_after),
        with_one_brightness: is_other.then(|| [before, after].map(|raster| compose(raster, channels, &both))),
    }
}

/// The sum of the channels in their colours, transparent where there is nothing: a PNG as a data URI.
fn compose(raster: &Raster, channels: &[OutputChannel], windows: &[Window]) -> String {
    let mut rgba = Vec::with_capacity(raster.width as usize * raster.height as usize * 4);
    for i in 0..raster.width as usize * raster.height as usize {
        let (mut sum, mut alpha) = ([0.0; 3], 0);
        for ((values, channel), window) in raster.channels.iter().zip(channels).zip(windows) {
            if !values[i].is_nan() {
                let shade = window.shade(values[i]);
                sum.iter_mut().zip(channel.color).for_each(|(sum, part)| *sum += shade * f32::from(part));
                alpha = 255;
            }
        }
        rgba.extend(sum.map(|part| part.min(255.0) as u8));
        rgba.push(alpha);
    }
    data_uri(raster.width, raster.height, png::ColorType::Rgba, &rgba)
}

/// The planes through the centre of a PSF; the fourth root, or nothing but the centre would show.
pub(super) fn psf(name: &str, psf: &Psf) -> PsfPicture {
    let n = psf.shape.map(|n| n as usize);
    let most = psf.data.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let gray = |z: usize, y: usize, x: usize| {
        (255.0 * (psf.data[(z * n.y + y) * n.x + x] / most).powf(0.25)).round() as u8
    };
    let plane = |height: usize, value: &dyn Fn(usize, usize) -> u8| {
        let values: Vec<u8> = (0..height).flat_map(|row| (0..n.x).map(move |x| value(row, x))).collect();
        data_uri(n.x as u32, height as u32, png::ColorType::Grayscale, &values)
    };
    let (z, y) = ((n.z - 1) / 2, (n.y - 1) / 2);
    PsfPicture {
        caption: format!("{name}: {} × {} × {} voxels (x, y, z)", n.x, n.y, n.z),
        shape_xyz: [psf.shape.x, psf.shape.y, psf.shape.z],
        xy: plane(n.y, &|row, x| gray(z, row, x)),
        xz: (n.z > 1).then(|| plane(n.z, &|row, x| gray(row, y, x))),
    }
}

fn data_uri(width: u32, height: u32, color: png::ColorType, values: &[u8]) -> String {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(values));
    written.expect("a buffer takes all that is written");
    format!("data:image/png;base64,{}", STANDARD.encode(file))
}
