//! Which pages are the image: beside its planes, a file may hold smaller copies of them, thumbnails, labels.

use super::outline::Outline;

/// The pages of a file.
#[derive(Debug)]
pub(super) struct Sorted {
    /// At least one.
    pub planes: Vec<Outline>,
    pub copies: Vec<Copy>,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

/// A smaller copy of a plane.
#[derive(Debug)]
pub(super) struct Copy {
    pub outline: Outline,
    /// Of which plane, by its position.
    pub of: usize,
    /// Pixels of the plane across one of the copy.
    pub ratio: u32,
}

/// Pixels of `page` across one of `copy`, where that is a whole number, the same across and down.
pub(super) fn ratio(page: &Outline, copy: &Outline) -> Option<u32> {
    let ratio = (f64::from(page.width) / f64::from(copy.width)).round() as u32;
    let is_part = |side: u32, small: u32| side.div_ceil(ratio) == small || side / ratio == small;
    let fits = ratio > 1 && is_part(page.width, copy.width) && is_part(page.height, copy.height);
    (fits && copy.is_of_kind(page)).then_some(ratio)
}

/// Sorts `pages`, of which one at least does not call itself a smaller copy. An OME-XML says itself which planes it
/// means (`is_ome`).
pub(super) fn sort(pages: Vec<Outline>, is_ome: bool) -> Sorted {
    let (called_copies, rest): (Vec<_>, Vec<_>) = pages.into_iter().partition(|page| page.is_reduced);
    if is_ome {
        return Sorted { planes: rest, copies: Vec::new(), notes: Vec::new() };
    }
    let first = rest[0].clone();
    let size = |page: &Outline| (page.width, page.height);
    let is_plane = |page: &Outline| size(page) == size(&first) && page.is_of_kind(&first);
    let (planes, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_plane);
    // Pages of one size are the copies of all planes, or of none.
    let mut by_size: Vec<Vec<Outline>> = Vec::new();
    let mut group = |page: Outline| match by_size.iter_mut().find(|pages| size(&pages[0]) == size(&page)) {
        Some(pages) => pages.push(page),
        None => by_size.push(vec![page]),
    };
    others.into_iter().chain(called_copies).for_each(&mut group);
    let (mut copies, mut unknown) = (Vec::new(), Vec::new());
    for pages in by_size {
        match ratio(&first, &pages[0]).filter(|_| pages.len() == planes.len()) {
            Some(ratio) => {
                let copy = |(of, outline)| Copy { outline, of, ratio };
                copies.extend(pages.into_iter().enumerate().map(copy));
            }
            None => unknown.extend(pages.into_iter().filter(|page| !page.is_reduced)),
        }
    }
    let is_smaller = |page: &Outline| page.width < first.width && page.height < first.height;
    if planes.len() > 1 || !unknown.iter().all(is_smaller) {
        // Nothing tells what they are: the file is refused where pages are compared.
        let mut planes = planes;
        planes.extend(unknown);
        planes.sort_by_key(|page| page.number);
        return Sorted { planes, copies: Vec::new(), notes: Vec::new() };
    }
    let left_out = |page: &Outline| {
        format!(
            "page {} is left out: it has {}, and is neither a plane of the image nor a level of its pyramid",
            page.number + 1,
            page.what()
        )
    };
    let notes = unknown.iter().map(left_out).collect();
    Sorted { planes, copies, notes }
}
