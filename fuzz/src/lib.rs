//! What the fuzz targets share.

pub mod decoder;
pub mod flags;
pub mod made;
pub mod ngff;
pub mod text;
pub mod tiff;
pub mod whole_file;
