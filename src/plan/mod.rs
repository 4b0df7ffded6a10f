//! What to do, decided before anything is read or computed: tiles, batches, sizes, memory.
//!
//! Pure: no I/O, no GPU. A plan can be printed (`decon-gpu plan`) and compared in tests. The stages decide nothing.

mod channels;
mod fft_size;
mod grid;
mod levels;
mod memory;
mod residency;
mod tile;
mod under;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

pub use channels::{OutputChannel, output_channels, widest_type};
pub use fft_size::fast_length;
pub use grid::{Grid, GridRequest, Limits};
pub use levels::{Level, choose_level};
pub use memory::{Memory, Workers};
pub use tile::{Batch, Group, Layer, Tile};
use under::LayersByPlace;

use crate::dataset::{Dataset, Plane, Scene};
use crate::error::{Error, Result};
use crate::pixels::SampleType;
use crate::source::{Merging, merge};
use crate::space::{Mosaic, Output, Rect, Shift, Stored, Tczyx, Zyx};

/// Most tiles of one scene: a list of so many takes about 1 GiB.
const MOST_TILES: u64 = 1 << 22;

/// What is asked for one scene.
#[derive(Clone, Debug)]
pub struct Request {
    /// Mosaic pixels that one output pixel averages along each axis.
    pub scale: u32,
    /// Whether overlaps are blended: the sum of the weights takes as much as the plane of a tile.
    pub blends: bool,
    /// Bytes of the shadings of all channels.
    pub shading_bytes: u64,
    /// Whether the planes of a stack are deconvolved as one volume.
    pub volumes: bool,
    /// Largest PSF over all channels; `None` when nothing is deconvolved.
    pub psf: Option<Zyx<u32>>,
    /// Output pixels around a core.
    pub halo: u32,
    /// The core's side that the user asked for, in output pixels.
    pub tile: Option<u32>,
    /// Side of a chunk, in output pixels.
    pub chunk: u32,
    /// Side of a shard that the user asked for, in output pixels.
    pub shard: Option<u32>,
    /// Type of the output.
    pub output: SampleType,
    /// Tiles that are deconvolved together.
    pub lanes: u32,
    /// Memory that the whole run may take, in bytes.
    pub memory_bytes: u64,
    /// Of the backend.
    pub limits: Limits,
    /// Whether the backend's volumes lie in the same memory as everything else.
    pub volumes_on_host: bool,
    /// Threads that read, decode and write.
    pub workers: Workers,
    /// How the input asks for the ranges of subblocks.
    pub merging: Merging,
    /// Bytes that decoding a field takes beside its samples.
    pub decoding_bytes: u64,
}

/// What to do with one scene.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// As the file counts scenes.
    pub scene: u32,
    /// Mosaic pixels that one output pixel averages along each axis.
    pub scale: u32,
    /// Shape of the output's level 0.
    pub shape: Tczyx<u64>,
    /// Of the output.
    pub sample: SampleType,
    /// Output channels.
    pub channels: Vec<OutputChannel>,
    /// Sizes of tiles and transforms.
    pub grid: Grid,
    /// Output pixels around a core.
    pub halo: u32,
    /// Side of a chunk of the output.
    pub chunk: u32,
    /// Side of a shard of the output.
    pub shard: u32,
    /// Tiles of one group.
    pub lanes: u32,
    /// Tiles in all.
    pub tiles: u64,
    /// In the order of work.
    pub batches: Vec<Batch>,
    /// Requests to the source, neighbours merged; those read again counted again.
    pub requests: u64,
    /// Bytes of these requests.
    pub read_bytes: u64,
    /// `read_bytes` over the stored bytes of the needed subblocks.
    pub amplification: f64,
    /// What is held at once.
    pub memory: Memory,
    /// Threads of the stages.
    pub workers: Workers,
}

impl Plan {
    /// Plans `scene`.
    ///
    /// # Errors
    /// `Limit` when no tile fits the backend or the memory, `Option` when the tile that was asked for does not.
    pub fn new(dataset: &Dataset, scene: &Scene, request: &Request) -> Result<Self> {
        let channels = output_channels(dataset);
        let mosaic = Rect::<Mosaic>::new(0, 0, scene.rect.width, scene.rect.height);
        let output = mosaic.to_output(request.scale);
        let planes = if request.volumes { dataset.slices } else { 1 };
        let grid_request = GridRequest {
            output,
            planes,
            psf: request.psf.unwrap_or(Zyx::new(1, 1, 1)),
            halo: request.halo,
            scale: request.scale,
            chunk: request.chunk,
            core: request.tile,
            lanes: request.lanes,
            otfs: if request.psf.is_some() { channels.len() as u32 } else { 0 },
            samples: channels.iter().map(|channel| channel.pixel_type.samples()).max().unwrap_or(1),
            limits: request.limits,
        };
        let grid = grid_request.choose()?;
        let shape = Tczyx::new(
            u64::from(dataset.times),
            channels.len() as u64,
            u64::from(dataset.slices),
            u64::from(output.height),
            u64::from(output.width),
        );
        let chunk = request.chunk;
        let shard = request.shard.unwrap_or_else(|| default_shard(&grid, output, chunk));
        let mut memory = Memory::fixed(request, &grid_request, &grid, shape, shard);
        let largest = scene.fields.iter().map(|field| field.decoded_bytes()).max().unwrap_or(0);
        let batch_bytes = memory.batch_bytes(request, largest)?;
        let budget = memory.budget_for_fields(request);

        let tiles = count_tiles(&grid, shape)?;
        let geometry =
            Geometry { scene, mosaic, output, scale: request.scale, planes, halo: request.halo, grid };
        let groups = geometry.groups(dataset, &channels, request.lanes);
        let residency = residency::schedule(scene, groups, budget, batch_bytes)?;
        memory.hold(&residency);

        let (requests, read_bytes) = cost_of(&residency.batches, scene, request.merging);
        let needed: u64 = scene.fields.iter().map(|field| field.extent).sum();
        Ok(Self {
            scene: scene.index,
            scale: request.scale,
            shape,
            sample: request.output,
            channels,
            grid,
            halo: request.halo,
            chunk,
            shard,
            lanes: request.lanes,
            tiles,
            requests,
            read_bytes,
            amplification: if needed == 0 { 1.0 } else { read_bytes as f64 / needed as f64 },
            memory,
            workers: request.workers,
            batches: residency.batches,
        })
    }
}

/// Tiles over all planes and channels, before a list of them is made.
fn count_tiles(grid: &Grid, shape: Tczyx<u64>) -> Result<u64> {
    let along = |length: u64, core: u32| u128::from(length.div_ceil(u64::from(core)));
    let cores = along(shape.y, grid.core.y) * along(shape.x, grid.core.x);
    let tiles = u128::from(shape.t) * u128::from(shape.c) * along(shape.z, grid.core.z) * cores;
    match u64::try_from(tiles) {
        Ok(tiles) if tiles <= MOST_TILES => Ok(tiles),
        _ => Err(Error::Limit {
            what: format!("tiles of {} for an output of {}", grid.core, Zyx::new(shape.z, shape.y, shape.x)),
            needed: format!("{tiles} over all times and channels"),
            available: format!("{MOST_TILES}; a larger --tile or --scale needs fewer"),
        }),
    }
}

/// Requests of all batches, and their bytes.
fn cost_of(batches: &[Batch], scene: &Scene, merging: Merging) -> (u64, u64) {
    let requests = batches.iter().flat_map(|batch| {
        let mut ranges: Vec<_> = batch.reads.iter().map(|&field| scene.fields[field].range()).collect();
        ranges.sort_by_key(|range| range.start);
        merge(&ranges, merging)
    });
    requests.fold((0, 0), |(count, bytes), request| (count + 1, bytes + request.length()))
}

/// A whole shard a tile where there are tiles, else at most about 2048 pixels; whole chunks, and even, so that the
/// next level can halve it.
fn default_shard(grid: &Grid, output: Rect<Output>, chunk: u32) -> u32 {
    let even_chunks = if chunk.is_multiple_of(2) { chunk } else { 2 * chunk };
    let side = if grid.is_tiled(output) {
        grid.core.x.max(grid.core.y)
    } else {
        output.width.max(output.height).min(2048)
    };
    side.next_multiple_of(even_chunks)
}

/// Where everything of a scene lies.
struct Geometry<'a> {
    scene: &'a Scene,
    mosaic: Rect<Mosaic>,
    output: Rect<Output>,
    scale: u32,
    planes: u32,
    halo: u32,
    grid: Grid,
}

impl Geometry<'_> {
    /// All tiles in the order of work: time, planes, channel of the file, then cores row by row, so that a field
    /// is released soon after it was read; the samples of a Bgr field are used while it is there.
    fn groups(&self, dataset: &Dataset, channels: &[OutputChannel], lanes: u32) -> Vec<Group> {
        let by_plane = self.layers_by_plane();
        let cores: Vec<_> = self.grid.cores(self.output).collect();
        let mut groups = Vec::new();
        let mut index = 0;
        for t in 0..dataset.times {
            for z in (0..dataset.slices).step_by(self.planes as usize) {
                for source in 0..dataset.channels.len() as u32 {
                    let parts: Vec<_> = (0..).zip(channels).filter(|(_, c)| c.source == source).collect();
                    let stack = self.stack(&by_plane, Plane { t, c: source, z });
                    for cores in cores.chunks(lanes as usize) {
                        let tiles: Vec<_> = cores.iter().map(|&core| self.tile(core, t, z, &stack)).collect();
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

    /// The layers of all planes of the tiles that start at `first`.
    fn stack(&self, by_plane: &BTreeMap<Plane, Vec<Layer>>, first: Plane) -> LayersByPlace {
        let layers = (0..self.planes)
            .flat_map(|plane| {
                let layers = by_plane.get(&Plane { z: first.z + plane, ..first });
                layers.into_iter().flatten().map(move |layer| Layer { plane, ..layer.clone() })
            })
            .collect();
        let cell = (self.grid.core.x * self.scale, self.grid.core.y * self.scale);
        LayersByPlace::new(layers, self.mosaic, cell)
    }

    fn tile(&self, core: Rect<Output>, t: u32, z: u32, stack: &LayersByPlace) -> Tile {
        let padded = core.grown(self.halo).intersect(self.output).expect("a core lies on the output");
        let under = padded.to_mosaic(self.scale, self.mosaic);
        let layers = stack.under(under);
        Tile { index: 0, t, channel: 0, sample: 0, z, planes: self.planes, core, padded, layers }
    }
}
