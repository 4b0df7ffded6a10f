//! Where no tile is made: all is zero, which a store takes for granted. A shard that lies there as a whole is not made either,
//! and one that lies there in part waits for the rest only.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Pyramid, Shard};
use crate::output::layout::Level;
use crate::pixels::Samples;
use crate::space::{Area, Output, Rect, Tczyx};

/// Time, channel and slices.
pub type Planes = (u64, u64, Range<u64>);

impl Pyramid {
    /// Of each of `bare`, nothing comes on these planes in this area: all of it is zero. Before anything comes. Shards that lie
    /// there as a whole are not made; says how many these are.
    pub fn leave_out<'a>(&mut self, bare: impl IntoIterator<Item = (Planes, &'a Area)>) -> u64 {
        let mut stacks = BTreeSet::new();
        for ((t, c, planes), area) in bare {
            let area = Arc::new(area.clone());
            for z in planes {
                self.bare.insert([t, c, z], area.clone());
                let (index, _) = self.levels[0].shard_of(Tczyx::new(t, c, z, 0, 0));
                stacks.insert(index.to_array());
            }
        }
        let mut left_out = 0;
        for [t, c, z, ..] in stacks {
            for level in 0..self.levels.len() {
                let Tczyx { y, x, .. } = self.levels[level].shards();
                let places = (0..y).flat_map(|y| (0..x).map(move |x| Tczyx::new(t, c, z, y, x)));
                let is_left_out =
                    |index: &_| self.is_bare(level, *index) && !self.finished.contains(&(level, *index));
                let bare: Vec<_> = places.filter(is_left_out).collect();
                left_out += bare.len() as u64;
                if level == 0 {
                    bare.into_iter().for_each(|index| self.see_zeros(index));
                }
            }
        }
        left_out
    }

    /// Level-0 pixels of the image under each plane of a shard.
    fn under(&self, level: usize, index: Tczyx<u64>) -> Rect<Output> {
        let (shape, Level { pitch, factor, .. }) = (self.levels[0].shape, &self.levels[level]);
        let along = |i: u64, side: u64| {
            ((i * pitch * factor).min(side) as i64, ((i + 1) * pitch * factor).min(side) as i64)
        };
        let ((left, right), (top, bottom)) = (along(index.x, shape.x), along(index.y, shape.y));
        Rect::new(left, top, (right - left) as u32, (bottom - top) as u32)
    }

    /// Where nothing comes, on each plane of a shard where that is.
    fn bare_planes(&self, level: usize, index: Tczyx<u64>) -> impl Iterator<Item = Option<&Area>> {
        let of = &self.levels[level];
        let Tczyx { t, c, z, .. } = index;
        let (first_t, first_z, slices) = (t * of.shard.t, z * of.shard.z, of.shard.z);
        of.planes(index).map(move |plane| {
            let (time, slice) = (plane as u64 / slices, plane as u64 % slices);
            self.bare.get(&[first_t + time, c, first_z + slice]).map(Arc::as_ref)
        })
    }

    /// Whether nothing comes for a shard.
    fn is_bare(&self, level: usize, index: Tczyx<u64>) -> bool {
        let under = self.under(level, index);
        let is_bare = |bare: Option<&Area>| bare.is_some_and(|bare| bare.covered(under) == under.area());
        self.bare_planes(level, index).all(is_bare)
    }

    /// Pixels of a shard that do not come: those of shards below that are not made, or of blocks.
    pub(super) fn absent(&self, level: usize, index: Tczyx<u64>) -> u64 {
        if self.bare.is_empty() {
            return 0;
        }
        let Some(below) = level.checked_sub(1) else {
            let under = self.under(0, index);
            return self.bare_planes(0, index).flatten().map(|bare| bare.covered(under)).sum();
        };
        let (from, pitch) = (&self.levels[below], self.levels[level].pitch);
        let shards = from.shards();
        let along = |i: u64, count: u64| {
            i * pitch * 2 / from.pitch..((i + 1) * pitch * 2).div_ceil(from.pitch).min(count)
        };
        let below_it = along(index.y, shards.y)
            .flat_map(|y| along(index.x, shards.x).map(move |x| Tczyx { y, x, ..index }))
            .filter(|&index| self.is_bare(below, index));
        let halved = |index| {
            let (rows, columns) = from.extent(index);
            from.planes(index).count() as u64 * rows.div_ceil(2) * columns.div_ceil(2)
        };
        below_it.map(halved).sum()
    }

    /// Of a shard of level 0 that is not made.
    fn see_zeros(&mut self, index: Tczyx<u64>) {
        let shard = Shard { level: 0, index, samples: Samples::U8(Vec::new()), range: None };
        let range = self.finder.of_zeros(&self.planes_on_level_0(&shard));
        self.meters[index.c as usize].add(&range);
    }
}
