//! Which layers lie under a tile, without a look at all of them: a grid of cells over the mosaic, each with the layers
//! that touch it.

use crate::space::{Mosaic, Rect};
use crate::tile::Layer;

/// The layers of some planes by place.
pub(super) struct LayersByPlace {
    /// Lowest first.
    layers: Vec<Layer>,
    cell: Cell,
    columns: usize,
    /// Row by row, positions in `layers` in order.
    cells: Vec<Vec<u32>>,
}

/// Mosaic pixels of a cell.
#[derive(Clone, Copy)]
struct Cell {
    width: i64,
    height: i64,
}

impl LayersByPlace {
    /// Sorts `layers` of `mosaic` into cells of `cell` width and height, best about as large as tiles.
    pub fn new(layers: Vec<Layer>, mosaic: Rect<Mosaic>, cell: (u32, u32)) -> Self {
        let cell = Cell { width: i64::from(cell.0.max(1)), height: i64::from(cell.1.max(1)) };
        let columns = (i64::from(mosaic.width) + cell.width - 1) / cell.width;
        let rows = (i64::from(mosaic.height) + cell.height - 1) / cell.height;
        let mut cells = vec![Vec::new(); (columns * rows) as usize];
        for (i, layer) in (0..).zip(&layers) {
            // Of a field at the edge of a region, only a part lies on the mosaic.
            let Some(inside) = layer.rect.intersect(mosaic) else { continue };
            for (row, column) in cell.under(inside) {
                cells[row * columns as usize + column].push(i);
            }
        }
        Self { layers, cell, columns: columns as usize, cells }
    }

    /// The layers that `area`, which lies on the mosaic, touches; lowest first.
    pub fn under(&self, area: Rect<Mosaic>) -> Vec<Layer> {
        let cells = self.cell.under(area).map(|(row, column)| &self.cells[row * self.columns + column]);
        let mut found: Vec<u32> = cells.flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        let layers = found.into_iter().map(|i| &self.layers[i as usize]);
        layers.filter(|layer| layer.rect.intersect(area).is_some()).cloned().collect()
    }
}

impl Cell {
    /// Row and column of the cells under `area`, which lies on the mosaic.
    fn under(self, area: Rect<Mosaic>) -> impl Iterator<Item = (usize, usize)> {
        let rows = area.y / self.height..=(area.bottom() - 1) / self.height;
        rows.flat_map(move |row| {
            let columns = area.x / self.width..=(area.right() - 1) / self.width;
            columns.map(move |column| (row as usize, column as usize))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_what_a_look_at_all_finds() {
        let mosaic = Rect::new(0, 0, 1003, 777);
        // Some reach over an edge, as at the edges of a region.
        let place = |i: usize| Rect::new((i * 389 % 1100) as i64 - 100, (i * 211 % 900) as i64 - 80, 103, 77);
        let layers: Vec<_> =
            (0..60).map(|i| Layer { field: 59 - i, rect: place(i), plane: (i % 3) as u32 }).collect();
        for cell in [(1, 1000), (64, 64), (103, 77), (250, 500), (5000, 5000)] {
            let by_place = LayersByPlace::new(layers.clone(), mosaic, cell);
            for i in 0..40 {
                let area = Rect::new(i * 23, i * 17, 1 + (i as u32 * 7) % 80, 1 + (i as u32 * 5) % 90);
                let expected: Vec<_> =
                    layers.iter().filter(|layer| layer.rect.intersect(area).is_some()).cloned().collect();
                assert_eq!(by_place.under(area), expected, "cells of {cell:?} under {area:?}");
            }
        }
    }
}
