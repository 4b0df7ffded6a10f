//! What a plan is asked for: data only.

use super::{Limits, Workers};
use crate::pixels::SampleType;
use crate::source::Merging;
use crate::space::Zyx;
use crate::stop::Stop;

/// What is asked for one scene.
#[derive(Clone, Debug)]
pub struct Request {
    /// Mosaic pixels that one output pixel averages along each axis.
    pub scale: u32,
    /// Whether overlaps are blended: the sum of the weights takes as much as the plane of a tile.
    pub blends: bool,
    /// Bytes of the shadings of all channels.
    pub shading_bytes: u64,
    /// Bytes of the PSFs of all channels.
    pub psf_bytes: u64,
    /// Whether the planes of a stack are deconvolved as one volume.
    pub volumes: bool,
    /// Largest PSF over all channels; `None` when nothing is deconvolved.
    pub psf: Option<Zyx<u32>>,
    /// Output pixels around a core.
    pub halo: u32,
    /// Planes above and below a core, where a stack is cut.
    pub halo_z: u32,
    /// The core's side that the user asked for, in output pixels.
    pub tile: Option<u32>,
    /// Side of a chunk, in output pixels.
    pub chunk: u32,
    /// Side of a shard that the user asked for, in output pixels.
    pub shard: Option<u32>,
    /// Type of the output.
    pub output: SampleType,
    /// Channels whose shards are encoded together.
    pub joined_channels: u32,
    /// Bytes that the output holds for each chunk of each level.
    pub bytes_per_chunk: u64,
    /// Tiles that are deconvolved together, at least.
    pub lanes: u32,
    /// Bytes that the volumes of a pair of tiles take for each voxel of the transform.
    pub pair_bytes_per_voxel: u64,
    /// The same of a tile that is alone and folded; `None` where none is.
    pub folded_bytes_per_voxel: Option<u64>,
    /// Bytes that a device keeps of each row of a pair.
    pub bytes_per_row: u64,
    /// Memory that the whole run may take, in bytes.
    pub memory_bytes: u64,
    /// Of the backend.
    pub limits: Limits,
    /// Whether the backend paints a field on its tiles as soon as it is decoded, where nothing else has to happen to it.
    pub paints_at_once: bool,
    /// Backends that share the groups.
    pub devices: u32,
    /// Whether the backend's volumes lie in the same memory as everything else.
    pub volumes_on_host: bool,
    /// Threads that read, decode and write.
    pub workers: Workers,
    /// How the input asks for the ranges of subblocks.
    pub merging: Merging,
    /// Bytes that decoding a field takes beside its samples.
    pub decoding_bytes: u64,
    /// Of each output channel, whether the store takes for granted what comes out where no field lies: then no tile is made
    /// there.
    pub takes_zeros_for_granted: Vec<bool>,
    /// Whether the user wants to end: planning a file of millions of tiles takes seconds.
    pub stop: Stop,
}
