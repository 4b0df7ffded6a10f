//! From cores on a grid to tiles and the fields under them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::channels::OutputChannel;
use super::grid::Grid;
use super::tile::{Group, Layer, Tile};
use super::under::LayersByPlace;
use crate::dataset::{Plane, Scene};
use crate::space::{Mosaic, Output, Rect, Shift, Stored};

/// Where everything of a scene lies.
pub(super) struct Geometry<'a> {
    pub scene: &'a Scene,
    pub mosaic: Rect<Mosaic>,
    pub output: Rect<Output>,
    pub scale: u32,
    pub halo: u32,
    pub halo_z: u32,
    pub grid: Grid,
}

impl Geometry<'_> {
    /// All tiles in the order of work: time, planes, channel of the file, then cores row by row, so that a field
    /// is released soon after it was read; the samples of a Bgr field are used while it is there.
    pub fn groups(&self, channels: &[OutputChannel], lanes: u32) -> Vec<Group> {
        let by_plane = self.layers_by_plane();
        let cores: Vec<_> = self.grid.cores(self.output).collect();
        let mut groups = Vec::new();
        let mut index = 0;
        for t in 0..self.scene.times {
            for (z, planes) in self.grid.depths(self.scene.slices) {
                let depth = self.depth(z, planes);
                for &source in &self.scene.channels {
                    let parts: Vec<_> = (0..).zip(channels).filter(|(_, c)| c.source == source).collect();
                    let stack = self.stack(&by_plane, Plane { t, c: source, z: 0 }, &depth.padded);
                    for cores in cores.chunks(lanes as usize) {
                        let tiles: Vec<_> =
                            cores.iter().map(|&core| self.tile(core, t, &depth, &stack)).collect();
                        for (channel, part) in &parts {
                            let mut group = Group { tiles: tiles.clone(), releases: Vec::new() };
                            for tile in &mut group.tiles {
                                (tile.index, tile.channel, tile.sample) = (index, *channel, part.sample);
                                index += 1;
                            }
                            groups.push(group);
                        }
                    }
                }
            }
        }
        groups
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
