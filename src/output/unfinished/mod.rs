//! An output that is not complete: a hidden folder beside its place, and the record of what is finished in it.

mod difference;
mod folder;
mod places;
mod record;
mod target;

pub(super) use folder::{PartialFolder, is_complete};
pub(super) use record::{InFile, Stored};
pub(super) use target::Rules;
pub use target::{Target, hidden_folder};
