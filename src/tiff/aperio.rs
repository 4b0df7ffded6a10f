//! What Aperio's scanners, and programs that imitate them, write into the description of a slide's page:
//! `Aperio Image Library v11.2.1 … |AppMag = 20|MPP = 0.4990`.
//!
//! Source: the documentation of OpenSlide, "Aperio format".

use super::description::Description;
use crate::space::Zyx;

/// The parts of one description.
pub(super) struct Aperio<'a> {
    text: &'a str,
}

impl<'a> Aperio<'a> {
    /// `None` when `text` is none of Aperio's.
    pub fn parse(text: &'a str) -> Option<Self> {
        text.trim_start().starts_with("Aperio").then_some(Self { text })
    }

    /// Of `pages` of full size.
    pub fn describe(&self, pages: usize) -> Description {
        let mut description = Description::guessed(pages);
        let um_a_pixel = self.number("MPP");
        description.voxel_um = Zyx::new(None, um_a_pixel, um_a_pixel);
        description.optics.magnification = self.number("AppMag");
        description
    }

    fn number(&self, key: &str) -> Option<f64> {
        let mut parts = self.text.split('|').filter_map(|part| part.split_once('='));
        let (_, value) = parts.find(|(name, _)| name.trim().eq_ignore_ascii_case(key))?;
        value.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
    }
}
