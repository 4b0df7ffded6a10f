//! Against the definition: what is seen is the field on top.

use std::cell::RefCell;
use std::io::IoSliceMut;

use super::*;
use crate::dataset::Pixels;
use crate::dataset::{Rows, Subblock, TakesRows, Unread};
use crate::error::Result;
use crate::pixels::PixelType;
use crate::plan::tests::field;
use crate::space::Local;
use crate::tile::Layer;

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

/// In which form rows come.
#[derive(Clone, Copy, Debug)]
enum As {
    Plain,
    HiLo,
    Unread,
}

/// Paints the fields in `order`, `rows` rows at a time.
fn paint(open: &OpenTiles, pixel_type: PixelType, order: &[usize], rows: u32, form: As) {
    let tiles: Vec<u32> = (0..open.places.len() as u32).collect();
    let subblock = subblock(pixel_type);
    for &index in order {
        let shown = shown(index);
        let (subblock, shown) = (&subblock, shown.as_deref());
        give(Painter { open, index, subblock, shown, tiles: &tiles, whole: None }, rows, form);
    }
}

fn subblock(pixel_type: PixelType) -> Subblock {
    Subblock { pixel_type, stored_width: SIZE.0, stored_height: SIZE.1, ..field(0, 0, 0) }
}

/// Gives its field to `painter`, `rows` rows at a time.
fn give(mut painter: Painter, rows: u32, form: As) {
    let (index, samples) = (painter.index, painter.subblock.pixel_type.samples());
    for first in (0..SIZE.1).step_by(rows as usize) {
        let count = rows.min(SIZE.1 - first);
        let places = (first..first + count).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
        let values: Vec<u16> = places
            .flat_map(|(x, y)| (0..samples).map(move |s| value(index, s, x.into(), y.into())))
            .collect();
        let (low, high): (Vec<u8>, Vec<u8>) =
            values.iter().map(|value| (*value as u8, (value >> 8) as u8)).unzip();
        // At an odd address, as in a file.
        let bytes = [&[0], bytemuck::cast_slice::<u16, u8>(&values)].concat();
        match form {
            As::Plain => painter.take(Rows { first, pixels: Pixels::Plain(&bytes[1..]) }),
            As::HiLo => painter.take(Rows { first, pixels: Pixels::HiLo { low: &low, high: &high } }),
            As::Unread => {
                let read = &|places: &mut [IoSliceMut<'_>]| fill(places, &bytes[1..]);
                painter.take_unread(Unread { first, count, read }).unwrap();
            }
        }
    }
}

/// Fills `places` with `bytes`, for which they have room and no more.
fn fill(places: &mut [IoSliceMut<'_>], mut bytes: &[u8]) -> Result<()> {
    for place in places {
        let (here, behind) = bytes.split_at(place.len());
        place.copy_from_slice(here);
        bytes = behind;
    }
    assert!(bytes.is_empty(), "{} bytes have no place", bytes.len());
    Ok(())
}

fn seen_on(tile: &Tile) -> Samples {
    let core = tile.core;
    let places = (core.y..core.bottom()).flat_map(|y| (core.x..core.right()).map(move |x| (x, y)));
    Samples::U16(places.map(|(x, y)| on_top(tile.sample, x, y, 9)).collect())
}

fn assert_on_top(open: &OpenTiles, tiles: &[Tile], what: &str) {
    for tile in tiles {
        let finished = open.finish(tile.index).unwrap();
        assert!(finished.samples == seen_on(tile), "{what}, tile {}", tile.index);
    }
}

#[test]
fn whatever_the_order_the_field_on_top_is_seen() {
    for (pixel_type, order, rows, form) in [
        (PixelType::Gray16, [0, 1, 2, 3, 4], 40, As::Plain),
        (PixelType::Gray16, [4, 3, 2, 1, 0], 40, As::HiLo),
        (PixelType::Gray16, [2, 4, 0, 3, 1], 7, As::HiLo),
        (PixelType::Bgr48, [1, 3, 0, 2, 4], 9, As::Plain),
        (PixelType::Bgr48, [3, 0, 4, 2, 1], 40, As::HiLo),
        (PixelType::Gray16, [0, 1, 2, 3, 4], 40, As::Unread),
        (PixelType::Gray16, [4, 2, 3, 0, 1], 7, As::Unread),
        (PixelType::Gray16, [3, 4, 0, 2, 1], 1, As::Unread),
    ] {
        let tiles = tiles(pixel_type.samples());
        let open = OpenTiles::new(&tiles, SampleType::U16, vec![9.0]);
        paint(&open, pixel_type, &order, rows, form);
        assert_on_top(&open, &tiles, &format!("{pixel_type:?} {form:?} in order {order:?}"));
    }
}

#[test]
fn threads_that_hold_the_same_tiles_get_them_in_turn() {
    let tiles = touching(tiles(1));
    for _ in 0..100 {
        let open = OpenTiles::new(&tiles, SampleType::U16, vec![9.0]);
        let finished = Mutex::new(Vec::new());
        let take = |tile: FinishedTile| finished.lock().unwrap().push(tile);
        std::thread::scope(|scope| {
            for index in 0..PLACES.len() {
                let (open, take) = (&open, &take);
                scope.spawn(move || {
                    let (subblock, shown) = (&subblock(PixelType::Gray16), shown(index));
                    let (shown, whole) = (shown.as_deref(), Some(take as &dyn Fn(FinishedTile)));
                    give(Painter { open, index, subblock, shown, tiles: &[0, 1, 2], whole }, 3, As::Unread);
                });
            }
        });
        let finished = finished.into_inner().unwrap();
        assert_eq!(finished.len(), 3);
        finished.iter().for_each(|finished| assert!(finished.samples == seen_on(&finished.tile)));
    }
}

/// Those with the layers only that lie on them.
fn touching(mut tiles: Vec<Tile>) -> Vec<Tile> {
    for tile in &mut tiles {
        let area = area_of(tile);
        tile.layers.retain(|layer| layer.rect.intersect(area).is_some());
    }
    tiles
}

#[test]
fn what_fails_to_be_read_is_not_taken_for_painted() {
    let tile = Tile { layers: tiles(1)[0].layers.clone(), ..tiles(1).remove(0) };
    let open = OpenTiles::new([&tile], SampleType::U16, vec![9.0]);
    let subblock = Subblock {
        pixel_type: PixelType::Gray16,
        stored_width: SIZE.0,
        stored_height: SIZE.1,
        ..field(0, 0, 0)
    };
    let mut painter =
        Painter { open: &open, index: 0, subblock: &subblock, shown: None, tiles: &[0], whole: None };
    let read = &|places: &mut [IoSliceMut<'_>]| {
        places.iter_mut().for_each(|place| place.fill(1));
        Err(crate::error::Error::format("here", "is broken", 0))
    };
    painter.take_unread(Unread { first: 0, count: SIZE.1, read }).unwrap_err();
    assert_eq!(open.finish(0).unwrap().samples, Samples::U16(vec![9; 64 * 50]));
}

#[test]
fn a_tile_without_fields_is_bare_and_one_whose_field_does_not_come_is_filled() {
    let tile = Tile { layers: Vec::new(), ..tiles(1).remove(0) };
    let open = OpenTiles::new([&tile], SampleType::U8, vec![255.0]);
    assert!(open.finish(0).unwrap().is_bare());
    let open = OpenTiles::new([&tiles(1)[0]], SampleType::U8, vec![255.0]);
    assert_eq!(open.finish(0).unwrap().samples, Samples::U8(vec![255; 64 * 50]));
}

#[test]
fn a_tile_is_whole_once_its_last_field_is_through() {
    let tiles = touching(tiles(1));
    // The third tile lies under the third and the fourth field, the second under those and the second and the fifth.
    let orders = [([4, 3, 0, 1, 2], [0, 0, 0, 0, 3]), ([2, 3, 4, 1, 0], [0, 1, 1, 2, 3])];
    for (order, whole_after) in orders {
        for (form, rows) in [(As::Plain, 40), (As::HiLo, 7), (As::Unread, 7)] {
            let open = OpenTiles::new(&tiles, SampleType::U16, vec![9.0]);
            let finished = RefCell::new(Vec::new());
            let take = |tile: FinishedTile| finished.borrow_mut().push(tile);
            for (index, expected) in order.into_iter().zip(whole_after) {
                let (subblock, shown) = (&subblock(PixelType::Gray16), shown(index));
                let (shown, whole) = (shown.as_deref(), Some(&take as &dyn Fn(FinishedTile)));
                give(Painter { open: &open, index, subblock, shown, tiles: &[0, 1, 2], whole }, rows, form);
                assert_eq!(finished.borrow().len(), expected, "{form:?} after field {index} of {order:?}");
            }
            for finished in finished.into_inner() {
                assert!(
                    finished.samples == seen_on(&finished.tile),
                    "{form:?}, tile {}",
                    finished.tile.index
                );
                assert!(open.finish(finished.tile.index).is_none(), "finished once");
            }
        }
    }
}
