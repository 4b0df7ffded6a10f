//! The indices that a file has in one dimension.

use std::path::Path;

use super::directory::Entry;
use crate::error::{Error, Result};

/// More indices in one dimension than any file has: a broken entry must not make a list of 2³¹ channels.
const MAX_SPAN: [(char, u32); 3] = [('T', 1 << 24), ('C', 1 << 10), ('Z', 1 << 24)];

/// The file's own numbers of one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Lowest index.
    pub first: i32,
    /// From the lowest to the highest.
    pub count: u32,
}

/// The indices that entries have in a kept dimension; one without the dimension counts as 0.
pub(super) fn span<'a>(
    letter: char,
    entries: impl IntoIterator<Item = &'a Entry>,
    path: &Path,
) -> Result<Span> {
    let indices = entries.into_iter().map(|entry| entry.index(letter).unwrap_or(0));
    let (first, last) = indices.fold((i32::MAX, i32::MIN), |(low, high), i| (low.min(i), high.max(i)));
    let count = i64::from(last) - i64::from(first) + 1;
    let allowed = MAX_SPAN.iter().find(|(name, _)| *name == letter).map_or(u32::MAX, |&(_, most)| most);
    match u32::try_from(count) {
        Ok(count) if count <= allowed => Ok(Span { first, count }),
        _ => Err(Error::format(path, format!("dimension {letter} runs from {first} to {last}"), None)),
    }
}
