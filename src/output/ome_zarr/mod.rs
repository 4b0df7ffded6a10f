//! OME-Zarr 0.5 images with their pyramids, sharded and compressed; or 0.4.
//!
//! Zarr's own format is the work of the crate `zarrs`.

mod image;
mod metadata;
mod ome_xml;
mod output;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod version;

pub use output::OmeZarr;
pub use read::read_plane;
pub use settings::Settings;
pub use version::Version;
