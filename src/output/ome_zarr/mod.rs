//! OME-Zarr 0.5 images with their pyramids, sharded and compressed; or 0.4.
//!
//! Zarr's own format is the work of the crate `zarrs`.

mod image;
mod metadata;
mod ome_xml;
mod output;
mod read;
#[cfg(test)]
mod tests;
mod version;

pub use image::ImageWriter;
pub use metadata::{ImageMetadata, OmeroChannel};
pub use output::OmeZarr;
pub use read::read_plane;
pub use version::Version;
