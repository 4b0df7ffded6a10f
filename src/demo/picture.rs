//! Truth, observed and restored side by side, as a PNG.

use std::io;
use std::path::Path;

use super::{BACKGROUND, CHANNELS, Image, Slide};
use crate::error::Result;
use crate::written::write_whole;

/// Side of the part that is shown, in pixels of the slide.
const PART: usize = 300;
/// Pixels of the picture for one of the slide.
const ZOOM: usize = 2;
/// White pixels between the panels.
const GAP: usize = 8;
/// The brightest share of the truth that is shown as white.
const SATURATED: f64 = 0.005;

/// Writes the middle of the slide: truth on the left, observed in the middle, restored on the right. The panels share
/// one scale of brightness, so that what looks brighter is brighter.
///
/// # Errors
/// `Io`.
pub fn write_picture(path: &Path, slide: &Slide, restored: &[Image]) -> Result<()> {
    let side = PART * ZOOM;
    let width = 3 * side + 2 * GAP;
    let mut rgb = vec![255; width * side * 3];
    let whites: Vec<f32> = slide.truth.iter().map(white).collect();
    let panels: [(&[Image], f32); 3] = [(&slide.truth, 0.0), (&slide.observed, BACKGROUND), (restored, 0.0)];
    let top_left =
        (slide.height as usize - PART) / 2 * slide.width as usize + (slide.width as usize - PART) / 2;
    for (panel, (images, background)) in panels.into_iter().enumerate() {
        for y in 0..side {
            for x in 0..side {
                let place = top_left + y / ZOOM * slide.width as usize + x / ZOOM;
                let pixel = color(images, &whites, background, place);
                let at = (y * width + panel * (side + GAP) + x) * 3;
                rgb[at..at + 3].copy_from_slice(&pixel);
            }
        }
    }
    save(path, width as u32, side as u32, &rgb)
}

/// The sum of the channels in their colours at a pixel.
fn color(images: &[Image], whites: &[f32], background: f32, place: usize) -> [u8; 3] {
    let mut sum = [0.0; 3];
    for ((image, white), (_, _, color)) in images.iter().zip(whites).zip(CHANNELS) {
        // A square root shows faint structures beside bright ones.
        let shown = ((image.pixels[place] - background) / white).clamp(0.0, 1.0).sqrt();
        sum.iter_mut().zip(color).for_each(|(sum, part)| *sum += shown * f32::from(part));
    }
    sum.map(|part| part.min(255.0) as u8)
}

fn white(truth: &Image) -> f32 {
    let mut values = truth.pixels.clone();
    let rank = (values.len() as f64 * (1.0 - SATURATED)) as usize;
    *values.select_nth_unstable_by(rank, f32::total_cmp).1
}

fn save(path: &Path, width: u32, height: u32, rgb: &[u8]) -> Result<()> {
    write_whole(path, |file| {
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(rgb));
        written.map_err(io::Error::other)
    })
}
