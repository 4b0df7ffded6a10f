//! A stitched overview without and with the correction, and the flat-field, side by side.

use std::io;
use std::path::Path;

use crate::error::Result;
use crate::written::write_whole;

/// Pixels of a panel along its longer side, at most.
const MOST: usize = 700;
/// White pixels between panels.
const GAP: usize = 8;
/// The share of the pixels of an overview that are black, or white.
const SATURATED: f64 = 0.005;

/// An image of one channel, `[y, x]`.
pub struct Panel {
    /// Pixels across.
    pub width: usize,
    /// Values; those of 0 where no field lies.
    pub pixels: Vec<f32>,
}

/// A row of the picture: one channel.
pub struct Panels {
    /// The overview without, and with the correction; of one size.
    pub overviews: [Panel; 2],
    /// The flat-field.
    pub flat: Panel,
}

impl Panel {
    /// At most `most` pixels along each side, by the mean of blocks.
    fn reduced(&self, most: usize) -> Self {
        let height = self.pixels.len() / self.width;
        let side = self.width.max(height).div_ceil(most);
        let (width, rows) = (self.width.div_ceil(side), height.div_ceil(side));
        let mean = |i: usize| {
            let (x, y) = (i % width * side, i / width * side);
            let rows = (y..height.min(y + side))
                .map(|y| &self.pixels[y * self.width..][x..self.width.min(x + side)]);
            let (sum, count) = rows.flatten().fold((0.0, 0), |(sum, count), v| (sum + v, count + 1));
            sum / count as f32
        };
        Self { width, pixels: (0..width * rows).map(mean).collect() }
    }

    fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// What is shown as black and as white.
    fn window(&self) -> (f32, f32) {
        let mut known: Vec<f32> =
            self.pixels.iter().copied().filter(|v| *v != 0.0 && v.is_finite()).collect();
        if known.is_empty() {
            return (0.0, 1.0);
        }
        known.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| known[(known.len() as f64 * share) as usize % known.len()];
        (at(SATURATED), at(1.0 - SATURATED))
    }
}

/// Writes a row for each of `rows`: without, with, flat-field. Both overviews have one scale of brightness, the flat-field
/// its own, from its darkest to its brightest pixel.
///
/// # Errors
/// `Io`.
pub fn write_picture(path: &Path, rows: &[Panels]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(Row::new).collect();
    let width = rows.iter().map(Row::width).max().unwrap_or(1);
    let height = rows.iter().map(|row| row.height() + GAP).sum::<usize>().saturating_sub(GAP).max(1);
    let mut gray = vec![255_u8; width * height];
    let mut top = 0;
    for row in &rows {
        let mut left = 0;
        for (panel, window) in &row.panels {
            draw(panel, *window, &mut gray[top * width..], (width, left));
            left += panel.width + GAP;
        }
        top += row.height() + GAP;
    }
    write_whole(path, |file| {
        let mut encoder = png::Encoder::new(file, width as u32, height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&gray));
        written.map_err(io::Error::other)
    })
}

struct Row {
    panels: Vec<(Panel, (f32, f32))>,
}

impl Row {
    fn new(panels: &Panels) -> Self {
        let [without, with] = panels.overviews.each_ref().map(|panel| panel.reduced(MOST));
        let flat = panels.flat.reduced(without.height().max(MOST / 4));
        let (window, range) = (
            without.window(),
            flat.pixels.iter().fold((f32::MAX, 0.0_f32), |(low, high), &v| (low.min(v), high.max(v))),
        );
        Self { panels: vec![(without, window), (with, window), (flat, range)] }
    }

    fn width(&self) -> usize {
        self.panels.iter().map(|(panel, _)| panel.width + GAP).sum::<usize>() - GAP
    }

    fn height(&self) -> usize {
        self.panels.iter().map(|(panel, _)| panel.height()).max().unwrap_or(0)
    }
}

fn draw(panel: &Panel, (black, white): (f32, f32), gray: &mut [u8], (width, left): (usize, usize)) {
    let range = if white > black { white - black } else { 1.0 };
    for (y, row) in panel.pixels.chunks(panel.width).enumerate() {
        let to = &mut gray[y * width + left..][..panel.width];
        to.iter_mut()
            .zip(row)
            .for_each(|(to, v)| *to = ((v - black) / range * 255.0).clamp(0.0, 255.0) as u8);
    }
}
