//! How an image lies in its file: which directory has which planes, and which tile has which pixels.

use super::settings::Settings;
use crate::output::layout::{ImageLayout, Level};
use crate::pixels::SampleType;
use crate::space::Tczyx;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub sample: SampleType,
    /// Channels of the image that are one page: 3 of a colour image, else 1.
    pub samples_per_pixel: u64,
    /// Sides of every tile of every level.
    pub tile_height: u64,
    /// See [`Self::tile_height`].
    pub tile_width: u64,
    levels: Vec<Level>,
}

/// A tile: its place among those of its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// Position among the level's tiles, page by page, row by row.
    pub number: usize,
    /// Plane of the shard that it is of.
    pub plane: usize,
    /// First row in that plane.
    pub y: usize,
    /// First column.
    pub x: usize,
    /// Rows of the image.
    pub height: usize,
    /// Columns of the image.
    pub width: usize,
}

impl Shape {
    /// Of an image in colour, three channels are one page.
    pub fn new(layout: &ImageLayout, is_rgb: bool) -> Self {
        let levels = layout.levels().to_vec();
        // Small images have smaller tiles; but all levels the same, so that one tile of zeros is enough.
        let tile =
            |side: u64| side.next_multiple_of(Settings::TILE_STEP_PX).min(layout.cut().chunk_px.into());
        let Tczyx { y, x, .. } = layout.shape();
        let samples_per_pixel = if is_rgb { 3 } else { 1 };
        let (tile_height, tile_width) = (tile(y), tile(x));
        Self { sample: layout.sample(), samples_per_pixel, tile_height, tile_width, levels }
    }

    pub fn level_count(&self) -> usize {
        self.levels.len()
    }

    pub fn level(&self, level: usize) -> &Level {
        &self.levels[level]
    }

    /// Pages: planes of channels, three of which may be one.
    pub fn pages(&self) -> u64 {
        let Tczyx { t, c, z, .. } = self.levels[0].shape;
        t * (c / self.samples_per_pixel) * z
    }

    /// Tiles of a page of `level`: rows, columns.
    fn grid(&self, level: usize) -> (u64, u64) {
        let Tczyx { y, x, .. } = self.levels[level].shape;
        (y.div_ceil(self.tile_height), x.div_ceil(self.tile_width))
    }

    /// Tiles of a page of `level`.
    pub fn tiles_per_page(&self, level: usize) -> usize {
        let (rows, columns) = self.grid(level);
        (rows * columns) as usize
    }

    /// Bytes of the pixels of one tile.
    pub fn tile_bytes(&self) -> usize {
        (self.tile_height * self.tile_width * self.samples_per_pixel) as usize * self.sample.bytes()
    }

    /// The tiles of a shard.
    pub fn tiles(&self, level: usize, index: Tczyx<u64>) -> Vec<Tile> {
        let of = &self.levels[level];
        let (rows, columns) = of.extent(index);
        let (_, across) = self.grid(level);
        let Tczyx { c, z: slices, .. } = self.levels[0].shape;
        let per_page = self.tiles_per_page(level) as u64;
        let first = (index.y * of.pitch / self.tile_height, index.x * of.pitch / self.tile_width);
        let mut tiles = Vec::new();
        for plane in of.planes(index) {
            let t = index.t * of.shard.t + plane as u64 / of.shard.z;
            let z = index.z * of.shard.z + plane as u64 % of.shard.z;
            // z is the fastest, then channels, then times: XYZCT.
            let page = (t * (c / self.samples_per_pixel) + index.c / self.samples_per_pixel) * slices + z;
            for (row, y) in (0..).zip((0..rows).step_by(self.tile_height as usize)) {
                for (column, x) in (0..).zip((0..columns).step_by(self.tile_width as usize)) {
                    tiles.push(Tile {
                        number: (page * per_page + (first.0 + row) * across + first.1 + column) as usize,
                        plane,
                        y: y as usize,
                        x: x as usize,
                        height: self.tile_height.min(rows - y) as usize,
                        width: self.tile_width.min(columns - x) as usize,
                    });
                }
            }
        }
        tiles
    }
}
