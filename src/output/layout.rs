//! How an image is cut: its pyramid levels, their chunks and shards, and the memory that building them takes.
//! Numbers only; no pixels, no files.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::pixels::SampleType;
use crate::space::Tczyx;

/// Levels are added until both sides are at most this long: what a thumbnail needs, as bioformats2raw does.
const SMALLEST_PX: u64 = 256;

/// How the pixels of every level are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// Side of a chunk, the least that a reader decodes.
    pub chunk_px: u32,
    /// Side of a level-0 shard, which is stored at once: an even number of pixels, a multiple of `chunk_px`.
    pub shard_px: u32,
    /// Times in a shard.
    pub shard_times: u32,
    /// Slices in a shard.
    pub shard_slices: u32,
}

impl Default for Cut {
    fn default() -> Self {
        Self { chunk_px: 256, shard_px: 2048, shard_times: 1, shard_slices: 1 }
    }
}

/// One resolution of an image. All shapes are [t, c, z, y, x] in pixels of this level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    /// Of the whole level.
    pub shape: Tczyx<u64>,
    /// Level-0 pixels across one pixel: 2^level, exact even where an odd side was rounded up.
    pub factor: u64,
    /// Of a chunk: one plane, no longer than the level.
    pub chunk: Tczyx<u64>,
    /// Of a shard: one plane, or some of a channel; whole chunks, so that it may reach past the level's edge.
    pub shard: Tczyx<u64>,
    /// Distance between shards; `shard` is smaller where one shard holds the whole side.
    pub(super) pitch: u64,
}

impl Level {
    fn new(shape: Tczyx<u64>, factor: u64, pitch: u64, cut: Cut) -> Self {
        let chunk = |side: u64| side.min(cut.chunk_px.into());
        let (times, slices) = (cut.shard_times.into(), cut.shard_slices.into());
        let shard = |side: u64| side.next_multiple_of(chunk(side)).min(pitch);
        Self {
            shape,
            factor,
            chunk: Tczyx::new(1, 1, 1, chunk(shape.y), chunk(shape.x)),
            shard: Tczyx::new(times, 1, slices, shard(shape.y), shard(shape.x)),
            pitch,
        }
    }

    /// Shards along each axis.
    pub fn shards(&self) -> Tczyx<u64> {
        let Tczyx { t, c, z, y, x } = self.shape;
        let (times, slices) = (t.div_ceil(self.shard.t), z.div_ceil(self.shard.z));
        Tczyx::new(times, c, slices, y.div_ceil(self.pitch), x.div_ceil(self.pitch))
    }

    /// The shard that the piece at `y`, `x` of plane `t`, `c`, `z` is in, and the position of this plane in it.
    pub(super) fn shard_of(&self, piece: Tczyx<u64>) -> (Tczyx<u64>, usize) {
        let Tczyx { t, z, .. } = piece;
        let index = Tczyx { t: t / self.shard.t, z: z / self.shard.z, ..piece };
        (index, (t % self.shard.t * self.shard.z + z % self.shard.z) as usize)
    }

    /// The positions in the shard at `index` of the image's planes.
    pub(super) fn planes(&self, index: Tczyx<u64>) -> impl Iterator<Item = usize> + use<> {
        let inside = |length: u64, i: u64, each: u64| (length - i * each).min(each);
        let times = inside(self.shape.t, index.t, self.shard.t);
        let slices = inside(self.shape.z, index.z, self.shard.z);
        let each = self.shard.z;
        (0..times).flat_map(move |t| (0..slices).map(move |z| (t * each + z) as usize))
    }

    /// Samples of one plane of a shard.
    pub(super) fn plane_len(&self) -> usize {
        (self.shard.y * self.shard.x) as usize
    }

    /// Rows and columns of the image inside the shard at `index`.
    pub(super) fn extent(&self, index: Tczyx<u64>) -> (u64, u64) {
        let inside = |side: u64, i: u64| (side - i * self.pitch).min(self.pitch);
        (inside(self.shape.y, index.y), inside(self.shape.x, index.x))
    }

    /// Samples of one shard.
    pub(super) fn shard_len(&self) -> usize {
        self.plane_len() * (self.shard.t * self.shard.z) as usize
    }
}

/// Shape, sample type and cut of one image: what the plan decides and prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageLayout {
    sample: SampleType,
    cut: Cut,
    levels: Vec<Level>,
}

impl ImageLayout {
    /// The layout of an image of `shape`, no side of which is 0.
    ///
    /// A shard of the next level covers the same area as one of this level, and so has half the side, as long as
    /// whole chunks fill it. A tile on the shard grid then completes shards on several levels at once, and few wait
    /// for pixels.
    ///
    /// # Errors
    /// `Option` when chunk and shard do not fit together.
    pub fn new(shape: Tczyx<u64>, sample: SampleType, cut: Cut) -> Result<Self> {
        let Cut { chunk_px, shard_px, shard_times, shard_slices } = cut;
        if chunk_px == 0 {
            return Err(Error::option("--chunk", "must be at least 1 pixel"));
        }
        if shard_px == 0 || shard_px % chunk_px != 0 || shard_px % 2 != 0 {
            let reason = format!("{shard_px} must be even and a multiple of the chunk's {chunk_px} pixels");
            return Err(Error::option("--shard", reason));
        }
        assert!(shape.to_array().iter().all(|&side| side > 0), "an image has pixels");
        assert!(shard_times > 0 && shard_slices > 0, "a shard has planes");

        let chunk = u64::from(chunk_px);
        let mut pitch = u64::from(shard_px);
        let mut levels = vec![Level::new(shape, 1, pitch, cut)];
        let (mut shape, mut factor) = (shape, 1);
        while shape.y.max(shape.x) > SMALLEST_PX {
            shape = Tczyx { y: shape.y.div_ceil(2), x: shape.x.div_ceil(2), ..shape };
            factor *= 2;
            let half = pitch / 2;
            // Odd shards could not be halved for the level after.
            if half.is_multiple_of(chunk) && half.is_multiple_of(2) {
                pitch = half;
            }
            levels.push(Level::new(shape, factor, pitch, cut));
        }
        Ok(Self { sample, cut, levels })
    }

    /// Of level 0.
    pub fn shape(&self) -> Tczyx<u64> {
        self.levels[0].shape
    }

    /// Of every sample.
    pub fn sample(&self) -> SampleType {
        self.sample
    }

    /// As asked for; see [`Level`] for what small images make of it.
    pub fn cut(&self) -> Cut {
        self.cut
    }

    /// Level 0 first. y and x are halved until both are at most 256; z is kept.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Shards of all levels.
    pub fn shard_count(&self) -> u64 {
        self.levels.iter().map(|level| level.shards().to_array().iter().product::<u64>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(y: u64, x: u64, chunk_px: u32, shard_px: u32) -> ImageLayout {
        let shape = Tczyx::new(1, 1, 1, y, x);
        let cut = Cut { chunk_px, shard_px, ..Cut::default() };
        ImageLayout::new(shape, SampleType::U16, cut).unwrap()
    }

    #[test]
    fn sides_are_halved_upwards_until_both_are_small() {
        let sides =
            |y, x| layout(y, x, 64, 256).levels().iter().map(|l| (l.shape.y, l.shape.x)).collect::<Vec<_>>();
        assert_eq!(sides(256, 255), [(256, 255)]);
        assert_eq!(sides(257, 3), [(257, 3), (129, 2)]);
        assert_eq!(sides(1, 1025), [(1, 1025), (1, 513), (1, 257), (1, 129)]);
        assert_eq!(layout(1, 1025, 64, 256).levels()[3].factor, 8);
    }

    #[test]
    fn small_images_clamp_chunk_and_shard() {
        for (side, chunk, shard) in
            [(63, 63, 63), (64, 64, 64), (65, 64, 128), (255, 64, 256), (256, 64, 256), (257, 64, 256)]
        {
            let image = layout(side, side, 64, 256);
            assert_eq!((image.levels()[0].chunk.y, image.levels()[0].shard.x), (chunk, shard), "side {side}");
        }
    }

    #[test]
    fn shards_are_whole_chunks_and_halvable_on_every_level() {
        for (chunk, shard) in [(256, 2048), (64, 192), (51, 102), (10, 30), (1, 2)] {
            for (k, level) in layout(5000, 3001, chunk, shard).levels().iter().enumerate() {
                assert_eq!(level.shard.y % level.chunk.y, 0, "{chunk}/{shard}, level {k}");
                assert_eq!(level.pitch % u64::from(chunk), 0, "{chunk}/{shard}, level {k}");
                assert_eq!(level.pitch % 2, 0, "{chunk}/{shard}, level {k}");
            }
        }
    }

    #[test]
    fn shards_keep_their_area_down_to_a_chunk() {
        let image = layout(40_000, 40_000, 256, 2048);
        let sides = image.levels().iter().map(|level| level.shard.y).collect::<Vec<_>>();
        assert_eq!(sides, [2048, 1024, 512, 256, 256, 256, 256, 256, 157]);
    }

    #[test]
    fn bad_options_are_refused() {
        for (chunk_px, shard_px) in [(0, 256), (64, 96), (64, 0), (5, 15)] {
            let cut = Cut { chunk_px, shard_px, ..Cut::default() };
            let made = ImageLayout::new(Tczyx::new(1, 1, 1, 9, 9), SampleType::U8, cut);
            assert!(matches!(made, Err(Error::Option { .. })), "{cut:?}");
        }
    }
}
