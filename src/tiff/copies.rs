//! Smaller copies of planes: the levels of a stored pyramid. A fault of one is none of the image.

use tiff::tags::Tag;

use super::assemble::StackPage;
use super::ifd::Tags;
use super::images;
use super::outline::Outline;
use super::page::Page;
use crate::dataset::Plane;
use crate::error::{Error, Result};

/// A smaller copy.
pub(super) struct FoundCopy {
    pub outline: Outline,
    pub plane: Plane,
    /// Pixels of the plane across one of the copy.
    pub ratio: u32,
}

/// Adds `copies` to `pages`; one that cannot be read is noted.
///
/// # Errors
/// `Io`.
pub(super) fn add(
    tags: &mut Tags<'_>,
    copies: Vec<FoundCopy>,
    pages: &mut Vec<StackPage>,
    notes: &mut Vec<String>,
) -> Result<()> {
    for FoundCopy { outline, plane, ratio } in copies {
        match Page::read(tags, &outline) {
            Ok(page) => pages.push(StackPage { page, plane, ratio }),
            Err(error) => note(error, notes)?,
        }
    }
    Ok(())
}

/// As [`add`], for those that the directories of `planes` name (SubIFDs).
///
/// # Errors
/// As [`add`].
pub(super) fn add_within(
    tags: &mut Tags<'_>,
    planes: &[(&Outline, Plane)],
    pages: &mut Vec<StackPage>,
    notes: &mut Vec<String>,
) -> Result<()> {
    for &(page, plane) in planes {
        let mut found = Vec::new();
        for at in tags.numbers(&page.directory, Tag::SubIfd)?.unwrap_or_default() {
            let directory = tags.directory(at);
            match directory.and_then(|directory| Outline::read(tags, directory, page.number)) {
                Ok(outline) => {
                    let ratio = images::ratio(page, &outline);
                    found.extend(ratio.map(|ratio| FoundCopy { outline, plane, ratio }));
                }
                Err(error) => note(error, notes)?,
            }
        }
        add(tags, found, pages, notes)?;
    }
    Ok(())
}

/// Says once that a level is left out.
fn note(error: Error, notes: &mut Vec<String>) -> Result<()> {
    const LEFT_OUT: &str = "a level of the stored pyramid is left out: ";
    match error {
        Error::Format { what, .. } | Error::Unsupported { what, .. } => {
            if !notes.iter().any(|note| note.starts_with(LEFT_OUT)) {
                notes.push(format!("{LEFT_OUT}{what}"));
            }
            Ok(())
        }
        other => Err(other),
    }
}
