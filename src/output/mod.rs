//! The output: images with their pyramids, hidden until all is written.
//!
//! Pixels flow from [`Pyramid`], which cuts finished blocks into shards of every level on one thread, to an [`ImageSink`],
//! which encodes and stores them on several. An [`Output`] owns these: unseen until all is written. How an image is cut, its
//! levels and display ranges, and what an interrupted run left are of no format; [`Format`] says which there are.
//! Which pixels are computed is the plan's.

mod format;
mod layout;
mod metadata;
mod null;
mod ome_tiff;
mod ome_xml;
mod ome_zarr;
mod progress;
mod pyramid;
mod range;
mod sample;
mod sink;
mod stored;
#[cfg(test)]
mod testing;
mod unfinished;

pub use format::{Format, Kind, Needs};
pub use layout::{Cut, ImageLayout, Level};
pub use metadata::{ChannelMetadata, ImageMetadata};
pub use null::Null;
pub use ome_tiff::{Compression as TiffCompression, OmeTiff, Settings as OmeTiffSettings};
pub use ome_zarr::{OmeZarr, Settings as OmeZarrSettings, Version, read_plane};
pub use progress::{Progress, ShardKey};
pub use pyramid::{Block, Pyramid, Shard};
pub use range::{ChannelRange, ShardRange};
pub use sink::{ImageSink, Output};
pub use unfinished::{Target, hidden_folder};
