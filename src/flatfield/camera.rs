//! The fields of one channel, as the camera took them.

use std::path::Path;

use super::cells::Pixels;
use crate::dataset::{FieldSamples, Input, Scene, Subblock};
use crate::decon::Shading;
use crate::error::{Error, Result};
use crate::pixels::PixelType;
use crate::space::{Local, Rect, Stored};

/// All fields of one channel: of every chosen scene, time and slice.
pub struct Camera<'a> {
    input: &'a dyn Input,
    fields: Vec<(&'a Scene, usize)>,
    /// As stored.
    pub pixel_type: PixelType,
    /// Pixels of a field across.
    pub width: u32,
    /// Pixels of a field down.
    pub height: u32,
}

/// One field in memory.
pub struct Taken {
    samples: FieldSamples,
    shown: Option<Vec<Rect<Local>>>,
    pixel_type: PixelType,
    width: u32,
}

impl<'a> Camera<'a> {
    /// The fields of channel `channel` of `input`, which messages call `path`; `None` when there are none.
    ///
    /// # Errors
    /// `Unsupported` when they differ in size or type: no one flat-field is for all of them.
    pub fn new(
        path: &Path,
        input: &'a dyn Input,
        scenes: &[&'a Scene],
        channel: u32,
    ) -> Result<Option<Self>> {
        let all = scenes.iter().flat_map(|&scene| (0..scene.fields.len()).map(move |field| (scene, field)));
        let fields: Vec<_> = all.filter(|(scene, field)| scene.fields[*field].plane.c == channel).collect();
        let look = |field: &Subblock| (field.stored_width, field.stored_height, field.pixel_type);
        let looks = fields.iter().map(|(scene, field)| look(&scene.fields[*field]));
        let Some((width, height, pixel_type)) = looks.clone().next() else { return Ok(None) };
        if let Some(other) = looks.clone().find(|&other| other != (width, height, pixel_type)) {
            let what = format!(
                "a flat-field for fields that differ: {width} × {height} {pixel_type:?}, {} × {} {:?}",
                other.0, other.1, other.2
            );
            return Err(Error::unsupported(path, what));
        }
        Ok(Some(Self { input, fields, pixel_type, width, height }))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.fields.len()
    }

    /// Up to `most` of the fields, spread over all: steps of the golden ratio, which no grid of fields is in time with.
    pub fn spread(&self, most: usize) -> Vec<usize> {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let count = self.fields.len();
        let mut taken = vec![false; count];
        let mut spread = Vec::new();
        for i in 0.. {
            let mut place = ((i as f64 * GOLDEN).fract() * count as f64) as usize % count;
            if spread.len() == most.min(count) {
                break;
            }
            while taken[place] {
                place = (place + 1) % count;
            }
            taken[place] = true;
            spread.push(place);
        }
        // In the order of the file.
        spread.sort_unstable();
        spread
    }

    /// Pairs of fields of one plane that share at least `thickness` pixels along both axes, up to `most`, spread over all; and
    /// what they share.
    pub fn pairs(&self, most: usize, thickness: u32) -> Vec<(usize, usize, Rect<Stored>)> {
        let mut pairs = Vec::new();
        for first in self.spread(most) {
            let (scene, field) = self.fields[first];
            let shared = |second: usize| {
                let (other_scene, other) = self.fields[second];
                let (a, b) = (&scene.fields[field], &other_scene.fields[other]);
                let near = std::ptr::eq(scene, other_scene) && a.plane == b.plane && first != second;
                let shared = near.then(|| a.rect.intersect(b.rect)).flatten();
                shared.filter(|shared| shared.width.min(shared.height) >= thickness)
            };
            let others = (first + 1..self.fields.len()).filter_map(|second| Some((second, shared(second)?)));
            // The largest two are the neighbours beside and below; much smaller ones meet at a corner.
            let mut others: Vec<_> = others.collect();
            others.sort_by_key(|(_, shared)| std::cmp::Reverse(shared.area()));
            let largest = others.first().map_or(0, |(_, shared)| shared.area());
            others.retain(|(_, shared)| shared.area() * 4 >= largest);
            pairs.extend(others.into_iter().take(2).map(|(second, shared)| (first, second, shared)));
        }
        pairs
    }

    /// Where a field lies.
    pub fn rect(&self, index: usize) -> Rect<Stored> {
        let (scene, field) = self.fields[index];
        scene.fields[field].rect
    }

    /// Reads and decodes a field.
    ///
    /// # Errors
    /// Those of the input.
    pub fn take(&self, index: usize) -> Result<Taken> {
        let (scene, field) = self.fields[index];
        let subblock = &scene.fields[field];
        let raw = self.input.read(scene, &[field])?.remove(0);
        let shown = self.input.mask(subblock, &raw.bytes)?;
        let samples = self.input.decode_field(subblock, raw)?;
        Ok(Taken { samples, shown, pixel_type: self.pixel_type, width: self.width })
    }
}

impl Taken {
    /// One sample of its pixels, through `shading`.
    pub fn pixels<'b>(&'b self, sample: u32, shading: Option<&'b Shading>) -> Pixels<'b> {
        Pixels {
            samples: &self.samples,
            of: (self.pixel_type.samples(), sample),
            width: self.width,
            shown: self.shown.as_deref(),
            shading: shading.map(|shading| &shading.pixels[..]),
        }
    }
}
