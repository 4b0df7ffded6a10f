//! The fields of pages, as a data set: an image is a scene.

use super::description::Description;
use super::fields::{Place, places};
use super::outline::{Meaning, Outline};
use super::page::Page;
use super::stack::Opened;
use crate::dataset::{
    Channel, Compression, Dataset, Fault, Plane, Scene, Subblock, Subblocks, Unreadable, is_alike,
    share_channels,
};
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

/// An image of the file.
pub(super) struct StackImage {
    pub description: Description,
    pub pages: Vec<StackPage>,
    /// A page that is one of its planes; the others are like it.
    pub like: Outline,
    /// What is known to be missing.
    pub unreadable: Vec<Unreadable>,
}

impl StackPage {
    /// A plane.
    pub fn plane(page: Page, plane: Plane) -> Self {
        Self { page, plane, ratio: 1 }
    }
}

/// The data set that `images` are. What has other voxels than the first is left out.
///
/// # Errors
/// `Limit` for more fields than can be listed.
pub(super) fn assemble(source: Joined, images: Vec<StackImage>) -> Result<Opened> {
    let mut stack = Stack::default();
    for image in images {
        stack.add(image, &source)?;
    }
    Ok(stack.opened(source))
}

/// What is assembled.
#[derive(Default)]
struct Stack {
    pages: Vec<Page>,
    /// Of all scenes, each with its position.
    fields: Vec<(usize, Place, Subblock)>,
    scenes: Vec<Scene>,
    channels: Vec<Channel>,
    /// Of the first image; its own planes are taken out.
    first: Description,
    notes: Vec<String>,
}

impl Stack {
    fn add(&mut self, image: StackImage, source: &Joined) -> Result<()> {
        let StackImage { mut description, pages, like, unreadable } = image;
        self.note(
            std::mem::take(&mut description.notes),
            pages.first().map(|page| like.notes(&page.page.pixels)),
        );
        if !self.scenes.is_empty() && !is_alike(description.voxel_um, self.first.voxel_um) {
            let index = description.index;
            self.note(
                vec![format!("image {index} is left out: it has other voxel sizes than the first")],
                None,
            );
            return Ok(());
        }
        let mut own = std::mem::take(&mut description.channels);
        if let Some(StackPage { page, .. }) = pages.first() {
            own = channels_of_samples(own, &description.of_samples, page, like.is_rgb());
            own.iter_mut().for_each(|channel| channel.pixel_type = Some(page.pixels.pixel_type()));
        }
        let channels = share_channels(&own, &mut self.channels);
        let mut scene = Scene {
            index: description.index,
            name: description.name.take(),
            rect: Rect::new(0, 0, like.width, like.height),
            origin_um: Zyx::default(),
            origin_secs: None,
            slices: description.slices,
            times: description.times,
            channels: channels.clone().collect(),
            fields: Subblocks::default(),
            pyramid: Subblocks::default(),
            unreadable,
        };
        for of in pages {
            self.add_page(of, channels.start, &mut scene, source)?;
        }
        scene.unreadable.iter_mut().for_each(|unreadable| unreadable.plane.c += channels.start);
        if self.scenes.is_empty() {
            self.first = description;
        }
        self.scenes.push(scene);
        Ok(())
    }

    /// The fields of a page, and what of it lies beyond its file's end.
    fn add_page(
        &mut self,
        of: StackPage,
        first_channel: u32,
        scene: &mut Scene,
        source: &Joined,
    ) -> Result<()> {
        let more = places(self.pages.len() as u32, &of.page);
        let all = self.fields.len() + scene.unreadable.len() + more.len();
        if all > MOST_FIELDS {
            return Err(Error::Limit {
                what: format!("{}: tiles and strips of all pages", source.path().display()),
                needed: all.to_string(),
                available: MOST_FIELDS.to_string(),
            });
        }
        for (m, place) in (0..).zip(more) {
            let mut subblock = subblock(&of, &place, m);
            if let Some(fault) = beyond_the_end(&of.page, &place, &subblock) {
                let Subblock { plane, rect, offset, .. } = subblock;
                let (is_pyramid, offset) = (of.ratio > 1, Some(offset));
                scene.unreadable.push(Unreadable { plane, rect, is_pyramid, offset, fault });
            } else {
                subblock.plane.c += first_channel;
                self.fields.push((self.scenes.len(), place, subblock));
            }
        }
        self.pages.push(of.page);
        Ok(())
    }

    fn note(&mut self, told: Vec<String>, of_pixels: Option<Vec<String>>) {
        for note in told.into_iter().chain(of_pixels.into_iter().flatten()) {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }

    fn opened(mut self, source: Joined) -> Opened {
        self.fields.sort_by_key(|(_, _, subblock)| subblock.offset);
        let mut of_subblocks = Vec::with_capacity(self.fields.len());
        for (number, (scene, place, subblock)) in self.fields.into_iter().enumerate() {
            let (scene, subblock) = (&mut self.scenes[scene], Subblock { number, ..subblock });
            match subblock.m {
                Some(_) => scene.fields.push(subblock),
                None => scene.pyramid.push(subblock),
            }
            of_subblocks.push(place);
        }
        let Description { voxel_um, interval_secs, optics, .. } = self.first;
        let dataset = Dataset {
            scenes: self.scenes,
            channels: self.channels,
            voxel_um,
            interval_secs,
            optics,
            notes: self.notes,
        };
        Opened { source, pages: self.pages, places: of_subblocks, dataset }
    }
}

/// Why `subblock`, which is at `place`, cannot be read, where its file is cut off.
fn beyond_the_end(page: &Page, place: &Place, subblock: &Subblock) -> Option<Fault> {
    let end = place.ranges(page).into_iter().map(|range| range.end).max()?;
    (end > page.file_end).then(|| {
        Fault::Broken(format!("{subblock} ends {} bytes beyond the end of the file", end - page.file_end))
    })
}

/// A channel for each sample of a pixel, where these are channels.
fn channels_of_samples(channels: Vec<Channel>, known: &[Channel], page: &Page, is_rgb: bool) -> Vec<Channel> {
    let Meaning::Channels(count @ 2..) = page.pixels.meaning else { return channels };
    if channels.len() == 1 && known.len() == count as usize {
        return known.to_vec();
    }
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
