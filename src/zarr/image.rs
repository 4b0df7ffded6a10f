//! One image in the store: an array for each level, and the encoding of its shards.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zarrs::array::codec::ZstdCodec;
use zarrs::array::{
    Array, ArrayBuilder, ArrayBytes, ArrayMetadataOptions, ArrayToBytesCodecTraits, CodecOptions, DataType,
    FillValue, data_type,
};
use zarrs::filesystem::FilesystemStore;
use zarrs::storage::{StorageError, WritableStorageTraits};

use super::layout::{Encoding, ImageLayout, Level};
use super::pyramid::Shard;
use crate::error::{Error, Result};
use crate::pixels::SampleType;

/// Names of the axes, slowest first.
pub(super) const AXES: [&str; 5] = ["t", "c", "z", "y", "x"];

/// Encodes and stores the shards of one image; shared by several threads.
#[derive(Debug)]
pub struct ImageWriter {
    layout: ImageLayout,
    store: Arc<FilesystemStore>,
    levels: Vec<Array<FilesystemStore>>,
    stored: AtomicU64,
}

impl ImageWriter {
    /// Writes the metadata of an array for each level under `group`, such as `/` or `/2`.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn create(store: &Arc<FilesystemStore>, group: &str, layout: &ImageLayout) -> Result<Self> {
        let levels = layout.levels().iter().enumerate();
        let levels = levels.map(|(k, level)| {
            let path = format!("{}/{k}", group.trim_end_matches('/'));
            let array = array(store, &path, level, layout);
            let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
            array
                .store_metadata_opt(&options)
                .map_err(|error| storage_error(&on_disk(store, &path), error))?;
            Ok(array)
        });
        let levels = levels.collect::<Result<_>>()?;
        Ok(Self { layout: layout.clone(), store: store.clone(), levels, stored: AtomicU64::new(0) })
    }

    /// How the image is cut.
    pub fn layout(&self) -> &ImageLayout {
        &self.layout
    }

    /// Encodes one shard and stores it, flushed to the disk; gives the bytes written. A shard of zeros takes none.
    ///
    /// # Errors
    /// `Io` with the shard's file: a full disk, permissions.
    pub fn store(&self, shard: &Shard) -> Result<u64> {
        let array = &self.levels[shard.level];
        let index = shard.index.to_array();
        let key = array.chunk_key(&index);
        let path = self.store.key_to_fspath(&key);
        let codec = |error: &dyn ToString| Error::io(&path, io::Error::other(error.to_string()));

        let pixels = ArrayBytes::from(shard.samples.as_bytes());
        let mut bytes = 0;
        if !pixels.is_fill_value(array.fill_value()) {
            let shape = array.chunk_shape(&index).map_err(|error| codec(&error))?;
            // The threads that call this are the parallel ones.
            let options = CodecOptions::default().with_concurrent_target(1);
            let encoded = array
                .codecs()
                .encode(pixels, &shape, array.data_type(), array.fill_value(), &options)
                .map_err(|error| codec(&error))?;
            bytes = encoded.len() as u64;
            let encoded = encoded.into_owned().into();
            self.store.set(&key, encoded).map_err(|error| storage_error(&path, error))?;
        }
        self.stored.fetch_add(1, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Shards stored so far.
    pub(super) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }
}

fn array(
    store: &Arc<FilesystemStore>,
    path: &str,
    level: &Level,
    layout: &ImageLayout,
) -> Array<FilesystemStore> {
    let (data_type, fill): (DataType, FillValue) = match layout.sample() {
        SampleType::U8 => (data_type::uint8(), 0_u8.into()),
        SampleType::U16 => (data_type::uint16(), 0_u16.into()),
        SampleType::F32 => (data_type::float32(), 0_f32.into()),
    };
    let Encoding { zstd_level, .. } = layout.encoding();
    ArrayBuilder::new(level.shape.to_array(), level.shard.to_array(), data_type, fill)
        .subchunk_shape(level.chunk.to_array().to_vec())
        .bytes_to_bytes_codecs(vec![Arc::new(ZstdCodec::new(zstd_level, false))])
        .dimension_names(Some(AXES))
        .build(store.clone(), path)
        .expect("a layout is a valid array")
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
