//! One array of an image: how it is cut, where each piece lies, and how it is decoded.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde_json::Value;

use zarrs::array::{Array, ArrayMetadata};
use zarrs::storage::store::MemoryStore;

use super::axes::Axes;
use super::codecs::PieceCodecs;
use super::element::Element;
use super::numcodecs;
use super::shard::ShardFormat;
use crate::pixels::Samples;
use crate::space::Tczyx;

/// Samples of a chunk, at most: of 4 bytes, a GiB.
const LARGEST_CHUNK: u64 = 1 << 28;
/// Pixels along an axis, at most, so that sums of a few stay within 32 bits.
const LONGEST_SIDE: u64 = 1 << 30;

/// An array, cut into pieces: chunks, or the inner chunks of shards. Each plane of a piece is a field.
pub(super) struct PlaneArray {
    /// Number of its first field among those of all arrays.
    pub first: usize,
    /// Number of its first file among those of all arrays.
    pub first_file: u64,
    pub axes: Axes,
    pub shape: Tczyx<u64>,
    pub element: Element,
    /// Of what is decoded at a time.
    pub piece: Tczyx<u64>,
    /// Pieces of a stored file along each axis: one, unless it is a shard.
    pieces_in_file: Tczyx<u64>,
    /// Of shards.
    pub shard: Option<ShardFormat>,
    /// Of a piece.
    codecs: PieceCodecs,
    /// Knows types and the names of files; the memory store is empty.
    array: Array<MemoryStore>,
}

/// Where a piece is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct File {
    /// Below the root.
    pub key: String,
    /// Which piece of a shard, in its index.
    pub inner: usize,
    /// Among the files of all arrays.
    pub number: u64,
}

impl PlaneArray {
    /// From the array's metadata: a whole `zarr.json` or `.zarray`.
    ///
    /// # Errors
    /// What is not supported or wrong.
    pub fn new(path: &str, mut document: Value, axes: &Axes, first: usize) -> Result<Self, String> {
        document.get_mut("codecs").into_iter().for_each(numcodecs::reword);
        let grid = match document["zarr_format"].as_u64() {
            Some(2) => document["chunks"].clone(),
            _ if document["chunk_grid"]["name"] == "regular" => {
                document["chunk_grid"]["configuration"]["chunk_shape"].clone()
            }
            _ => return Err("chunks that are not all alike (chunk_grid)".into()),
        };
        let stored: Vec<NonZeroU64> =
            serde_json::from_value(grid).map_err(|error| format!("chunk shape: {error}"))?;
        let shard = ShardFormat::parse(&document["codecs"], &stored)?;
        let metadata: ArrayMetadata = serde_json::from_value(document).map_err(|error| error.to_string())?;
        let array = Array::new_with_metadata(Arc::new(MemoryStore::new()), &format!("/{path}"), metadata);
        let array = array.map_err(|error| error.to_string())?;
        if array.shape().len() != axes.count() || stored.len() != axes.count() {
            return Err(format!("{} axes, but the image has {}", array.shape().len(), axes.count()));
        }
        let kind = array.data_type();
        let element = Element::of(kind)
            .ok_or_else(|| format!("samples of {kind}; integers and floats of 8 to 64 bits are read"))?;
        let piece = shard.as_ref().map_or(&stored, |shard| &shard.piece);
        let numbers =
            |shape: &[NonZeroU64]| axes.known(&shape.iter().map(|n| n.get()).collect::<Vec<_>>(), 1);
        let (in_array, piece, stored) = (piece, numbers(piece), numbers(&stored));
        let samples = piece.to_array().iter().try_fold(1_u64, |all, &side| all.checked_mul(side));
        if samples.is_none_or(|samples| samples > LARGEST_CHUNK) {
            return Err(format!("chunks of {:?} samples; {LARGEST_CHUNK} are read", piece.to_array()));
        }
        let shape = axes.known(array.shape(), 1);
        if shape.to_array().iter().any(|side| !(1..=LONGEST_SIDE).contains(side)) {
            return Err(format!("a shape of {:?}", array.shape()));
        }
        let chain = shard.as_ref().map_or_else(|| array.codecs(), |shard| Arc::clone(&shard.codecs));
        let codecs = PieceCodecs::new(&chain, in_array, kind, array.fill_value())?;
        let pieces_in_file = per_axis(stored, piece, |stored, piece| stored / piece);
        let axes = axes.clone();
        Ok(Self { first, first_file: 0, axes, shape, element, piece, pieces_in_file, shard, codecs, array })
    }

    /// Pieces along each axis.
    pub fn pieces(&self) -> Tczyx<u64> {
        per_axis(self.shape, self.piece, |side, piece| side.div_ceil(piece))
    }

    /// Fields: planes of the image, each in rows and columns of pieces.
    pub fn fields(&self) -> u64 {
        let (Tczyx { t, c, z, .. }, pieces) = (self.shape, self.pieces());
        [t, c, z, pieces.y, pieces.x].iter().fold(1, |all, &n| all.saturating_mul(n))
    }

    /// The plane, row and column of field `place`.
    pub fn at(&self, place: usize) -> Tczyx<u64> {
        let (Tczyx { c, z, .. }, pieces) = (self.shape, self.pieces());
        let mut rest = place as u64;
        let mut next = |count: u64| {
            let index = rest % count;
            rest /= count;
            index
        };
        let (x, y, z, c) = (next(pieces.x), next(pieces.y), next(z), next(c));
        Tczyx::new(rest, c, z, y, x)
    }

    /// The piece that field `place` is a plane of.
    pub fn piece_of(&self, place: usize) -> Tczyx<u64> {
        let at = self.at(place);
        Tczyx { t: at.t / self.piece.t, c: at.c / self.piece.c, z: at.z / self.piece.z, ..at }
    }

    /// Indices of the file that holds the piece of field `place`, and the piece's position in the file's index.
    fn stored_at(&self, place: usize) -> (Tczyx<u64>, u64) {
        let piece = self.piece_of(place);
        let inside = self.axes.in_array(per_axis(piece, self.pieces_in_file, |i, n| i % n));
        let inner = ravel(&inside, &self.axes.in_array(self.pieces_in_file));
        (per_axis(piece, self.pieces_in_file, |i, n| i / n), inner)
    }

    /// Where the piece of field `place` is stored.
    pub fn file(&self, place: usize) -> File {
        let (file, inner) = self.stored_at(place);
        let number = self.first_file + ravel(&file.to_array(), &self.grid().to_array());
        File { key: self.key(file), inner: inner as usize, number }
    }

    fn key(&self, file: Tczyx<u64>) -> String {
        self.array.chunk_key(&self.axes.in_array(file)).as_str().to_owned()
    }

    /// Files along each axis.
    fn grid(&self) -> Tczyx<u64> {
        per_axis(self.pieces(), self.pieces_in_file, u64::div_ceil)
    }

    /// Files of pixels, stored or not.
    pub fn files(&self) -> u64 {
        self.grid().to_array().iter().fold(1, |all, &n| all.saturating_mul(n))
    }

    /// Where file `number` is.
    pub fn key_of(&self, number: u64) -> String {
        let mut rest = number - self.first_file;
        let mut index = self.grid().to_array();
        for side in index.iter_mut().rev() {
            (*side, rest) = (rest % *side, rest / *side);
        }
        let [t, c, z, y, x] = index;
        self.key(Tczyx::new(t, c, z, y, x))
    }

    /// The file that describes it.
    pub fn document(&self) -> String {
        let file = match self.array.metadata() {
            ArrayMetadata::V3(_) => "zarr.json",
            ArrayMetadata::V2(_) => ".zarray",
        };
        format!("{}/{file}", self.array.path().as_str()).trim_start_matches('/').to_owned()
    }

    /// Samples of one plane of a piece as they are stored, in bytes.
    pub fn plane_bytes(&self) -> u64 {
        self.piece.y * self.piece.x * self.element.bytes as u64
    }

    /// What decoding one field takes beside its samples.
    pub fn decoding_bytes(&self) -> u64 {
        let kept = if self.planes_in_piece() > 1 { 2 } else { 1 };
        let widened = if self.element.is_stored_as_worked_on() { 0 } else { self.plane_bytes() };
        kept * self.planes_in_piece() * self.plane_bytes() + widened
    }

    /// Where field `place` would begin if all files lay in a row, `gap` apart and not compressed: what a plan can know
    /// before they are read.
    pub fn nominal_offset(&self, place: usize, gap: u64) -> u64 {
        let (file, inner) = self.stored_at(place);
        let files = self.grid();
        let planes = [self.piece.t, self.piece.c, self.piece.z].iter().product::<u64>();
        let (at, piece) = (self.at(place), self.piece);
        let plane = ravel(&[at.t % piece.t, at.c % piece.c, at.z % piece.z], &[piece.t, piece.c, piece.z]);
        let pieces = self.pieces_in_file.to_array().iter().product::<u64>();
        let file_bytes = (pieces * planes * self.plane_bytes()).saturating_add(gap).saturating_add(1);
        let first = ravel(&file.to_array(), &files.to_array()).saturating_mul(file_bytes);
        first.saturating_add((inner * planes + plane) * self.plane_bytes())
    }

    /// Planes of a piece.
    pub fn planes_in_piece(&self) -> u64 {
        [self.piece.t, self.piece.c, self.piece.z].iter().product()
    }

    /// The samples of a piece, in the array's order, from what is stored of it.
    ///
    /// # Errors
    /// What is wrong with `bytes`.
    pub fn decode<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
        let decoded = self.codecs.decode(bytes)?;
        let needed = self.planes_in_piece() * self.plane_bytes();
        if decoded.len() as u64 != needed {
            return Err(format!("{} bytes decoded; its chunk has {needed}", decoded.len()));
        }
        Ok(decoded)
    }

    /// The rows and columns of field `place` that lie on the image, `width` × `height` samples, from its `piece`; the fill
    /// value where nothing is stored.
    pub fn plane(&self, place: usize, (width, height): (u32, u32), piece: Option<&[u8]>) -> Samples {
        let mut samples = Samples::unset(self.element.sample, width as usize * height as usize);
        match piece {
            Some(piece) => {
                let inside = per_axis(self.at(place), self.piece, |i, n| i % n);
                if self.element.is_stored_as_worked_on() {
                    self.copy_plane(piece, inside, samples.as_bytes_mut(), width as usize);
                } else {
                    let mut stored = vec![0; samples.len() * self.element.bytes];
                    self.copy_plane(piece, inside, &mut stored, width as usize);
                    self.element.widen(&stored, samples.as_bytes_mut());
                }
            }
            None => {
                let mut value = [0; size_of::<f32>()];
                let value = &mut value[..self.element.sample.bytes()];
                self.element.widen(self.array.fill_value().as_ne_bytes(), value);
                fill(samples.as_bytes_mut(), value);
            }
        }
        samples
    }

    /// The plane at t, c and z of `inside` a decoded piece, in rows of `width` samples.
    fn copy_plane(&self, piece: &[u8], inside: Tczyx<u64>, target: &mut [u8], width: usize) {
        let size = self.element.bytes;
        let mut stride = size;
        let mut strides = self.axes.in_array(self.piece);
        for side in strides.iter_mut().rev() {
            stride *= std::mem::replace(side, stride as u64) as usize;
        }
        let strides = self.axes.known(&strides, 0);
        let first = (inside.t * strides.t + inside.c * strides.c + inside.z * strides.z) as usize;
        for (y, row) in target.chunks_mut(width * size).enumerate() {
            let start = first + y * strides.y as usize;
            if strides.x as usize == size {
                row.copy_from_slice(&piece[start..start + row.len()]);
                continue;
            }
            for (x, sample) in row.chunks_mut(size).enumerate() {
                let at = start + x * strides.x as usize;
                sample.copy_from_slice(&piece[at..at + size]);
            }
        }
    }
}

fn per_axis(a: Tczyx<u64>, b: Tczyx<u64>, both: impl Fn(u64, u64) -> u64) -> Tczyx<u64> {
    Tczyx::new(both(a.t, b.t), both(a.c, b.c), both(a.z, b.z), both(a.y, b.y), both(a.x, b.x))
}

/// The position of `index` among all of `counts`, the last axis fastest.
fn ravel(index: &[u64], counts: &[u64]) -> u64 {
    index.iter().zip(counts).fold(0, |all, (i, n)| all * n + i)
}

fn fill(target: &mut [u8], value: &[u8]) {
    target.chunks_mut(value.len()).for_each(|sample| sample.copy_from_slice(value));
}
