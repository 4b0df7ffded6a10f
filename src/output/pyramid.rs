//! Assembles whole shards of every level while finished pixels arrive. Single-threaded; writes nothing.
//!
//! A complete shard is averaged into its parent on the next level and handed out; so nothing is ever read back, and
//! only shards that still wait for pixels are held.
//!
//! When an interrupted run goes on, what is finished is passed over, and a finished shard is read back only where its
//! parent is not finished: about one row of shards of each level ([`Pyramid::wanted`]).

mod bare;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::layout::{ImageLayout, Level};
use super::progress::{Progress, ShardKey};
use super::range::{ChannelRange, CountedRows, RangeFinder, RangeMeter, ShardRange};
use super::sample::{Window, copy, halve};
use super::sink::ImageSink;
use crate::pixels::{SampleType, Samples};
use crate::space::{Area, Output, Rect, Tczyx};

/// Finished pixels: a rectangle of one plane, or of several that follow each other in z.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Time.
    pub t: u64,
    /// Channel of the output.
    pub c: u64,
    /// Depth of the first plane.
    pub z: u64,
    /// The area of every plane.
    pub rect: Rect<Output>,
    /// [z, y, x], one sample a pixel.
    pub samples: &'a Samples,
}

/// A complete shard, ready to be encoded.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Pyramid level.
    pub level: usize,
    /// Position in the level's grid of shards.
    pub index: Tczyx<u64>,
    /// [t, z, y, x] of [`Level::shard`]; zero outside the image. None where all of it is zero.
    pub samples: Samples,
    /// What the display range needs of it; on level 0 only.
    pub range: Option<ShardRange>,
}

/// A shard that waits for pixels.
#[derive(Debug)]
struct Open {
    /// `None` while all that came is zero.
    samples: Option<Samples>,
    missing: u64,
}

/// Turns blocks into shards of every level.
#[derive(Debug)]
pub struct Pyramid {
    sample: SampleType,
    levels: Vec<Level>,
    open: HashMap<(usize, Tczyx<u64>), Open>,
    /// By an earlier run.
    finished: HashSet<(usize, Tczyx<u64>)>,
    /// Of each plane (t, c, z) of which not all comes: where all is zero.
    bare: HashMap<[u64; 3], Arc<Area>>,
    finder: RangeFinder,
    /// Of each channel.
    meters: Vec<RangeMeter>,
}

impl Pyramid {
    /// For an image with no pixel yet.
    pub fn new(layout: &ImageLayout) -> Self {
        Self {
            sample: layout.sample(),
            levels: layout.levels().to_vec(),
            open: HashMap::new(),
            finished: HashSet::new(),
            bare: HashMap::new(),
            finder: RangeFinder::new(CountedRows::of(layout.shape()), layout.sample()),
            meters: vec![RangeMeter::new(layout.sample()); layout.shape().c as usize],
        }
    }

    /// For an image that has come as far as `progress` says: some shards may be finished. Those that are
    /// [`wanted`](Self::wanted) are to be [taken back](Self::take_back).
    pub fn resumed(progress: &Progress) -> Self {
        let pyramid = Self::new(progress.layout());
        let mut meters = pyramid.meters;
        for (channel, range) in progress.finished_ranges() {
            meters[channel as usize].add(range);
        }
        Self { finished: progress.finished().clone(), meters, ..pyramid }
    }

    /// The finished shards whose pixels are needed again: for a parent that is not finished.
    pub fn wanted(&self) -> Vec<ShardKey> {
        let is_wanted = |&&(level, index): &&ShardKey| match self.levels.get(level + 1) {
            Some(_) => !self.finished.contains(&self.parent(level, index)),
            None => false,
        };
        let mut wanted: Vec<_> = self.finished.iter().filter(is_wanted).copied().collect();
        // Row by row, as they came, so that few parents are open at once.
        wanted.sort_by_key(|(level, index)| (*level, index.to_array()));
        wanted
    }

    /// Reads one of the [`wanted`](Self::wanted) shards back, and hands `emit` every shard that this completes.
    ///
    /// # Errors
    /// Of the reading, and of `emit`.
    pub fn take_back<E: From<crate::error::Error>>(
        &mut self,
        sink: &dyn ImageSink,
        (level, index): ShardKey,
        mut emit: impl FnMut(Shard) -> Result<(), E>,
    ) -> Result<(), E> {
        let shard = Shard { level, index, samples: sink.load((level, index))?, range: None };
        match self.fold(&shard) {
            Some(parent) => self.hand_out(parent, &mut emit),
            None => Ok(()),
        }
    }

    /// The shard of the next level that averages this one.
    fn parent(&self, level: usize, index: Tczyx<u64>) -> (usize, Tczyx<u64>) {
        let (pitch, parent) = (self.levels[level].pitch, self.levels[level + 1].pitch);
        let along = |i: u64| i * pitch / 2 / parent;
        (level + 1, Tczyx { y: along(index.y), x: along(index.x), ..index })
    }

    /// Takes a block in, and hands `emit` every shard that it completes, on any level.
    ///
    /// Blocks may come in any order, but a pixel only once. Those on the shard grid are cheapest.
    ///
    /// # Errors
    /// Only what `emit` returns.
    ///
    /// # Panics
    /// When the block is not of this image, or a pixel of an open shard comes twice.
    ///
    /// Pixels of finished shards are passed over.
    pub fn add<E>(&mut self, block: &Block, mut emit: impl FnMut(Shard) -> Result<(), E>) -> Result<(), E> {
        let Block { t, c, z, rect, samples } = *block;
        let (width, height) = (rect.width as usize, rect.height as usize);
        let depth = samples.len() / (width * height);
        let shape = self.levels[0].shape;
        assert_eq!(samples.kind(), self.sample, "a block has the image's sample type");
        assert_eq!(samples.len(), width * height * depth, "a block has whole planes");
        assert!(
            rect.x >= 0 && rect.y >= 0 && rect.right() as u64 <= shape.x && rect.bottom() as u64 <= shape.y,
            "{rect} lies on the image"
        );
        assert!(t < shape.t && c < shape.c && z + depth as u64 <= shape.z, "the planes are the image's");

        let pitch = self.levels[0].pitch;
        let cuts = |from: i64, to: i64| from as u64 / pitch..(to as u64).div_ceil(pitch);
        for plane in 0..depth {
            let source = Window { start: plane * width * height, stride: width, height, width };
            for y in cuts(rect.y, rect.bottom()) {
                for x in cuts(rect.x, rect.right()) {
                    let piece = Tczyx::new(t, c, z + plane as u64, y, x);
                    if let Some(shard) = self.fill(piece, samples, rect, source) {
                        self.hand_out(shard, &mut emit)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// As [`Self::add`] of a block of `rect` on some planes, all of which is zero. It takes no memory, and a whole shard of it is
    /// not stored.
    ///
    /// # Errors
    /// As [`Self::add`].
    ///
    /// # Panics
    /// As [`Self::add`].
    pub fn add_zeros<E>(
        &mut self,
        (t, c, planes): (u64, u64, Range<u64>),
        rect: Rect<Output>,
        mut emit: impl FnMut(Shard) -> Result<(), E>,
    ) -> Result<(), E> {
        let pitch = self.levels[0].pitch;
        let cuts = |from: i64, to: i64| from as u64 / pitch..(to as u64).div_ceil(pitch);
        for z in planes {
            for y in cuts(rect.y, rect.bottom()) {
                for x in cuts(rect.x, rect.right()) {
                    let (index, _) = self.levels[0].shard_of(Tczyx::new(t, c, z, y, x));
                    let Some((part, _)) = self.part_of(index, rect) else { continue };
                    if let Some(shard) = self.place_zeros((0, index), part.area()) {
                        self.hand_out(shard, &mut emit)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The display range of each channel over what has come.
    pub fn ranges(&self) -> Vec<ChannelRange> {
        self.meters.iter().map(RangeMeter::range).collect()
    }

    /// Bytes of the shards that wait for pixels.
    pub fn held_bytes(&self) -> u64 {
        let samples = self.open.values().filter_map(|open| open.samples.as_ref());
        samples.map(|samples| (samples.len() * self.sample.bytes()) as u64).sum()
    }

    /// Copies the common part of `rect` and the level-0 shard's `piece` of one plane.
    fn fill(
        &mut self,
        piece: Tczyx<u64>,
        samples: &Samples,
        rect: Rect<Output>,
        source: Window,
    ) -> Option<Shard> {
        let level = &self.levels[0];
        let (index, plane) = level.shard_of(piece);
        let (part, area) = self.part_of(index, rect)?;
        let (height, width) = (part.height as usize, part.width as usize);
        let at = |outer: Rect<Output>, stride: usize| {
            (part.y - outer.y) as usize * stride + (part.x - outer.x) as usize
        };
        let stride = level.shard.x as usize;
        let to = Window { start: plane * level.plane_len() + at(area, stride), stride, height, width };
        let from = Window { start: source.start + at(rect, source.stride), height, width, ..source };
        self.place((0, index), part.area(), |target| copy(target, to, samples, from))
    }

    /// The common part of `rect` and a plane of the level-0 shard at `index`, and where the image's pixels in that shard are;
    /// `None` when the shard is finished.
    fn part_of(&self, index: Tczyx<u64>, rect: Rect<Output>) -> Option<(Rect<Output>, Rect<Output>)> {
        if self.finished.contains(&(0, index)) {
            return None;
        }
        let level = &self.levels[0];
        let (rows, columns) = level.extent(index);
        let area = Rect::new(
            (index.x * level.pitch) as i64,
            (index.y * level.pitch) as i64,
            columns as u32,
            rows as u32,
        );
        Some((rect.intersect(area)?, area))
    }

    /// Lets `write` put `pixels` new pixels into a shard, and takes the shard out when these were the last.
    fn place(
        &mut self,
        key: (usize, Tczyx<u64>),
        pixels: u64,
        write: impl FnOnce(&mut Samples),
    ) -> Option<Shard> {
        let (sample, length) = (self.sample, self.levels[key.0].shard_len());
        write(self.open(key).samples.get_or_insert_with(|| Samples::zeros(sample, length)));
        self.place_zeros(key, pixels)
    }

    /// As [`Self::place`] of zeros, which a shard has before anything is written.
    fn place_zeros(&mut self, key: (usize, Tczyx<u64>), pixels: u64) -> Option<Shard> {
        let open = self.open(key);
        open.missing = open.missing.checked_sub(pixels).expect("a pixel comes only once");
        if open.missing > 0 {
            return None;
        }
        let samples = self.open.remove(&key)?.samples.unwrap_or(Samples::U8(Vec::new()));
        Some(Shard { level: key.0, index: key.1, samples, range: None })
    }

    fn open(&mut self, key: (usize, Tczyx<u64>)) -> &mut Open {
        if !self.open.contains_key(&key) {
            let level = &self.levels[key.0];
            let ((rows, columns), planes) = (level.extent(key.1), level.planes(key.1).count() as u64);
            let missing = planes * rows * columns - self.absent(key.0, key.1);
            self.open.insert(key, Open { samples: None, missing });
        }
        self.open.get_mut(&key).expect("it was just put there")
    }

    /// Averages a complete shard into its parent, and that into its own if it is complete now; emits each.
    fn hand_out<E>(&mut self, shard: Shard, emit: &mut impl FnMut(Shard) -> Result<(), E>) -> Result<(), E> {
        let mut next = Some(shard);
        while let Some(mut shard) = next {
            if shard.level == 0 {
                let planes = self.planes_on_level_0(&shard);
                let range = match shard.samples.is_empty() {
                    true => self.finder.of_zeros(&planes),
                    false => self.finder.find(&shard.samples, &planes),
                };
                self.meters[shard.index.c as usize].add(&range);
                shard.range = Some(range);
            }
            next = self.fold(&shard);
            emit(shard)?;
        }
        Ok(())
    }

    /// The image's pixels in each plane of a shard of level 0, and the t, z and y of their first row.
    fn planes_on_level_0(&self, shard: &Shard) -> Vec<(Window, (u64, u64, u64))> {
        let level = &self.levels[0];
        let Tczyx { t, z, y, .. } = shard.index;
        let place = |plane: usize| {
            let (time, slice) = (plane as u64 / level.shard.z, plane as u64 % level.shard.z);
            (t * level.shard.t + time, z * level.shard.z + slice, y * level.pitch)
        };
        self.inside(shard).zip(level.planes(shard.index).map(place)).collect()
    }

    /// The image's pixels in each plane of a shard.
    fn inside(&self, shard: &Shard) -> impl Iterator<Item = Window> + use<> {
        let level = &self.levels[shard.level];
        let (rows, columns) = level.extent(shard.index);
        let (stride, plane_len) = (level.shard.x as usize, level.plane_len());
        level.planes(shard.index).map(move |plane| Window {
            start: plane * plane_len,
            stride,
            height: rows as usize,
            width: columns as usize,
        })
    }

    /// Averages a shard into its parent; gives the parent if that completes it.
    fn fold(&mut self, shard: &Shard) -> Option<Shard> {
        let planes = self.inside(shard);
        let level = &self.levels[shard.level];
        let parent = self.levels.get(shard.level + 1)?;
        let (y, x) = (shard.index.y * level.pitch / 2, shard.index.x * level.pitch / 2);
        let key = self.parent(shard.level, shard.index);
        if self.finished.contains(&key) {
            return None;
        }
        let (stride, plane_len) = (parent.shard.x as usize, parent.plane_len());
        let first = (y % parent.pitch) as usize * stride + (x % parent.pitch) as usize;
        // The planes of a shard and of its parent are the same.
        let halves: Vec<(Window, Window)> = level
            .planes(shard.index)
            .zip(planes)
            .map(|(plane, from)| {
                let (height, width) = (from.height.div_ceil(2), from.width.div_ceil(2));
                (Window { start: plane * plane_len + first, stride, height, width }, from)
            })
            .collect();
        let pixels: usize = halves.iter().map(|(to, _)| to.height * to.width).sum();
        if shard.samples.is_empty() {
            return self.place_zeros(key, pixels as u64);
        }
        self.place(key, pixels as u64, |target| {
            halves.iter().for_each(|&(to, from)| halve(target, to, &shard.samples, from));
        })
    }
}
