//! Decoded pieces of several planes, kept while the fields that need them are decoded one after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::space::Tczyx;

/// Which array, by its first field, and which piece.
type Key = (usize, Tczyx<u64>);

/// The pieces that were decoded last: one for each core, as each thread decodes the planes of one piece in a row.
#[derive(Default)]
pub(super) struct DecodedPieces(Mutex<VecDeque<(Key, Arc<Vec<u8>>)>>);

impl DecodedPieces {
    /// The piece `key`, decoded by `decode` where it is not there.
    ///
    /// # Errors
    /// Those of `decode`.
    pub fn get(&self, key: Key, decode: impl FnOnce() -> Result<Vec<u8>>) -> Result<Arc<Vec<u8>>> {
        if let Some(piece) = self.known(key) {
            return Ok(piece);
        }
        let piece = Arc::new(decode()?);
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.push_back((key, Arc::clone(&piece)));
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        while pieces.len() > most {
            pieces.pop_front();
        }
        Ok(piece)
    }

    fn known(&self, key: Key) -> Option<Arc<Vec<u8>>> {
        let pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.iter().find(|(other, _)| *other == key).map(|(_, piece)| Arc::clone(piece))
    }
}
