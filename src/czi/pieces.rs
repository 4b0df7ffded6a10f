//! Uncompressed pixels of a source that is near, read some rows at a time while they are visited: a piece is still in the
//! processor's closest cache when it is painted, and nobody needs a buffer as large as a field.

use std::cell::RefCell;
use std::io::IoSliceMut;
use std::ops::Range;

use super::decode::is_native;
use super::read::{in_file_order, pixel_range};
use crate::dataset::{Compression, Fetched, Pixels, RawSubblock, Rows, Scene, Subblock, TakesRows, Unread};
use crate::error::{Error, Result};
use crate::source::{Merging, ReadAt, SharedBytes, merge};

/// Bytes of a piece: half of a core's own cache, and few calls.
const PIECE: usize = 256 << 10;
/// What is smaller is read as a whole, several at once.
const LEAST: u64 = 1 << 20;
/// The headers of a subblock and its entry end before this, 40 dimensions in it.
const HEAD: u64 = 2048;

thread_local! {
    static PIECES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Whether `subblock` is read in this way.
pub(super) fn suits(source: &dyn ReadAt, subblock: &Subblock) -> bool {
    source.is_near()
        && subblock.compression == Compression::Uncompressed
        && is_native(subblock)
        && subblock.decoded_bytes() >= LEAST
}

/// Where in the source the pixels of `subblock` are, whose first bytes are `head`, if they are all there.
pub(super) fn whole_pixels(source: &dyn ReadAt, subblock: &Subblock, head: &[u8]) -> Option<Range<u64>> {
    let pixels = pixel_range(source.path(), subblock, head).ok()?;
    let end = subblock.offset + pixels.end;
    let is_whole = pixels.end - pixels.start >= subblock.decoded_bytes() && end <= source.size();
    is_whole.then_some(subblock.offset + pixels.start..end)
}

/// The heads of `fields` of `scene`, all bytes of one that is not whole; counts the requests and bytes that heads and
/// pieces make together.
///
/// # Errors
/// `Io`; `Format` when the file has become shorter since it was opened.
pub(super) fn fetch_heads(
    source: &dyn ReadAt,
    scene: &Scene,
    fields: &[usize],
    merging: Merging,
) -> Result<Fetched> {
    let (in_file_order, ranges) = in_file_order(scene, fields);
    let requests = merge(&ranges, merging);
    let head = |(&field, range): (&usize, &Range<u64>)| {
        let head = SharedBytes::fetch(source, range.start..range.end.min(range.start + HEAD))?;
        let bytes = match whole_pixels(source, &scene.fields[field], &head) {
            Some(_) => head,
            None => SharedBytes::fetch(source, range.clone())?,
        };
        Ok(RawSubblock { field, bytes })
    };
    Ok(Fetched {
        subblocks: in_file_order.iter().zip(&ranges).map(head).collect::<Result<_>>()?,
        requests: requests.len() as u64,
        bytes: requests.iter().map(|request| request.length()).sum(),
        files: Vec::new(),
    })
}

/// Reads the pixels of `subblock`, which are at `bytes` of the source, and gives them to `to`.
///
/// # Errors
/// `Io`.
pub(super) fn visit(
    source: &dyn ReadAt,
    subblock: &Subblock,
    bytes: Range<u64>,
    to: &mut dyn TakesRows,
) -> Result<()> {
    let Subblock { stored_width, stored_height, .. } = *subblock;
    let row = stored_width as usize * subblock.pixel_type.bytes();
    let rows_at_once = (PIECE / row).max(1) as u32;
    for first in (0..stored_height).step_by(rows_at_once as usize) {
        let count = rows_at_once.min(stored_height - first);
        let offset = bytes.start + u64::from(first) * row as u64;
        let read = |buffers: &mut [IoSliceMut<'_>]| {
            source.read_exact_vectored_at(offset, buffers).map_err(|error| changed(source, error))
        };
        if subblock.pixel_type.samples() == 1 {
            to.take_unread(Unread { first, count, read: &read })?;
            continue;
        }
        PIECES.with_borrow_mut(|piece| {
            piece.resize(piece.len().max(count as usize * row), 0);
            let piece = &mut piece[..count as usize * row];
            read(&mut [IoSliceMut::new(piece)])?;
            to.take(Rows { first, pixels: Pixels::Plain(piece) });
            Ok(())
        })?;
    }
    Ok(())
}

/// What was there when the file was opened is gone. That is not damage of one subblock, of which some may be painted.
fn changed(source: &dyn ReadAt, error: Error) -> Error {
    match error {
        Error::Format { .. } => Error::io(
            source.path(),
            std::io::Error::new(std::io::ErrorKind::UnexpectedEof, error.to_string()),
        ),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::czi::Czi;
    use crate::czi::write::{CziWriter, Metadata, NewSubblock};
    use crate::dataset::{Input, Plane};
    use crate::pixels::{PixelType, Samples};
    use crate::source::FileSource;
    use crate::space::Rect;

    const SIZE: (u32, u32) = (1001, 611);

    /// A file as if on a network.
    struct Far(FileSource);

    impl ReadAt for Far {
        fn size(&self) -> u64 {
            self.0.size()
        }

        fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
            self.0.read_exact_at(offset, buffer)
        }

        fn path(&self) -> &Path {
            self.0.path()
        }
    }

    fn samples(pixel_type: PixelType, seed: u32) -> Samples {
        let count = SIZE.0 * SIZE.1 * pixel_type.samples();
        let value = |i: u32| i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13;
        match pixel_type {
            PixelType::Bgr24 => Samples::U8((0..count).map(|i| value(i) as u8).collect()),
            _ => Samples::U16((0..count).map(|i| value(i) as u16).collect()),
        }
    }

    /// Two that are read in pieces, one of them with a mask; one that is compressed, and one that is too short.
    fn write(path: &Path) {
        let mut czi = CziWriter::create(path).unwrap();
        for (m, pixel_type, compression) in [
            (0, PixelType::Gray16, Compression::Uncompressed),
            (1, PixelType::Bgr24, Compression::Uncompressed),
            (2, PixelType::Gray16, Compression::Zstd1),
            (3, PixelType::Gray16, Compression::Uncompressed),
        ] {
            let rect = Rect::new(i64::from(m) * 900, 0, SIZE.0, SIZE.1);
            let plane = Plane { c: u32::from(pixel_type == PixelType::Bgr24), ..Plane::default() };
            let new = NewSubblock { m: Some(m), compression, ..NewSubblock::new(plane, rect, pixel_type) };
            match m {
                3 => czi.add_encoded(&new, &samples(pixel_type, m).as_bytes()[4..]).unwrap(),
                1 => czi.add_masked(&new, &samples(pixel_type, m), |x, y| x > y).unwrap(),
                _ => czi.add(&new, &samples(pixel_type, m)).unwrap(),
            }
        }
        czi.finish(&Metadata::default()).unwrap();
    }

    fn open(source: Box<dyn ReadAt>) -> Czi {
        Czi::open(source, &BTreeMap::new()).unwrap()
    }

    /// What is given of `subblock`, joined, and in how many pieces.
    struct Joined<'a> {
        subblock: &'a Subblock,
        bytes: Vec<u8>,
        pieces: usize,
    }

    impl Joined<'_> {
        fn row(&self) -> usize {
            self.subblock.stored_width as usize * self.subblock.pixel_type.bytes()
        }
    }

    impl TakesRows for Joined<'_> {
        fn take(&mut self, rows: Rows<'_>) {
            assert_eq!(rows.first as usize * self.row(), self.bytes.len());
            match rows.pixels {
                Pixels::Plain(plain) => self.bytes.extend(plain),
                Pixels::HiLo { low, high } => {
                    self.bytes.extend(low.iter().zip(high).flat_map(|(l, h)| [*l, *h]));
                }
            }
            assert_eq!((rows.first + rows.count(self.subblock)) as usize * self.row(), self.bytes.len());
            self.pieces += 1;
        }

        /// Into one buffer for each third of a row.
        fn take_unread(&mut self, unread: Unread<'_>) -> Result<()> {
            let mut bytes = vec![0; unread.count as usize * self.row()];
            let mut buffers: Vec<_> = bytes.chunks_mut(self.row() / 3).map(IoSliceMut::new).collect();
            (unread.read)(&mut buffers)?;
            self.take(Rows { first: unread.first, pixels: Pixels::Plain(&bytes) });
            Ok(())
        }
    }

    fn visited(czi: &Czi, subblock: &Subblock, raw: &RawSubblock) -> Result<(Vec<u8>, usize)> {
        let mut joined = Joined { subblock, bytes: Vec::new(), pieces: 0 };
        czi.visit(subblock, raw, &mut joined)?;
        Ok((joined.bytes, joined.pieces))
    }

    #[test]
    fn in_pieces_the_same_pixels_come_as_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.czi");
        write(&path);
        let source = || FileSource::open(&path).unwrap();
        let (near, far) = (open(Box::new(source())), open(Box::new(Far(source()))));
        let scene = &near.dataset().scenes[0];
        for (field, pieces) in [(0, 5), (1, 8), (2, 1)] {
            let subblock = &scene.fields[field];
            let expected = samples(subblock.pixel_type, subblock.m.unwrap());
            let mut took = Vec::new();
            for (czi, pieces) in [(&near, pieces), (&far, 1)] {
                let fetched = czi.fetch_to_visit(scene, &[field]).unwrap();
                let raw = &fetched.subblocks[0];
                let visited = visited(czi, subblock, raw).unwrap();
                assert!(visited == (expected.as_bytes().to_vec(), pieces), "field {field}: {}", visited.1);
                let mask = czi.mask(subblock, &raw.bytes).unwrap();
                assert_eq!(mask.is_some(), field == 1);
                took.push((fetched.requests, fetched.bytes, mask));
            }
            assert_eq!(took[0], took[1], "counted as one request");
        }
    }

    #[test]
    fn what_is_cut_off_is_not_visited_and_what_is_gone_meanwhile_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.czi");
        write(&path);
        let czi = open(Box::new(FileSource::open(&path).unwrap()));
        let scene = &czi.dataset().scenes[0];
        let raw = &czi.fetch_to_visit(scene, &[3]).unwrap().subblocks[0];
        let error = visited(&czi, &scene.fields[3], raw).unwrap_err().to_string();
        assert!(error.contains("holds 1223218 of 1223222 bytes of pixels"), "{error}");
        let raw = &czi.fetch_to_visit(scene, &[0]).unwrap().subblocks[0];
        std::fs::File::options().write(true).open(&path).unwrap().set_len(500_000).unwrap();
        assert!(matches!(visited(&czi, &scene.fields[0], raw), Err(Error::Io { .. })));
    }
}
