//! What to do, decided before anything is read or computed: tiles, batches, sizes, memory.
//!
//! Pure: no I/O, no GPU. A plan can be printed (`decon-gpu plan`) and compared in tests. The stages decide nothing.

mod at_once;
mod channels;
mod cost;
mod deciding;
mod fft_size;
mod geometry;
mod grid;
mod levels;
mod many_planes;
mod memory;
mod request;
mod residency;
mod schedule;
mod shares;
mod under;

#[cfg(test)]
pub(crate) mod tests;

use serde::Serialize;

pub use crate::tile::{Bare, Batch, Group, Layer, Tile, fields_of};
use at_once::{BatchSizes, MOST_LAYERS, Order};
pub use channels::{OutputChannel, are_colors, are_rgb_pixels, channels_of, output_channels, widest_type};
use cost::{Cost, cost_of};
pub use deciding::{Deciding, Reads};
pub use fft_size::fast_length;
use geometry::{Geometry, Walk};
pub use grid::{Grid, GridRequest, Limits};
pub use levels::{Level, choose_level};
pub use memory::{Depths, Memory, Workers, pyramid_bytes, upload_places};
pub use request::Request;
use residency::Room;
use schedule::Schedule;
pub use shares::Shares;

use crate::dataset::{Dataset, Scene, Subblock};
use crate::error::{Error, Result};
use crate::pixels::SampleType;
use crate::source::Merging;
use crate::space::{Mosaic, Output, Rect, Tczyx, Zyx};
use crate::stop::Stop;

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
    /// Planes above and below a core, where a stack is cut.
    pub halo_z: u32,
    /// Side of a chunk of the output.
    pub chunk: u32,
    /// Side of a shard of the output.
    pub shard: u32,
    /// Times that a shard of the output holds.
    pub shard_times: u32,
    /// Slices that a shard of the output holds.
    pub shard_slices: u32,
    /// Tiles of one group.
    pub lanes: u32,
    /// Tiles in all.
    pub tiles: u64,
    /// In the order of work.
    pub batches: Vec<Batch>,
    /// Where there are no tiles.
    #[serde(skip)]
    pub bare: Vec<Bare>,
    /// Requests to the source, neighbours merged; those read again counted again.
    pub requests: u64,
    /// Bytes of these requests.
    pub read_bytes: u64,
    /// Fields that are read again because memory is short, once for each time.
    pub read_again: u64,
    /// `read_bytes` over the stored bytes of the needed subblocks.
    pub amplification: f64,
    /// What is read besides to decide how many iterations there are; `None` where that is known.
    pub deciding: Option<Deciding>,
    /// What is held at once.
    pub memory: Memory,
    /// Threads of the stages.
    pub workers: Workers,
    /// How the batches were made.
    #[serde(skip)]
    schedule: Schedule,
}

impl Plan {
    /// Plans `scene`.
    ///
    /// # Errors
    /// `Limit` when no tile fits the backend or the memory, `Option` when the tile that was asked for does not.
    pub fn new(dataset: &Dataset, scene: &Scene, request: &Request) -> Result<Self> {
        let draft = Draft::new(dataset, scene, request);
        draft.painted_at_once().map_or_else(|| draft.held(), Ok)
    }

    /// Leaves out what is done already: groups none of whose tiles is wanted, and the reads for them. A group stays
    /// whole, as its tiles share transforms, and so the last bits of their pixels.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn keep(&mut self, scene: &Scene, merging: Merging, is_wanted: impl Fn(&Tile) -> bool) -> Result<()> {
        // Who finished something had decided.
        self.deciding = None;
        let groups = std::mem::take(&mut self.batches).into_iter().flat_map(|batch| batch.groups);
        let groups: Vec<_> = groups
            .filter(|group| group.tiles.iter().any(&is_wanted))
            .map(|group| Group { releases: Vec::new(), ..group })
            .collect();
        self.tiles = groups.iter().map(|group| group.tiles.len() as u64).sum();
        if groups.is_empty() {
            return Ok(());
        }
        self.batches = match self.schedule {
            Schedule::Held(room) => {
                let residency = residency::schedule(scene, groups, room, &Stop::default())?;
                self.memory.hold(&residency);
                residency.batches
            }
            Schedule::AtOnce { in_file_order, sizes } => {
                let mut tiles: Vec<Tile> = groups.into_iter().flat_map(|group| group.tiles).collect();
                tiles.sort_by_key(|tile| (tile.t, tile.z, tile.channel, tile.core.y, tile.core.x));
                let of = if in_file_order { Order::of_file } else { Order::of_walk };
                of(scene, &tiles, sizes).into_batches()
            }
        };
        let cost = cost_of(&self.batches, scene, merging);
        let Cost { requests, read_bytes, read_again, amplification } = cost;
        (self.requests, self.read_bytes) = (requests, read_bytes);
        (self.read_again, self.amplification) = (read_again, amplification);
        Ok(())
    }

    /// Whether each three output channels are the colours of the same pixels.
    pub fn is_rgb(&self) -> bool {
        are_rgb_pixels(&self.channels)
    }

    /// Whether each field is painted on its tiles as soon as it is decoded, and none is held.
    pub fn is_painted_at_once(&self) -> bool {
        self.batches.iter().any(|batch| !batch.paints.is_empty())
    }
}

/// What is known of a plan before its tiles are.
struct Draft<'a> {
    scene: &'a Scene,
    request: &'a Request,
    channels: Vec<OutputChannel>,
    mosaic: Rect<Mosaic>,
    output: Rect<Output>,
    shape: Tczyx<u64>,
}

impl<'a> Draft<'a> {
    fn new(dataset: &Dataset, scene: &'a Scene, request: &'a Request) -> Self {
        let channels = channels_of(dataset, scene);
        let mosaic = Rect::<Mosaic>::new(0, 0, scene.rect.width, scene.rect.height);
        let output = mosaic.to_output(request.scale);
        let shape = Tczyx::new(
            u64::from(scene.times),
            channels.len() as u64,
            u64::from(scene.slices),
            u64::from(output.height),
            u64::from(output.width),
        );
        Self { scene, request, channels, mosaic, output, shape }
    }

    /// The plan that holds no field, where the backend can do without, nothing is averaged or converted (floats are looked
    /// through for undefined values), and the tiles that wait for fields fit the memory: in file order, else in the order
    /// of a walk over the mosaic.
    fn painted_at_once(&self) -> Option<Plan> {
        let Self { scene, request, .. } = self;
        let is_same = |field: &Subblock| field.pixel_type.sample_type() == request.output;
        let is_converted = request.scale > 1 || request.output == SampleType::F32;
        if !request.paints_at_once || is_converted || !scene.fields.iter().all(is_same) {
            return None;
        }
        let grid = Grid::painted_at_once(self.output, request.tile);
        // Large tiles may be few enough.
        let (geometry, lists) = self.count(grid, 1).ok()?;
        let Walk { groups, bare } = geometry.groups(&self.channels, 1, &request.stop).ok()?;
        let tiles: Vec<Tile> = groups.into_iter().flat_map(|group| group.tiles).collect();
        if tiles.iter().any(|tile| tile.layers.len() > MOST_LAYERS) {
            return None;
        }
        let sizes = BatchSizes { most: request.merging.most, loaders: request.workers.loaders };
        for in_file_order in [true, false] {
            let of = if in_file_order { Order::of_file } else { Order::of_walk };
            let order = of(scene, &tiles, sizes);
            for shard in self.shards(request.tile.unwrap_or_else(|| self.large_shard())) {
                let mut memory = Memory::painted_at_once(request, scene, &order, self.shape, shard);
                memory.pyramid += many_planes::waiting_bytes(self.shape, request);
                memory.lists = lists;
                if memory.host() <= request.memory_bytes {
                    let plan = self.plan(grid, shard, memory, order.into_batches());
                    return Some(Plan { schedule: Schedule::AtOnce { in_file_order, sizes }, bare, ..plan });
                }
            }
        }
        None
    }

    /// The plan that holds each field until the last tile that needs it is stitched. It is made again with less memory for
    /// volumes where they leave too little for fields; on the processor, from which it all comes, at least a half is theirs.
    fn held(&self) -> Result<Plan> {
        let Request { limits, volumes_on_host, .. } = self.request;
        if *volumes_on_host {
            let mut tried: Vec<Result<Plan>> = Vec::new();
            for eighths in [7, 6, 5, 4] {
                let share = limits.memory_bytes / 8 * eighths;
                // It would be the same plan again.
                if matches!(tried.last(), Some(Ok(plan)) if plan.memory.volumes <= share) {
                    continue;
                }
                let plan = self.held_within(share);
                if plan.as_ref().is_ok_and(|plan| plan.read_again == 0) {
                    return plan;
                }
                tried.push(plan);
            }
            // With the most memory for fields, or why not even the most for volumes was enough.
            let best = tried.iter().rposition(Result::is_ok).unwrap_or(0);
            return tried.swap_remove(best);
        }
        let mut shares = (0..4).map(|halvings| self.held_within(limits.memory_bytes >> halvings));
        let plan = shares.find(|plan| !matches!(plan, Err(Error::Limit { .. })));
        plan.unwrap_or_else(|| self.held_within(limits.memory_bytes))
    }

    /// As [`Self::held`], with volumes of up to `volumes_bytes` in all.
    fn held_within(&self, volumes_bytes: u64) -> Result<Plan> {
        let Self { scene, request, channels, output, shape, .. } = self;
        let planes = if request.volumes { scene.slices } else { 1 };
        let mut grid_request = GridRequest {
            output: *output,
            planes,
            psf: request.psf.unwrap_or(Zyx::new(1, 1, 1)),
            halo: request.halo,
            halo_z: request.halo_z,
            scale: request.scale,
            chunk: request.chunk,
            core: request.tile,
            lanes: request.lanes,
            otfs: if request.psf.is_some() { channels.len() as u32 } else { 0 },
            pair_bytes_per_voxel: request.pair_bytes_per_voxel,
            folded_bytes_per_voxel: request.folded_bytes_per_voxel,
            bytes_per_row: request.bytes_per_row,
            samples: channels.iter().map(|channel| channel.pixel_type.samples()).max().unwrap_or(1),
            limits: Limits { memory_bytes: volumes_bytes, ..request.limits },
        };
        let grid = grid_request.choose()?;
        grid_request.lanes = grid_request.lanes_on(&grid);
        let best = if grid.is_tiled(*output) { grid.core.x.max(grid.core.y) } else { self.large_shard() };
        let (geometry, lists) = self.count(grid, grid_request.lanes)?;
        let fixed = |shard| {
            let memory = Memory::fixed(request, &grid_request, &grid, *shape, shard);
            let pyramid = memory.pyramid + many_planes::waiting_bytes(*shape, request);
            (shard, Memory { pyramid, lists, ..memory })
        };
        let mut sizes: Vec<_> = self.shards(best).into_iter().map(fixed).collect();
        // Of what the volumes leave, half is for the fields; the smallest where nothing leaves it.
        let volumes = if request.volumes_on_host { grid_request.volume_bytes(&grid) } else { 0 };
        let left = request.memory_bytes.saturating_sub(volumes);
        let roomy = sizes.iter().position(|(_, memory)| memory.host() - volumes <= left / 2);
        let (shard, mut memory) = sizes.swap_remove(roomy.unwrap_or(sizes.len() - 1));
        let largest = scene.fields.iter().map(|field| field.decoded_bytes()).max().unwrap_or(0);
        let batch_bytes = memory.batch_bytes(request, largest)?;
        let room = memory.room_for_fields(request, largest, batch_bytes);

        let lanes = grid_request.lanes;
        let Walk { groups, bare } = geometry.groups(channels, lanes, &request.stop)?;
        let residency = residency::schedule(scene, groups, room, &request.stop)?;
        memory.hold(&residency);
        memory.carry(request, &residency);
        let schedule = Schedule::Held(room);
        Ok(Plan { schedule, bare, lanes, ..self.plan(grid, shard, memory, residency.batches) })
    }

    /// Sides that shards may have, `best` first; whole chunks, and even, so that the next level can halve it. Smaller ones
    /// take less memory while they wait.
    fn shards(&self, best: u32) -> Vec<u32> {
        let Request { chunk, shard, .. } = *self.request;
        if let Some(shard) = shard {
            return vec![shard];
        }
        let even_chunks = if chunk.is_multiple_of(2) { chunk } else { 2 * chunk };
        let halves = std::iter::successors(Some(best), |side| Some(side / 2)).take_while(|&side| side > 0);
        let mut sides: Vec<u32> = halves.map(|side| side.next_multiple_of(even_chunks)).collect();
        sides.dedup();
        sides
    }

    /// The side of the output, at most about 2048 pixels.
    fn large_shard(&self) -> u32 {
        self.output.width.max(self.output.height).min(2048)
    }

    /// Where everything lies on `grid`, if there are few enough tiles and layers to make a list of them; and what the lists
    /// take, with `lanes` tiles in a group.
    fn count(&self, grid: Grid, lanes: u32) -> Result<(Geometry<'a>, u64)> {
        let Request { memory_bytes, takes_zeros_for_granted, .. } = self.request;
        let all = grid.check_count(self.shape, *memory_bytes)?;
        let geometry = self.geometry(grid);
        let layers = geometry.count_layers(&self.channels);
        grid.check_layers(layers, *memory_bytes)?;
        // Where a group has none, no tile is made.
        let has_bare = !takes_zeros_for_granted.iter().all(|takes| *takes);
        let tiles = if has_bare { all } else { all.min(layers.saturating_mul(lanes.into())) };
        Ok((geometry, grid::list_bytes(self.scene.fields.len() as u64, tiles, layers)))
    }

    fn geometry(&self, grid: Grid) -> Geometry<'a> {
        let Self { scene, mosaic, output, .. } = *self;
        let Request { scale, halo, halo_z, .. } = *self.request;
        let takes_zeros_for_granted = &self.request.takes_zeros_for_granted;
        Geometry { scene, mosaic, output, scale, halo, halo_z, grid, takes_zeros_for_granted }
    }

    fn plan(&self, grid: Grid, shard: u32, memory: Memory, batches: Vec<Batch>) -> Plan {
        let Self { scene, request, .. } = self;
        let cost = cost_of(&batches, scene, request.merging);
        let tiles = batches.iter().flat_map(|batch| &batch.groups).map(|group| group.tiles.len() as u64);
        let (shard_times, shard_slices) = many_planes::planes_per_shard(self.shape, request);
        Plan {
            shard_times,
            shard_slices,
            scene: scene.index,
            scale: request.scale,
            shape: self.shape,
            sample: request.output,
            channels: self.channels.clone(),
            grid,
            halo: request.halo,
            halo_z: request.halo_z,
            chunk: request.chunk,
            shard,
            lanes: request.lanes,
            tiles: tiles.sum(),
            requests: cost.requests,
            read_bytes: cost.read_bytes,
            read_again: cost.read_again,
            amplification: cost.amplification,
            deciding: None,
            memory,
            workers: request.workers,
            schedule: Schedule::Held(Room::default()),
            batches,
            bare: Vec::new(),
        }
    }
}
