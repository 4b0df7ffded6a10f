//! The pages of a file as the fields of a data set.

use super::axes::Axes;
use super::description::{Description, PageList, planes_behind_one_directory};
use super::fields::{Place, places};
use super::header::Header;
use super::ifd::Tags;
use super::outline::{Meaning, Outline};
use super::page::Page;
use crate::dataset::{Channel, Compression, Dataset, Plane, Scene, Subblock};
use crate::error::{Error, Result};
use crate::source::ReadAt;
use crate::space::{Rect, Zyx};

/// Fields, at most: a list of so many takes about half a GiB.
const MOST_FIELDS: usize = 1 << 21;

/// What a file holds.
pub(super) struct Opened {
    pub pages: Vec<Page>,
    /// By the numbers of subblocks.
    pub places: Vec<Place>,
    pub dataset: Dataset,
}

/// Reads all directories of `source`.
///
/// # Errors
/// `Io`; `Format` for a broken file, `Unsupported` for what is not read.
pub(super) fn open(source: &dyn ReadAt, axes: Option<&Axes>) -> Result<Opened> {
    let mut tags = Tags::open(source)?;
    let mut outlines = Vec::new();
    for (number, directory) in tags.directories()?.into_iter().enumerate() {
        outlines.push(Outline::read(&mut tags, directory, number)?);
    }
    outlines.retain(|outline| !outline.is_reduced);
    let Some(first) = outlines.first() else {
        return Err(Error::format(source.path(), "no page that is an image of its own", None));
    };
    let pixels = first.pixels().map_err(|what| Error::unsupported(source.path(), what))?;
    let header = Header::read(source, first.directory.at)?;
    let behind = planes_behind_one_directory(&header, (first.width, first.height));
    let behind = behind.filter(|_| outlines.len() == 1);
    let numbers = match behind {
        Some(planes) => vec![0; planes],
        None => outlines.iter().map(|outline| outline.number).collect(),
    };
    let list = PageList {
        path: source.path(),
        file_bytes: source.size(),
        size: (first.width, first.height),
        numbers,
        samples: pixels.stored as u32,
        sample_type: pixels.number.ome_name(),
    };
    let description = Description::of(&header, &list, axes)?;
    if let Some((name, planes)) = description.elsewhere.first_key_value() {
        let what = format!("an OME-TIFF of several files: {} planes are in {name}", planes.len());
        return Err(Error::unsupported(source.path(), what));
    }
    let mut pages = Vec::new();
    if let Some(planes) = behind {
        let page = Page::read(&mut tags, first)?;
        pages.extend(planes_behind(source, &page, planes)?.into_iter().zip(description.planes.clone()));
    } else {
        check_alike(source, &outlines, &description)?;
        for (outline, plane) in outlines.iter().zip(&description.planes).filter(|(_, plane)| plane.is_some())
        {
            pages.push((Page::read(&mut tags, outline)?, *plane));
        }
    }
    let pages = pages.into_iter().filter_map(|(page, plane)| Some((page, plane?))).collect();
    assemble(source, pages, description, first)
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

/// All pages that are planes must be of one size and type.
fn check_alike(source: &dyn ReadAt, outlines: &[Outline], description: &Description) -> Result<()> {
    let mut planes = outlines.iter().zip(&description.planes).filter(|(_, plane)| plane.is_some());
    let Some((first, _)) = planes.next() else { return Ok(()) };
    let other = planes.find(|(page, _)| {
        (page.width, page.height) != (first.width, first.height) || !page.is_of_kind(first)
    });
    let Some((other, _)) = other else { return Ok(()) };
    let what = format!(
        "a TIFF with different pages: the first has {}, number {} has {}",
        first.what(),
        other.number + 1,
        other.what()
    );
    Err(Error::unsupported(source.path(), what))
}

/// The fields of `pages`, which are like `first`.
fn assemble(
    source: &dyn ReadAt,
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
    Ok(Opened { pages, places, dataset })
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
