//! TIFFs of one page in any layout, from the value of each sample.

use std::io::Write;

use tempfile::NamedTempFile;
use weezl::BitOrder;

/// How a page is stored. Pixels are 37 × 29 unless they are said to be others.
#[derive(Clone, Debug)]
pub struct Layout {
    pub is_big_endian: bool,
    pub size: [u32; 2],
    /// Columns and rows of a tile, or rows of a strip.
    pub tile: Option<[u32; 2]>,
    pub rows: u32,
    pub samples: u32,
    pub is_planar: bool,
    pub bits: u32,
    pub format: u32,
    pub compression: u32,
    pub predictor: u32,
    pub photometric: u32,
    /// More entries, of one LONG each.
    pub more: Vec<(u16, u32)>,
    /// Of JPEG, stored once.
    pub tables: Vec<u8>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            is_big_endian: false,
            size: [37, 29],
            tile: None,
            rows: 8,
            samples: 1,
            is_planar: false,
            bits: 16,
            format: 1,
            compression: 1,
            predictor: 1,
            photometric: 1,
            more: Vec::new(),
            tables: Vec::new(),
        }
    }
}

impl Layout {
    fn number(&self, value: u64, bytes: usize) -> Vec<u8> {
        let all = value.to_be_bytes();
        let mut bytes = all[8 - bytes..].to_vec();
        if !self.is_big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// Chunks across, down, and the size of one.
    fn grid(&self) -> [u32; 4] {
        let [width, height] = self.tile.unwrap_or([self.size[0], self.rows]);
        [self.size[0].div_ceil(width), self.size[1].div_ceil(height), width, height]
    }

    /// The bytes of the chunk in `column` and `row`: of sample `plane` where samples are stored apart. What lies beyond the
    /// page is the value of (0, 0), which must not be seen.
    fn chunk(&self, [column, row]: [u32; 2], plane: u32, value: &dyn Fn(u32, u32, u32) -> u64) -> Vec<u8> {
        let [_, _, width, height] = self.grid();
        let first = row * height;
        let height = if self.tile.is_some() { height } else { height.min(self.size[1] - first) };
        let samples = if self.is_planar { plane..plane + 1 } else { 0..self.samples };
        let bytes = self.bits as usize / 8;
        let mut all = Vec::new();
        for y in first..first + height {
            let mut values = Vec::new();
            for x in column * width..(column + 1) * width {
                let is_there = x < self.size[0] && y < self.size[1];
                values
                    .extend(samples.clone().map(|s| if is_there { value(x, y, s) } else { value(0, 0, s) }));
            }
            all.extend(self.predicted(&values, samples.len(), bytes));
        }
        self.compressed(&all)
    }

    fn predicted(&self, values: &[u64], step: usize, bytes: usize) -> Vec<u8> {
        let before = |i: usize| if i < step { 0 } else { values[i - step] };
        match self.predictor {
            2 => {
                let difference = |i: usize| self.number(values[i].wrapping_sub(before(i)), bytes);
                (0..values.len()).flat_map(difference).collect()
            }
            3 => {
                let byte = |significance: usize, value: u64| value.to_be_bytes()[8 - bytes + significance];
                let sorted: Vec<u8> =
                    (0..bytes).flat_map(|s| values.iter().map(move |&v| byte(s, v))).collect();
                let before = |i: usize| if i < step { 0 } else { sorted[i - step] };
                (0..sorted.len()).map(|i| sorted[i].wrapping_sub(before(i))).collect()
            }
            _ => values.iter().flat_map(|&value| self.number(value, bytes)).collect(),
        }
    }

    /// As a chunk is stored.
    pub fn compressed(&self, bytes: &[u8]) -> Vec<u8> {
        match self.compression {
            5 => {
                let mut encoder = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8);
                encoder.encode(bytes).unwrap()
            }
            8 | 32946 => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            50000 => zstd::bulk::compress(bytes, 1).unwrap(),
            32773 => bytes.chunks(128).flat_map(|part| [&[part.len() as u8 - 1], part].concat()).collect(),
            _ => bytes.to_vec(),
        }
    }

    /// A file of one page, whose samples have the bits `value(x, y, sample)`.
    pub fn write(&self, value: impl Fn(u32, u32, u32) -> u64) -> NamedTempFile {
        let [across, down, ..] = self.grid();
        let planes = if self.is_planar { self.samples } else { 1 };
        let mut chunks = Vec::new();
        for plane in 0..planes {
            for row in 0..down {
                chunks.extend((0..across).map(|column| self.chunk([column, row], plane, &value)));
            }
        }
        self.write_chunks(&chunks)
    }

    /// A file of one page with these chunks.
    pub fn write_chunks(&self, chunks: &[Vec<u8>]) -> NamedTempFile {
        let mut file =
            if self.is_big_endian { b"MM\0\x2a\0\0\0\0".to_vec() } else { b"II\x2a\0\0\0\0\0".to_vec() };
        let mut offsets = Vec::new();
        for chunk in chunks {
            offsets.push(if chunk.is_empty() { 0 } else { file.len() as u32 });
            file.extend(chunk);
        }
        let lengths: Vec<u32> = chunks.iter().map(|chunk| chunk.len() as u32).collect();
        self.directory(file, &offsets, &lengths)
    }

    /// `file` with a directory that names these chunks.
    pub fn directory(&self, mut file: Vec<u8>, offsets: &[u32], lengths: &[u32]) -> NamedTempFile {
        let one = |tag: u16, value: u32| (tag, vec![value]);
        let mut entries = vec![
            one(256, self.size[0]),
            one(257, self.size[1]),
            (258, vec![self.bits; self.samples as usize]),
            one(259, self.compression),
            one(262, self.photometric),
            one(277, self.samples),
            one(284, if self.is_planar { 2 } else { 1 }),
            one(317, self.predictor),
            (339, vec![self.format; self.samples as usize]),
        ];
        match self.tile {
            Some([width, height]) => {
                entries.extend([one(322, width), one(323, height)]);
                entries.extend([(324, offsets.to_vec()), (325, lengths.to_vec())]);
            }
            None => {
                entries.push(one(278, self.rows));
                entries.extend([(273, offsets.to_vec()), (279, lengths.to_vec())]);
            }
        }
        entries.extend(self.more.iter().map(|&(tag, value)| one(tag, value)));
        if !self.tables.is_empty() {
            entries.push((347, self.tables.iter().map(|&byte| u32::from(byte)).collect()));
        }
        entries.retain(|(_, values)| !values.is_empty());
        entries.sort_by_key(|(tag, _)| *tag);
        let mut directory = self.number(entries.len() as u64, 2);
        for (tag, values) in entries {
            // BYTE, LONG.
            let (kind, bytes) = if tag == 347 { (1, 1) } else { (4, 4) };
            directory.extend([self.number(u64::from(tag), 2), self.number(kind, 2)].concat());
            directory.extend(self.number(values.len() as u64, 4));
            let value = match values[..] {
                [only] => only,
                _ => {
                    let at = file.len() as u32;
                    file.extend(values.iter().flat_map(|&value| self.number(u64::from(value), bytes)));
                    at
                }
            };
            directory.extend(self.number(u64::from(value), 4));
        }
        let at = self.number(file.len() as u64, 4);
        file[4..8].copy_from_slice(&at);
        file.extend(directory);
        file.extend([0; 4]);
        let mut named = tempfile::Builder::new().suffix(".tif").tempfile().unwrap();
        named.write_all(&file).unwrap();
        named
    }
}
