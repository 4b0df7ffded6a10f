//! The output: images with their pyramids, in a hidden folder until all is written.
//!
//! Pixels flow from [`Pyramid`], which cuts finished blocks into shards of every level on one thread, to
//! [`ImageWriter`], which encodes and stores them on several. [`OmeZarr`] owns the folder: unseen until all is written.
//! How an image is cut, its levels and display ranges, and what an interrupted run left are of no format; `ome_zarr` is
//! one. Which pixels are computed is the plan's.

mod layout;
mod ome_zarr;
mod pyramid;
mod range;
mod sample;
mod stored;
mod unfinished;

pub use layout::{Encoding, ImageLayout, Level};
pub use ome_zarr::{ImageMetadata, ImageWriter, OmeZarr, OmeroChannel, Version, read_plane};
pub use pyramid::{Block, Pyramid, Shard};
pub use range::{ChannelRange, ShardRange};
pub use unfinished::{Target, hidden_folder};
