//! The pages of a file as the fields of a data set.

use std::path::Path;

use super::axes::Axes;
use super::description::{Description, PageList, planes_behind_one_directory};
use super::fields::{Place, places};
use super::files::{self, Beside};
use super::header::Header;
use super::ifd::Tags;
use super::outline::{Meaning, Outline};
use super::page::Page;
use crate::dataset::{Channel, Compression, Dataset, Plane, Scene, Subblock};
use crate::error::{Error, Result};
use crate::source::{Joined, ReadAt};
use crate::space::{Rect, Zyx};

/// Fields, at most: a list of so many takes about half a GiB.
const MOST_FIELDS: usize = 1 << 21;

/// Files of one stack, at most: all are open at the same time.
const MOST_FILES: usize = 512;

/// What files hold.
pub(super) struct Opened {
    pub source: Joined,
    pub pages: Vec<Page>,
    /// By the numbers of subblocks.
    pub places: Vec<Place>,
    pub dataset: Dataset,
}

/// Reads all directories of `source`, and of the files `beside` it that hold planes of the same image.
///
/// # Errors
/// `Io`; `Format` for a broken file, `Unsupported` for what is not read, and where a file is missing; `Option` for `axes`
/// that do not fit.
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
    let images: Vec<&Outline> = outlines.iter().filter(|outline| !outline.is_reduced).collect();
    let first = images[0];
    let behind = planes_behind_one_directory(&header, (first.width, first.height));
    let behind = behind.filter(|_| images.len() == 1);
    let description = Description::of(&header, &page_list(own, &header, &images, behind)?, axes)?;
    let mut tags = Tags::open(own)?;
    let planes = description.planes.iter();
    let wanted = images.iter().zip(planes.clone()).filter_map(|(outline, plane)| Some((*outline, (*plane)?)));
    let like = wanted.clone().next().map_or(first, |(outline, _)| outline);
    let mut pages = if let Some(count) = behind {
        let page = Page::read(&mut tags, first)?;
        let planes = planes_behind(own, &page, count)?.into_iter().zip(planes);
        planes.filter_map(|(page, plane)| Some((page, (*plane)?))).collect()
    } else {
        read_pages(&mut tags, like, wanted.collect())?
    };
    if description.elsewhere.len() >= MOST_FILES {
        let what =
            format!("an image in {} files; `bfconvert` writes it into one", description.elsewhere.len());
        return Err(Error::unsupported(files.path(), what));
    }
    for (name, planes) in &description.elsewhere {
        let file = beside(name)?.ok_or_else(|| missing(files.path(), name, planes.len()))?;
        let of_file = pages_of(&*file, like, planes)?;
        let start = files.push(file);
        pages.extend(of_file.into_iter().map(|(page, plane)| (page.behind(start), plane)));
    }
    assemble(files, pages, description, like)
}

/// All pages of a file, those of smaller copies, too.
fn outlines(tags: &mut Tags<'_>) -> Result<Vec<Outline>> {
    let directories = tags.directories()?.into_iter().enumerate();
    directories.map(|(number, directory)| Outline::read(tags, directory, number)).collect()
}

fn page_list<'a>(
    source: &'a dyn ReadAt,
    header: &'a Header,
    images: &[&Outline],
    behind: Option<usize>,
) -> Result<PageList<'a>> {
    let first = images[0];
    let pixels = first.pixels().map_err(|what| Error::unsupported(source.path(), what))?;
    let numbers = match behind {
        Some(planes) => vec![0; planes],
        None => images.iter().map(|outline| outline.number).collect(),
    };
    Ok(PageList {
        path: source.path(),
        file_bytes: source.size(),
        size: (first.width, first.height),
        numbers,
        samples: pixels.stored as u32,
        own_uuid: header.own_uuid.as_deref(),
        sample_type: pixels.number.ome_name(),
    })
}

fn missing(path: &Path, name: &str, planes: usize) -> Error {
    let what = format!(
        "an image in several files, of which {name} is not there with {planes} of its planes: bring it into the same \
         folder, or take the pages of this file alone by --axes"
    );
    Error::unsupported(path, what)
}

/// `planes` of another file, by the numbers of their directories.
fn pages_of(source: &dyn ReadAt, like: &Outline, planes: &[(usize, Plane)]) -> Result<Vec<(Page, Plane)>> {
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
    let wanted = wanted.collect::<Result<_>>()?;
    read_pages(&mut tags, like, wanted)
}

/// All pages that are planes must be `like` the first of them, in size and type.
fn read_pages(
    tags: &mut Tags<'_>,
    like: &Outline,
    wanted: Vec<(&Outline, Plane)>,
) -> Result<Vec<(Page, Plane)>> {
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
    wanted.into_iter().map(|(outline, plane)| Ok((Page::read(tags, outline)?, plane))).collect()
}

/// ImageJ (stacks of over 4 GB), MetaMorph and tifffile write one directory: the other planes follow the first,
/// uncompressed.
fn planes_behind(source: &dyn ReadAt, first: &Page, images: usize) -> Result<Vec<Page>> {
    if !first.is_one_piece() {
        let what = "a stack with one directory whose first plane is compressed, or scattered over the file";
        return Err(Error::unsupported(source.path(), what));
    }
    let (start, bytes) = (first.chunks[0].offset, first.raw_bytes());
    let end = bytes.checked_mul(images as u64).and_then(|all| all.checked_add(start));
    if end.is_none_or(|end| end > source.size()) {
        let what = format!("the description promises {images} planes, the file is too short for them");
        return Err(Error::format(source.path(), what, start));
    }
    Ok((0..images as u64).map(|i| first.behind(i * bytes)).collect())
}

/// The fields of `pages`, which are like `first`.
fn assemble(
    source: Joined,
    pages: Vec<(Page, Plane)>,
    description: Description,
    first: &Outline,
) -> Result<Opened> {
    let mut fields: Vec<(Place, Subblock)> = Vec::new();
    for (number, (page, plane)) in (0..).zip(&pages) {
        let more = places(number, page);
        let all = fields.len() + more.len();
        if all > MOST_FIELDS {
            return Err(Error::Limit {
                what: format!("{}: tiles and strips of all pages", source.path().display()),
                needed: all.to_string(),
                available: MOST_FIELDS.to_string(),
            });
        }
        let of_page = |(m, place): (u32, Place)| {
            let subblock = subblock(page, *plane, &place, m);
            (place, subblock)
        };
        fields.extend((0..).zip(more).map(of_page));
    }
    fields.sort_by_key(|(_, subblock)| subblock.offset);
    fields.iter_mut().enumerate().for_each(|(number, (_, subblock))| subblock.number = number);
    let (places, fields): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    let (pages, planes): (Vec<_>, Vec<_>) = pages.into_iter().unzip();
    let mut notes = description.notes;
    let mut channels = description.channels;
    if let Some(page) = pages.first() {
        notes.extend(first.notes(&page.pixels));
        channels = channels_of_samples(channels, page, first.is_rgb());
        let pixel_type = page.pixels.pixel_type();
        let count = page.pixels.channels();
        for plane in planes {
            let of_page = channels.iter_mut().skip((plane.c * count) as usize).take(count as usize);
            of_page.for_each(|channel| channel.pixel_type = Some(pixel_type));
        }
    }
    let rect = fields.iter().map(|field| field.rect).reduce(Rect::union).unwrap_or(Rect::new(0, 0, 0, 0));
    let scene = Scene {
        index: 0,
        name: None,
        rect,
        origin_um: Zyx::default(),
        origin_secs: None,
        slices: description.slices,
        times: description.times,
        channels: (0..channels.len() as u32).collect(),
        fields,
        pyramid: Vec::new(),
        unreadable: Vec::new(),
    };
    let dataset = Dataset {
        scenes: vec![scene],
        channels,
        voxel_um: description.voxel_um,
        interval_secs: description.interval_secs,
        optics: description.optics,
        notes,
    };
    Ok(Opened { source, pages, places, dataset })
}

/// A channel for each sample of a pixel, where these are channels.
fn channels_of_samples(channels: Vec<Channel>, page: &Page, is_rgb: bool) -> Vec<Channel> {
    let Meaning::Channels(count @ 2..) = page.pixels.meaning else { return channels };
    const COLOURS: [(&str, [u8; 3]); 3] =
        [("Red", [255, 0, 0]), ("Green", [0, 255, 0]), ("Blue", [0, 0, 255])];
    let of_sample = |channel: &Channel, sample: usize| match COLOURS.get(sample).filter(|_| is_rgb) {
        Some((name, color)) => Channel { name: Some((*name).into()), color: Some(*color), ..channel.clone() },
        None => Channel {
            name: channel.name.as_ref().map(|name| format!("{name} {}", sample + 1)),
            ..channel.clone()
        },
    };
    channels
        .iter()
        .flat_map(|channel| (0..count as usize).map(move |sample| of_sample(channel, sample)))
        .collect()
}

fn subblock(page: &Page, plane: Plane, place: &Place, m: u32) -> Subblock {
    let ranges = place.ranges(page);
    let rect = place.rect(page);
    Subblock {
        number: 0,
        plane: Plane { c: plane.c * page.pixels.channels() + place.channel, ..plane },
        m: Some(m),
        rect,
        stored_width: rect.width,
        stored_height: rect.height,
        shown: None,
        pixel_type: page.pixels.pixel_type(),
        compression: Compression::Tiff,
        offset: ranges.iter().map(|range| range.start).filter(|&start| start > 0).min().unwrap_or(0),
        extent: ranges.iter().map(|range| range.end - range.start).sum(),
    }
}
