//! A CZI file byte by byte, so that every field can be wrong, and a source that keeps a record of its requests.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::source::ReadAt;

/// Byte of the file header that points to the directory.
pub const DIRECTORY: usize = 84;
/// Byte of the file header that points to the metadata.
pub const METADATA: usize = 92;

/// One subblock.
#[derive(Clone)]
pub struct Piece {
    pub schema: [u8; 2],
    pub pixel_type: i32,
    pub compression: i32,
    pub part: i32,
    pub start: (i32, i32),
    pub size: (i32, i32),
    pub stored: (i32, i32),
    pub dimensions: Vec<(&'static str, i32)>,
    /// Of those of them that are not 1.
    pub sizes: Vec<(&'static str, i32)>,
    /// Bytes of metadata.
    pub metadata: usize,
    pub payload: Vec<u8>,
    /// What the segment says, if not the truth.
    pub data_size: Option<i64>,
    /// What the directory says, if not the truth.
    pub position: Option<i64>,
    /// Unused bytes behind the segment.
    pub gap: usize,
}

impl Piece {
    pub fn gray8(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self {
            schema: *b"DV",
            pixel_type: 0,
            compression: 0,
            part: 0,
            start: (x, y),
            size: (width, height),
            stored: (width, height),
            dimensions: Vec::new(),
            sizes: Vec::new(),
            metadata: 7,
            payload: Vec::new(),
            data_size: None,
            position: None,
            gap: 0,
        }
    }

    pub fn with(mut self, dimension: &'static str, index: i32) -> Self {
        self.dimensions.push((dimension, index));
        self
    }

    /// Pixels that count up from `first`.
    pub fn filled(mut self, first: u8) -> Self {
        let count = (self.stored.0 * self.stored.1) as u8;
        self.payload = (0..count).map(|i| first.wrapping_add(i)).collect();
        self
    }

    fn entry(&self, position: i64) -> Vec<u8> {
        let mut bytes = self.schema.to_vec();
        bytes.extend(self.pixel_type.to_le_bytes());
        bytes.extend(self.position.unwrap_or(position).to_le_bytes());
        bytes.extend(self.part.to_le_bytes());
        bytes.extend(self.compression.to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend((self.dimensions.len() as i32 + 2).to_le_bytes());
        let mut dimension = |name: &str, start: i32, size: i32, stored: i32| {
            let mut letters = [0; 4];
            letters[..name.len()].copy_from_slice(name.as_bytes());
            bytes.extend(letters);
            [start, size, 0, stored].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        };
        dimension("X", self.start.0, self.size.0, self.stored.0);
        dimension("Y", self.start.1, self.size.1, self.stored.1);
        for &(name, index) in &self.dimensions {
            let size = self.sizes.iter().find(|(other, _)| *other == name).map_or(1, |&(_, size)| size);
            dimension(name, index, size, size);
        }
        bytes
    }
}

/// A file of these subblocks, in file order.
#[derive(Default)]
pub struct File {
    pub pieces: Vec<Piece>,
    /// Positions in `pieces`; empty for file order.
    pub directory_order: Vec<usize>,
}

impl File {
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = segment("ZISRAWFILE", vec![0; 512]);
        file[32] = 1;
        let mut entries = Vec::new();
        for piece in &self.pieces {
            let entry = piece.entry(file.len() as i64);
            let mut data = (piece.metadata as i32).to_le_bytes().to_vec();
            data.extend(0_i32.to_le_bytes());
            data.extend(piece.data_size.unwrap_or(piece.payload.len() as i64).to_le_bytes());
            data.extend(&entry);
            data.resize(data.len().max(256) + piece.metadata, b' ');
            data.extend(&piece.payload);
            file.extend(segment("ZISRAWSUBBLOCK", data));
            file.resize(file.len() + piece.gap, 0);
            entries.push(entry);
        }
        let mut order = self.directory_order.clone();
        if order.is_empty() {
            order = (0..entries.len()).collect();
        }
        let mut directory = vec![0; 128];
        directory[..4].copy_from_slice(&(order.len() as i32).to_le_bytes());
        order.into_iter().for_each(|i| directory.extend(&entries[i]));
        let xml = b"<ImageDocument></ImageDocument";
        let mut metadata = vec![0; 256];
        metadata[0] = xml.len() as u8;
        metadata.extend(xml);
        // The directory goes last: a file that is cut off has then lost it.
        for (at, segment) in [
            (METADATA, segment("ZISRAWMETADATA", metadata)),
            (DIRECTORY, segment("ZISRAWDIRECTORY", directory)),
        ] {
            let position = file.len() as i64;
            file[at..at + 8].copy_from_slice(&position.to_le_bytes());
            file.extend(segment);
        }
        file
    }

    /// What the file header says at `field`.
    pub fn position(file: &[u8], field: usize) -> usize {
        u64::from_le_bytes(file[field..field + 8].try_into().expect("eight bytes")) as usize
    }
}

fn segment(id: &str, data: Vec<u8>) -> Vec<u8> {
    let mut bytes = id.as_bytes().to_vec();
    bytes.resize(16, 0);
    let size = data.len() as i64;
    bytes.extend(size.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(data);
    bytes
}

/// A file in memory.
pub struct Memory {
    bytes: Vec<u8>,
    requests: Arc<Mutex<Vec<(u64, u64)>>>,
}

impl Memory {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, requests: Arc::default() }
    }

    /// Offset and length of each request so far.
    pub fn requests(&self) -> Arc<Mutex<Vec<(u64, u64)>>> {
        Arc::clone(&self.requests)
    }
}

impl ReadAt for Memory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let (from, length) = (offset as usize, buffer.len());
        assert!(from + length <= self.bytes.len(), "{length} bytes at {from} of {}", self.bytes.len());
        buffer.copy_from_slice(&self.bytes[from..from + length]);
        self.requests.lock().expect("no panic").push((offset, length as u64));
        Ok(())
    }

    fn path(&self) -> &Path {
        Path::new("memory.czi")
    }
}

/// `file` with this metadata instead of its own.
pub fn with_xml(mut file: Vec<u8>, xml: &str) -> Vec<u8> {
    let mut metadata = vec![0; 256];
    metadata[..4].copy_from_slice(&(xml.len() as u32).to_le_bytes());
    metadata.extend(xml.as_bytes());
    let position = file.len() as i64;
    file[METADATA..METADATA + 8].copy_from_slice(&position.to_le_bytes());
    file.extend(segment("ZISRAWMETADATA", metadata));
    file
}
