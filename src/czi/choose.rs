//! Which of the directory's entries are asked for: one index in each dimension that is selected, or that a data set does not
//! keep.

use std::collections::{BTreeMap, BTreeSet};

use super::directory::Entry;
use crate::error::{Error, Result};

/// Dimensions that a dataset keeps; any other is fixed at one index.
const KEPT: [char; 4] = ['S', 'T', 'C', 'Z'];

/// Leaves one index in each dimension that is selected, or that a dataset does not keep.
///
/// # Errors
/// `Option` for an index that is not there.
pub(super) fn choose<'a>(
    entries: &'a [Entry],
    select: &BTreeMap<char, i32>,
    notes: &mut Vec<String>,
) -> Result<Vec<&'a Entry>> {
    let mut chosen: Vec<&Entry> = entries.iter().collect();
    for (letter, &index) in select {
        let letter = letter.to_ascii_uppercase();
        let present: BTreeSet<i32> = chosen.iter().filter_map(|entry| entry.index(letter)).collect();
        if !present.contains(&index) {
            let reason = match (present.first(), present.last()) {
                (Some(first), Some(last)) => {
                    format!("dimension {letter} has no index {index}: it runs from {first} to {last}")
                }
                _ => format!("the file has no dimension {letter} to select from"),
            };
            return Err(Error::option("--select", reason));
        }
        keep(letter, index, &mut chosen);
    }
    let letters: BTreeSet<char> = chosen.iter().flat_map(|entry| &entry.indices).map(|i| i.0).collect();
    for letter in letters.into_iter().filter(|letter| !KEPT.contains(letter)) {
        let present = indices_of(letter, &chosen);
        let mut present_in_order = present.iter();
        let Some(&first) = present_in_order.next() else { continue };
        if let Some(second) = present_in_order.next() {
            let count = present.len();
            notes.push(format!(
                "dimension {letter} has {count} values: taking {letter}={first}; --select {letter}={second} takes another"
            ));
        }
        keep(letter, first, &mut chosen);
    }
    Ok(chosen)
}

/// Those of full resolution; where none has the dimension, of all.
fn indices_of(letter: char, entries: &[&Entry]) -> BTreeSet<i32> {
    let of = |all: bool| {
        let entries = entries.iter().filter(move |entry| all || !entry.is_reduced());
        entries.filter_map(|entry| entry.index(letter)).collect::<BTreeSet<i32>>()
    };
    let full = of(false);
    if full.is_empty() { of(true) } else { full }
}

/// An entry that does not have the dimension belongs to every index of it.
fn keep(letter: char, index: i32, entries: &mut Vec<&Entry>) {
    entries.retain(|entry| entry.index(letter).is_none_or(|own| own == index));
}
