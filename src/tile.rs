//! The units of work: what the plan hands to the compute stage. Data only.

use std::ops::Range;

use serde::Serialize;

use crate::space::{Area, Mosaic, Output, Rect, Zyx};

/// One field's share in a tile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Position in `Scene::fields`.
    pub field: usize,
    /// The whole area of the field; what lies outside the tile is not painted.
    pub rect: Rect<Mosaic>,
    /// The plane of core and halo that it is painted on, from 0.
    pub plane: u32,
}

/// One unit of compute: a core that is written out, and a halo around it that is not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tile {
    /// Its number in the order of work.
    pub index: u32,
    /// Time.
    pub t: u32,
    /// Output channel; a Bgr channel of the file makes three.
    pub channel: u32,
    /// Which sample of a stored pixel: 0 for gray; 0, 1, 2 for blue, green, red.
    pub sample: u32,
    /// First plane of the core.
    pub z: u32,
    /// Planes of the core: 1 in two dimensions; in three all of the stack, unless that is too large.
    pub planes: u32,
    /// First plane of core and halo.
    pub padded_z: u32,
    /// Planes of core and halo, clipped to the stack.
    pub padded_planes: u32,
    /// What is written of each plane.
    pub core: Rect<Output>,
    /// Core and halo in each plane, clipped to the mosaic.
    pub padded: Rect<Output>,
    /// What to paint, in this order: the last is on top.
    pub layers: Vec<Layer>,
}

/// Positions in `Scene::fields` of all that lie on `tiles`, in order.
pub fn fields_of<'a>(tiles: impl IntoIterator<Item = &'a Tile>) -> Vec<usize> {
    let layers = tiles.into_iter().flat_map(|tile| &tile.layers);
    let mut fields: Vec<usize> = layers.map(|layer| layer.field).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

impl Tile {
    /// All of `area` in `planes` planes as one tile without a halo, the first of everything: others differ from it.
    pub fn alone(area: Rect<Output>, planes: u32, layers: Vec<Layer>) -> Self {
        Self {
            index: 0,
            t: 0,
            channel: 0,
            sample: 0,
            z: 0,
            planes,
            padded_z: 0,
            padded_planes: planes,
            core: area,
            padded: area,
            layers,
        }
    }

    /// Shape of the core.
    pub fn core_shape(&self) -> Zyx<u32> {
        Zyx::new(self.planes, self.core.height, self.core.width)
    }

    /// Shape of core and halo.
    pub fn padded_shape(&self) -> Zyx<u32> {
        Zyx::new(self.padded_planes, self.padded.height, self.padded.width)
    }

    /// Where the core begins in core and halo.
    pub fn core_in_padded(&self) -> Zyx<u32> {
        let (core, padded) = (self.core, self.padded);
        Zyx::new(self.z - self.padded_z, (core.y - padded.y) as u32, (core.x - padded.x) as u32)
    }
}

/// Where no field lies, and no tile is made: cores of some planes of an output channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Bare {
    /// Time.
    pub t: u32,
    /// Output channel.
    pub channel: u32,
    /// Slices.
    pub z: Range<u32>,
    /// Output pixels of each plane.
    pub area: Area,
}

/// Tiles of one channel that are deconvolved together, and the fields that nobody needs after them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Group {
    /// At most as many as the backend has lanes; tile `i` goes to lane `i`.
    pub tiles: Vec<Tile>,
    /// Positions in `Scene::fields` of fields to release once these tiles are stitched.
    pub releases: Vec<usize>,
}

/// The subblocks that are read together, and the groups that are complete once they are there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Batch {
    /// Positions in `Scene::fields`, in file order.
    pub reads: Vec<usize>,
    /// For each of `reads`, the tiles that it is painted on as soon as it is decoded; empty where fields are held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paints: Vec<Vec<u32>>,
    /// To be computed once `reads` have arrived.
    pub groups: Vec<Group>,
}
