//! How many bytes a run holds at once, part by part. The parts are the reasons for the channels' depths.

use serde::Serialize;

use crate::dataset::Scene;
use crate::error::{Error, Result};
use crate::pixels::SampleType;
use crate::plan::at_once::Order;
use crate::plan::grid::{Grid, GridRequest};
use crate::plan::residency::{Residency, Room};
use crate::plan::{Request, Tczyx, Zyx};
use crate::source::Merging;

/// Threads of the stages, and how many items lie between them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Workers {
    /// Threads that read.
    pub readers: u32,
    /// Threads that decode.
    pub decoders: u32,
    /// Threads that read, decode and paint, where no field is held.
    pub loaders: u32,
    /// Threads that compress and write.
    pub writers: u32,
    /// Between the stages.
    pub depths: Depths,
}

/// Items that wait behind each stage, at most. They change how much memory a run takes and how long it lasts, and no
/// pixel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Depths {
    /// Batches behind the readers.
    pub read: usize,
    /// Batches that are decoded.
    pub decode: usize,
    /// Tiles that are finished.
    pub tile: usize,
    /// Shards that wait to be compressed, and that are stored.
    pub shard: usize,
}

impl Default for Depths {
    fn default() -> Self {
        Self {
            // One is enough: decoding takes longer than reading.
            read: 1,
            // Two, so that compute never waits for the last field of a batch.
            decode: 2,
            // Two, one for each half of a pair.
            tile: 2,
            // Two, so that no writer waits for the thread that cuts them.
            shard: 2,
        }
    }
}

impl Depths {
    /// Batches that wait painted: those that would wait decoded, and one whose tiles are handed on.
    fn painted(self) -> usize {
        self.decode + 1
    }
}

impl Workers {
    /// Parts that wait for one of several devices: the fields of its next group, the group, and those of the one after.
    pub const DEVICE_DEPTH: usize = 3;

    /// Batches from the first that is being read to the last whose tiles are not cut into shards yet, at most (a pool
    /// holds workers + depth + 2, and the stage behind it one).
    pub(super) fn batches_ahead(self) -> usize {
        self.loaders as usize + self.depths.painted() + 2 + 1
    }

    /// Batches between the file and the compute stage, at most (a pool holds workers + depth + 2), and on their way to each
    /// of several devices.
    fn batches_in_flight(self, devices: u32) -> u64 {
        let pools = [(self.readers, self.depths.read), (self.decoders, self.depths.decode)];
        let pools = pools.iter().map(|&(workers, depth)| u64::from(workers) + depth as u64 + 2).sum::<u64>();
        pools + Self::behind_devices(devices, Self::DEVICE_DEPTH as u64 + 1)
    }

    /// `each` for every one of several devices; one alone keeps nothing waiting.
    fn behind_devices(devices: u32, each: u64) -> u64 {
        if devices > 1 { u64::from(devices) * each } else { 0 }
    }
}

/// Bytes held at once, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// Decoded fields that wait for the last tile that needs them.
    pub fields: u64,
    /// Number of these fields.
    pub field_slots: u32,
    /// Tiles that wait for fields, or to be cut into shards, where no field is held.
    pub tiles: u64,
    /// Batches on their way from the file to the compute stage, and what decoding them takes.
    pub in_flight: u64,
    /// The backend's volumes: observed, weight, estimate, the estimate before, spectrum, OTFs.
    pub volumes: u64,
    /// One plane of a tile before it is downsampled, and the weights of what is blended there.
    pub plane: u64,
    /// Dark counts and gain of every pixel of a field, for each channel that has them; on a device and beside it.
    pub shading: u64,
    /// On a device, beside these: tables of the transforms, what is known of each row, and a packed core.
    pub beside: u64,
    /// Finished tiles and shards on their way to the disk.
    pub finished: u64,
    /// Shards of all levels that are not complete yet, and what the display ranges are found by.
    pub pyramid: u64,
    /// Lists of the scene's subblocks and tiles.
    pub lists: u64,
    /// The PSFs of all channels as they were read or computed.
    pub psfs: u64,
    /// Devices that take [`Self::device`] each; 0 when the backend is the processor.
    pub devices: u32,
    /// Whether volumes, plane and fields lie on the device and not in the computer's memory.
    pub on_device: bool,
}

/// A counter for each value of 16 bits.
const HISTOGRAM_BYTES: u64 = 4 << 16;

/// Decoded bytes of a batch that keep one request large and the memory in flight small (16 MiB: two fields of
/// 2048² pixels with 16 bits).
const BATCH_BYTES: u64 = 16 << 20;

/// The most bytes of shards of `shard` px a side that wait for the rest of their row of tiles, on all levels of a plane
/// `width` px wide: one row of shards on level 0, half as wide and half as many on each level above, so at most twice
/// the first.
pub fn pyramid_bytes(width: u64, shard: u32, sample: SampleType) -> u64 {
    let shard = u64::from(shard);
    2 * width.next_multiple_of(shard) * shard * sample.bytes() as u64
}

impl Memory {
    /// The parts that do not depend on the schedule.
    pub(super) fn fixed(
        request: &Request,
        grids: &GridRequest,
        grid: &Grid,
        shape: Tczyx<u64>,
        shard: u32,
    ) -> Self {
        let sample_bytes = request.output.bytes() as u64;
        let tile_bytes = grid.core.count() as u64 * sample_bytes;
        let shard_bytes = u64::from(shard) * u64::from(shard) * sample_bytes;
        let lanes = u64::from(grids.lanes);
        // Of each of several devices also its places for read-back, and the groups that wait for another's tiles.
        let waiting =
            Workers::behind_devices(request.devices, (Workers::DEVICE_DEPTH as u64 + 2) * lanes + 1);
        let tiles = request.workers.depths.tile as u64 + lanes + 2 + waiting;
        let shards = request.workers.depths.shard as u64 + u64::from(request.workers.writers) + 2;
        // Each plane and sample that the tiles of a row make at once.
        let planes = u64::from(grid.core.z) * u64::from(grids.samples);
        // A device's plane is as large as a transform.
        let Zyx { y, x, .. } = if request.volumes_on_host { grid.padded } else { grid.fft };
        let plane_pixels = u64::from(x) * u64::from(y) * u64::from(request.scale).pow(2);
        let plane_bytes = if request.volumes_on_host {
            plane_pixels * 4
        } else {
            (plane_pixels * 4).min(request.limits.plane_bytes)
        };
        Self {
            volumes: grids.volume_bytes(grid),
            plane: plane_bytes * if request.blends { 2 } else { 1 },
            beside: if request.volumes_on_host { 0 } else { beside(grids, grid, tile_bytes) },
            shading: request.shading_bytes,
            psfs: request.psf_bytes,
            finished: tiles * tile_bytes
                + encoded_bytes(request, shards * shard_bytes, lanes * tile_bytes.max(shard_bytes)),
            pyramid: planes * pyramid_bytes(shape.x, shard, request.output)
                + histograms(shape)
                + chunk_table_bytes(request, shape),
            devices: if request.volumes_on_host { 0 } else { request.devices },
            on_device: !request.volumes_on_host,
            ..Self::default()
        }
    }

    /// What is held where fields are painted in `order`.
    pub(super) fn painted_at_once(
        request: &Request,
        scene: &Scene,
        order: &Order<'_>,
        shape: Tczyx<u64>,
        shard: u32,
    ) -> Self {
        let Workers { loaders, writers, .. } = request.workers;
        let sample_bytes = request.output.bytes() as u64;
        let largest = scene.fields.iter().map(|field| field.decoded_bytes()).max().unwrap_or(0);
        let shard_bytes = u64::from(shard) * u64::from(shard) * sample_bytes;
        let shards = request.workers.depths.shard as u64 + u64::from(writers) + 2;
        let largest_tile = order.largest_tile_px() * sample_bytes;
        Self {
            // Of each batch what is stored, and the field that is being decoded, which takes as much again meanwhile.
            in_flight: u64::from(loaders) * (order.largest_batch() + 2 * largest + request.decoding_bytes),
            tiles: order.most_open_px(request.workers.batches_ahead()) * sample_bytes,
            finished: encoded_bytes(request, shards * shard_bytes, shard_bytes.max(largest_tile)),
            // A level has half as many pixels along each side; its smallest shards wait longer.
            pyramid: order.most_open_shards(shard) * shard_bytes * 2
                + histograms(shape)
                + chunk_table_bytes(request, shape),
            ..Self::default()
        }
    }

    /// Decoded bytes of a batch.
    ///
    /// # Errors
    /// `Limit` when the fixed parts alone pass the budget.
    pub(super) fn batch_bytes(&mut self, request: &Request, largest_field: u64) -> Result<u64> {
        let batches = request.workers.batches_in_flight(request.devices);
        let decoding = u64::from(request.workers.decoders) * request.decoding_bytes;
        let left = request.memory_bytes.saturating_sub(self.host()).saturating_sub(decoding);
        let batch = BATCH_BYTES.min(left / 4 / batches).max(largest_field);
        self.in_flight = batches * batch + decoding;
        if self.host() > request.memory_bytes {
            return Err(Error::Limit {
                what: "memory (--memory) before the first field is held".into(),
                needed: format!("{} MiB", self.host().div_ceil(1 << 20)),
                available: format!("{} MiB", request.memory_bytes >> 20),
            });
        }
        Ok(batch)
    }

    /// What is left for fields of up to `largest` bytes, on the device or in the computer's memory.
    pub(super) fn room_for_fields(&self, request: &Request, largest: u64, batch_bytes: u64) -> Room {
        let request_bytes = match request.merging {
            Merging::NONE => u64::MAX,
            merging => merging.most,
        };
        if !self.on_device {
            let budget = request.memory_bytes.saturating_sub(self.host());
            return Room { budget, batch_bytes, request_bytes, place_bytes: None };
        }
        let place = place_bytes(largest);
        let taken = self.volumes + self.plane + self.shading + self.beside;
        let on_their_way = u64::from(upload_places(largest, u32::MAX)) * place;
        let budget = request.limits.memory_bytes.saturating_sub(taken + on_their_way);
        Room { budget, batch_bytes, request_bytes, place_bytes: Some(place) }
    }

    pub(super) fn hold(&mut self, residency: &Residency) {
        self.fields = residency.peak_bytes;
        self.field_slots = residency.peak_fields;
    }

    /// The schedule's batches may be smaller than they could be.
    pub(super) fn carry(&mut self, request: &Request, residency: &Residency) {
        let Workers { decoders, .. } = request.workers;
        let batches = request.workers.batches_in_flight(request.devices);
        let decoding = u64::from(decoders) * (residency.largest_batch + request.decoding_bytes);
        self.in_flight = self.in_flight.min(batches * residency.largest_batch + decoding);
    }

    /// Bytes in the computer's memory.
    pub fn host(&self) -> u64 {
        let held = self.lists + self.psfs + self.shading;
        let beside_volumes = self.in_flight + self.tiles + self.finished + self.pyramid + held;
        // Drivers choose where a field lies that is on its way.
        if self.on_device {
            beside_volumes + self.uploads() * u64::from(self.devices)
        } else {
            beside_volumes + self.device_parts()
        }
    }

    /// Bytes on the device; 0 when the backend is the processor.
    pub fn device(&self) -> u64 {
        if self.on_device { self.device_parts() + self.shading + self.beside + self.uploads() } else { 0 }
    }

    /// Fields on their way to a device, whose places are as large as those there.
    fn uploads(&self) -> u64 {
        match self.field_slots {
            0 => 0,
            slots => {
                let place = self.fields / u64::from(slots);
                place * u64::from(upload_places(place, slots))
            }
        }
    }

    fn device_parts(&self) -> u64 {
        self.fields + self.volumes + self.plane
    }
}

/// What shards of `shards_bytes` in all take while they are encoded; and where those of several channels are encoded
/// together, what waits of the others: what tiles of one channel that come together, of `tiles_bytes`, make complete on all
/// levels.
fn encoded_bytes(request: &Request, shards_bytes: u64, tiles_bytes: u64) -> u64 {
    let joined = u64::from(request.joined_channels);
    2 * joined * shards_bytes + 2 * (joined - 1) * tiles_bytes
}

/// What the output holds for the chunks of all levels.
fn chunk_table_bytes(request: &Request, Tczyx { t, c, z, y, x }: Tczyx<u64>) -> u64 {
    let chunk = u64::from(request.chunk);
    let sides = std::iter::successors(Some((y, x)), |&(y, x)| Some((y.div_ceil(2), x.div_ceil(2))));
    let sides = sides.take_while(|&(y, x)| y.max(x) > chunk);
    // One more for the smallest level.
    let chunks = 1 + sides.map(|(y, x)| y.div_ceil(chunk) * x.div_ceil(chunk)).sum::<u64>();
    t * c.div_ceil(u64::from(request.joined_channels)) * z * chunks * request.bytes_per_chunk
}

/// Of each channel, and of the shard that is looked at.
fn histograms(shape: Tczyx<u64>) -> u64 {
    (shape.c + 1) * HISTOGRAM_BYTES
}

/// Fields of `field_bytes` that are on their way to a device at once: those of a group, so that they can be sent while the
/// group before it is computed, but not much memory; at least one that is filled, one that is copied, and one that waits.
pub fn upload_places(field_bytes: u64, field_slots: u32) -> u32 {
    const BYTES: u64 = 64 << 20;
    ((BYTES / field_bytes.max(1)).clamp(3, 8) as u32).min(field_slots)
}

/// Bytes of a field's place on a device: copies move whole words.
fn place_bytes(largest: u64) -> u64 {
    largest.next_multiple_of(4).max(4)
}

/// Bytes of the small buffers of a device: a factor for each index of each axis, what is known of each row of each pair, and
/// one core on its way out, behind what was clamped in it.
fn beside(grids: &GridRequest, grid: &Grid, tile_bytes: u64) -> u64 {
    let Zyx { z, y, x } = grid.fft.map(u64::from);
    let packed = (12 + tile_bytes).next_multiple_of(4);
    if grids.psf.count() > 1 {
        (z + y + x) * 8 + u64::from(grids.lanes.div_ceil(2)) * z * y * grids.bytes_per_row + packed
    } else {
        packed
    }
}
