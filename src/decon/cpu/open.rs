//! Tiles that fields are painted on as they come, by several threads, where nothing is averaged and no type changes.
//!
//! What a tile holds at the end does not depend on the order in which its fields come: a field is painted where none that
//! lies over it was. So nothing has to be known of masks and of damage before a field is decoded.

use std::sync::{Mutex, PoisonError};

use super::copy::{Canvas, Placed, without};
use crate::dataset::{Rows, Subblock};
use crate::decon::{FinishedTile, Worked};
use crate::pixels::{SampleType, Samples};
use crate::plan::Tile;
use crate::space::{Local, Mosaic, Rect};
use crate::twins::pack::Packed;

/// Some tiles of integers, each taking memory from its first field to when it is finished.
pub struct OpenTiles {
    places: Vec<Place>,
    output: SampleType,
    fill: f32,
}

/// A field on its way to the tiles under it.
#[derive(Clone, Copy, Debug)]
pub struct Painted<'a> {
    /// Position in `Scene::fields`.
    pub index: usize,
    /// The field; its samples have the type of the output.
    pub subblock: &'a Subblock,
    /// The parts that are painted, which do not overlap; `None` for all.
    pub shown: Option<&'a [Rect<Local>]>,
    /// Numbers of the tiles.
    pub tiles: &'a [u32],
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
}

struct Part {
    /// Position of its layer in the tile: the highest is on top.
    height: usize,
    rect: Rect<Mosaic>,
}

impl OpenTiles {
    /// `tiles` by their numbers, which count from 0; `fill` is what comes out where no field lies.
    ///
    /// # Panics
    /// When they are not in the order of their numbers, or of several planes.
    pub fn new<'a>(tiles: impl IntoIterator<Item = &'a Tile>, output: SampleType, fill: f32) -> Self {
        let place = |(index, tile): (u32, &'a Tile)| {
            assert!((tile.index, tile.planes) == (index, 1), "tiles are numbered and flat");
            Place { tile: tile.clone(), open: Mutex::default() }
        };
        let places = (0..).zip(tiles).map(place).collect();
        Self { places, output, fill }
    }

    /// Paints some rows of a field on its tiles.
    ///
    /// # Panics
    /// When the field's samples are not of the output's type.
    pub fn paint(&self, field: &Painted, rows: Rows) {
        let Subblock { pixel_type, stored_width, stored_height, .. } = *field.subblock;
        assert_eq!(pixel_type.sample_type(), self.output, "what is converted is not painted at once");
        let whole = [Rect::new(0, 0, stored_width, stored_height)];
        let shown = field.shown.unwrap_or(&whole);
        for &tile in field.tiles {
            let Place { tile, open } = &self.places[tile as usize];
            let layers = tile.layers.iter().enumerate().filter(|(_, layer)| layer.field == field.index);
            for (height, layer) in layers {
                let count = rows.count(field.subblock);
                let rect = Rect::new(layer.rect.x, layer.rect.y + i64::from(rows.first), stored_width, count);
                let (samples, sample) = (pixel_type.samples(), tile.sample);
                let placed = Placed { pixels: rows.pixels, rect, samples, sample };
                let shown = shown.iter().filter_map(|part| {
                    let (x, y) = (layer.rect.x + part.x, layer.rect.y + part.y);
                    Rect::new(x, y, part.width, part.height).intersect(rect)?.intersect(area_of(tile))
                });
                let parts: Vec<_> = shown.map(|rect| Part { height, rect }).collect();
                if !parts.is_empty() {
                    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                    open.paint(area_of(tile), parts, placed, self.output);
                }
            }
        }
    }

    /// The tile with this number; all that is painted on it was.
    pub fn finish(&self, tile: u32) -> FinishedTile {
        let Place { tile, open } = &self.places[tile as usize];
        let open = std::mem::take(&mut *open.lock().unwrap_or_else(PoisonError::into_inner));
        let area = area_of(tile);
        let mut samples = open.samples.unwrap_or_else(|| unset(self.output, area));
        let bare = open.parts.iter().fold(vec![area], |bare, part| without(bare, part.rect));
        for part in bare {
            match &mut samples {
                Samples::U8(pixels) => Canvas { area, pixels }.fill(part, u8::from_f32(self.fill).0),
                Samples::U16(pixels) => Canvas { area, pixels }.fill(part, u16::from_f32(self.fill).0),
                Samples::F32(pixels) => Canvas { area, pixels }.fill(part, self.fill),
            }
        }
        FinishedTile { tile: (*tile).clone(), samples, clamped: 0, worked: Worked::default() }
    }
}

impl Open {
    /// Paints `parts`, all of one layer, on a tile of `area`.
    fn paint(&mut self, area: Rect<Mosaic>, parts: Vec<Part>, from: Placed, output: SampleType) {
        let samples = self.samples.get_or_insert_with(|| unset(output, area));
        for part in &parts {
            let above = self.parts.iter().filter(|other| other.height > part.height);
            let free = above.fold(vec![part.rect], |free, above| without(free, above.rect));
            for rect in free {
                match samples {
                    Samples::U8(pixels) => Canvas { area, pixels }.copy(rect, from),
                    Samples::U16(pixels) => Canvas { area, pixels }.copy(rect, from),
                    Samples::F32(pixels) => Canvas { area, pixels }.copy(rect, from),
                }
            }
        }
        parts.into_iter().for_each(|part| self.add(part));
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

fn area_of(tile: &Tile) -> Rect<Mosaic> {
    let Rect { x, y, width, height, .. } = tile.core;
    Rect::new(x, y, width, height)
}

fn unset(kind: SampleType, area: Rect<Mosaic>) -> Samples {
    Samples::unset(kind, area.area() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Pixels;
    use crate::pixels::PixelType;
    use crate::plan::Layer;
    use crate::plan::tests::field;

    /// Fields that overlap, stick out, and leave a gap; of the third, two parts are shown.
    const PLACES: [(i64, i64); 5] = [(-3, -5), (40, 2), (20, 30), (28, 14), (70, 60)];
    const SIZE: (u32, u32) = (45, 40);

    fn shown(index: usize) -> Option<Vec<Rect<Local>>> {
        (index == 2).then(|| vec![Rect::new(2, 3, 30, 10), Rect::new(7, 13, 38, 20)])
    }

    fn value(index: usize, sample: u32, x: i64, y: i64) -> u16 {
        (1 + index * 9001 + sample as usize * 2003 + (x * 7 + y * 131) as usize) as u16
    }

    /// By definition: of the fields that are shown at this place, the one with the highest position.
    fn on_top(sample: u32, x: i64, y: i64, fill: u16) -> u16 {
        let shows = |index: usize, x: i64, y: i64| {
            let whole = Rect::new(0, 0, SIZE.0, SIZE.1);
            let parts = shown(index).unwrap_or(vec![whole]);
            parts.iter().any(|part| part.intersect(Rect::new(x, y, 1, 1)).is_some())
        };
        let local = |index: usize| (x - PLACES[index].0, y - PLACES[index].1);
        let top = (0..PLACES.len()).rev().find(|&index| shows(index, local(index).0, local(index).1));
        top.map_or(fill, |index| value(index, sample, local(index).0, local(index).1))
    }

    fn tiles(samples: u32) -> Vec<Tile> {
        let layers: Vec<_> = (0..PLACES.len())
            .map(|field| Layer {
                field,
                rect: Rect::new(PLACES[field].0, PLACES[field].1, SIZE.0, SIZE.1),
                plane: 0,
            })
            .collect();
        let cores = [Rect::new(0, 0, 64, 50), Rect::new(64, 0, 37, 50), Rect::new(0, 50, 64, 27)];
        let parts = cores.into_iter().flat_map(|core| (0..samples).map(move |sample| (core, sample)));
        let tile = |(index, (core, sample))| Tile {
            index,
            channel: sample,
            sample,
            ..Tile::alone(core, 1, layers.clone())
        };
        (0..).zip(parts).map(tile).collect()
    }

    /// Paints the fields in `order`, `rows` rows at a time.
    fn paint(open: &OpenTiles, pixel_type: PixelType, order: &[usize], rows: u32, packed: bool) {
        let all: Vec<u32> = (0..open.places.len() as u32).collect();
        let subblock = Subblock { pixel_type, stored_width: SIZE.0, stored_height: SIZE.1, ..field(0, 0, 0) };
        for &index in order {
            let shown = shown(index);
            let painted = Painted { index, subblock: &subblock, shown: shown.as_deref(), tiles: &all };
            for first in (0..SIZE.1).step_by(rows as usize) {
                let places =
                    (first..(first + rows).min(SIZE.1)).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
                let values: Vec<u16> = places
                    .flat_map(|(x, y)| {
                        (0..pixel_type.samples()).map(move |s| value(index, s, x.into(), y.into()))
                    })
                    .collect();
                let (low, high): (Vec<u8>, Vec<u8>) =
                    values.iter().map(|value| (*value as u8, (value >> 8) as u8)).unzip();
                // At an odd address, as in a file.
                let bytes = [&[0], bytemuck::cast_slice::<u16, u8>(&values)].concat();
                let plain = Pixels::Plain(&bytes[1..]);
                let pixels = if packed { Pixels::HiLo { low: &low, high: &high } } else { plain };
                open.paint(&painted, Rows { first, pixels });
            }
        }
    }

    #[test]
    fn whatever_the_order_the_field_on_top_is_seen() {
        for (pixel_type, order, rows, packed) in [
            (PixelType::Gray16, [0, 1, 2, 3, 4], 40, false),
            (PixelType::Gray16, [4, 3, 2, 1, 0], 40, true),
            (PixelType::Gray16, [2, 4, 0, 3, 1], 7, true),
            (PixelType::Bgr48, [1, 3, 0, 2, 4], 9, false),
            (PixelType::Bgr48, [3, 0, 4, 2, 1], 40, true),
        ] {
            let tiles = tiles(pixel_type.samples());
            let open = OpenTiles::new(&tiles, SampleType::U16, 9.0);
            paint(&open, pixel_type, &order, rows, packed);
            for tile in &tiles {
                let core = tile.core;
                let places =
                    (core.y..core.bottom()).flat_map(|y| (core.x..core.right()).map(move |x| (x, y)));
                let expected = places.map(|(x, y)| on_top(tile.sample, x, y, 9)).collect();
                let finished = open.finish(tile.index);
                assert!(finished.samples == Samples::U16(expected), "{pixel_type:?} in order {order:?}");
            }
        }
    }

    #[test]
    fn a_tile_without_fields_is_filled() {
        let tile = Tile { layers: Vec::new(), ..tiles(1).remove(0) };
        let open = OpenTiles::new([&tile], SampleType::U8, 255.0);
        assert_eq!(open.finish(0).samples, Samples::U8(vec![255; 64 * 50]));
    }
}
