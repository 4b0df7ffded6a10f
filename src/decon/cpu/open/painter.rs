//! A field on its way to the tiles under it: copied there where its rows are in memory, else read to there, without a copy
//! between.

use std::cell::Cell;
use std::io::IoSliceMut;
use std::sync::MutexGuard;

use super::{Open, OpenTiles, Part, Place, area_of, free, lock, unset};
use crate::dataset::{Rows, Subblock, TakesRows, Unread};
use crate::decon::FinishedTile;
use crate::decon::cpu::copy::Placed;
use crate::error::Result;
use crate::pixels::SampleType;
use crate::space::{Local, Mosaic, Rect};

thread_local! {
    /// What goes to no tile, as it lies outside of all or under another field.
    static ASIDE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Paints a field on the tiles under it.
#[derive(Clone, Copy)]
pub struct Painter<'a> {
    /// The tiles.
    pub open: &'a OpenTiles,
    /// Position of the field in `Scene::fields`.
    pub index: usize,
    /// The field; its samples have the type of the output.
    pub subblock: &'a Subblock,
    /// The parts that are painted, which do not overlap; `None` for all.
    pub shown: Option<&'a [Rect<Local>]>,
    /// Numbers of the tiles, from the lowest up.
    pub tiles: &'a [u32],
    /// Takes each tile as soon as all its fields were painted, while it is in this core's cache; `None` leaves them open.
    pub whole: Option<&'a dyn Fn(FinishedTile)>,
}

impl TakesRows for Painter<'_> {
    /// # Panics
    /// When the field's samples are not of the output's type.
    fn take(&mut self, rows: Rows<'_>) {
        let (pixel_type, output) = (self.subblock.pixel_type, self.open.output);
        assert_eq!(pixel_type.sample_type(), output, "what is converted is not painted at once");
        for (place, Lying { rect, parts, ends }) in self.under(rows.first, rows.count(self.subblock)) {
            let (samples, sample) = (pixel_type.samples(), place.tile.sample);
            let placed = Placed { pixels: rows.pixels, rect, samples, sample };
            let mut open = lock(&place.open);
            if !parts.is_empty() {
                open.paint(area_of(&place.tile), parts, placed, output);
            }
            let is_whole = ends && open.leave(&place.tile);
            drop(open);
            if is_whole {
                self.give_whole(place);
            }
        }
    }

    fn take_unread(&mut self, Unread { first, count, read }: Unread<'_>) -> Result<()> {
        let output = self.open.output;
        // In the order of their numbers: so two that hold some never wait for each other.
        let held =
            self.under(first, count).map(|(place, lying)| Held { place, open: lock(&place.open), lying });
        let mut held: Vec<_> = held.collect();
        let Some(band) = held.first().map(|held| held.lying.rect) else { return Ok(()) };
        let mut strips: Vec<_> = held.iter_mut().map(|held| held.strip(output)).collect();
        strips.sort_unstable_by_key(|strip| strip.area.x);
        let mut aside = ASIDE.take();
        let was_read = read(&mut places(&mut strips, band, output.bytes(), &mut aside));
        ASIDE.set(aside);
        was_read?;
        let whole =
            held.into_iter().filter_map(|Held { place, mut open, lying: Lying { parts, ends, .. } }| {
                parts.into_iter().for_each(|part| open.add(part));
                (ends && open.leave(&place.tile)).then_some(place)
            });
        // Once none is held any more.
        let whole: Vec<_> = whole.collect();
        whole.into_iter().for_each(|place| self.give_whole(place));
        Ok(())
    }
}

impl<'a> Painter<'a> {
    /// The tiles that `count` rows from `first` lie on, by their numbers.
    fn under(&self, first: u32, count: u32) -> impl Iterator<Item = (&'a Place, Lying)> {
        self.tiles.iter().filter_map(move |&tile| {
            let place = &self.open.places[tile as usize];
            Some((place, self.lying(place, first, count)?))
        })
    }

    /// `None` when these rows lie beside the tile.
    fn lying(&self, Place { tile, .. }: &Place, first: u32, count: u32) -> Option<Lying> {
        let Subblock { stored_width, stored_height, .. } = *self.subblock;
        let height = tile.layers.iter().position(|layer| layer.field == self.index)?;
        let (field, area) = (tile.layers[height].rect, area_of(tile));
        let rect = Rect::new(field.x, field.y + i64::from(first), stored_width, count);
        let on_tile = rect.intersect(area)?;
        let all = [Rect::new(0, 0, stored_width, stored_height)];
        let shown = self.shown.unwrap_or(&all).iter().filter_map(|part| {
            Rect::new(field.x + part.x, field.y + part.y, part.width, part.height).intersect(on_tile)
        });
        let parts = shown.map(|rect| Part { height, rect }).collect();
        let ends = rect.bottom() >= area.bottom().min(field.y + i64::from(stored_height));
        Some(Lying { rect, parts, ends })
    }

    /// To nobody, where tiles are left open.
    fn give_whole(&self, Place { tile, .. }: &Place) {
        if let Some(whole) = self.whole {
            self.open.finish(tile.index).into_iter().for_each(whole);
        }
    }
}

/// Some rows of a field where they lie, and the parts of them that are painted on a tile.
struct Lying {
    rect: Rect<Mosaic>,
    parts: Vec<Part>,
    /// Whether these are the last of the field's rows there.
    ends: bool,
}

/// A tile that nobody else may paint on.
struct Held<'a> {
    place: &'a Place,
    open: MutexGuard<'a, Open>,
    lying: Lying,
}

/// The free parts of a tile, row by row.
struct Strip<'a> {
    area: Rect<Mosaic>,
    /// From left to right.
    free: Vec<Rect<Mosaic>>,
    /// Of the tile's rows that lie under the field's, those that are left.
    rows: std::slice::ChunksExactMut<'a, u8>,
}

impl Held<'_> {
    fn strip(&mut self, output: SampleType) -> Strip<'_> {
        let (area, Lying { rect: band, parts, .. }) = (area_of(&self.place.tile), &self.lying);
        let open = &mut *self.open;
        let mut free: Vec<_> = parts.iter().flat_map(|part| free(part, &open.parts)).collect();
        free.sort_unstable_by_key(|rect| rect.x);
        let bytes = open.samples.get_or_insert_with(|| unset(output, area)).as_bytes_mut();
        let row = area.width as usize * output.bytes();
        let above = (band.y - area.y).max(0) as usize;
        Strip { area, free, rows: bytes[above * row..].chunks_exact_mut(row) }
    }
}

/// Where the bytes of `band` go, in their order. What is not free goes to `aside`.
fn places<'a>(
    strips: &mut [Strip<'a>],
    band: Rect<Mosaic>,
    size: usize,
    aside: &'a mut Vec<u8>,
) -> Vec<IoSliceMut<'a>> {
    aside.resize(aside.len().max(band.area() as usize * size), 0);
    let (mut aside, mut places, mut gap) = (&mut aside[..], Vec::new(), 0);
    let bytes = |pixels: i64| pixels as usize * size;
    for y in band.y..band.bottom() {
        let mut x = band.x;
        for Strip { area, free, rows } in &mut *strips {
            if !(area.y..area.bottom()).contains(&y) {
                continue;
            }
            let (mut row, mut at) = (rows.next().expect("it lies on the tile"), area.x);
            for part in free.iter().filter(|part| (part.y..part.bottom()).contains(&y)) {
                gap += bytes(part.x - x);
                if gap > 0 {
                    places.push(IoSliceMut::new(
                        aside.split_off_mut(..gap).expect("a band is put aside at most"),
                    ));
                    gap = 0;
                }
                row = &mut row[bytes(part.x - at)..];
                let (here, right) = row.split_at_mut(bytes(part.width.into()));
                places.push(IoSliceMut::new(here));
                (row, at, x) = (right, part.right(), part.right());
            }
        }
        gap += bytes(band.right() - x);
    }
    if gap > 0 {
        places.push(IoSliceMut::new(&mut aside[..gap]));
    }
    places
}
