//! The `TiffData` elements of an image: each maps directories of a file, from IFD on, to planes, from FirstC, FirstZ and
//! FirstT on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use roxmltree::Node;

use super::children;
use crate::dataset::Plane;
use crate::error::{Error, Result};
use crate::tiff::description::{PageList, Sizes};

/// One element.
#[derive(Clone, Copy, Debug)]
struct Block<'a> {
    file: Option<File<'a>>,
    ifd: usize,
    first: [Option<usize>; 3],
    /// `None` for all planes.
    count: Option<usize>,
}

/// How an element names a file: by its last name, and by what its writer called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct File<'a> {
    name: Option<&'a str>,
    uuid: Option<&'a str>,
}

/// The elements of one image.
pub(super) struct Blocks<'a>(Vec<Block<'a>>);

/// Which of the files that elements name is the one that was opened.
pub(super) struct Owner<'a> {
    /// `None` when no element names it.
    file: Option<File<'a>>,
}

/// Which plane each page is.
pub(super) struct Assigned {
    /// For each page of the list.
    pub planes: Vec<Option<Plane>>,
    /// By the names of other files.
    pub elsewhere: BTreeMap<String, Vec<(usize, Plane)>>,
}

/// Of another file; a file of a plane each has fewer.
const MOST_PLANES: usize = 1 << 21;
/// Attributes of the first plane, in the order of `Block::first`.
const FIRST: [(char, &str); 3] = [('C', "FirstC"), ('Z', "FirstZ"), ('T', "FirstT")];

impl<'a> Owner<'a> {
    /// The file at `path` among those that `images` name: by name, or else, as files are renamed, by its UUID, or
    /// because there is no other.
    pub fn new<'b>(own_uuid: Option<&str>, images: impl Iterator<Item = &'b Blocks<'a>>, path: &Path) -> Self
    where
        'a: 'b,
    {
        let files: BTreeSet<File<'a>> =
            images.flat_map(|image| image.0.iter().filter_map(|block| block.file)).collect();
        let own_name = path.file_name().and_then(|name| name.to_str());
        let named = files.iter().find(|file| file.name.is_some() && file.name == own_name);
        let called = || files.iter().find(|file| file.uuid.is_some() && file.uuid == own_uuid);
        let only = || files.first().filter(|_| files.len() == 1);
        Self { file: named.or_else(called).or_else(only).copied() }
    }

    /// Whether planes of an image are in the file.
    pub fn has_some_of(&self, image: &Blocks<'a>) -> bool {
        image.0.is_empty() || image.0.iter().any(|block| self.has(block))
    }

    fn has(&self, block: &Block<'a>) -> bool {
        block.file.is_none() || self.file == block.file
    }
}

impl<'a> Blocks<'a> {
    /// The elements of `pixels`.
    pub fn of(pixels: Node<'a, '_>) -> Self {
        Self(children(pixels, "TiffData").map(block).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The number of a directory that holds a plane of it, in the file that `owner` is.
    pub fn directory(&self, owner: &Owner<'a>) -> Option<usize> {
        self.0.iter().find(|block| owner.has(block)).map(|block| block.ifd)
    }

    /// The planes of `pages`, and of other files.
    ///
    /// # Errors
    /// `Format` when there are more planes than can be counted, or none is there.
    pub fn assign(
        &self,
        sizes: Sizes,
        order: &str,
        (pages, owner): (&PageList<'_>, &Owner<'a>),
        notes: &mut Vec<String>,
    ) -> Result<Assigned> {
        let broken = |what: &str| Error::format(pages.path, format!("OME-XML: {what}"), None);
        let total = sizes.pages().filter(|&total| total <= u32::MAX as usize);
        let total = total.ok_or_else(|| broken("more planes than can be counted"))?;
        let mut assigned = Assigned { planes: vec![None; pages.numbers.len()], elsewhere: BTreeMap::new() };
        if self.0.is_empty() {
            let planes = (0..total).map(|index| Some(sizes.plane(order, index)));
            assigned.planes.iter_mut().zip(planes).for_each(|(page, plane)| *page = plane);
        }
        let from_one = self.counts_from_one(sizes);
        let starts: Vec<Option<usize>> =
            self.0.iter().map(|block| start(block, sizes, (order, pages.like.samples), from_one)).collect();
        let known: BTreeSet<usize> = starts.iter().copied().flatten().collect();
        let outside = starts.len() - starts.iter().flatten().count();
        for (block, start) in self.0.iter().zip(starts).filter_map(|(block, start)| Some((block, start?))) {
            // What has no count ends where another begins.
            let next = || known.range(start + 1..).next().copied().unwrap_or(total);
            let count = block.count.unwrap_or_else(|| next() - start).min(total - start);
            let planes = (start..start + count).map(|index| sizes.plane(order, index));
            if owner.has(block) {
                for (number, plane) in (block.ifd..).zip(planes) {
                    let Ok(page) = pages.numbers.binary_search(&number) else { break };
                    assigned.planes[page] = Some(plane);
                }
            } else if count > MOST_PLANES {
                return Err(broken("more planes in another file than can be read"));
            } else if let Some(name) = block.file.and_then(|file| file.name) {
                assigned.elsewhere.entry(name.to_owned()).or_default().extend((block.ifd..).zip(planes));
            }
        }
        if outside > 0 {
            notes.push(format!(
                "OME-XML: {outside} TiffData elements name planes that the image has not; left out"
            ));
        }
        let elsewhere: usize = assigned.elsewhere.values().map(Vec::len).sum();
        let found = assigned.planes.iter().flatten().count();
        if found + elsewhere == 0 {
            return Err(broken("no page belongs to a plane"));
        }
        if found + elsewhere < total {
            notes.push(format!("{} of {total} planes are missing", total - found - elsewhere));
        }
        Ok(assigned)
    }

    /// For each axis, whether planes are counted from 1, as old writers do: none is 0, and one is the size.
    fn counts_from_one(&self, sizes: Sizes) -> [bool; 3] {
        let sizes = [sizes.c, sizes.z, sizes.t].map(|size| size as usize);
        [0, 1, 2].map(|axis| {
            let mut firsts = self.0.iter().map(|block| block.first[axis].unwrap_or(0));
            let has_size = firsts.clone().any(|first| first == sizes[axis]);
            has_size && firsts.all(|first| first > 0)
        })
    }
}

fn block<'a>(element: Node<'a, '_>) -> Block<'a> {
    let number = |name: &str| element.attribute(name).and_then(|v| v.trim().parse::<usize>().ok());
    let file = children(element, "UUID").next().map(|uuid| File {
        name: uuid.attribute("FileName").and_then(|path| path.rsplit(['/', '\\']).next()),
        uuid: uuid.text().map(str::trim),
    });
    let has_ifd = element.has_attribute("IFD");
    Block {
        file,
        ifd: number("IFD").unwrap_or(0),
        first: FIRST.map(|(_, name)| number(name)),
        count: number("PlaneCount").or(has_ifd.then_some(1)),
    }
}

/// The number of a block's first plane in `order`, the fastest axis first; `None` when the image does not have it.
fn start(
    block: &Block<'_>,
    sizes: Sizes,
    (order, samples): (&str, u32),
    from_one: [bool; 3],
) -> Option<usize> {
    order.chars().rev().try_fold(0, |index: usize, axis| {
        let at = FIRST.iter().position(|(letter, _)| *letter == axis)?;
        let size = [sizes.c, sizes.z, sizes.t][at] as usize;
        let first = block.first[at].unwrap_or(0) - usize::from(from_one[at]);
        // Some count the colours of a page, too.
        let first = if axis == 'C' && first >= size { first / samples as usize } else { first };
        (first < size).then(|| index * size + first)
    })
}
