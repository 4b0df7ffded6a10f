//! How a plan was made, for whoever leaves out a part of it.

use super::at_once::BatchSizes;
use super::residency::Room;

/// How batches are made of groups.
#[derive(Clone, Copy, Debug)]
pub(super) enum Schedule {
    /// Each field is held until the last tile that needs it.
    Held(Room),
    /// Each field is painted as soon as it is decoded.
    AtOnce {
        /// Else in that of a walk over the mosaic.
        in_file_order: bool,
        sizes: BatchSizes,
    },
}
