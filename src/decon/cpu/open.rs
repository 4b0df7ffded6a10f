//! Tiles that fields are painted on as they come, by several threads, where nothing is averaged and no type changes.
//!
//! What a tile holds at the end does not depend on the order in which its fields come: a field is painted where none that
//! lies over it was. So nothing has to be known of masks and of damage before a field is decoded.

mod painter;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use painter::Painter;

use super::copy::{Canvas, Placed, without};
use crate::decon::{Clamped, FinishedTile, Worked, fill_of};
use crate::pixels::{SampleType, Samples};
use crate::space::{Mosaic, Rect};
use crate::tile::Tile;
use crate::twins::pack::Packed;

/// Some tiles of integers, each taking memory from its first field to when it is finished.
pub struct OpenTiles {
    places: Vec<Place>,
    output: SampleType,
    /// Of each output channel.
    fill: Vec<f32>,
}

struct Place {
    tile: Tile,
    open: Mutex<Open>,
}

/// What is painted so far.
#[derive(Default)]
struct Open {
    /// Of the core; `None` before the first field.
    samples: Option<Samples>,
    parts: Vec<Part>,
    /// Fields of which nothing more comes.
    through: usize,
    is_finished: bool,
}

struct Part {
    /// Position of its layer in the tile: the highest is on top.
    height: usize,
    rect: Rect<Mosaic>,
}

impl OpenTiles {
    /// `tiles` by their numbers, which count from 0; `fill` is what comes out of each channel where no field
    /// lies, that of the last of all behind it.
    ///
    /// # Panics
    /// When they are not in the order of their numbers, or of several planes.
    pub fn new<'a>(tiles: impl IntoIterator<Item = &'a Tile>, output: SampleType, fill: Vec<f32>) -> Self {
        let place = |(index, tile): (u32, &'a Tile)| {
            assert!((tile.index, tile.planes) == (index, 1), "tiles are numbered and flat");
            Place { tile: tile.clone(), open: Mutex::default() }
        };
        let places = (0..).zip(tiles).map(place).collect();
        Self { places, output, fill }
    }

    /// The tile with this number, unless it was finished before; all that is painted on it was.
    pub fn finish(&self, tile: u32) -> Option<FinishedTile> {
        let Place { tile, open } = &self.places[tile as usize];
        let open = std::mem::replace(&mut *lock(open), Open { is_finished: true, ..Open::default() });
        if open.is_finished {
            return None;
        }
        if tile.layers.is_empty() {
            return Some(FinishedTile::bare(tile.clone()));
        }
        let area = area_of(tile);
        let mut samples = open.samples.unwrap_or_else(|| unset(self.output, area));
        let bare = open.parts.iter().fold(vec![area], |bare, part| without(bare, part.rect));
        let fill = fill_of(&self.fill, tile.channel);
        for part in bare {
            match &mut samples {
                Samples::U8(pixels) => Canvas { area, pixels }.fill(part, u8::from_f32(fill).0),
                Samples::U16(pixels) => Canvas { area, pixels }.fill(part, u16::from_f32(fill).0),
                Samples::F32(pixels) => Canvas { area, pixels }.fill(part, fill),
            }
        }
        Some(FinishedTile {
            tile: (*tile).clone(),
            samples,
            clamped: Clamped::default(),
            worked: Worked::default(),
        })
    }
}

impl Open {
    /// Paints `parts`, all of one layer, on a tile of `area`.
    fn paint(&mut self, area: Rect<Mosaic>, parts: Vec<Part>, from: Placed, output: SampleType) {
        let samples = self.samples.get_or_insert_with(|| unset(output, area));
        for rect in parts.iter().flat_map(|part| free(part, &self.parts)) {
            match samples {
                Samples::U8(pixels) => Canvas { area, pixels }.copy(rect, from),
                Samples::U16(pixels) => Canvas { area, pixels }.copy(rect, from),
                Samples::F32(pixels) => Canvas { area, pixels }.copy(rect, from),
            }
        }
        parts.into_iter().for_each(|part| self.add(part));
    }

    /// Nothing more comes of a field. Whether nothing comes of any other either.
    fn leave(&mut self, tile: &Tile) -> bool {
        self.through += 1;
        self.through == tile.layers.len()
    }

    /// Rows that follow those before them lengthen their part.
    fn add(&mut self, Part { height, rect }: Part) {
        match self.parts.last_mut() {
            Some(Part { height: same, rect: above })
                if (*same, above.x, above.width, above.bottom()) == (height, rect.x, rect.width, rect.y) =>
            {
                above.height += rect.height;
            }
            _ => self.parts.push(Part { height, rect }),
        }
    }
}

/// What of `part` none of `painted` lies over.
fn free(part: &Part, painted: &[Part]) -> Vec<Rect<Mosaic>> {
    let mut free = vec![part.rect];
    for above in painted.iter().filter(|other| other.height > part.height) {
        free = without(free, above.rect);
        if free.is_empty() {
            break;
        }
    }
    free
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

fn area_of(tile: &Tile) -> Rect<Mosaic> {
    let Rect { x, y, width, height, .. } = tile.core;
    Rect::new(x, y, width, height)
}

fn unset(kind: SampleType, area: Rect<Mosaic>) -> Samples {
    Samples::unset(kind, area.area() as usize)
}

#[cfg(test)]
mod tests;
