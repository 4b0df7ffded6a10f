//! One image in its file: shards become tiles, compressed on the threads that store them.
//!
//! Tiles are written and flushed, and then recorded: what the record names is whole, also after a power failure.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::file::{HEADER_BYTES, TileFile};
use super::settings::Compression;
use super::shape::{Shape, Tile};
use super::table::{Extent, Table};
use crate::error::{Error, Result};
use crate::output::layout::ImageLayout;
use crate::output::progress::{Finished, Progress, ShardKey};
use crate::output::pyramid::Shard;
use crate::output::sink::ImageSink;
use crate::output::unfinished::{InFile, PartialFolder, Stored};
use crate::pixels::Samples;
use crate::space::Tczyx;

/// Encodes and stores the shards of one image; shared by several threads.
#[derive(Debug)]
pub(super) struct TiffImage {
    /// Position among the output's images.
    number: usize,
    pub shape: Shape,
    pub compression: Compression,
    folder: Arc<PartialFolder>,
    pub file: TileFile,
    pub table: Table,
    progress: Progress,
    /// Shards that wait for those of the other channels of their pixels.
    waiting: Mutex<HashMap<ShardKey, Vec<Shard>>>,
}

impl TiffImage {
    /// Makes the file of image `number`, or goes on with it. Of `finished`, those stay whose tiles are in the file; what is
    /// behind them is cut off.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(
        folder: &Arc<PartialFolder>,
        number: usize,
        (layout, is_rgb): (&ImageLayout, bool),
        compression: Compression,
        finished: Finished,
    ) -> Result<Self> {
        let shape = Shape::new(layout, is_rgb);
        let (file, table) = (TileFile::open(folder, number)?, Table::new(&shape));
        let mut image = Self {
            number,
            shape,
            compression,
            folder: Arc::clone(folder),
            file,
            table,
            progress: Progress::new(layout),
            waiting: Mutex::default(),
        };
        let length = image.file.length()?;
        let mut end = HEADER_BYTES;
        for (key, stored) in &finished {
            let is_whole = image.channels_of(*key).all(|key| finished.contains_key(&key));
            let tiles = if image.progress.has(*key) && is_whole { image.extents(*key, stored) } else { None };
            let Some(tiles) =
                tiles.filter(|tiles| tiles.iter().all(|(_, at)| at.offset + at.bytes <= length))
            else {
                continue;
            };
            end = tiles.iter().map(|(_, at)| at.offset + at.bytes).fold(end, u64::max);
            image.place(key.0, &tiles);
            image.progress.take_over(*key, stored);
        }
        image.file.begin(end.next_multiple_of(2))?;
        Ok(image)
    }

    /// Refuses an image that lacks a shard, or whose file is not as it was written.
    ///
    /// # Errors
    /// `Io`.
    pub fn check_whole(&self) -> Result<()> {
        self.progress.check_complete(self.number, self.folder.target())?;
        self.file.check_there()
    }

    /// The shards of all channels of the pixels of a shard, itself too.
    fn channels_of(&self, (level, index): ShardKey) -> impl Iterator<Item = ShardKey> + use<> {
        let each = self.shape.samples_per_pixel;
        let first = index.c / each * each;
        (first..first + each).map(move |c| (level, Tczyx { c, ..index }))
    }

    /// The tiles of a recorded shard; `None` where the record does not fit the image.
    fn extents(&self, (level, index): ShardKey, stored: &Stored) -> Option<Vec<(usize, Extent)>> {
        let tiles = self.shape.tiles(level, index);
        let Some(InFile { offset, lengths }) = &stored.in_file else {
            let zeros = tiles.iter().map(|tile| (tile.number, Extent::default()));
            return (stored.bytes == 0).then(|| zeros.collect());
        };
        (lengths.len() == tiles.len()).then(|| numbered(&tiles, *offset, lengths))
    }

    fn place(&self, level: usize, tiles: &[(usize, Extent)]) {
        let mut table = self.table.level(level);
        tiles.iter().for_each(|&(number, at)| table[number] = at);
    }

    /// The shards of all channels of the same pixels as `shard`, in order, once the last of them is there.
    fn joined(&self, shard: Shard) -> Option<Vec<Shard>> {
        let each = self.shape.samples_per_pixel as usize;
        if each == 1 {
            return Some(vec![shard]);
        }
        let key = (shard.level, Tczyx { c: shard.index.c / each as u64, ..shard.index });
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let of_pixels = waiting.entry(key).or_default();
        of_pixels.push(shard);
        if of_pixels.len() < each {
            return None;
        }
        let mut of_pixels = waiting.remove(&key)?;
        of_pixels.sort_by_key(|shard| shard.index.c);
        Some(of_pixels)
    }

    /// The tiles of `channels`, one behind the other, and the length of each; 0 for one that is all zero.
    fn encode(&self, channels: &[Shard], tiles: &[Tile]) -> Result<(Vec<u8>, Vec<u64>)> {
        let (level, mut encoded, mut lengths) = (channels[0].level, Vec::new(), Vec::new());
        let mut pixels = vec![0; self.shape.tile_bytes()];
        for tile in tiles {
            pixels.fill(0);
            let samples = channels.iter().enumerate().filter(|(_, shard)| !shard.samples.is_empty());
            samples.for_each(|(sample, shard)| self.copy(level, tile, (sample, &shard.samples), &mut pixels));
            let before = encoded.len();
            if pixels.iter().any(|&byte| byte != 0) {
                let done = self.compression.encode(&self.shape, &mut pixels, &mut encoded);
                done.map_err(|error| Error::io(self.file.path(), error))?;
            }
            lengths.push((encoded.len() - before) as u64);
        }
        Ok((encoded, lengths))
    }

    /// Copies what a tile has of one channel's shard to every `samples_per_pixel`th sample of `pixels`.
    fn copy(&self, level: usize, tile: &Tile, (sample, from): (usize, &Samples), pixels: &mut [u8]) {
        let (bytes, each) = (self.shape.sample.bytes(), self.shape.samples_per_pixel as usize);
        for row in 0..tile.height {
            let start = self.position(level, tile, row) * bytes;
            let from = &from.as_bytes()[start..start + tile.width * bytes];
            let to = &mut pixels[row * self.shape.tile_width as usize * each * bytes..];
            if each == 1 {
                to[..from.len()].copy_from_slice(from);
                continue;
            }
            let places = to.chunks_exact_mut(each * bytes);
            for (to, from) in places.zip(from.chunks_exact(bytes)) {
                to[sample * bytes..(sample + 1) * bytes].copy_from_slice(from);
            }
        }
    }

    /// The reverse of [`Self::copy`].
    fn copy_back(&self, level: usize, tile: &Tile, (sample, to): (usize, &mut Samples), pixels: &[u8]) {
        let (bytes, each) = (self.shape.sample.bytes(), self.shape.samples_per_pixel as usize);
        for row in 0..tile.height {
            let start = self.position(level, tile, row) * bytes;
            let to = &mut to.as_bytes_mut()[start..start + tile.width * bytes];
            let from = &pixels[row * self.shape.tile_width as usize * each * bytes..];
            for (to, from) in to.chunks_exact_mut(bytes).zip(from.chunks_exact(each * bytes)) {
                to.copy_from_slice(&from[sample * bytes..(sample + 1) * bytes]);
            }
        }
    }

    /// Of a tile's row among the samples of its shard.
    fn position(&self, level: usize, tile: &Tile, row: usize) -> usize {
        let of = self.shape.level(level);
        tile.plane * of.plane_len() + (tile.y + row) * of.shard.x as usize + tile.x
    }
}

impl ImageSink for TiffImage {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn load(&self, (level, index): ShardKey) -> Result<Samples> {
        let broken = |error: io::Error| {
            let what = format!("a finished shard cannot be read back: {error}; --overwrite begins anew");
            Error::io(self.file.path(), io::Error::other(what))
        };
        let mut samples = Samples::zeros(self.shape.sample, self.shape.level(level).shard_len());
        let sample = (index.c % self.shape.samples_per_pixel) as usize;
        for tile in self.shape.tiles(level, index) {
            let Extent { offset, bytes } = self.table.level(level)[tile.number];
            if bytes > 0 {
                let stored = self.file.read(offset, bytes)?;
                let pixels = self.compression.decode(&self.shape, &stored).map_err(broken)?;
                self.copy_back(level, &tile, (sample, &mut samples), &pixels);
            }
        }
        Ok(samples)
    }

    fn store(&self, shard: Shard) -> Result<u64> {
        let Some(channels) = self.joined(shard) else { return Ok(0) };
        let (level, index) = (channels[0].level, channels[0].index);
        let tiles = self.shape.tiles(level, index);
        let (encoded, lengths) = self.encode(&channels, &tiles)?;
        let mut in_file = None;
        if !encoded.is_empty() {
            let offset = self.file.append(&encoded)?;
            self.file.flush()?;
            self.folder.check_there()?;
            self.place(level, &numbered(&tiles, offset, &lengths));
            in_file = Some(InFile { offset, lengths });
        }
        let bytes = encoded.len() as u64;
        for Shard { index, range, .. } in channels {
            let stored = Stored { bytes, range, in_file: in_file.clone() };
            self.folder.record().stored((self.number, level, index), stored)?;
            self.progress.set_stored((level, index), bytes);
        }
        self.folder.keep();
        Ok(bytes)
    }
}

/// The tiles with where each is, when they lie one behind the other from `offset` on.
fn numbered(tiles: &[Tile], mut offset: u64, lengths: &[u64]) -> Vec<(usize, Extent)> {
    let place = |(tile, &bytes): (&Tile, &u64)| {
        let at = if bytes == 0 { Extent::default() } else { Extent { offset, bytes } };
        offset += bytes;
        (tile.number, at)
    };
    tiles.iter().zip(lengths).map(place).collect()
}
