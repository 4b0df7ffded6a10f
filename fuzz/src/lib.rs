//! What the fuzz targets share.

pub mod decoder;
pub mod whole_file;
