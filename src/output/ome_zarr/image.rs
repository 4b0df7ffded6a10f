//! One image in the store: an array for each level, and the encoding of its shards.
//!
//! A shard's file is written and flushed under a name of its own, renamed, and then recorded: what the record names is
//! whole, also after a power failure. The flush costs no more than before (`zarrs` flushes what it stores too) and lies
//! on the writers' threads, behind the next tiles' compute. A record's line is not flushed: if it is lost, its shard is
//! made again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use zarrs::array::{Array, ArrayBytes, ArrayMetadataOptions, ArrayToBytesCodecTraits, CodecOptions};
use zarrs::filesystem::FilesystemStore;
use zarrs::storage::StorageError;

use super::settings::Settings;
use crate::error::{Error, Result};
use crate::output::layout::ImageLayout;
use crate::output::progress::{Finished, Progress, ShardKey};
use crate::output::pyramid::Shard;
use crate::output::sink::ImageSink;
use crate::output::unfinished::{PartialFolder, Stored};
use crate::pixels::{SampleType, Samples};
use crate::space::Tczyx;
use crate::timeline::Write;

/// Of a file, handed over in one call.
const PART_BYTES: usize = 1 << 20;

/// Names of the axes, slowest first.
pub(super) const AXES: [&str; 5] = ["t", "c", "z", "y", "x"];

/// Encodes and stores the shards of one image; shared by several threads.
#[derive(Debug)]
pub(super) struct ImageWriter {
    /// Position among the output's images.
    number: usize,
    store: Arc<FilesystemStore>,
    levels: Vec<Array<FilesystemStore>>,
    folder: Arc<PartialFolder>,
    progress: Progress,
}

/// Which image of an output.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// Position among the output's images.
    pub number: usize,
    /// Where it lies, such as `/` or `/2`.
    pub group: &'a str,
}

impl ImageWriter {
    /// Writes the metadata of an array for each level. Of `finished`, those stay whose files are as they were recorded.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(
        (store, folder): (&Arc<FilesystemStore>, &Arc<PartialFolder>),
        place: &Place<'_>,
        layout: &ImageLayout,
        settings: Settings,
        finished: Finished,
    ) -> Result<Self> {
        let levels = layout.levels().iter().enumerate();
        let levels = levels.map(|(k, level)| {
            let path = format!("{}/{k}", place.group.trim_end_matches('/'));
            settings.array(store, &path, level, layout.sample())
        });
        let levels = levels.collect();
        let (store, folder, progress) = (store.clone(), folder.clone(), Progress::new(layout));
        let mut writer = Self { number: place.number, store, levels, folder, progress };
        writer.write_metadata()?;
        for (key, stored) in finished {
            if writer.is_there(key, &stored) {
                writer.progress.take_over(key, &stored);
            }
        }
        Ok(writer)
    }

    /// Whether a recorded shard is of this image and as long as it was.
    fn is_there(&self, key: ShardKey, stored: &Stored) -> bool {
        self.progress.has(key) && self.length(key).is_ok_and(|length| length == stored.bytes)
    }

    /// Of the file that a shard has; 0 where it has none.
    fn length(&self, key: ShardKey) -> Result<u64> {
        let path = self.path(key);
        match self.folder.writes().time(Write::Look, &path, || fs::symlink_metadata(&path)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(Error::io(path, error)),
        }
    }

    /// Refuses an image that lacks a shard: one that was never stored, and one whose file someone removed or cut off since.
    ///
    /// # Errors
    /// `Io`, with the shard's file.
    pub fn check_whole(&self) -> Result<()> {
        self.progress.check_complete(self.number, self.folder.target())?;
        for (key, bytes) in self.progress.stored_shards() {
            let length = self.length(key)?;
            if length != bytes {
                let now = if length == 0 { "is gone".to_owned() } else { format!("has {length} now") };
                let what = format!("was stored with {bytes} bytes and {now}; --resume makes it again");
                return Err(Error::io(self.path(key), io::Error::other(what)));
            }
        }
        Ok(())
    }

    /// Writes the metadata of every level.
    ///
    /// # Errors
    /// `Io`.
    pub fn write_metadata(&self) -> Result<()> {
        let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
        self.levels.iter().try_for_each(|array| {
            let path = on_disk(&self.store, array.path().as_str());
            let store = || array.store_metadata_opt(&options);
            let written = self.folder.writes().time(Write::Whole, &path, store);
            written.map_err(|error| storage_error(&path, error))
        })
    }

    fn path(&self, (level, index): ShardKey) -> std::path::PathBuf {
        self.store.key_to_fspath(&self.levels[level].chunk_key(&index.to_array()))
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
            let root = self.folder.path(0);
            writes.time(Write::Make, path, || make_folders(&root, folder)).map_err(io)?;
        }
        writes.time(Write::Name, path, || {
            self.folder.check_there()?;
            fs::rename(unnamed, path).map_err(io)
        })
    }
}

impl ImageSink for ImageWriter {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn load(&self, (level, index): ShardKey) -> Result<Samples> {
        let (array, at) = (&self.levels[level], index.to_array());
        let path = self.path((level, index));
        let load = || match self.progress.layout().sample() {
            SampleType::U8 => array.retrieve_chunk(&at).map(Samples::U8),
            SampleType::U16 => array.retrieve_chunk(&at).map(Samples::U16),
            SampleType::F32 => array.retrieve_chunk(&at).map(Samples::F32),
        };
        self.folder.writes().time(Write::Look, &path, load).map_err(|error| {
            let what = format!("a finished shard cannot be read back: {error}; --overwrite begins anew");
            Error::io(&path, io::Error::other(what))
        })
    }

    fn store(&self, shard: Shard) -> Result<u64> {
        let array = &self.levels[shard.level];
        let (key, index) = ((shard.level, shard.index), shard.index.to_array());
        let path = self.path(key);
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
            self.write(&shard, &path, &encoded)?;
        }
        let stored = Stored { bytes, range: shard.range, in_file: None };
        self.folder.record().stored((self.number, shard.level, shard.index), stored)?;
        self.folder.keep();
        self.progress.set_stored(key, bytes);
        Ok(bytes)
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
