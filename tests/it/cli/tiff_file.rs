//! What an OME-TIFF holds, whatever the order in which its tiles lie in the file: read by a parser of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const TILE_OFFSETS: u64 = 324;
const TILE_BYTE_COUNTS: u64 = 325;
const SUB_IFDS: u64 = 330;

struct BigTiff(Vec<u8>);

type Tags = BTreeMap<u64, Vec<u8>>;

impl BigTiff {
    fn number(&self, at: u64, bytes: usize) -> u64 {
        self.0[at as usize..][..bytes].iter().rev().fold(0, |all, &byte| all << 8 | u64::from(byte))
    }

    /// The tags of the directory at byte `at`, and where the next one is.
    fn directory(&self, at: u64) -> (Tags, u64) {
        let count = self.number(at, 8);
        let tag = |i: u64| {
            let entry = at + 8 + 20 * i;
            let bytes = match self.number(entry + 2, 2) {
                2 => 1,
                3 => 2,
                4 => 4,
                5 | 16 | 18 => 8,
                kind => panic!("kind {kind}"),
            } * self.number(entry + 4, 8);
            let place = if bytes <= 8 { entry + 12 } else { self.number(entry + 12, 8) };
            (self.number(entry, 2), self.0[place as usize..][..bytes as usize].to_vec())
        };
        ((0..count).map(tag).collect(), self.number(at + 8 + 20 * count, 8))
    }
}

fn numbers(tags: &Tags, tag: u64) -> Vec<u64> {
    let bytes = tags.get(&tag).map(Vec::as_slice).unwrap_or_default();
    bytes.chunks(8).map(|one| u64::from_le_bytes(one.try_into().unwrap())).collect()
}

/// Tags and stored tiles of every level of every page, by what they are.
pub fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let file = BigTiff(fs::read(path).unwrap());
    assert_eq!(file.0[..8], *b"II+\0\x08\0\0\0", "the header of a BigTIFF");
    let mut found = BTreeMap::new();
    let (mut page, mut at) = (0, file.number(8, 8));
    while at != 0 {
        let (tags, next) = file.directory(at);
        let below = numbers(&tags, SUB_IFDS).into_iter().map(|at| file.directory(at).0);
        let all: Vec<Tags> = std::iter::once(tags.clone()).chain(below).collect();
        for (level, tags) in all.into_iter().enumerate() {
            let name = PathBuf::from(format!("page {page}/level {level}"));
            let tiles = numbers(&tags, TILE_OFFSETS).into_iter().zip(numbers(&tags, TILE_BYTE_COUNTS));
            for (number, (offset, bytes)) in tiles.enumerate() {
                let stored = file.0[offset as usize..][..bytes as usize].to_vec();
                found.insert(name.join(format!("tile {number}")), stored);
            }
            for (tag, value) in tags {
                if ![TILE_OFFSETS, SUB_IFDS].contains(&tag) {
                    found.insert(name.join(format!("tag {tag}")), value);
                }
            }
        }
        (page, at) = (page + 1, next);
    }
    assert!(page > 0, "no page");
    found
}
