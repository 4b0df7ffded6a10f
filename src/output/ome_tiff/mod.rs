//! OME-TIFF: a BigTIFF for each scene, in tiles, with the levels of its pyramid in SubIFDs.
//!
//! While an image is written its file holds a header and tiles, in the order in which they come; the record of the output
//! says where each shard's are. The directories follow at the end, and the header is told of them last. Tiles of which all
//! is zero are one, which is stored once.
//!
//! Sources: TIFF 6.0; the BigTIFF design, <http://bigtiff.org>; the OME-TIFF specification,
//! <https://docs.openmicroscopy.org/ome-model/6.2.2/ome-tiff/specification.html>.

mod codec;
mod directories;
mod file;
mod ifd;
mod image;
mod made_here;
mod names;
mod output;
mod settings;
mod shape;
mod table;
#[cfg(test)]
mod tests;
mod xml;

pub use output::OmeTiff;
pub use settings::{Compression, Settings};

pub(super) use names::{is_tiff_name, of_scenes as files_of_scenes};
