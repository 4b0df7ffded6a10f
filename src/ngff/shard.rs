//! Shards: files of many chunks, with an index that says where each lies.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use zarrs::array::{
    ArrayToBytesCodecTraits, BytesRepresentation, CodecChain, CodecOptions, FillValue, data_type,
};
use zarrs::metadata_ext::codec::sharding::{ShardingCodecConfigurationV1, ShardingIndexLocation};

use crate::error::{Error, Result};
use crate::source::{ReadAt, Storage, most_open_files};

/// Shards that stay open: two rows of a mosaic of 100 000 pixels.
const MOST_OPEN: usize = 128;
/// Of the files that a process may open, the share that shards are.
const SHARE_OF_FILES: usize = 3;
/// Bytes of the indices of all open shards, about.
const INDEX_BYTES: usize = 64 << 20;
/// Pieces of a shard, at most: an index of 64 MiB.
const MOST_PIECES: u64 = 1 << 22;

/// How the shards of an array are made.
pub(super) struct ShardFormat {
    /// Shape of a piece, in the array's order.
    pub piece: Vec<NonZeroU64>,
    /// Of the pieces.
    pub codecs: Arc<CodecChain>,
    index_codecs: CodecChain,
    index_shape: Vec<NonZeroU64>,
    index_bytes: u64,
    is_index_first: bool,
}

impl ShardFormat {
    /// From the codecs of an array and the shape of its `stored` chunks; `None` where these are not shards, or are shards
    /// that are compressed as a whole, so that no part of one can be read alone.
    ///
    /// # Errors
    /// What is wrong or not supported.
    pub fn parse(codecs: &Value, stored: &[NonZeroU64]) -> Result<Option<Self>, String> {
        let Some([only]) = codecs.as_array().map(Vec::as_slice) else { return Ok(None) };
        if only["name"] != "sharding_indexed" {
            return Ok(None);
        }
        let told = serde_json::from_value::<ShardingCodecConfigurationV1>(only["configuration"].clone());
        let told = told.map_err(|error| format!("sharding: {error}"))?;
        let piece = told.chunk_shape.to_vec();
        let divides = |(stored, piece): (&NonZeroU64, &NonZeroU64)| stored.get().is_multiple_of(piece.get());
        if piece.len() != stored.len() || !stored.iter().zip(&piece).all(divides) {
            return Err(format!("shards of {stored:?} that are not whole chunks of {piece:?}"));
        }
        let counts = stored.iter().zip(&piece).map(|(stored, piece)| stored.get() / piece.get());
        let pieces = counts.clone().try_fold(1_u64, u64::checked_mul);
        if pieces.is_none_or(|pieces| pieces > MOST_PIECES) {
            return Err(format!("shards of more than {MOST_PIECES} chunks"));
        }
        let index_shape: Vec<_> = counts.chain([2]).filter_map(NonZeroU64::new).collect();
        let chain = |codecs| CodecChain::from_metadata(codecs).map_err(|error| error.to_string());
        let index_codecs = chain(&told.index_codecs)?;
        let index_bytes =
            match index_codecs.encoded_representation(&index_shape, &data_type::uint64(), &missing()) {
                Ok(BytesRepresentation::FixedSize(bytes)) => bytes,
                _ => return Err("an index of shards that is compressed".into()),
            };
        Ok(Some(Self {
            piece,
            codecs: Arc::new(chain(&told.codecs)?),
            index_codecs,
            index_shape,
            index_bytes,
            is_index_first: matches!(told.index_location, ShardingIndexLocation::Start),
        }))
    }

    /// Where the pieces lie.
    fn index(&self, source: &dyn ReadAt) -> Result<Vec<Option<Range<u64>>>> {
        let broken = |what: String| Error::format(source.path(), what, None);
        let (size, needed) = (source.size(), self.index_bytes);
        let Some(from_end) = size.checked_sub(needed) else {
            return Err(broken(format!("{size} bytes, but the index of a shard alone takes {needed}")));
        };
        let mut bytes = vec![0; needed as usize];
        source.read_exact_at(if self.is_index_first { 0 } else { from_end }, &mut bytes)?;
        let options = CodecOptions::default().with_concurrent_target(1);
        let codecs = &self.index_codecs;
        let decoded =
            codecs.decode(bytes.into(), &self.index_shape, &data_type::uint64(), &missing(), &options);
        let decoded = decoded.and_then(|decoded| Ok(decoded.into_fixed()?));
        let decoded = decoded.map_err(|error| broken(format!("the index of the shard: {error}")))?;
        let number = |bytes: &[u8]| bytes.try_into().map_or(u64::MAX, u64::from_ne_bytes);
        let range = |entry: &[u8]| match (number(&entry[..8]), number(&entry[8..])) {
            (u64::MAX, u64::MAX) => Ok(None),
            (offset, length) => match offset.checked_add(length) {
                Some(end) if end <= size && length > 0 => Ok(Some(offset..end)),
                _ => {
                    let what =
                        format!("a chunk of {length} bytes at byte {offset} of a shard of {size} bytes");
                    Err(broken(what))
                }
            },
        };
        decoded.chunks_exact(16).map(range).collect()
    }
}

/// What the index holds where no piece is.
fn missing() -> FillValue {
    FillValue::from(u64::MAX)
}

/// A shard, open.
pub(super) struct Shard {
    pub source: Box<dyn ReadAt>,
    /// Where each piece lies; `None` where all of it is the fill value.
    pub pieces: Vec<Option<Range<u64>>>,
}

/// The shards that were used last: each is opened, and its index read, once while it is needed.
pub(super) struct Shards {
    open: Mutex<VecDeque<(String, Option<Arc<Shard>>)>>,
    /// Shards that stay open.
    most: usize,
}

impl Default for Shards {
    fn default() -> Self {
        let most = most_open_files().map_or(MOST_OPEN, |files| MOST_OPEN.min(files / SHARE_OF_FILES).max(1));
        Self { open: Mutex::default(), most }
    }
}

impl Shards {
    /// The shard `key`, `None` when it is not there; and the requests and bytes that this took.
    ///
    /// # Errors
    /// `Io`, `Format`.
    pub fn open(
        &self,
        storage: &Storage,
        key: &str,
        format: &ShardFormat,
    ) -> Result<(Option<Arc<Shard>>, u64, u64)> {
        let known = |open: &VecDeque<(String, Option<Arc<Shard>>)>| {
            open.iter().find(|(other, _)| other == key).map(|(_, shard)| shard.clone())
        };
        if let Some(shard) = known(&self.open.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok((shard, 0, 0));
        }
        self.make_room();
        // Not while others wait: two threads may read the same index.
        let shard = match storage.file_below(key, 1)? {
            Some(source) => {
                let pieces = format.index(&*source)?;
                Some(Arc::new(Shard { source, pieces }))
            }
            None => None,
        };
        let cost = if shard.is_some() { (1, format.index_bytes) } else { (0, 0) };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_back((key.to_owned(), shard.clone()));
        Ok((shard, cost.0, cost.1))
    }

    /// Closes those that were opened first, for one more.
    fn make_room(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = |(_, shard): &(String, Option<Arc<Shard>>)| {
            shard.as_ref().map_or(0, |shard| shard.pieces.len() * size_of::<Option<Range<u64>>>())
        };
        let mut held: usize = open.iter().map(bytes).sum();
        while open.len() >= self.most || held > INDEX_BYTES {
            let Some(first) = open.pop_front() else { break };
            held -= bytes(&first);
        }
    }
}
