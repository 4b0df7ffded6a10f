//! Which pages of a file, and of those beside it, are planes, and which are smaller copies of them.

use super::assemble::{StackImage, StackPage, assemble};
use super::axes::Axes;
use super::copies::{self, FoundCopy};
use super::description::{Description, PageKind, PageList, planes_behind_one_directory};
use super::fields::Place;
use super::files::{self, Beside};
use super::header::Header;
use super::ifd::Tags;
use super::images::{self, Copy, Sorted};
use super::outline::Outline;
use super::page::Page;
use crate::dataset::{Dataset, Fault, Plane, Unreadable};
use crate::error::{Error, Result};
use crate::source::{Joined, ReadAt};
use crate::space::Rect;

/// Chunks of all pages, at most: a list of so many takes half a GiB.
const MOST_CHUNKS: usize = 1 << 25;

/// Files of one stack, at most: all are open at the same time.
const MOST_FILES: usize = 512;

/// Planes behind one directory that may lie beyond the file's end: an acquisition that was cut off is read as far as it is
/// there.
const MOST_LOST: u64 = 1 << 16;

/// What files hold.
pub(super) struct Opened {
    pub source: Joined,
    pub pages: Vec<Page>,
    /// By the numbers of subblocks.
    pub places: Vec<Place>,
    pub dataset: Dataset,
}

/// Reads all directories of `source`, and of the files `beside` it that hold planes of the same images.
///
/// # Errors
/// `Io`; `Format` for a broken file, `Unsupported` for what is not read; `Option` for `axes` that do not fit.
pub(super) fn open(source: Box<dyn ReadAt>, axes: Option<&Axes>, beside: Beside<'_>) -> Result<Opened> {
    let mut files = Joined::new(source);
    let (mut header, outlines) = {
        let mut tags = Tags::open(files.file(0))?;
        let outlines = outlines(&mut tags)?;
        let first = outlines.iter().find(|outline| !outline.is_reduced);
        let no_image = || Error::format(files.path(), "no page that is an image of its own", None);
        (Header::read(&mut tags, &first.ok_or_else(no_image)?.directory)?, outlines)
    };
    files::complete(&mut header, &mut files, beside)?;
    let own = files.file(0);
    // Three channels of a confocal microscope call themselves red, green, blue.
    let outlines = match header.lsm {
        Some(_) => outlines.into_iter().map(Outline::without_colours).collect(),
        None => outlines,
    };
    let Sorted { planes: outlines, mut copies, notes } = images::sort(outlines, header.names_directories());
    let first = &outlines[0];
    let behind = planes_behind_one_directory(&header, (first.width, first.height));
    let behind = behind.filter(|_| outlines.len() == 1);
    check_count(own, first, behind)?;
    let mut description = Description::of(&header, &page_list(own, &header, &outlines, behind)?, axes)?;
    description.notes.extend(notes);
    let further = std::mem::take(&mut description.further);
    let mut images = Vec::new();
    for description in std::iter::once(description).chain(further) {
        let nth = description.index;
        let copies = std::mem::take(&mut copies);
        match image(&mut files, description, (&outlines, copies, behind), beside) {
            Ok(image) => images.push(image),
            Err(Error::Format { what, .. } | Error::Unsupported { what, .. }) if !images.is_empty() => {
                let first: &mut StackImage = &mut images[0];
                first.description.notes.push(format!("image {nth} is left out: {what}"));
            }
            Err(error) => return Err(error),
        }
    }
    assemble(files, images)
}

/// The pages of one image, in all files.
fn image(
    files: &mut Joined,
    mut description: Description,
    (outlines, copies, behind): (&[Outline], Vec<Copy>, Option<usize>),
    beside: Beside<'_>,
) -> Result<StackImage> {
    let own = files.file(0);
    let mut tags = Tags::open(own)?;
    let planes = &description.planes;
    let wanted: Vec<_> =
        outlines.iter().zip(planes).filter_map(|(outline, plane)| Some((outline, (*plane)?))).collect();
    let like = wanted.first().map_or(&outlines[0], |(outline, _)| outline);
    let mut pages = if let Some(count) = behind {
        let page = Page::read(&mut tags, like)?;
        let planes = planes_behind(own, &page, count)?.into_iter().zip(planes);
        planes.filter_map(|(page, plane)| Some(StackPage::plane(page, (*plane)?))).collect()
    } else {
        read_pages(&mut tags, like, &wanted)?
    };
    let of_pages = copies.into_iter().filter_map(|Copy { outline, of, ratio }| {
        planes[of].map(|plane| FoundCopy { outline, plane, ratio })
    });
    let of_pages: Vec<_> = of_pages.collect();
    let notes = &mut description.notes;
    copies::add(&mut tags, of_pages, &mut pages, notes)?;
    copies::add_within(&mut tags, &wanted, &mut pages, notes)?;
    if description.elsewhere.len() >= MOST_FILES {
        let what =
            format!("an image in {} files; `bfconvert` writes it into one", description.elsewhere.len());
        return Err(Error::unsupported(files.path(), what));
    }
    let mut unreadable = Vec::new();
    for (name, planes) in &description.elsewhere {
        let Some(file) = beside(name)? else {
            unreadable.extend(missing(name, planes, like));
            continue;
        };
        let of_file = pages_of(&*file, like, planes)?;
        let start = files.push(file);
        pages.extend(of_file.into_iter().map(|of| StackPage { page: of.page.in_file_at(start), ..of }));
    }
    Ok(StackImage { description, pages, like: like.clone(), unreadable })
}

/// Planes that one directory promises, beyond those for which the file has room.
fn check_count(source: &dyn ReadAt, first: &Outline, behind: Option<usize>) -> Result<()> {
    let least_bytes = u64::from(first.width) * u64::from(first.height);
    let most = source.size() / least_bytes + MOST_LOST;
    match behind {
        Some(planes) if planes as u64 > most => Err(Error::format(
            source.path(),
            format!("the description promises {planes} planes, the file is too short for them"),
            None,
        )),
        _ => Ok(()),
    }
}

/// All pages of a file, those of smaller copies, too.
fn outlines(tags: &mut Tags<'_>) -> Result<Vec<Outline>> {
    let directories = tags.directories()?.into_iter().enumerate();
    directories.map(|(number, directory)| Outline::read(tags, directory, number)).collect()
}

fn page_list<'a>(
    source: &'a dyn ReadAt,
    header: &'a Header,
    images: &[Outline],
    behind: Option<usize>,
) -> Result<PageList<'a>> {
    let first = &images[0];
    first.pixels().map_err(|what| Error::unsupported(source.path(), what))?;
    let numbers = match behind {
        Some(planes) => vec![0; planes],
        None => images.iter().map(|outline| outline.number).collect(),
    };
    Ok(PageList {
        path: source.path(),
        file_bytes: source.size(),
        size: (first.width, first.height),
        numbers,
        kinds: images.iter().map(kind_of).collect(),
        like: kind_of(first),
        own_uuid: header.own_uuid.as_deref(),
    })
}

fn kind_of(page: &Outline) -> PageKind {
    match page.pixels() {
        Ok(pixels) => PageKind { samples: pixels.stored as u32, sample_type: Some(pixels.number.ome_name()) },
        Err(_) => PageKind { samples: 1, sample_type: None },
    }
}

/// The `planes` of a file that is not there, of pages `like` this: who needs them is told its name.
fn missing(name: &str, planes: &[(usize, Plane)], like: &Outline) -> Vec<Unreadable> {
    let fault = Fault::Unsupported(format!(
        "an image in several files, of which {name} is not there, with {} planes: bring it into the same folder, or take the \
         pages of this file alone by --axes",
        planes.len()
    ));
    let channels = like.pixels().map_or(1, |pixels| pixels.channels());
    let of_plane = |&(_, plane): &(usize, Plane)| {
        let fault = &fault;
        (0..channels).map(move |sample| Unreadable {
            plane: Plane { c: plane.c * channels + sample, ..plane },
            rect: Rect::new(0, 0, like.width, like.height),
            is_pyramid: false,
            offset: None,
            fault: fault.clone(),
        })
    };
    planes.iter().flat_map(of_plane).collect()
}

/// `planes` of another file, by the numbers of their directories.
fn pages_of(source: &dyn ReadAt, like: &Outline, planes: &[(usize, Plane)]) -> Result<Vec<StackPage>> {
    let mut tags = Tags::open(source)?;
    let outlines = outlines(&mut tags)?;
    let wanted = planes.iter().map(|(number, plane)| match outlines.get(*number) {
        Some(outline) => Ok((outline, *plane)),
        None => {
            let what = format!(
                "{} pages, where number {} should be a plane of an image",
                outlines.len(),
                number + 1
            );
            Err(Error::format(source.path(), what, None))
        }
    });
    read_pages(&mut tags, like, &wanted.collect::<Result<Vec<_>>>()?)
}

/// All pages that are planes must be `like` the first of them, in size and type.
fn read_pages(tags: &mut Tags<'_>, like: &Outline, wanted: &[(&Outline, Plane)]) -> Result<Vec<StackPage>> {
    let differs =
        |page: &Outline| (page.width, page.height) != (like.width, like.height) || !page.is_of_kind(like);
    if let Some((other, _)) = wanted.iter().find(|(page, _)| differs(page)) {
        let what = format!(
            "a TIFF with different pages: the first has {}, number {} has {}",
            like.what(),
            other.number + 1,
            other.what()
        );
        return Err(Error::unsupported(tags.path(), what));
    }
    let mut pages = Vec::new();
    let mut chunks = 0;
    for (outline, plane) in wanted {
        let page = Page::read(tags, outline)?;
        chunks += page.chunks.len();
        if chunks > MOST_CHUNKS {
            return Err(Error::Limit {
                what: format!("{}: tiles and strips of all pages", tags.path().display()),
                needed: format!("more than {chunks}"),
                available: MOST_CHUNKS.to_string(),
            });
        }
        pages.push(StackPage::plane(page, *plane));
    }
    Ok(pages)
}

/// ImageJ (stacks of over 4 GB), MetaMorph and tifffile write one directory: the other planes follow the first,
/// uncompressed.
fn planes_behind(source: &dyn ReadAt, first: &Page, images: usize) -> Result<Vec<Page>> {
    if !first.is_one_piece() {
        let what = "a stack with one directory whose first plane is compressed, or scattered over the file";
        return Err(Error::unsupported(source.path(), what));
    }
    // Those beyond the file's end are a fault of whoever needs them.
    Ok((0..images as u64).map(|i| first.behind(i * first.raw_bytes())).collect())
}
