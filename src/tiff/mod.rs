//! TIFF stacks as input: plain multi-page files, ImageJ hyperstacks, OME-TIFF. And whole volumes, for PSFs.
//!
//! Each page is one field of one scene. The bytes are decoded by the crate `tiff`; what the pages mean is read here.
//! Stored pyramids (SubIFDs) and images in several files are not read.

mod axes;
mod cursor;
mod description;
mod directory;
mod header;
mod imagej;
mod lsm;
mod ome;
mod page;
mod planes;
mod shaped;
mod stk;
mod volume;

use std::path::Path;

pub use axes::Axes;
pub use planes::{Planes, read_planes, write_planes};
pub use volume::{Volume, read_volume};

use self::cursor::Piece;
use self::description::{Description, PageList, planes_behind_one_directory};
use self::header::Header;
use self::page::Page;
use crate::dataset::{Compression, Dataset, Fetched, Input, Plane, RawSubblock, Scene, Subblock};
use crate::error::{Error, Result};
use crate::pixels::{PixelType, Samples};
use crate::source::{FileSource, Identity, ReadAt};
use crate::space::{Rect, Zyx};

/// An open TIFF stack.
pub struct TiffStack {
    source: Box<dyn ReadAt>,
    /// In file order; `Subblock::number` is the position.
    pages: Vec<Page>,
    dataset: Dataset,
}

impl TiffStack {
    /// Opens the file `path` and reads all its directories, no pixels.
    ///
    /// # Errors
    /// `Io`; `Format` when it is no TIFF or a broken one; `Unsupported` for pages that are neither u8, u16 or f32
    /// gray nor u8 or u16 RGB, for pages that differ, and for compressions other than LZW, deflate, zstd, PackBits.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_source(Box::new(FileSource::open(path)?), None)
    }

    /// As [`TiffStack::open`], from any source; `axes` say what its planes are, where the user knows better.
    ///
    /// # Errors
    /// As [`TiffStack::open`], and `Option` when `axes` do not fit.
    pub fn from_source(source: Box<dyn ReadAt>, axes: Option<&Axes>) -> Result<Self> {
        let (pages, description) = open_pages(source.as_ref(), axes)?;
        let mut fields: Vec<(Page, Plane)> = pages
            .into_iter()
            .zip(&description.planes)
            .filter_map(|(page, plane)| Some((page, (*plane)?)))
            .collect();
        let pixel_type = common_pixel_type(source.path(), &fields)?;
        fields.sort_by_key(|(page, _)| first_byte(page));
        let dataset = dataset(&fields, description, pixel_type);
        let pages = fields.into_iter().map(|(page, _)| page).collect();
        Ok(Self { source, pages, dataset })
    }
}

impl Input for TiffStack {
    fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn identity(&self) -> Identity {
        self.source.identity()
    }

    fn fetch(&self, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        let page = |field: usize| &self.pages[scene.fields[field].number];
        let requests = fields.iter().map(|&field| page(field).pieces.len() as u64).sum();
        let bytes = fields.iter().map(|&field| page(field).stored_bytes()).sum();
        let read = |field: usize| {
            let bytes = page(field).read(self.source.as_ref())?.into();
            Ok(RawSubblock { field, bytes })
        };
        let subblocks = fields.into_iter().map(read).collect::<Result<_>>()?;
        Ok(Fetched { subblocks, requests, bytes, ..Fetched::default() })
    }

    fn decode(&self, subblock: &Subblock, raw: &RawSubblock) -> Result<Samples> {
        self.pages[subblock.number].decode(self.source.as_ref(), &raw.bytes, subblock.pixel_type)
    }
}

/// All pages that are images, one for each plane stored, and what the file says about them.
fn open_pages(source: &dyn ReadAt, axes: Option<&Axes>) -> Result<(Vec<Page>, Description)> {
    let mut pages = page::scan(source)?;
    let header = Header::read(source, pages[0].directory)?;
    if pages.len() == 1
        && let Some(planes) = planes_behind_one_directory(&header, (pages[0].width, pages[0].height))
    {
        pages = contiguous_planes(source, &pages[0], planes)?;
    }
    let list = PageList {
        path: source.path(),
        file_bytes: source.size(),
        size: (pages[0].width, pages[0].height),
        numbers: pages.iter().map(|page| page.number).collect(),
        samples: pages[0].color.num_samples().into(),
        sample_type: pages[0].ome_type(),
    };
    let description = Description::of(&header, &list, axes)?;
    if let Some((name, planes)) = description.elsewhere.first_key_value() {
        let what = format!("an OME-TIFF of several files: {} planes are in {name}", planes.len());
        return Err(Error::unsupported(source.path(), what));
    }
    Ok((pages, description))
}

/// ImageJ (stacks of over 4 GB), MetaMorph and tifffile write one directory: the other planes follow the first, uncompressed.
fn contiguous_planes(source: &dyn ReadAt, first: &Page, images: usize) -> Result<Vec<Page>> {
    let [piece] = first.pieces[..] else {
        return Err(Error::unsupported(source.path(), "a stack with one directory and scattered strips"));
    };
    if first.is_compressed || piece.length != first.decoded_bytes {
        return Err(Error::unsupported(source.path(), "a compressed stack with one directory"));
    }
    let end = piece.length.checked_mul(images as u64).and_then(|all| all.checked_add(piece.file));
    if end.is_none_or(|end| end > source.size()) {
        let what = format!("the description promises {images} planes, the file is too short for them");
        return Err(Error::format(source.path(), what, piece.file));
    }
    let plane = |i| Piece { file: piece.file + i as u64 * piece.length, ..piece };
    Ok((0..images).map(|i| Page { pieces: vec![plane(i)], ..first.clone() }).collect())
}

/// All pages that are planes must be of one size and type.
fn common_pixel_type(path: &Path, fields: &[(Page, Plane)]) -> Result<PixelType> {
    let (first, _) = &fields[0];
    if let Some((other, _)) = fields.iter().find(|(page, _)| {
        (page.width, page.height, page.color, page.sample)
            != (first.width, first.height, first.color, first.sample)
    }) {
        return Err(Error::unsupported(
            path,
            format!(
                "a TIFF with different pages: the first is {} × {} {:?} {:?}, number {} is {} × {} {:?} {:?}",
                first.width,
                first.height,
                first.color,
                first.sample,
                other.number + 1,
                other.width,
                other.height,
                other.color,
                other.sample
            ),
        ));
    }
    first.pixel_type().ok_or_else(|| {
        let what = format!("a TIFF of {:?} pixels of {:?} samples", first.color, first.sample);
        Error::unsupported(path, what)
    })
}

fn first_byte(page: &Page) -> u64 {
    page.pieces.first().map_or(0, |piece| piece.file)
}

fn dataset(fields: &[(Page, Plane)], description: Description, pixel_type: PixelType) -> Dataset {
    let subblock = |(number, (page, plane)): (usize, &(Page, Plane))| Subblock {
        number,
        plane: *plane,
        m: Some(0),
        rect: Rect::new(0, 0, page.width, page.height),
        stored_width: page.width,
        stored_height: page.height,
        shown: None,
        pixel_type,
        compression: Compression::Tiff,
        offset: first_byte(page),
        extent: page.stored_bytes(),
    };
    let fields: Vec<Subblock> = fields.iter().enumerate().map(subblock).collect();
    let rect = fields.iter().map(|field| field.rect).reduce(Rect::union).unwrap_or(Rect::new(0, 0, 0, 0));
    let mut channels = description.channels;
    for (c, channel) in channels.iter_mut().enumerate() {
        channel.pixel_type = fields.iter().find(|f| f.plane.c as usize == c).map(|f| f.pixel_type);
    }
    let scene = Scene {
        index: 0,
        name: None,
        rect,
        origin_um: Zyx::default(),
        origin_secs: None,
        fields,
        pyramid: Vec::new(),
    };
    Dataset {
        scenes: vec![scene],
        channels,
        slices: description.slices,
        times: description.times,
        voxel_um: description.voxel_um,
        interval_secs: description.interval_secs,
        optics: description.optics,
        notes: description.notes,
    }
}

#[cfg(test)]
mod tests;
