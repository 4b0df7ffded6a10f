//! What any format must do: the output as a whole, and the place of one image in it.

use std::fmt::Debug;

use serde_json::Value;

use super::progress::{Progress, ShardKey};
use super::pyramid::Shard;
use super::range::ChannelRange;
use crate::error::Result;
use crate::pixels::Samples;

/// An output that is being written: hidden until [`Self::finish`]. When it is dropped before, what is finished stays, for
/// a run that goes on with it.
pub trait Output: Debug + Send + Sync {
    /// What earlier runs [noted](Self::note).
    fn notes(&self) -> &[Value];

    /// Keeps `note` for a run that goes on after this one.
    ///
    /// # Errors
    /// `Io`.
    fn note(&self, note: &Value) -> Result<()>;

    /// Whether what was stored is still there.
    fn is_there(&self) -> bool;

    /// Whether pixels become anything at all; else no shard is made of them.
    fn keeps_pixels(&self) -> bool {
        true
    }

    /// Where image `i` goes.
    fn image(&self, i: usize) -> &dyn ImageSink;

    /// Writes what describes the images, and gives the output its name. `ranges`: of each image, each channel
    /// ([`Pyramid::ranges`](super::Pyramid::ranges)). `described` is added to how the output was made. Says what could not
    /// be removed of what lay beside it.
    ///
    /// # Errors
    /// `Io`, also when a shard was never stored or is there no longer: what is incomplete must not look complete.
    fn finish(&self, ranges: &[Vec<ChannelRange>], described: &Value) -> Result<Option<String>>;
}

/// Encodes and stores the shards of one image; shared by several threads.
pub trait ImageSink: Debug + Send + Sync {
    /// How far the image has come.
    fn progress(&self) -> &Progress;

    /// The pixels of a finished shard, `[t, z, y, x]` of [`Level::shard`](super::Level::shard).
    ///
    /// # Errors
    /// `Io`, and when what is stored does not decode.
    fn load(&self, key: ShardKey) -> Result<Samples>;

    /// Encodes one shard, stores it, flushed to the disk, and records it; gives the bytes written. A shard of zeros
    /// takes none.
    ///
    /// # Errors
    /// `Io` with the file: a full disk, permissions.
    fn store(&self, shard: Shard) -> Result<u64>;
}
