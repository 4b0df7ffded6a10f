//! The files that a command writes on its user's word. None may be what it reads, or what it writes otherwise; and each
//! appears whole, in the place of what was there.
//!
//! [`Footprint`] is the one rule, asked before anything is read; [`write_whole`] is the one way to write a file.

mod footprint;
mod kind;
mod place;
#[cfg(test)]
mod tests;
mod whole;

pub use footprint::Footprint;
pub use kind::{IsKind, is_json, is_page, is_picture};
pub use place::{FileId, parent, resolved};
pub use whole::{flush_folder, write_whole};
