//! The description that ImageJ writes into the first page: `ImageJ=1.53j`, then lines of `key=value`.
//!
//! Source: ImageJ, `ij.io.TiffEncoder` and `ij.io.FileOpener` (file format, "ImageJ hyperstacks": order xyczt).

use super::description::{Description, Sizes, micrometres, seconds};
use super::header::{Resolution, ResolutionUnit};
use crate::space::Zyx;

/// ImageJ shows at most this many channels; programs that hand a stack to a writer without naming its axes end up with
/// as many channels as the stack has planes.
const MOST_CHANNELS: u32 = 7;

const INCH_UM: f64 = 25_400.0;

/// The lines of one description.
pub(super) struct ImageJ<'a> {
    text: &'a str,
}

impl<'a> ImageJ<'a> {
    /// `None` when ImageJ did not write `text`.
    pub fn parse(text: &'a str) -> Option<Self> {
        text.starts_with("ImageJ=").then_some(Self { text })
    }

    /// Planes in the file: one directory each, or all behind a single one in files over 4 GB.
    pub fn images(&self) -> usize {
        self.count("images") as usize
    }

    /// `resolution` is pixels in the unit of the description.
    pub fn describe(&self, pages: usize, resolution: Resolution) -> Description {
        let mut sizes = Sizes { c: self.count("channels"), z: self.count("slices"), t: self.count("frames") };
        let mut description = Description::plain(pages);
        if sizes.c > MOST_CHANNELS && (sizes.z, sizes.t) == (1, 1) {
            description.guess = Some(format!("{} channels and one slice: taken for a z stack", sizes.c));
            (sizes.z, sizes.c) = (sizes.c, 1);
        }
        if sizes.pages() == Some(pages) {
            let guess = description.guess;
            description = Description { guess, ..Description::ordered(pages, sizes, &self.order()) };
        } else if pages > 1 && (sizes.c, sizes.z, sizes.t) != (1, 1, 1) {
            description.guess = Some(format!(
                "ImageJ's description counts {} channels × {} slices × {} frames, but there are {pages} pages: \
                 taken as slices",
                sizes.c, sizes.z, sizes.t
            ));
        } else if pages > 1 && self.images() != pages {
            description.guess =
                Some(format!("{pages} pages that ImageJ's description does not count: taken as slices"));
        }
        let unit = self.value("unit").unwrap_or("pixel");
        // So does ImageJ, and Micro-Manager writes it so.
        let is_in_cm = resolution.unit == ResolutionUnit::Centimetre;
        let length_of_pixel = |pixels: f64, unit: &str| match micrometres(1.0, unit) {
            Some(1.0) if is_in_cm => micrometres(1.0 / pixels, "cm"),
            // What ImageJ calls inches are pixels of a screen or a printer.
            Some(INCH_UM) => None,
            _ => micrometres(1.0 / pixels, unit),
        };
        let y_unit = self.value("yunit").unwrap_or(unit);
        let z_unit = self.value("zunit").unwrap_or(unit);
        // ImageJ stores the sign of the stack's direction in the spacing.
        let spacing = self.number("spacing").map(f64::abs);
        description.voxel_um = Zyx::new(
            spacing
                .and_then(|z| micrometres(z, z_unit))
                .filter(|_| micrometres(1.0, z_unit) != Some(INCH_UM)),
            resolution.y.and_then(|r| length_of_pixel(r, y_unit)),
            resolution.x.and_then(|r| length_of_pixel(r, unit)),
        );
        let time_unit = self.value("tunit").filter(|unit| !unit.is_empty()).unwrap_or("sec");
        description.interval_secs = self.number("finterval").and_then(|step| seconds(step, time_unit));
        description.notes.extend(about_the_units([unit, y_unit, z_unit]));
        description.notes.extend(about_the_time_unit(time_unit));
        description.notes.extend(self.about_the_calibration());
        description
    }

    /// Axes, the fastest first: channel, slice, frame unless the text has another order, as Micro-Manager's may.
    fn order(&self) -> String {
        let order = self.value("order").unwrap_or_default().to_ascii_uppercase();
        let is_one = order.len() == 3 && "CZT".chars().all(|axis| order.contains(axis));
        if is_one { order } else { "CZT".into() }
    }

    /// ImageJ stores signed numbers as unsigned ones, and a straight line that leads back.
    fn about_the_calibration(&self) -> Option<String> {
        let is_straight = self.value("cf").is_none_or(|function| function == "0");
        let (offset, slope) = (self.number("c0")?, self.number("c1").unwrap_or(1.0));
        (is_straight && (offset, slope) != (0.0, 1.0)).then(|| {
            format!("ImageJ shows {offset} + {slope} × the stored values (c0, c1 of its description): they are read as stored")
        })
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        self.text
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v.trim())
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.value(key)?.parse().ok().filter(|v: &f64| v.is_finite())
    }

    fn count(&self, key: &str) -> u32 {
        self.value(key).and_then(|v| v.parse().ok()).filter(|&n| n > 0).unwrap_or(1)
    }
}

fn about_the_time_unit(unit: &str) -> Option<String> {
    seconds(1.0, unit).is_none().then(|| {
        format!("the time between frames, in the unit {unit:?} of ImageJ's description, is taken as unknown")
    })
}

/// Of those that give no size, although they are no pixels.
fn about_the_units(units: [&str; 3]) -> Option<String> {
    let is_length = |unit: &str| micrometres(1.0, unit).is_some_and(|um| um != INCH_UM);
    let is_none = |unit: &str| ["", "pixel", "pixels", "null"].contains(&unit.trim().to_lowercase().as_str());
    let unit = units.into_iter().find(|unit| !is_length(unit) && !is_none(unit))?;
    Some(format!(
        "sizes in the unit {unit:?} of ImageJ's description are taken as unknown; --voxel-um says what they are"
    ))
}
