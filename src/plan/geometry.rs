//! From cores on a grid to tiles and the fields under them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::channels::OutputChannel;
use super::grid::Grid;
use super::under::LayersByPlace;
use crate::dataset::{Plane, Scene, Subblock};
use crate::error::Result;
use crate::space::{Area, Mosaic, Output, Rect, Shift, Stored};
use crate::stop::Stop;
use crate::tile::{Bare, Group, Layer, Tile};

/// Where everything of a scene lies.
pub(super) struct Geometry<'a> {
    pub scene: &'a Scene,
    pub mosaic: Rect<Mosaic>,
    pub output: Rect<Output>,
    pub scale: u32,
    pub halo: u32,
    pub halo_z: u32,
    pub grid: Grid,
    /// As [`Request::takes_zeros_for_granted`](super::Request::takes_zeros_for_granted).
    pub takes_zeros_for_granted: &'a [bool],
}

/// All tiles, and where there are none.
#[derive(Default)]
pub(super) struct Walk {
    /// In the order of work.
    pub groups: Vec<Group>,
    pub bare: Vec<Bare>,
}

impl Geometry<'_> {
    /// All tiles in the order of work: time, planes, channel of the file, then cores row by row, so that a field
    /// is released soon after it was read; the samples of a Bgr field are used while it is there.
    ///
    /// # Errors
    /// `Interrupted` when `stop` is set before.
    pub fn groups(&self, channels: &[OutputChannel], lanes: u32, stop: &Stop) -> Result<Walk> {
        let by_plane = self.layers_by_plane();
        let cores: Vec<_> = self.grid.cores(self.output).collect();
        let mut parts_of: BTreeMap<u32, Vec<(u32, &OutputChannel)>> = BTreeMap::new();
        for (number, channel) in (0..).zip(channels) {
            parts_of.entry(channel.source).or_default().push((number, channel));
        }
        let mut walk = Walk::default();
        let mut index = 0;
        for t in 0..self.scene.times {
            for (z, planes) in self.grid.depths(self.scene.slices) {
                let depth = self.depth(z, planes);
                for &source in &self.scene.channels {
                    let parts = parts_of.get(&source).map_or(&[][..], Vec::as_slice);
                    let stack = self.stack(&by_plane, Plane { t, c: source, z: 0 }, &depth.padded);
                    let mut bare = Vec::new();
                    for cores in cores.chunks(lanes as usize) {
                        stop.check()?;
                        let tiles: Vec<_> =
                            cores.iter().map(|&core| self.tile(core, t, &depth, &stack)).collect();
                        let is_bare = tiles.iter().all(|tile| tile.layers.is_empty());
                        if is_bare {
                            bare.extend(cores);
                        }
                        for (channel, part) in parts.iter().filter(|(i, _)| !(is_bare && self.leaves_out(*i)))
                        {
                            let mut group = Group { tiles: tiles.clone(), releases: Vec::new() };
                            for tile in &mut group.tiles {
                                (tile.index, tile.channel, tile.sample) = (index, *channel, part.sample);
                                index += 1;
                            }
                            walk.groups.push(group);
                        }
                    }
                    let area = if bare.is_empty() { continue } else { Area::of(bare) };
                    let left_out = parts.iter().filter(|(i, _)| self.leaves_out(*i));
                    walk.bare.extend(left_out.map(|&(channel, _)| Bare {
                        t,
                        channel,
                        z: depth.core.clone(),
                        area: area.clone(),
                    }));
                }
            }
        }
        Ok(walk)
    }

    /// Whether tiles of output channel `channel` where no field lies are not made.
    fn leaves_out(&self, channel: u32) -> bool {
        self.takes_zeros_for_granted.get(channel as usize).copied().unwrap_or(false)
    }

    /// How many layers [`Self::groups`] will have over all tiles.
    pub fn count_layers(&self, channels: &[OutputChannel]) -> u64 {
        let mosaic_from_stored = Shift::<Mosaic, Stored>::to_origin_of(self.scene.rect);
        let mut samples: BTreeMap<u32, u64> = BTreeMap::new();
        channels.iter().for_each(|channel| *samples.entry(channel.source).or_default() += 1);
        let (scale, halo) = (i64::from(self.scale), i64::from(self.halo));
        // Cores along an axis whose halo reaches a stored range that lies on the mosaic.
        let along = |from: i64, to: i64, core: u32, length: u32| {
            let (first, end) = (from / scale - halo, (to - 1) / scale + 1 + halo);
            let cores = first.max(0) / i64::from(core)..=(end.min(i64::from(length)) - 1) / i64::from(core);
            (cores.end() - cores.start() + 1) as u64
        };
        let parts =
            u64::from(2 * self.halo_z.min(self.scene.slices)).div_ceil(u64::from(self.grid.core.z)) + 1;
        let depth = if self.grid.padded.z == self.grid.core.z { 1 } else { parts };
        let of_field = |field: &Subblock| {
            let Some(rect) = mosaic_from_stored.rect(field.rect).intersect(self.mosaic) else { return 0 };
            let rows = along(rect.y, rect.bottom(), self.grid.core.y, self.output.height);
            let columns = along(rect.x, rect.right(), self.grid.core.x, self.output.width);
            rows * columns * depth * samples.get(&field.plane.c).copied().unwrap_or(0)
        };
        self.scene.fields.iter().map(of_field).fold(0, u64::saturating_add)
    }

    /// The layers of each plane, lowest first: by M, those without M below, then in file order.
    fn layers_by_plane(&self) -> BTreeMap<Plane, Vec<Layer>> {
        let mosaic_from_stored = Shift::<Mosaic, Stored>::to_origin_of(self.scene.rect);
        let mut order: Vec<usize> = (0..self.scene.fields.len()).collect();
        order.sort_by_key(|&field| self.scene.fields[field].m);
        let mut layers: BTreeMap<Plane, Vec<Layer>> = BTreeMap::new();
        for field in order {
            let subblock = &self.scene.fields[field];
            let rect = mosaic_from_stored.rect(subblock.rect);
            layers.entry(subblock.plane).or_default().push(Layer { field, rect, plane: 0 });
        }
        layers
    }

    fn depth(&self, z: u32, planes: u32) -> Depth {
        let first = z.saturating_sub(self.halo_z);
        let end = (z + planes).saturating_add(self.halo_z).min(self.scene.slices);
        let is_whole = self.grid.padded.z == self.grid.core.z;
        Depth { core: z..z + planes, padded: if is_whole { z..z + planes } else { first..end } }
    }

    /// The layers of the planes `padded` of one stack.
    fn stack(
        &self,
        by_plane: &BTreeMap<Plane, Vec<Layer>>,
        stack: Plane,
        padded: &Range<u32>,
    ) -> LayersByPlace {
        let layers = (0..)
            .zip(padded.clone())
            .flat_map(|(plane, z)| {
                let layers = by_plane.get(&Plane { z, ..stack });
                layers.into_iter().flatten().map(move |layer| Layer { plane, ..layer.clone() })
            })
            .collect();
        let cell = (self.grid.core.x * self.scale, self.grid.core.y * self.scale);
        LayersByPlace::new(layers, self.mosaic, cell)
    }

    fn tile(&self, core: Rect<Output>, t: u32, depth: &Depth, stack: &LayersByPlace) -> Tile {
        let padded = core.grown(self.halo).intersect(self.output).expect("a core lies on the output");
        let under = padded.to_mosaic(self.scale, self.mosaic);
        let layers = stack.under(under);
        Tile {
            index: 0,
            t,
            channel: 0,
            sample: 0,
            z: depth.core.start,
            planes: depth.core.len() as u32,
            padded_z: depth.padded.start,
            padded_planes: depth.padded.len() as u32,
            core,
            padded,
            layers,
        }
    }
}

/// The planes of a tile.
struct Depth {
    core: Range<u32>,
    /// With halo, clipped to the stack.
    padded: Range<u32>,
}
