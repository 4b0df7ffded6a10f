//! A small CZI writer, for the demo, the tests and the benchmarks: one file part, no attachments but valid-pixel masks.
//!
//! Segments are laid out as ZEN does: file header, subblocks, metadata, directory last. Source: ZEISS, "CZI File
//! Format", sections "Segments", "SubBlock" and "SubBlockDirectory".

mod xml;

use std::fs::File;
use std::io::{BufWriter, Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub use xml::Metadata;

use crate::dataset::{Compression, Plane};
use crate::error::{Error, Result};
use crate::pixels::{PixelType, Samples};
use crate::space::{Rect, Stored, Tczyx};

/// Segments start at multiples of this.
const ALIGNMENT: u64 = 32;
const SEGMENT_HEADER: usize = 32;
const FILE_HEADER: usize = 512;
/// The part of a subblock before its data is at least this long.
const SUBBLOCK_FIXED: usize = 256;
const DIRECTORY_FIXED: usize = 128;
const METADATA_FIXED: usize = 256;

/// One subblock to be written.
#[derive(Clone, Debug)]
pub struct NewSubblock<'a> {
    /// Where in time, channel and depth.
    pub plane: Plane,
    /// Its scene; `None` writes no S dimension.
    pub scene: Option<u32>,
    /// Its number in the mosaic; `None` writes no M dimension, as pyramid subblocks have none.
    pub m: Option<u32>,
    /// The area that it covers, in level-0 pixels.
    pub rect: Rect<Stored>,
    /// Stored pixels across; fewer than `rect.width` makes it a pyramid subblock.
    pub stored_width: u32,
    /// Stored pixels down.
    pub stored_height: u32,
    /// Of the stored pixels.
    pub pixel_type: PixelType,
    /// `Uncompressed`, `Zstd0`, or `Zstd1` (with hi-lo packing of `Gray16`).
    pub compression: Compression,
    /// Positions in further dimensions, such as `('H', 2)`.
    pub extra: &'a [(char, i32)],
}

impl NewSubblock<'_> {
    /// An uncompressed level-0 subblock without scene or number.
    pub fn new(plane: Plane, rect: Rect<Stored>, pixel_type: PixelType) -> Self {
        Self {
            plane,
            scene: None,
            m: None,
            rect,
            stored_width: rect.width,
            stored_height: rect.height,
            pixel_type,
            compression: Compression::Uncompressed,
            extra: &[],
        }
    }

    /// The directory entry of the subblock at `position` in the file.
    fn entry(&self, position: u64) -> Vec<u8> {
        let start = |v: i64| i32::try_from(v).expect("CZI coordinates have 32 bits");
        let mut dimensions = vec![
            ('X', start(self.rect.x), self.rect.width, self.stored_width),
            ('Y', start(self.rect.y), self.rect.height, self.stored_height),
            ('C', start(self.plane.c.into()), 1, 1),
            ('Z', start(self.plane.z.into()), 1, 1),
            ('T', start(self.plane.t.into()), 1, 1),
        ];
        dimensions.extend(self.extra.iter().map(|&(name, index)| (name, index, 1, 1)));
        dimensions.extend(self.scene.map(|s| ('S', start(s.into()), 1, 1)));
        dimensions.extend(self.m.map(|m| ('M', start(m.into()), 1, 1)));

        let mut entry = Vec::with_capacity(32 + 20 * dimensions.len());
        entry.extend(b"DV");
        entry.extend(pixel_type_code(self.pixel_type).to_le_bytes());
        entry.extend(position.to_le_bytes());
        entry.extend(0i32.to_le_bytes()); // part of the file
        entry.extend(compression_code(self.compression).to_le_bytes());
        entry.extend([0; 6]); // pyramid type, reserved
        entry.extend((dimensions.len() as i32).to_le_bytes());
        for (name, start, size, stored) in dimensions {
            entry.extend([name as u8, 0, 0, 0]);
            entry.extend(start.to_le_bytes());
            entry.extend(size.to_le_bytes());
            entry.extend(0f32.to_le_bytes()); // start coordinate
            entry.extend(stored.to_le_bytes());
        }
        entry
    }
}

/// Writes a CZI file, subblock by subblock.
#[derive(Debug)]
pub struct CziWriter<W> {
    out: W,
    path: PathBuf,
    /// Bytes written.
    at: u64,
    /// Of all subblocks so far, one after the other.
    entries: Vec<u8>,
    count: u32,
    extent: Option<Extent>,
}

/// What the subblocks so far span.
#[derive(Clone, Copy, Debug)]
struct Extent {
    rect: Rect<Stored>,
    /// Past the last index of t, c and z; y and x are unused.
    end: Tczyx<u32>,
    scenes: u32,
    pixel_type: PixelType,
}

impl CziWriter<BufWriter<File>> {
    /// Starts the file `path`; what was there is replaced.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::create(path).map_err(|error| Error::io(path, error))?;
        Self::new(BufWriter::new(file), path)
    }
}

impl CziWriter<Cursor<Vec<u8>>> {
    /// Starts a file in memory; [`CziWriter::finish`] gives the cursor back.
    ///
    /// # Errors
    /// None in practice: memory does not refuse bytes.
    pub fn in_memory() -> Result<Self> {
        Self::new(Cursor::new(Vec::new()), Path::new("memory.czi"))
    }
}

impl<W: Write + Seek> CziWriter<W> {
    /// Starts a file at the beginning of `out`; messages call it `path`.
    ///
    /// # Errors
    /// `Io`.
    pub fn new(out: W, path: &Path) -> Result<Self> {
        let mut writer =
            Self { out, path: path.to_owned(), at: 0, entries: Vec::new(), count: 0, extent: None };
        writer.segment(b"ZISRAWFILE", &[&[0; FILE_HEADER]])?;
        Ok(writer)
    }

    /// Writes one subblock. `samples` are `stored_height × stored_width × samples a pixel`, x fastest, colours in the
    /// order blue, green, red.
    ///
    /// # Errors
    /// `Io`; `Unsupported` for a compression that it cannot write.
    ///
    /// # Panics
    /// When `samples` are not as many or not of the type that `subblock` says.
    pub fn add(&mut self, subblock: &NewSubblock<'_>, samples: &Samples) -> Result<()> {
        assert_eq!(samples.kind(), subblock.pixel_type.sample_type(), "type of the samples");
        let count = subblock.stored_width as usize
            * subblock.stored_height as usize
            * subblock.pixel_type.samples() as usize;
        assert_eq!(samples.len(), count, "number of samples");
        let payload = self.encode(subblock, samples)?;
        self.add_encoded(subblock, &payload)
    }

    /// Writes one subblock with a valid-pixel mask; `shown` tells of a column and row whether it is valid.
    ///
    /// # Errors
    /// As [`CziWriter::add`].
    pub fn add_masked(
        &mut self,
        subblock: &NewSubblock<'_>,
        samples: &Samples,
        shown: impl Fn(u32, u32) -> bool,
    ) -> Result<()> {
        let payload = self.encode(subblock, samples)?;
        self.put_subblock(subblock, &payload, &mask_attachment(subblock, shown))
    }

    /// Writes one subblock whose pixels are compressed already, or are meant to be broken.
    ///
    /// # Errors
    /// `Io`.
    pub fn add_encoded(&mut self, subblock: &NewSubblock<'_>, payload: &[u8]) -> Result<()> {
        self.put_subblock(subblock, payload, &[])
    }

    fn put_subblock(&mut self, subblock: &NewSubblock<'_>, payload: &[u8], attachment: &[u8]) -> Result<()> {
        let entry = subblock.entry(self.at);
        let mut fixed = Vec::with_capacity(SUBBLOCK_FIXED);
        fixed.extend(0i32.to_le_bytes()); // metadata
        fixed.extend((attachment.len() as i32).to_le_bytes());
        fixed.extend((payload.len() as u64).to_le_bytes());
        fixed.extend(&entry);
        fixed.resize(fixed.len().max(SUBBLOCK_FIXED), 0);
        self.segment(b"ZISRAWSUBBLOCK", &[&fixed, payload, attachment])?;
        self.entries.extend(entry);
        self.count += 1;
        self.extent = Some(Extent::with(self.extent, subblock));
        Ok(())
    }

    /// Writes the metadata, the directory and the file header, and gives the sink back.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(self, metadata: &Metadata) -> Result<W> {
        let xml = xml::render(metadata, self.extent);
        self.finish_with_xml(xml.as_bytes())
    }

    /// As [`Self::finish`], with metadata of any kind, for tests of what is wrong with them.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish_with_xml(mut self, xml: &[u8]) -> Result<W> {
        let mut fixed = (xml.len() as u32).to_le_bytes().to_vec();
        fixed.resize(METADATA_FIXED, 0);
        let metadata_at = self.segment(b"ZISRAWMETADATA", &[&fixed, xml])?;

        let mut fixed = self.count.to_le_bytes().to_vec();
        fixed.resize(DIRECTORY_FIXED, 0);
        let entries = std::mem::take(&mut self.entries);
        let directory_at = self.segment(b"ZISRAWDIRECTORY", &[&fixed, &entries])?;

        self.out.seek(SeekFrom::Start(SEGMENT_HEADER as u64)).map_err(|e| Error::io(&self.path, e))?;
        self.put(&file_header(directory_at, metadata_at))?;
        self.out.flush().map_err(|e| Error::io(&self.path, e))?;
        Ok(self.out)
    }

    fn encode(&self, subblock: &NewSubblock<'_>, samples: &Samples) -> Result<Vec<u8>> {
        let zstd = |bytes: &[u8]| zstd::bulk::compress(bytes, 1).map_err(|e| Error::io(&self.path, e));
        let raw = little_endian(samples);
        match (subblock.compression, samples) {
            (Compression::Uncompressed, _) => Ok(raw),
            (Compression::Zstd0, _) => zstd(&raw),
            // libCZI packs Bgr48 in the same way, but cannot read it back (seen in pylibCZIrw 6.1).
            (Compression::Zstd1, Samples::U16(values)) if subblock.pixel_type == PixelType::Gray16 => {
                let low = values.iter().map(|v| *v as u8);
                let high = values.iter().map(|v| (v >> 8) as u8);
                let packed: Vec<u8> = low.chain(high).collect();
                Ok([&[3, 1, 1], zstd(&packed)?.as_slice()].concat())
            }
            (Compression::Zstd1, _) => Ok([&[3, 1, 0], zstd(&raw)?.as_slice()].concat()),
            (other, _) => Err(Error::unsupported(&self.path, format!("writing {other:?} subblocks"))),
        }
    }

    /// Writes a segment of `parts`; gives its position.
    fn segment(&mut self, id: &[u8], parts: &[&[u8]]) -> Result<u64> {
        let position = self.at;
        let used: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let allocated = used.next_multiple_of(ALIGNMENT);
        let mut header = id.to_vec();
        header.resize(16, 0);
        header.extend(allocated.to_le_bytes());
        header.extend(used.to_le_bytes());
        self.put(&header)?;
        for part in parts {
            self.put(part)?;
        }
        self.put(&[0; ALIGNMENT as usize][..(allocated - used) as usize])?;
        Ok(position)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|error| Error::io(&self.path, error))
    }
}

impl Extent {
    fn with(before: Option<Self>, subblock: &NewSubblock<'_>) -> Self {
        let Plane { t, c, z } = subblock.plane;
        let scenes = subblock.scene.map_or(0, |s| s + 1);
        match before {
            None => Self {
                rect: subblock.rect,
                end: Tczyx::new(t + 1, c + 1, z + 1, 0, 0),
                scenes,
                pixel_type: subblock.pixel_type,
            },
            Some(e) => Self {
                rect: e.rect.union(subblock.rect),
                end: Tczyx::new(e.end.t.max(t + 1), e.end.c.max(c + 1), e.end.z.max(z + 1), 0, 0),
                scenes: e.scenes.max(scenes),
                pixel_type: e.pixel_type,
            },
        }
    }
}

/// The attachment with a mask: one chunk of GUID, size, and the mask's width, height, kind, bytes a row and bits.
fn mask_attachment(subblock: &NewSubblock<'_>, shown: impl Fn(u32, u32) -> bool) -> Vec<u8> {
    const GUID: u128 = 0x67EA_E3CB_FC5B_2B49_A16A_ECE3_7803_1448;
    let (width, height) = (subblock.stored_width, subblock.stored_height);
    let stride = width.div_ceil(8);
    let mut attachment = GUID.to_be_bytes().to_vec();
    for number in [16 + stride * height, width, height, 0, stride] {
        attachment.extend(number.to_le_bytes());
    }
    for (y, byte) in (0..height).flat_map(|y| (0..stride).map(move |byte| (y, byte))) {
        let bit = |i: u32| u8::from(8 * byte + i < width && shown(8 * byte + i, y)) << (7 - i);
        attachment.push((0..8).map(bit).sum());
    }
    attachment
}

/// Version 1.0, one part, positions of directory and metadata, no attachments.
fn file_header(directory_at: u64, metadata_at: u64) -> Vec<u8> {
    let mut header = vec![0; FILE_HEADER];
    header[..4].copy_from_slice(&1i32.to_le_bytes());
    header[52..60].copy_from_slice(&directory_at.to_le_bytes());
    header[60..68].copy_from_slice(&metadata_at.to_le_bytes());
    header
}

fn little_endian(samples: &Samples) -> Vec<u8> {
    match samples {
        Samples::U8(v) => v.clone(),
        Samples::U16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Samples::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}

fn pixel_type_code(pixel_type: PixelType) -> i32 {
    match pixel_type {
        PixelType::Gray8 => 0,
        PixelType::Gray16 => 1,
        PixelType::Gray32Float => 2,
        PixelType::Bgr24 => 3,
        PixelType::Bgr48 => 4,
    }
}

fn compression_code(compression: Compression) -> i32 {
    match compression {
        Compression::Uncompressed | Compression::Tiff | Compression::Zarr => 0,
        Compression::JpegXr => 4,
        Compression::Zstd0 => 5,
        Compression::Zstd1 => 6,
    }
}

#[cfg(test)]
mod tests;
