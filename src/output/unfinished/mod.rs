//! An output that is not complete: a hidden folder beside its place, and the record of what is finished in it.

mod difference;
mod folder;
mod record;

pub(super) use difference::difference;
pub(super) use folder::{PartialFolder, sweep_beside_complete};
pub use folder::{Target, hidden_folder};
pub(super) use record::Stored;
