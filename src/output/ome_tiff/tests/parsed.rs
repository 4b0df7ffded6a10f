//! A parser of BigTIFF that shares nothing with what writes it: for tests.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

pub struct Parsed(Vec<u8>);

/// Kind, and bytes of the values of each tag.
#[derive(Clone)]
pub struct Page(BTreeMap<u16, (u16, Vec<u8>)>);

impl Parsed {
    pub fn open(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        assert_eq!(bytes[..8], [b'I', b'I', 43, 0, 8, 0, 0, 0], "the header of a little-endian BigTIFF");
        Self(bytes)
    }

    fn number(&self, at: u64, bytes: usize) -> u64 {
        self.0[at as usize..][..bytes].iter().rev().fold(0, |all, &byte| all << 8 | u64::from(byte))
    }

    /// The pages that the header leads to.
    pub fn pages(&self) -> Vec<Page> {
        let (mut pages, mut at) = (Vec::new(), self.number(8, 8));
        while at != 0 {
            pages.push(self.page(at));
            at = self.number(at + 8 + 20 * self.number(at, 8), 8);
        }
        pages
    }

    pub fn page(&self, at: u64) -> Page {
        assert_eq!(at % 8, 0, "directories are aligned");
        let mut tags = BTreeMap::new();
        let mut before = 0;
        for i in 0..self.number(at, 8) {
            let entry = at + 8 + 20 * i;
            let (tag, kind) = (self.number(entry, 2) as u16, self.number(entry + 2, 2) as u16);
            assert!(tag > before, "tags ascend");
            before = tag;
            let size = [0, 1, 1, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 8][usize::from(kind)];
            let length = self.number(entry + 4, 8) * size;
            let place = if length <= 8 { entry + 12 } else { self.number(entry + 12, 8) };
            tags.insert(tag, (kind, self.0[place as usize..][..length as usize].to_vec()));
        }
        Page(tags)
    }

    /// The stored bytes of each tile.
    pub fn tiles(&self, page: &Page) -> Vec<&[u8]> {
        let places = page.numbers(324).into_iter().zip(page.numbers(325));
        places.map(|(at, length)| &self.0[at as usize..][..length as usize]).collect()
    }

    /// All samples, row by row.
    pub fn pixels(&self, page: &Page) -> Vec<f64> {
        let (width, height, samples) = (page.number(256), page.number(257), page.number(277));
        let (tile_width, tile_height) = (page.number(322), page.number(323));
        assert_eq!((tile_width % 16, tile_height % 16, page.number(284)), (0, 0, 1));
        let across = width.div_ceil(tile_width);
        let (bits, format) = (page.number(258), page.number(339));
        let bytes = bits as usize / 8;
        let mut pixels = vec![f64::NAN; (width * height * samples) as usize];
        let tiles = self.tiles(page);
        assert_eq!(tiles.len() as u64, across * height.div_ceil(tile_height));
        for (number, stored) in (0..).zip(tiles) {
            let raw =
                decompressed(page.number(259), stored, (tile_width * tile_height * samples) as usize * bytes);
            for y in 0..tile_height {
                let mut left = vec![0; samples as usize];
                for x in 0..tile_width {
                    for sample in 0..samples {
                        let at = ((y * tile_width + x) * samples + sample) as usize * bytes;
                        let mut value =
                            raw[at..at + bytes].iter().rev().fold(0, |all, &b| all << 8 | u64::from(b));
                        if page.number(317) == 2 {
                            value = (value + left[sample as usize]) & ((1 << bits) - 1);
                            left[sample as usize] = value;
                        }
                        let (row, column) =
                            (number / across * tile_height + y, number % across * tile_width + x);
                        if row < height && column < width {
                            pixels[((row * width + column) * samples + sample) as usize] = match format {
                                3 => f64::from(f32::from_bits(value as u32)),
                                _ => value as f64,
                            };
                        }
                    }
                }
            }
        }
        pixels
    }
}

fn decompressed(code: u64, stored: &[u8], length: usize) -> Vec<u8> {
    let mut raw = Vec::new();
    match code {
        1 => raw.extend(stored),
        5 => {
            let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
            raw = decoder.decode(stored).unwrap();
        }
        8 => drop(flate2::read::ZlibDecoder::new(stored).read_to_end(&mut raw).unwrap()),
        50000 => raw = zstd::bulk::decompress(stored, length).unwrap(),
        other => panic!("compression {other}"),
    }
    assert_eq!(raw.len(), length);
    raw
}

impl Page {
    pub fn has(&self, tag: u16) -> bool {
        self.0.contains_key(&tag)
    }

    pub fn numbers(&self, tag: u16) -> Vec<u64> {
        let Some((kind, bytes)) = self.0.get(&tag) else { return Vec::new() };
        let size = match kind {
            3 => 2,
            4 => 4,
            16 | 18 => 8,
            other => panic!("tag {tag} is of kind {other}"),
        };
        bytes.chunks(size).map(|one| one.iter().rev().fold(0, |all, &b| all << 8 | u64::from(b))).collect()
    }

    pub fn number(&self, tag: u16) -> u64 {
        self.numbers(tag)[0]
    }

    pub fn fraction(&self, tag: u16) -> f64 {
        let (kind, bytes) = &self.0[&tag];
        assert_eq!((*kind, bytes.len()), (5, 8));
        let number = |at: usize| f64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()));
        number(0) / number(4)
    }

    pub fn text(&self, tag: u16) -> String {
        let (kind, bytes) = &self.0[&tag];
        assert_eq!((*kind, bytes.last()), (2, Some(&0)));
        String::from_utf8(bytes[..bytes.len() - 1].to_vec()).unwrap()
    }
}
