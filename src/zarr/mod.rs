//! The output: OME-Zarr 0.5 images with their pyramids, sharded and compressed; or 0.4.
//!
//! Pixels flow from [`Pyramid`], which cuts finished blocks into shards of every level on one thread, to
//! [`ImageWriter`], which encodes and stores them on several. [`OmeZarr`] owns the folder: unseen until all is written.
//! Zarr's own format is the work of the crate `zarrs`; which pixels are computed is the plan's.

mod identity;
mod image;
mod layout;
mod metadata;
mod ome_xml;
mod output;
mod partial;
mod pyramid;
mod range;
mod read;
mod record;
mod sample;
mod stored;
#[cfg(test)]
mod tests;
mod version;

pub use image::ImageWriter;
pub use layout::{Encoding, ImageLayout, Level};
pub use metadata::{ImageMetadata, OmeroChannel};
pub use output::OmeZarr;
pub use partial::{Target, hidden_folder};
pub use pyramid::{Block, Pyramid, Shard};
pub use range::{ChannelRange, ShardRange};
pub use read::read_plane;
pub use version::Version;
