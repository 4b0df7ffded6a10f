//! Little-endian TIFFs entry by entry, for tags that the crate `tiff` does not write, and for those that stand twice.

use super::*;

/// A file that grows.
pub struct RawTiff {
    bytes: Vec<u8>,
    /// Where the offset of the next directory belongs.
    link: usize,
}

/// One entry: the tag, the kind of its values, how many there are, their bytes.
pub struct RawEntry(u16, u16, u32, Vec<u8>);

pub fn short(tag: u16, values: &[u16]) -> RawEntry {
    RawEntry(tag, 3, values.len() as u32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

pub fn long(tag: u16, values: &[u32]) -> RawEntry {
    RawEntry(tag, 4, values.len() as u32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

pub fn fraction(tag: u16, numerator: u32, denominator: u32) -> RawEntry {
    let bytes = [numerator, denominator].iter().flat_map(|v| v.to_le_bytes()).collect();
    RawEntry(tag, 5, 1, bytes)
}

pub fn text(tag: u16, text: &str) -> RawEntry {
    RawEntry(tag, 2, text.len() as u32 + 1, text.bytes().chain([0]).collect())
}

/// Bytes of a value of a vendor.
pub fn bytes(tag: u16, bytes: Vec<u8>) -> RawEntry {
    RawEntry(tag, 1, bytes.len() as u32, bytes)
}

/// Called `count` whole numbers, whatever is there.
pub fn longs(tag: u16, count: u32, bytes: Vec<u8>) -> RawEntry {
    RawEntry(tag, 4, count, bytes)
}

/// Called `count` fractions, whatever is there.
pub fn fractions(tag: u16, count: u32, bytes: Vec<u8>) -> RawEntry {
    RawEntry(tag, 5, count, bytes)
}

impl RawTiff {
    pub fn new() -> Self {
        Self { bytes: b"II*\0\0\0\0\0".to_vec(), link: 4 }
    }

    /// Appends bytes; where they are.
    pub fn append(&mut self, bytes: &[u8]) -> u32 {
        let at = self.bytes.len() as u32;
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(2), 0);
        at
    }

    /// Appends page `p` of the test's values as u16; its first byte.
    pub fn page(&mut self, p: usize) -> u32 {
        let pixels: Vec<u8> = values(p, 1).flat_map(|v| (v as u16 * 257).to_le_bytes()).collect();
        self.append(&pixels)
    }

    /// Appends a directory of a gray page of u16 whose pixels are at `pixels`, with `more` entries.
    pub fn gray_directory(&mut self, pixels: u32, more: Vec<RawEntry>) {
        let mut entries = vec![
            long(256, &[WIDTH]),
            long(257, &[HEIGHT]),
            short(258, &[16]),
            short(259, &[1]),
            short(262, &[1]),
            long(273, &[pixels]),
            short(277, &[1]),
            long(278, &[HEIGHT]),
            long(279, &[COUNT as u32 * 2]),
        ];
        entries.extend(more);
        self.directory(entries);
    }

    /// Appends a directory that none before it names; where it is.
    pub fn directory_below(&mut self, entries: Vec<RawEntry>) -> u32 {
        let (link, before) = (self.link, self.bytes[self.link..self.link + 4].to_vec());
        self.directory(entries);
        let at = self.bytes[link..link + 4].try_into().map(u32::from_le_bytes).unwrap();
        self.bytes[link..link + 4].copy_from_slice(&before);
        self.link = link;
        at
    }

    pub fn directory(&mut self, mut entries: Vec<RawEntry>) {
        entries.sort_by_key(|entry| entry.0);
        let mut directory = (entries.len() as u16).to_le_bytes().to_vec();
        for RawEntry(tag, kind, count, mut value) in entries {
            if value.len() > 4 {
                value = self.append(&value).to_le_bytes().to_vec();
            }
            value.resize(4, 0);
            directory.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            directory.extend(count.to_le_bytes());
            directory.extend(value);
        }
        let at = self.append(&directory);
        let (link, next) = (self.link, at as usize + directory.len());
        self.bytes[link..link + 4].copy_from_slice(&at.to_le_bytes());
        self.bytes.resize(next, 0);
        self.append(&[0; 4]);
        self.link = next;
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, &self.bytes).unwrap();
    }

    pub fn file(&self) -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        self.write(file.path());
        file
    }
}
