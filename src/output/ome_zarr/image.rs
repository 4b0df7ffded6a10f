//! One image in the store: an array for each level, and the encoding of its shards.
//!
//! A shard's file is written and flushed under a name of its own, renamed, and then recorded: what the record names is
//! whole, also after a power failure. The flush costs no more than before (`zarrs` flushes what it stores too) and lies
//! on the writers' threads, behind the next tiles' compute. A record's line is not flushed: if it is lost, its shard is
//! made again.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zarrs::array::{Array, ArrayBytes, ArrayMetadataOptions, ArrayToBytesCodecTraits, CodecOptions};
use zarrs::filesystem::FilesystemStore;
use zarrs::storage::StorageError;

use crate::error::{Error, Result};
use crate::output::layout::{ImageLayout, Level};
use crate::output::pyramid::Shard;
use crate::output::range::ShardRange;
use crate::output::stored::StoredLengths;
use crate::output::unfinished::{PartialFolder, Stored};
use crate::pixels::{SampleType, Samples};
use crate::space::{Output, Rect, Tczyx};
use crate::timeline::Write;

/// Of a file, handed over in one call.
const PART_BYTES: usize = 1 << 20;

/// Names of the axes, slowest first.
pub(super) const AXES: [&str; 5] = ["t", "c", "z", "y", "x"];

/// A shard of an image: level, position in its grid.
pub(in crate::output) type ShardKey = (usize, Tczyx<u64>);

/// The shards of one image that are finished.
pub(super) type Finished = HashMap<ShardKey, Stored>;

/// Encodes and stores the shards of one image; shared by several threads.
#[derive(Debug)]
pub struct ImageWriter {
    /// Position among the output's images.
    number: usize,
    layout: ImageLayout,
    store: Arc<FilesystemStore>,
    levels: Vec<Array<FilesystemStore>>,
    folder: Arc<PartialFolder>,
    /// By an earlier run.
    finished: HashSet<ShardKey>,
    /// Of those on level 0, with their channels.
    finished_ranges: Vec<(u64, ShardRange)>,
    stored: StoredLengths,
    /// Shards that are not made.
    left_out: AtomicU64,
}

impl ImageWriter {
    /// Writes the metadata of an array for each level under `group`, such as `/` or `/2`. Of `finished`, those stay
    /// whose files are as they were recorded.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn create(
        store: &Arc<FilesystemStore>,
        folder: &Arc<PartialFolder>,
        (number, group): (usize, &str),
        layout: &ImageLayout,
        finished: Finished,
    ) -> Result<Self> {
        let levels = layout.levels().iter().enumerate();
        let levels = levels.map(|(k, level)| {
            let path = format!("{}/{k}", group.trim_end_matches('/'));
            layout.encoding().version.array(store, &path, level, layout)
        });
        let levels = levels.collect();
        let (store, folder) = (store.clone(), folder.clone());
        let mut writer = Self {
            number,
            layout: layout.clone(),
            store,
            levels,
            folder,
            finished: HashSet::new(),
            finished_ranges: Vec::new(),
            stored: StoredLengths::new(layout),
            left_out: AtomicU64::new(0),
        };
        writer.write_metadata()?;
        for (key, stored) in finished {
            if writer.is_there(key, &stored) {
                writer.finished.insert(key);
                writer.stored.set(key.0, key.1, stored.bytes);
                writer.finished_ranges.extend(stored.range.map(|range| (key.1.c, range)));
            }
        }
        Ok(writer)
    }

    /// Whether a recorded shard is of this image and as long as it was.
    fn is_there(&self, (level, index): ShardKey, stored: &Stored) -> bool {
        let Some(shards) = self.layout.levels().get(level).map(Level::shards) else { return false };
        let inside = index.to_array().into_iter().zip(shards.to_array()).all(|(at, count)| at < count);
        inside && self.length(level, index).is_ok_and(|length| length == stored.bytes)
    }

    /// Of the file that a shard has; 0 where it has none.
    fn length(&self, level: usize, index: Tczyx<u64>) -> Result<u64> {
        let path = self.path(level, index);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(Error::io(path, error)),
        }
    }

    /// Refuses an image that lacks a shard: one that was never stored, and one whose file someone removed or cut off since.
    ///
    /// # Errors
    /// `Io`, with the shard's file.
    pub(super) fn check_whole(&self) -> Result<()> {
        let (stored, expected) = (self.stored.count(), self.shard_count());
        if stored != expected {
            let what =
                format!("incomplete: {stored} of {expected} shards of image {} were stored", self.number);
            return Err(Error::io(self.folder.target(), io::Error::other(what)));
        }
        for (level, index, bytes) in self.stored.iter() {
            let length = self.length(level, index)?;
            if length != bytes {
                let now = if length == 0 { "is gone".to_owned() } else { format!("has {length} now") };
                let what = format!("was stored with {bytes} bytes and {now}; --resume makes it again");
                return Err(Error::io(self.path(level, index), io::Error::other(what)));
            }
        }
        Ok(())
    }

    /// Writes the metadata of every level.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn write_metadata(&self) -> Result<()> {
        let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
        self.levels.iter().try_for_each(|array| {
            let written = array.store_metadata_opt(&options);
            written.map_err(|error| storage_error(&on_disk(&self.store, array.path().as_str()), error))
        })
    }

    fn path(&self, level: usize, index: Tczyx<u64>) -> std::path::PathBuf {
        self.store.key_to_fspath(&self.levels[level].chunk_key(&index.to_array()))
    }

    /// What an earlier run finished.
    pub(in crate::output) fn finished(&self) -> &HashSet<ShardKey> {
        &self.finished
    }

    /// What the display range needs of it, with the channel of each.
    pub(in crate::output) fn finished_ranges(&self) -> impl Iterator<Item = (u64, &ShardRange)> {
        self.finished_ranges.iter().map(|(channel, range)| (*channel, range))
    }

    /// Shards that an earlier run finished.
    pub fn finished_count(&self) -> u64 {
        self.finished.len() as u64
    }

    /// Whether a pixel of `rect`, on `planes` planes from `z`, lies in a level-0 shard that is not finished.
    pub fn is_wanted(&self, (t, c, z): (u64, u64, u64), planes: u64, rect: Rect<Output>) -> bool {
        if self.finished.is_empty() {
            return true;
        }
        let level = &self.layout.levels()[0];
        let pitch = level.pitch;
        let cuts = |from: i64, to: i64| from as u64 / pitch..(to as u64).div_ceil(pitch);
        (z..z + planes).any(|z| {
            cuts(rect.y, rect.bottom()).any(|y| {
                cuts(rect.x, rect.right())
                    .any(|x| !self.finished.contains(&(0, level.shard_of(Tczyx::new(t, c, z, y, x)).0)))
            })
        })
    }

    /// The pixels of a finished shard, `[t, z, y, x]` of [`Level::shard`].
    ///
    /// # Errors
    /// `Io`, and when the file does not decode.
    pub(in crate::output) fn load(&self, level: usize, index: Tczyx<u64>) -> Result<Samples> {
        let (array, at) = (&self.levels[level], index.to_array());
        let loaded = match self.layout.sample() {
            SampleType::U8 => array.retrieve_chunk(&at).map(Samples::U8),
            SampleType::U16 => array.retrieve_chunk(&at).map(Samples::U16),
            SampleType::F32 => array.retrieve_chunk(&at).map(Samples::F32),
        };
        loaded.map_err(|error| {
            let what = format!("a finished shard cannot be read back: {error}; --overwrite begins anew");
            Error::io(self.path(level, index), io::Error::other(what))
        })
    }

    /// How the image is cut.
    pub fn layout(&self) -> &ImageLayout {
        &self.layout
    }

    /// Encodes one shard, stores it, flushed to the disk, and records it; gives the bytes written. A shard of zeros
    /// takes none.
    ///
    /// # Errors
    /// `Io` with the shard's file: a full disk, permissions.
    pub fn store(&self, shard: &Shard) -> Result<u64> {
        let array = &self.levels[shard.level];
        let index = shard.index.to_array();
        let path = self.path(shard.level, shard.index);
        let codec = |error: &dyn ToString| Error::io(&path, io::Error::other(error.to_string()));

        let pixels = ArrayBytes::from(shard.samples.as_bytes());
        let mut bytes = 0;
        if !shard.samples.is_empty() && !pixels.is_fill_value(array.fill_value()) {
            let shape = array.chunk_shape(&index).map_err(|error| codec(&error))?;
            // The threads that call this are the parallel ones.
            let options = CodecOptions::default().with_concurrent_target(1);
            let encoded = array
                .codecs()
                .encode(pixels, &shape, array.data_type(), array.fill_value(), &options)
                .map_err(|error| codec(&error))?;
            bytes = encoded.len() as u64;
            self.write(shard, &path, &encoded)?;
        }
        let stored = Stored { bytes, range: shard.range.clone() };
        self.folder.record().stored((self.number, shard.level, shard.index), stored)?;
        self.folder.keep();
        self.stored.set(shard.level, shard.index, bytes);
        Ok(bytes)
    }

    /// A file that appears whole.
    fn write(&self, shard: &Shard, path: &Path, bytes: &[u8]) -> Result<()> {
        let io = |error| Error::io(path, error);
        let Tczyx { t, c, z, y, x } = shard.index;
        let name = format!("{}-{}-{t}-{c}-{z}-{y}-{x}", self.number, shard.level);
        let unnamed = self.folder.unnamed().join(name);
        let writes = self.folder.writes();
        let mut file = writes.time(Write::Make, path, || File::create(&unnamed)).map_err(io)?;
        // A slow disk answers now and then.
        for part in bytes.chunks(PART_BYTES) {
            writes.time(Write::Bytes, path, || file.write_all(part)).map_err(io)?;
        }
        writes.time(Write::Flush, path, || file.sync_data()).map_err(io)?;
        drop(file);
        if let Some(folder) = path.parent() {
            let root = self.folder.path();
            writes.time(Write::Make, path, || make_folders(&root, folder)).map_err(io)?;
        }
        writes.time(Write::Name, path, || {
            self.folder.check_there()?;
            fs::rename(unnamed, path).map_err(io)
        })
    }

    /// So many shards will not come, as all of each is zero and the store takes that for granted.
    pub fn leave_out(&self, shards: u64) {
        self.left_out.fetch_add(shards, Ordering::Relaxed);
    }

    /// Shards that there will be, of all levels.
    pub fn shard_count(&self) -> u64 {
        self.layout.shard_count() - self.left_out.load(Ordering::Relaxed)
    }

    /// Shards stored so far, those of an earlier run counted.
    pub fn stored(&self) -> u64 {
        self.stored.count()
    }
}

/// Makes the folders from `root`, which is there unless someone has removed it, down to `folder`.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match folder.parent() {
            Some(above) if above != root => {
                make_folders(root, above)?;
                make_folders(above, folder)
            }
            _ => Err(error),
        },
        other => other,
    }
}

/// Where a node of the store is on the disk.
pub(super) fn on_disk(store: &FilesystemStore, node: &str) -> std::path::PathBuf {
    store.prefix_to_fs_path(&zarrs::storage::StorePrefix::root()).join(node.trim_start_matches('/'))
}

/// What the system said about `path`, taken out of the store's wrapping.
pub(super) fn storage_error(path: &Path, error: StorageError) -> Error {
    let source = match error {
        StorageError::IOError(error) => match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        },
        other => io::Error::other(other.to_string()),
    };
    Error::io(path, source)
}
