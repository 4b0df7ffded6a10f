//! OME-Zarr as input: 0.4 (Zarr v2) and 0.5 (v3), sharded or not; one image, or a collection in bioformats2raw's layout.
//!
//! An image is a scene, and a field is one plane of a chunk, or of an inner chunk of a shard. Zarr's own format and its
//! codecs are the work of the crate `zarrs`; which bytes are asked for is decided here. Specifications:
//! <https://ngff.openmicroscopy.org/0.4/>, <https://ngff.openmicroscopy.org/0.5/>,
//! <https://zarr-specs.readthedocs.io/en/latest/>.

mod array;
mod axes;
mod codecs;
mod documents;
mod element;
mod images;
mod multiscale;
mod numcodecs;
mod read;
mod shard;
mod transform;

use std::borrow::Cow;
use std::path::PathBuf;

use crate::dataset::{Dataset, Fetched, Input, LastDecoded, RawSubblock, Scene, Subblock};
use crate::error::{Error, Result};
use crate::pixels::Samples;
use crate::source::{FileRead, Identity, Merging, Storage};
use crate::space::Tczyx;
use array::PlaneArray;
use shard::Shards;

/// An open OME-Zarr.
pub struct Ngff {
    storage: Storage,
    dataset: Dataset,
    /// All levels of all images. `Subblock::number` counts through their planes of chunks.
    arrays: Vec<PlaneArray>,
    identity: Identity,
    shards: Shards,
    /// By the array's first field, and the piece.
    decoded: LastDecoded<(usize, Tczyx<u64>), Vec<u8>>,
}

impl Ngff {
    /// Reads the metadata of all images at `storage`; no pixels.
    ///
    /// # Errors
    /// `Io`; `Format` when the metadata is broken, `Unsupported` for what is not read here: plates, labels, other
    /// types than integers and floats, codecs that are not known.
    pub fn open(storage: Storage) -> Result<Self> {
        let images::Opened { dataset, arrays, identity } = images::open(&storage)?;
        Ok(Self {
            storage,
            dataset,
            arrays,
            identity,
            shards: Shards::default(),
            decoded: LastDecoded::default(),
        })
    }

    /// The array that subblock `number` is of, and its place among the planes of that array's chunks.
    fn find(&self, number: usize) -> (&PlaneArray, usize) {
        let array = &self.arrays[self.arrays.partition_point(|array| array.first <= number) - 1];
        (array, number - array.first)
    }

    /// Where file `number` is, below the folder.
    fn key_of(&self, number: u64) -> String {
        let array = self.arrays.partition_point(|array| array.first_file <= number) - 1;
        self.arrays[array].key_of(number)
    }
}

impl Input for Ngff {
    fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn check_there(&self) -> Result<()> {
        self.arrays.iter().try_for_each(|array| read::check_there(self, &array.document()))
    }

    fn file_name(&self, number: u64) -> PathBuf {
        self.storage.name().join(self.key_of(number))
    }

    fn has_changed(&self, read: FileRead) -> Result<Option<bool>> {
        let Some(now) = self.storage.version_below(&self.key_of(read.number)) else { return Ok(None) };
        Ok(Some(now?.map(|identity| identity.checksum()) != read.version))
    }

    fn fetch(&self, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
        read::fetch(self, scene, fields)
    }

    fn merging(&self) -> Merging {
        self.storage.access().merging
    }

    fn decode(&self, subblock: &Subblock, raw: &RawSubblock) -> Result<Samples> {
        let (array, place) = self.find(subblock.number);
        let size = (subblock.stored_width, subblock.stored_height);
        if raw.bytes.is_empty() {
            return Ok(array.plane(place, size, None));
        }
        let broken = |what: String| {
            let what = format!("{subblock}, {what}");
            Error::format(self.storage.name().join(array.file(place).key), what, None)
        };
        if array.planes_in_piece() == 1 {
            let piece = array.decode(&raw.bytes).map_err(broken)?;
            return Ok(array.plane(place, size, Some(&piece)));
        }
        let key = (array.first, array.piece_of(place));
        let decode = || array.decode(&raw.bytes).map(Cow::into_owned).map_err(broken);
        Ok(array.plane(place, size, Some(&self.decoded.get(key, decode)?)))
    }

    fn decoding_bytes(&self) -> u64 {
        self.arrays.iter().map(PlaneArray::decoding_bytes).max().unwrap_or(0)
    }
}
