//! The subblock directory: one entry for each subblock, as the file tells it. What the entries add up to is found out
//! in `scenes`.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::segment::{Record, SEGMENT_HEADER, append, fetch_segment};
use crate::dataset::{Compression, Fault};
use crate::error::{Error, Result};
use crate::pixels::PixelType;
use crate::source::ReadAt;

/// Between the segment's header and its first entry; the number of entries comes first.
const PREAMBLE: u64 = 128;
/// An entry before its dimensions.
pub(super) const ENTRY_BYTES: usize = 32;
/// Each dimension of an entry.
pub(super) const DIMENSION_BYTES: usize = 20;
/// ZEISS's own reader takes no more of them in one entry.
pub(super) const MAX_DIMENSIONS: usize = 40;
/// Most pixels of one subblock.
const MAX_PIXELS: u64 = 1 << 32;

/// What an entry says of x or y.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Side {
    /// First level-0 pixel.
    pub start: i32,
    /// Level-0 pixels that are covered.
    pub size: u32,
    /// Pixels that are stored.
    pub stored: u32,
}

/// One subblock as the directory has it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Position in the directory, for messages.
    pub number: usize,
    /// Position among all planes of all entries.
    pub id: usize,
    /// Byte of its segment.
    pub position: u64,
    /// As the file numbers them.
    pub pixel_type: i32,
    /// As the file numbers them.
    pub compression: i32,
    /// Across.
    pub x: Side,
    /// Down.
    pub y: Side,
    /// Number of the field.
    pub m: Option<u32>,
    /// Letter and index of all other dimensions.
    pub indices: Vec<(char, i32)>,
    /// Letter and size of those of them, and of M, in which it has more than one index, in the order of the entry.
    pub sizes: Vec<(char, u32)>,
    /// Of the files that a CZI was split over, the one that it is in; 0 also where the file does not say.
    pub part: i32,
    /// Where its plane is, when its segment holds several.
    pub within: Option<Within>,
    /// Why it cannot be read, beside what the entry itself says.
    pub fault: Option<Fault>,
}

/// Where a plane is in a segment that holds several.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Within {
    /// Its bytes in the file, where they lie side by side.
    Bytes(Range<u64>),
    /// The position among the planes that the segment decodes to.
    Nth {
        /// From 0.
        nth: u32,
        /// How many there are.
        of: u32,
        /// From the segment's beginning to the end of its pixels.
        extent: u64,
    },
}

impl Entry {
    /// Its index in the dimension `letter`.
    pub fn index(&self, letter: char) -> Option<i32> {
        self.indices.iter().find(|(name, _)| *name == letter).map(|&(_, index)| index)
    }

    /// Pixels that are covered for each that is stored, rounded, along the axis where those are more.
    pub fn reduction(&self) -> u64 {
        let along = |side: Side| {
            let stored = u64::from(side.stored.max(1));
            ((u64::from(side.size) + stored / 2) / stored).max(1)
        };
        along(self.x).max(along(self.y))
    }

    /// Whether fewer pixels are stored than are covered. The byte that the format has for it is not reliable.
    pub fn is_reduced(&self) -> bool {
        self.x.stored < self.x.size || self.y.stored < self.y.size
    }

    /// Whether `other` is the same but for its position in the directory.
    fn says_what(&self, other: &Self) -> bool {
        let all = |entry: &Self| {
            let Self { position, pixel_type, compression, x, y, m, .. } = *entry;
            (position, pixel_type, compression, x, y, m)
        };
        all(self) == all(other) && self.indices == other.indices
    }

    /// Its pixel type.
    ///
    /// # Errors
    /// The reason when it is not known here.
    pub fn known_pixel_type(&self) -> Result<PixelType, String> {
        let name = match self.pixel_type {
            0 => return Ok(PixelType::Gray8),
            1 => return Ok(PixelType::Gray16),
            2 => return Ok(PixelType::Gray32Float),
            3 => return Ok(PixelType::Bgr24),
            4 => return Ok(PixelType::Bgr48),
            8 => "Bgr96Float",
            9 => "Bgra32",
            10 => "Gray64ComplexFloat",
            11 => "Bgr192ComplexFloat",
            12 => "Gray32",
            13 => "Gray64",
            _ => "unknown",
        };
        Err(format!("{self} has pixel type {} ({name})", self.pixel_type))
    }

    /// Its compression.
    ///
    /// # Errors
    /// The reason when it is not known here.
    pub fn known_compression(&self) -> Result<Compression, String> {
        let name = match self.compression {
            0 => return Ok(Compression::Uncompressed),
            4 => return Ok(Compression::JpegXr),
            5 => return Ok(Compression::Zstd0),
            6 => return Ok(Compression::Zstd1),
            1 => "JPEG",
            2 => "LZW",
            100..=999 => "raw data of a camera",
            1000.. => "raw data of a microscope",
            _ => "unknown",
        };
        let way_on = match self.compression {
            100.. => ": ZEN reads it; save the file again there, and others read it too",
            _ => "",
        };
        Err(format!("{self} has compression {} ({name}){way_on}", self.compression))
    }

    /// Why it cannot be read from part `own` of a split file, as far as the entry itself tells.
    pub fn flaw(&self, own: i32) -> Option<Fault> {
        if self.fault.is_some() {
            return self.fault.clone();
        }
        let unsupported = |what: String| Some(Fault::Unsupported(what));
        if self.part != 0 && self.part != own {
            return unsupported(format!(
                "{self} lies in part {} of a CZI split over several files: open that file, or merge them in ZEN",
                self.part
            ));
        }
        for (letter, Side { size, stored, .. }) in [('X', self.x), ('Y', self.y)] {
            if stored > size {
                return unsupported(format!("{self} stores {stored} pixels in {letter} for {size}"));
            }
        }
        if u64::from(self.x.stored) * u64::from(self.y.stored) > MAX_PIXELS {
            return unsupported(format!("{self} of {} × {} pixels", self.x.stored, self.y.stored));
        }
        let known = self.known_pixel_type().and_then(|_| self.known_compression());
        known.err().map(Fault::Unsupported)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subblock {} of the directory (", self.number)?;
        for (letter, index) in &self.indices {
            write!(f, "{letter}={index} ")?;
        }
        match self.m {
            Some(m) => write!(f, "M={m})"),
            None => write!(f, "no M)"),
        }
    }
}

/// Reads all entries from the directory segment at `position`, in its order.
///
/// # Errors
/// `Format` when it is broken or holds less than it says; `Unsupported` for entries of another kind than "DV".
pub(super) fn read(source: &dyn ReadAt, position: u64) -> Result<Vec<Entry>> {
    const WHAT: &str = "the subblock directory";
    let (head, mut known) =
        fetch_segment(source, position, SEGMENT_HEADER + PREAMBLE, "ZISRAWDIRECTORY", WHAT)?;
    let record = Record(&head);
    let broken = |what: String| Error::format(source.path(), what, position);
    let count = u64::try_from(record.i32(32)).map_err(|_| broken(format!("{WHAT} has a negative count")))?;
    let start = position + SEGMENT_HEADER + PREAMBLE;
    let claimed = record.segment_bytes().and_then(|bytes| bytes.checked_sub(PREAMBLE)).unwrap_or(0);
    let available = claimed.min(source.size() - start);
    if count > available / ENTRY_BYTES as u64 {
        return Err(broken(format!("{WHAT} counts {count} entries, but has {available} bytes for them")));
    }
    known.truncate(usize::try_from(available).unwrap_or(usize::MAX));
    let mut ahead = Ahead { source, offset: start, end: start + available, bytes: known, at: 0 };
    let mut entries = Vec::new();
    for number in 0..count as usize {
        ahead.fill(count - number as u64)?;
        let place = Place { source, number, offset: ahead.offset + ahead.at as u64 };
        let (entry, length) = parse_entry(&ahead.bytes[ahead.at..], place)?;
        entries.push(entry);
        ahead.at += length;
    }
    Ok(entries)
}

/// The copy of an entry that a subblock has, which `bytes` start with.
///
/// # Errors
/// As [`read`].
pub(super) fn parse_copy(source: &dyn ReadAt, bytes: &[u8]) -> Result<Entry> {
    parse_entry(bytes, Place { source, number: 0, offset: 0 }).map(|(entry, _)| entry)
}

/// `entries` without those that say again what another said of the same subblock, and how many these were.
pub(super) fn without_repeats(mut entries: Vec<Entry>) -> (Vec<Entry>, usize) {
    let all = entries.len();
    // By place in the file, the last that was kept.
    let mut kept: HashMap<u64, Entry> = HashMap::new();
    entries.retain(|entry| {
        let is_news = kept.get(&entry.position).is_none_or(|known| !entry.says_what(known));
        if is_news {
            kept.insert(entry.position, entry.clone());
        }
        is_news
    });
    let repeats = all - entries.len();
    (entries, repeats)
}

/// The bytes of the directory that were read and not parsed. What a file only claims to have is not read: the first entry
/// that is none ends it.
struct Ahead<'a> {
    source: &'a dyn ReadAt,
    /// Of `bytes` in the file.
    offset: u64,
    /// Where there are no more.
    end: u64,
    bytes: Vec<u8>,
    /// What of `bytes` is parsed.
    at: usize,
}

impl Ahead<'_> {
    /// An entry has no more bytes.
    const LARGEST: u64 = (ENTRY_BYTES + MAX_DIMENSIONS * DIMENSION_BYTES) as u64;
    /// What is read at once, at most: hundred thousand entries of most files.
    const AT_ONCE: u64 = 16 << 20;

    /// Has the next of `left` entries in `bytes`, whole if there is so much.
    fn fill(&mut self, left: u64) -> Result<()> {
        let have = (self.bytes.len() - self.at) as u64;
        let behind = self.offset + self.bytes.len() as u64;
        if have >= Self::LARGEST || behind >= self.end {
            return Ok(());
        }
        self.bytes.drain(..self.at);
        self.offset += self.at as u64;
        self.at = 0;
        let more = (self.end - behind).min(left.saturating_mul(Self::LARGEST)).min(Self::AT_ONCE);
        append(self.source, self.offset, have + more, &mut self.bytes)
    }
}

/// Which entry is parsed, for messages.
#[derive(Clone, Copy)]
struct Place<'a> {
    source: &'a dyn ReadAt,
    number: usize,
    offset: u64,
}

impl Place<'_> {
    fn broken(self, what: impl fmt::Display) -> Error {
        let what = format!("entry {} of the subblock directory {what}", self.number);
        Error::format(self.source.path(), what, self.offset)
    }
}

/// The number of dimensions of the "DV" entry that `bytes` start with.
///
/// # Errors
/// What is wrong with it, and whether that is the file's fault.
pub(super) fn dimension_count(bytes: &[u8]) -> Result<usize, EntryFault> {
    if bytes.len() < ENTRY_BYTES {
        return Err(EntryFault::Broken("is cut off".into()));
    }
    match &bytes[..2] {
        b"DV" => {}
        b"DE" => return Err(EntryFault::Unsupported("is of the old kind \"DE\"".into())),
        other => return Err(EntryFault::Broken(format!("starts with \"{}\"", other.escape_ascii()))),
    }
    let count = Record(bytes).i32(28);
    let count = usize::try_from(count).ok().filter(|&count| count <= MAX_DIMENSIONS);
    count.ok_or_else(|| EntryFault::Broken(format!("has {} dimensions", Record(bytes).i32(28))))
}

/// Why an entry cannot be read.
pub(super) enum EntryFault {
    /// It is broken.
    Broken(String),
    /// It is not supported.
    Unsupported(String),
}

fn parse_entry(bytes: &[u8], place: Place<'_>) -> Result<(Entry, usize)> {
    let path = place.source.path();
    let count = dimension_count(bytes).map_err(|fault| match fault {
        EntryFault::Broken(what) => place.broken(what),
        EntryFault::Unsupported(what) => {
            Error::unsupported(path, format!("entry {} of the subblock directory {what}", place.number))
        }
    })?;
    let length = ENTRY_BYTES + count * DIMENSION_BYTES;
    let bytes = bytes.get(..length).ok_or_else(|| place.broken("is cut off"))?;
    let record = Record(bytes);
    let position = u64::try_from(record.i64(6)).map_err(|_| place.broken("has a negative position"))?;
    let mut entry = Entry {
        number: place.number,
        id: place.number,
        position,
        pixel_type: record.i32(2),
        compression: record.i32(18),
        x: Side::default(),
        y: Side::default(),
        m: None,
        indices: Vec::with_capacity(count),
        sizes: Vec::new(),
        part: record.i32(14),
        within: None,
        fault: None,
    };
    for dimension in bytes[ENTRY_BYTES..].chunks_exact(DIMENSION_BYTES) {
        parse_dimension(&mut entry, dimension, place)?;
    }
    check_sides(&entry, place)?;
    Ok((entry, length))
}

fn parse_dimension(entry: &mut Entry, bytes: &[u8], place: Place<'_>) -> Result<()> {
    let record = Record(bytes);
    let letter = char::from(bytes[0].to_ascii_uppercase());
    let start = record.i32(4);
    match letter {
        'X' | 'Y' => {
            let length = |at| {
                u32::try_from(record.i32(at))
                    .map_err(|_| place.broken(format!("has a negative {letter} size")))
            };
            let size = length(8)?;
            // The specification allows 0 for "as many as are covered".
            let stored = Some(length(16)?).filter(|&stored| stored > 0).unwrap_or(size);
            let side = Side { start, size, stored };
            if letter == 'X' { entry.x = side } else { entry.y = side }
        }
        // Writers put i32::MAX, or a negative number, where a subblock belongs to no mosaic.
        'M' => entry.m = u32::try_from(start).ok().filter(|&m| m != i32::MAX as u32),
        'A'..='Z' => entry.indices.push((letter, start)),
        _ => {
            return Err(place.broken(format!("has a dimension called \"{}\"", bytes[..4].escape_ascii())));
        }
    }
    // Writers put 0, or nothing that makes sense, for 1.
    if !matches!(letter, 'X' | 'Y')
        && let Some(size) = u32::try_from(record.i32(8)).ok().filter(|&size| size > 1)
    {
        entry.sizes.push((letter, size));
    }
    Ok(())
}

fn check_sides(entry: &Entry, place: Place<'_>) -> Result<()> {
    for (letter, side) in [('X', entry.x), ('Y', entry.y)] {
        if side.size == 0 {
            return Err(place.broken(format!("has no pixels in {letter}")));
        }
    }
    Ok(())
}
