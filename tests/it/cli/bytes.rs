//! Breaks CZI files byte by byte. Positions are those of ZEISS, "CZI File Format".

/// Where segments called `id` start.
pub fn segments(file: &[u8], id: &str) -> Vec<usize> {
    let starts = (0..file.len()).step_by(32);
    starts.filter(|&at| file[at..].starts_with(id.as_bytes())).collect()
}

pub fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Position of entry `i` of the subblock directory; all entries have `dimensions`.
pub fn entry(file: &[u8], i: usize, dimensions: usize) -> usize {
    segments(file, "ZISRAWDIRECTORY")[0] + 32 + 128 + i * (32 + 20 * dimensions)
}

/// Parts of an entry.
pub const SCHEMA: usize = 0;
pub const PIXEL_TYPE: usize = 2;
pub const POSITION: usize = 6;
pub const FILE_PART: usize = 14;
pub const COMPRESSION: usize = 18;
pub const DIMENSIONS: usize = 28;

/// Start, size and stored size in dimension `i` of an entry.
pub const fn start_of(i: usize) -> usize {
    32 + 20 * i + 4
}
pub const fn size_of(i: usize) -> usize {
    32 + 20 * i + 8
}
pub const fn stored_of(i: usize) -> usize {
    32 + 20 * i + 16
}
