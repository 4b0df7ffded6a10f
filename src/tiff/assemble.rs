//! The fields of pages, as a data set.

use super::description::Description;
use super::fields::{Place, places};
use super::outline::{Meaning, Outline};
use super::page::Page;
use super::stack::Opened;
use crate::dataset::{Channel, Compression, Dataset, Plane, Scene, Subblock};
use crate::error::{Error, Result};
use crate::source::{Joined, ReadAt};
use crate::space::{Rect, Zyx};

/// Fields of all levels, at most: a list of so many takes about half a GiB.
const MOST_FIELDS: usize = 1 << 21;

/// A page that is a plane, or a smaller copy of one.
pub(super) struct StackPage {
    pub page: Page,
    pub plane: Plane,
    /// Pixels of the plane across one of the page.
    pub ratio: u32,
}

impl StackPage {
    /// A plane.
    pub fn plane(page: Page, plane: Plane) -> Self {
        Self { page, plane, ratio: 1 }
    }
}

/// The data set that `pages` are, whose planes are like `first`.
///
/// # Errors
/// `Limit` for more fields than can be listed.
pub(super) fn assemble(
    source: Joined,
    pages: Vec<StackPage>,
    description: Description,
    first: &Outline,
) -> Result<Opened> {
    let mut fields: Vec<(Place, Subblock)> = Vec::new();
    for (number, of) in (0..).zip(&pages) {
        let more = places(number, &of.page);
        let all = fields.len() + more.len();
        if all > MOST_FIELDS {
            return Err(Error::Limit {
                what: format!("{}: tiles and strips of all pages", source.path().display()),
                needed: all.to_string(),
                available: MOST_FIELDS.to_string(),
            });
        }
        fields.extend((0..).zip(more).map(|(m, place)| {
            let subblock = subblock(of, &place, m);
            (place, subblock)
        }));
    }
    fields.sort_by_key(|(_, subblock)| subblock.offset);
    fields.iter_mut().enumerate().for_each(|(number, (_, subblock))| subblock.number = number);
    let (places, subblocks): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    let (fields, pyramid): (Vec<_>, Vec<_>) = subblocks.into_iter().partition(|field| field.m.is_some());
    let mut notes = description.notes;
    let mut channels = description.channels;
    if let Some(StackPage { page, .. }) = pages.first() {
        notes.extend(first.notes(&page.pixels));
        channels = channels_of_samples(channels, page, first.is_rgb());
    }
    for field in &fields {
        if let Some(channel) = channels.get_mut(field.plane.c as usize) {
            channel.pixel_type = Some(field.pixel_type);
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
        pyramid,
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
    Ok(Opened { source, pages: pages.into_iter().map(|of| of.page).collect(), places, dataset })
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

fn subblock(of: &StackPage, place: &Place, m: u32) -> Subblock {
    let StackPage { page, plane, ratio } = of;
    let ranges = place.ranges(page);
    let Rect { x, y, width, height, .. } = place.rect(page);
    let step = i64::from(*ratio);
    Subblock {
        number: 0,
        plane: Plane { c: plane.c * page.pixels.channels() + place.channel, ..*plane },
        m: (*ratio == 1).then_some(m),
        rect: Rect::new(x * step, y * step, width * ratio, height * ratio),
        stored_width: width,
        stored_height: height,
        shown: None,
        pixel_type: page.pixels.pixel_type(),
        compression: Compression::Tiff,
        offset: ranges.iter().map(|range| range.start).filter(|&start| start > 0).min().unwrap_or(0),
        extent: ranges.iter().map(|range| range.end - range.start).sum(),
    }
}
