//! ZEISS CZI files: opened by a handful of reads at known places, pixels fetched subblock by subblock.
//!
//! Sources: the CZI specification (ZISRAW file format, DS-ZISRAW-FileFormat) and ZEISS's own reader, libCZI, for what
//! files in the wild do differently. Compression is in `decode`, writing in `write`.

mod choose;
pub mod decode;
mod directory;
mod header;
mod mask;
mod metadata;
mod one_scene;
mod parts;
mod pieces;
mod read;
mod scenes;
mod segment;
mod span;
mod stacks;
mod surroundings;
mod unusual;
mod walk;
pub mod write;
mod xml_text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::thread::ScopedJoinHandle;

use crate::dataset::{
    Channel, Compression, Dataset, Fetched, FieldSamples, Input, LastDecoded, Pixels, RawSubblock, Rows,
    Scene, Subblock, TakesRows, believed,
};
use crate::error::{Error, Result};
use crate::pixels::{SampleType, Samples};
use crate::source::{Identity, Merging, ReadAt};
use crate::space::{Local, Rect, Zyx};
use crate::threads::spawn_in;
use decode::Payload;
use directory::Entry;
use header::FileHeader;
use metadata::Metadata;
use scenes::Layout;
use surroundings::Surroundings;
use unusual::Unusual;

/// An open CZI file.
pub struct Czi {
    source: Box<dyn ReadAt>,
    dataset: Dataset,
    merging: Merging,
    /// Subblocks whose pixels are not simply one plane of their size, by number.
    unusual: BTreeMap<usize, Unusual>,
    /// Segments of several compressed planes, by where they are.
    stacks: LastDecoded<u64, Samples>,
}

impl Czi {
    /// Reads header, subblock directory and metadata. `select` takes the image at an index of a dimension, by its
    /// letter and the file's own numbers; a dimension that a dataset does not keep (H, V, B, R, I …) is otherwise
    /// taken at its lowest index.
    ///
    /// # Errors
    /// `Format` when the file is broken, `Unsupported` for what is not read here, `Option` for an index that is not
    /// there, `Io`.
    pub fn open(source: Box<dyn ReadAt>, select: &BTreeMap<char, i32>) -> Result<Self> {
        Self::open_as(source, select, false)
    }

    /// As [`Czi::open`]; where the directory is lost, as in an acquisition that was cut off, subblocks are looked for from
    /// segment to segment.
    ///
    /// # Errors
    /// As [`Czi::open`].
    pub fn open_damaged(source: Box<dyn ReadAt>, select: &BTreeMap<char, i32>) -> Result<Self> {
        Self::open_as(source, select, true)
    }

    fn open_as(source: Box<dyn ReadAt>, select: &BTreeMap<char, i32>, may_be_damaged: bool) -> Result<Self> {
        let header = FileHeader::read(&*source)?;
        // At the same time: far away, each request is a wait.
        let (entries, metadata) = std::thread::scope(|scope| {
            let read = || Metadata::read(&*source, header.metadata);
            let thread = spawn_in(scope, "metadata", read);
            let entries = directory(&*source, header.directory);
            // Where the system gives no thread, one after the other.
            (entries, thread.map_or_else(|_| Ok(read()), ScopedJoinHandle::join))
        });
        let mut metadata = metadata.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let mut lost = None;
        let entries = match entries {
            Err(Error::Format { what, .. }) if may_be_damaged => {
                let found = walk::walk(&*source)?;
                if header.metadata.is_none() {
                    metadata = Metadata::read(&*source, found.metadata)?;
                }
                lost = Some(format!(
                    "{what}: {} subblocks were found from segment to segment; what else there was is not known",
                    found.entries.len()
                ));
                found.entries
            }
            Err(Error::Format { path, what, offset }) => {
                let what = format!("{what}; --skip-damaged looks for its subblocks one by one");
                return Err(Error::Format { path, what, offset });
            }
            entries => entries?,
        };
        let (mut entries, repeats) = directory::without_repeats(entries);
        if header.is_part && lost.is_none() {
            parts::find_elsewhere(&*source, &mut entries, header.part)?;
        }
        let mut landmarks: Vec<u64> = entries.iter().map(|entry| entry.position).collect();
        landmarks.extend([header.directory, header.metadata, header.attachments].into_iter().flatten());
        landmarks.sort_unstable();
        let entries = stacks::split(&*source, entries)?;
        let around = Surroundings { path: source.path(), size: source.size(), part: header.part, landmarks };
        let mut layout = Layout::new(&entries, select, &around)?;
        let unusual = std::mem::take(&mut layout.unusual);
        let mut dataset = combine(layout, metadata);
        dataset.notes.extend(lost);
        if repeats > 0 {
            dataset.notes.push(format!("{repeats} entries of the subblock directory repeat others"));
        }
        if header.update_pending {
            dataset.notes.push("the file was left while it was being written; parts may be missing".into());
        }
        Ok(Self { source, dataset, merging: Merging::default(), unusual, stacks: LastDecoded::default() })
    }

    /// Requests are made as `merging` says.
    pub fn with_merging(self, merging: Merging) -> Self {
        Self { merging, ..self }
    }

    fn unusual(&self, subblock: &Subblock) -> Option<&Unusual> {
        self.unusual.get(&subblock.number)
    }

    /// Whether it is read piece by piece.
    fn comes_in_pieces(&self, subblock: &Subblock) -> bool {
        pieces::suits(&*self.source, subblock) && self.unusual(subblock).is_none()
    }

    /// The stored pixels of one subblock, without the segment's headers.
    fn payload<'a>(&'a self, subblock: &Subblock, raw: &'a RawSubblock) -> Result<Payload<'a>> {
        let path = self.source.path();
        let whole;
        let subblock = match self.unusual(subblock) {
            Some(unusual) if unusual.is_bare() => {
                return Ok(Payload { path, offset: subblock.offset, bytes: &raw.bytes });
            }
            Some(unusual) => {
                whole = unusual.whole(subblock);
                &whole
            }
            None => subblock,
        };
        let pixels = read::pixel_range(path, subblock, &raw.bytes)?;
        let bytes = raw.bytes.get(pixels.start as usize..pixels.end as usize).ok_or_else(|| {
            let (rest, size) = (pixels.end - raw.bytes.len() as u64, self.source.size());
            let what = format!("the rest of {subblock} takes {rest} bytes, but the file ends at byte {size}");
            Error::format(path, what, subblock.offset)
        })?;
        Ok(Payload { path, offset: subblock.offset + pixels.start, bytes })
    }
}

impl Input for Czi {
    fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn identity(&self) -> Identity {
        self.source.identity()
    }

    fn fetch(&self, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
        read::fetch_fields(&*self.source, scene, fields, self.merging)
    }

    fn fetch_to_visit(&self, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
        if fields.iter().all(|&field| self.comes_in_pieces(&scene.fields[field])) {
            return pieces::fetch_heads(&*self.source, scene, fields, self.merging);
        }
        self.fetch(scene, fields)
    }

    fn merging(&self) -> Merging {
        self.merging
    }

    fn decoding_bytes(&self) -> u64 {
        let fields = self.dataset.scenes.iter().flat_map(|scene| &scene.fields);
        let unusual = fields.filter_map(|field| Some((self.unusual(field)?, field.pixel_type.bytes())));
        unusual.map(|(unusual, pixel_bytes)| unusual.decoding_bytes(pixel_bytes)).max().unwrap_or(0)
    }

    fn decode(&self, subblock: &Subblock, raw: &RawSubblock) -> Result<Samples> {
        let payload = self.payload(subblock, raw)?;
        match self.unusual(subblock) {
            Some(unusual) => unusual.decode(subblock, payload, &self.stacks),
            None => decode::decode(subblock, payload),
        }
    }

    fn visit(&self, subblock: &Subblock, raw: &RawSubblock, to: &mut dyn TakesRows) -> Result<()> {
        if self.unusual(subblock).is_some() {
            let samples = self.decode(subblock, raw)?;
            to.take(Rows { first: 0, pixels: Pixels::Plain(samples.as_bytes()) });
            samples.recycle();
            return Ok(());
        }
        let (source, pixels) = (&*self.source, read::pixel_range(self.source.path(), subblock, &raw.bytes)?);
        if pixels.end > raw.bytes.len() as u64
            && let Some(bytes) = pieces::whole_pixels(source, subblock, &raw.bytes)
        {
            return pieces::visit(source, subblock, bytes, to);
        }
        decode::visit(subblock, self.payload(subblock, raw)?, &mut |rows| to.take(rows))
    }

    fn mask(&self, subblock: &Subblock, bytes: &[u8]) -> Result<Option<Vec<Rect<Local>>>> {
        match self.unusual(subblock) {
            None => mask::read(&*self.source, subblock, bytes),
            // No mask is known to be of several planes.
            Some(Unusual { within: Some(_), .. }) => Ok(None),
            Some(unusual) => {
                let rects = mask::read(&*self.source, &unusual.whole(subblock), bytes)?;
                Ok(rects.map(|rects| unusual.repeated_rects(subblock, &rects)))
            }
        }
    }

    fn decode_field(&self, subblock: &Subblock, raw: RawSubblock) -> Result<FieldSamples> {
        let kind = subblock.pixel_type.sample_type();
        // Floats are looked through for undefined values, and changed. 8 bits have no byte order.
        let is_as_stored = subblock.compression == Compression::Uncompressed
            && self.unusual(subblock).is_none()
            && (kind == SampleType::U8 || kind == SampleType::U16 && cfg!(target_endian = "little"));
        if is_as_stored {
            let pixels = read::pixel_range(self.source.path(), subblock, &raw.bytes)?;
            let samples = pixels.start as usize..(pixels.start + subblock.decoded_bytes()) as usize;
            let is_whole = samples.end <= raw.bytes.len().min(pixels.end as usize);
            if is_whole && raw.bytes.is_alone() {
                return Ok(FieldSamples::Stored { bytes: raw.bytes.into_part(samples), kind });
            }
        }
        self.decode(subblock, &raw).map(FieldSamples::Decoded)
    }
}

/// The entries of the directory at `position`.
fn directory(source: &dyn ReadAt, position: Option<u64>) -> Result<Vec<Entry>> {
    let lost =
        || Error::format(source.path(), "the file has no subblock directory: it was not closed properly", 84);
    directory::read(source, position.ok_or_else(lost)?)
}

/// The dataset of the subblocks, with what the metadata knows of it.
fn combine(layout: Layout, metadata: Metadata) -> Dataset {
    let (file, taken, told) = (layout.channels_in_file, layout.channels, metadata.channels);
    let mut notes = layout.notes;
    notes.extend(metadata.notes);
    if !told.is_empty() && told.len() != file.count as usize {
        notes.push(format!("the metadata has {} channels, the pixels have {}", told.len(), file.count));
    }
    // Metadata lists channels from 0 on; but of a file cut out of another, only those that are in it.
    let lists_all = told.len() as i64 >= i64::from(file.first) + i64::from(file.count);
    let skipped = i64::from(taken.first) - if lists_all { 0 } else { i64::from(file.first) };
    let channels = layout.pixel_types.into_iter().zip(skipped..).map(|(pixel_type, index)| {
        let known = usize::try_from(index).ok().and_then(|index| told.get(index));
        let known = known.cloned().unwrap_or_default();
        let most_bits = pixel_type.map_or(0, |stored| 8 * stored.sample_type().bytes() as u32);
        Channel { pixel_type, bits: known.bits.filter(|&bits| bits <= most_bits), ..known }
    });
    let channels = channels.collect();
    let mut scenes = layout.scenes;
    // Then the stage alone tells where each scene lies.
    let has_no_positions = scenes.iter().all(|scene| (scene.rect.x, scene.rect.y) == (0, 0));
    let voxel_um = believed(metadata.voxel_um, &mut notes);
    let interval_secs = metadata.interval_secs.filter(|_| scenes.iter().any(|scene| scene.times > 1));
    for (scene, first) in scenes.iter_mut().zip(layout.firsts) {
        let known = metadata.scenes.get(&scene.index).cloned().unwrap_or_default();
        scene.name = known.name;
        let first_px = Zyx::new(i64::from(first.z), scene.rect.y, scene.rect.x);
        let along = |(first, um): (i64, Option<f64>)| um.map(|um| first as f64 * um);
        scene.origin_um = first_px.zip(voxel_um).map(along);
        if has_no_positions && let Some((x, y)) = known.centre_um {
            let first = |centre: f64, px: u32, um: Option<f64>| Some(centre - f64::from(px - 1) / 2.0 * um?);
            scene.origin_um.x = first(x, scene.rect.width, voxel_um.x);
            scene.origin_um.y = first(y, scene.rect.height, voxel_um.y);
        }
        scene.origin_secs = interval_secs.map(|secs| f64::from(first.t) * secs);
    }
    Dataset { scenes, channels, voxel_um, interval_secs, optics: metadata.optics, notes }
}
