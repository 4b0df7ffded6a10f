//! Where the fields of a file lie, drawn: overlaps are darker, gaps stay grey, colours follow the order in the file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::drawing::{Drawing, Frame, GLYPH_HEIGHT, text_width};
use crate::dataset::{Dataset, Plane, Scene, Subblock};
use crate::error::{Error, Result};
use crate::space::{Rect, Stored};
use crate::written::write_whole;

/// Pixels of the drawing along its longer side, without margins.
const LONGEST: f64 = 1200.0;
const MARGIN: f64 = 16.0;
/// Under the fields, for the scale bar.
const FOOT: f64 = 48.0;
/// Share of the drawing's width that the scale bar takes at most.
const BAR_SHARE: f64 = 0.25;
const SCENE: [u8; 3] = [225, 225, 225];
const INK: [u8; 3] = [30, 30, 30];
/// From the first field in the file to the last.
const COLORS: [[f64; 3]; 4] =
    [[68.0, 60.0, 150.0], [40.0, 140.0, 170.0], [90.0, 190.0, 90.0], [250.0, 190.0, 40.0]];

/// Draws the fields of the plane that has most, all scenes where they lie, into `path`: PNG or SVG, as it ends.
///
/// # Errors
/// `Option` for another ending, `Io`.
pub fn write_map(path: &Path, dataset: &Dataset) -> Result<()> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let drawing = draw(dataset);
    let bytes = match extension.as_deref() {
        Some("svg") => drawing.svg().into_bytes(),
        Some("png") => drawing.png().map_err(|error| Error::io(path, std::io::Error::other(error)))?,
        _ => {
            let reason = format!("{} ends neither with .png nor with .svg", path.display());
            return Err(Error::option("--map", reason));
        }
    };
    write_whole(path, |file| file.write_all(&bytes))
}

/// From stored pixels to those of the drawing.
struct Placement {
    left: i64,
    top: i64,
    scale: f64,
}

impl Placement {
    fn frame(&self, rect: Rect<Stored>) -> Frame {
        let at = |v: i64, first: i64| MARGIN + (v - first) as f64 * self.scale;
        let (x, y) = (at(rect.x, self.left), at(rect.y, self.top));
        // What is smaller than a pixel of the drawing is still seen.
        let side = |pixels: u32| (f64::from(pixels) * self.scale).max(1.0);
        Frame { x, y, width: side(rect.width), height: side(rect.height) }
    }
}

fn draw(dataset: &Dataset) -> Drawing {
    let whole = dataset.scenes.iter().map(|scene| scene.rect).reduce(Rect::union);
    let whole = whole.unwrap_or(Rect::new(0, 0, 1, 1));
    let scale = LONGEST / f64::from(whole.width.max(whole.height));
    let placement = Placement { left: whole.x, top: whole.y, scale };
    let area = placement.frame(whole);
    let width = area.width.max(LONGEST / 4.0);
    let mut drawing = Drawing::new(width + 2.0 * MARGIN, area.height + 2.0 * MARGIN + FOOT);
    for scene in &dataset.scenes {
        drawing.fill(placement.frame(scene.rect), SCENE, 1.0);
    }
    let fields: Vec<&Subblock> = dataset.scenes.iter().flat_map(fullest_plane).collect();
    let last = fields.len().saturating_sub(1).max(1) as f64;
    for (i, field) in fields.iter().enumerate() {
        drawing.fill(placement.frame(field.rect), color(i as f64 / last), 0.55);
    }
    for field in &fields {
        let frame = placement.frame(field.rect);
        drawing.outline(frame, INK);
        let Some(text) = field.m.map(|m| m.to_string()) else { continue };
        let room = frame.width > text_width(&text) + 6.0 && frame.height > GLYPH_HEIGHT + 6.0;
        if room {
            let x = frame.x + (frame.width - text_width(&text)) / 2.0;
            drawing.text(x, frame.y + (frame.height - GLYPH_HEIGHT) / 2.0, &text, INK);
        }
    }
    scale_bar(&mut drawing, scale, dataset.voxel_um.x, width, area.y + area.height + MARGIN);
    drawing
}

/// In file order.
fn fullest_plane(scene: &Scene) -> Vec<&Subblock> {
    let mut planes: BTreeMap<Plane, Vec<&Subblock>> = BTreeMap::new();
    for field in &scene.fields {
        planes.entry(field.plane).or_default().push(field);
    }
    // The first of those with most.
    planes.into_values().rev().max_by_key(Vec::len).unwrap_or_default()
}

fn color(share: f64) -> [u8; 3] {
    let place = share * (COLORS.len() - 1) as f64;
    let first = (place as usize).min(COLORS.len() - 2);
    let part = place - first as f64;
    let (from, to) = (COLORS[first], COLORS[first + 1]);
    [0, 1, 2].map(|i| (from[i] + (to[i] - from[i]) * part) as u8)
}

/// A round length in micrometres, or in pixels where their size is not known.
fn scale_bar(drawing: &mut Drawing, scale: f64, um: Option<f64>, width: f64, y: f64) {
    let um = um.filter(|&um| um > 0.0);
    let unit_px = scale / um.unwrap_or(1.0);
    let length = round_length(width * BAR_SHARE / unit_px);
    drawing.fill(Frame { x: MARGIN, y, width: length * unit_px, height: 4.0 }, INK, 1.0);
    let unit = if um.is_some() { "µm" } else { "px" };
    drawing.text(MARGIN, y + 10.0, &format!("{length} {unit}"), INK);
}

/// The largest of 1, 2, 5, 10, 20 … that is not above `most`.
fn round_length(most: f64) -> f64 {
    let ten = 10f64.powf(most.log10().floor());
    [5.0, 2.0].into_iter().map(|step| step * ten).find(|&length| length <= most).unwrap_or(ten)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{dataset_of, field, scene_of};

    #[test]
    fn a_scale_bar_is_round() {
        assert_eq!([1.0, 1.9, 2.0, 7.3, 99.0, 0.04].map(round_length), [1.0, 1.0, 2.0, 5.0, 50.0, 0.02]);
    }

    #[test]
    fn each_field_is_drawn_where_it_lies_with_its_number() {
        let mut dataset = dataset_of(vec![scene_of(vec![field(3, -100, 0), field(12, 100, 0)])]);
        dataset.voxel_um.x = Some(0.5);
        let svg = draw(&dataset).svg();
        // 300 px across become 1200.
        for part in ["x=\"16\" y=\"16\" width=\"400\" height=\"400\"", "x=\"816\"", ">3<", ">12<", ">20 µm<"]
        {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }

    #[test]
    fn fields_too_small_for_a_number_have_none() {
        let fields = (0..200).map(|m| field(m, i64::from(m) * 90, 0)).collect();
        let drawing = draw(&dataset_of(vec![scene_of(fields)]));
        assert!(drawing.svg().contains(" px<"));
        assert_eq!(drawing.svg().matches("<text").count(), 1);
        assert!(drawing.png().unwrap().starts_with(b"\x89PNG"));
    }
}
