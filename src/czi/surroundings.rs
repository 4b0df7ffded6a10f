//! What of a file is known when its entries are put in order.

use std::path::Path;

/// The file around the entries.
pub(super) struct Surroundings<'a> {
    /// For messages.
    pub path: &'a Path,
    /// Bytes of the file.
    pub size: u64,
    /// Of the files that a CZI was split over, which one this is.
    pub part: i32,
    /// Where segments start, in order.
    pub landmarks: Vec<u64>,
}
