//! Which version of OME-Zarr is written, and the arrays and groups of Zarr that come with it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use zarrs::array::codec::ZstdCodec;
use zarrs::array::{Array, ArrayBuilder, ArrayMetadata, ArrayMetadataV2, DataType, FillValue, data_type};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::{Group, GroupBuilder, GroupMetadata};
use zarrs::metadata::ChunkKeySeparator;
use zarrs::metadata::v2::GroupMetadataV2;

use super::image::AXES;
use super::settings::Settings;
use crate::output::layout::Level;
use crate::pixels::SampleType;

/// Of the specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
pub enum Version {
    /// Zarr 2, a file for each chunk, blosc: what nearly every program opens.
    #[serde(rename = "0.4")]
    #[value(name = "0.4")]
    V04,
    /// Zarr 3, many chunks in a file, a shard; zstd.
    #[default]
    #[serde(rename = "0.5")]
    #[value(name = "0.5")]
    V05,
}

impl Version {
    /// The best that a codec can compress.
    pub(super) fn best_level(self) -> i32 {
        match self {
            Self::V04 => 9,
            Self::V05 => 22,
        }
    }

    /// `attributes` of OME-Zarr in the words and the place of this version.
    pub(super) fn worded(self, mut attributes: Value) -> Map<String, Value> {
        match self {
            Self::V04 => {
                let images = attributes.get_mut("multiscales").and_then(Value::as_array_mut);
                images.into_iter().flatten().for_each(|image| image["version"] = json!("0.4"));
                if let Some(omero) = attributes.get_mut("omero") {
                    omero["version"] = json!("0.4");
                }
                match attributes {
                    Value::Object(attributes) => attributes,
                    other => unreachable!("attributes have names: {other}"),
                }
            }
            Self::V05 => {
                attributes["version"] = json!("0.5");
                // Where programs look that know 0.4 (neuroglancer: google/neuroglancer#959).
                let omero = attributes.get("omero").cloned();
                let beside = omero.map(|omero| ("omero".to_owned(), omero));
                [("ome".to_owned(), attributes)].into_iter().chain(beside).collect()
            }
        }
    }

    /// The group at `path`.
    pub(super) fn group(
        self,
        store: &Arc<FilesystemStore>,
        path: &str,
        attributes: Map<String, Value>,
    ) -> Group<FilesystemStore> {
        match self {
            Self::V04 => {
                let metadata = GroupMetadataV2::new().with_attributes(attributes);
                Group::new_with_metadata(store.clone(), path, GroupMetadata::V2(metadata))
            }
            Self::V05 => GroupBuilder::new().attributes(attributes).build(store.clone(), path),
        }
        .expect("the paths are valid and the metadata has no extensions")
    }
}

impl Settings {
    /// The array of a level at `path`, nothing of it stored yet.
    pub(super) fn array(
        self,
        store: &Arc<FilesystemStore>,
        path: &str,
        level: &Level,
        sample: SampleType,
    ) -> Array<FilesystemStore> {
        match self.version {
            Version::V04 => {
                let metadata = ArrayMetadata::V2(array_of_zarr_2(level, sample, self.zstd_level));
                Array::new_with_metadata(store.clone(), path, metadata)
            }
            Version::V05 => array_of_zarr_3(level, sample, self.zstd_level).build(store.clone(), path),
        }
        .expect("a layout is a valid array")
    }
}

/// The attributes of the group in `folder`, of either version; `None` where there are none.
pub(super) fn attributes(folder: &Path) -> Option<Value> {
    let json = |name| serde_json::from_slice::<Value>(&fs::read(folder.join(name)).ok()?).ok();
    let of_zarr_3 = json("zarr.json").map(|mut group| group["attributes"].take());
    of_zarr_3.or_else(|| json(".zattrs"))
}

fn array_of_zarr_3(level: &Level, sample: SampleType, zstd_level: i32) -> ArrayBuilder {
    let (data_type, fill): (DataType, FillValue) = match sample {
        SampleType::U8 => (data_type::uint8(), 0_u8.into()),
        SampleType::U16 => (data_type::uint16(), 0_u16.into()),
        SampleType::F32 => (data_type::float32(), 0_f32.into()),
    };
    let zstd = ZstdCodec::new(zstd_level, false);
    let mut array = ArrayBuilder::new(level.shape.to_array(), level.shard.to_array(), data_type, fill);
    array.subchunk_shape(level.chunk.to_array().to_vec()).bytes_to_bytes_codecs(vec![Arc::new(zstd)]);
    array.dimension_names(Some(AXES));
    array
}

/// zstd within blosc, which every reader of Zarr 2 has; the bytes of a sample apart, which makes 16 bits smaller.
fn array_of_zarr_2(level: &Level, sample: SampleType, zstd_level: i32) -> ArrayMetadataV2 {
    let shuffle = u8::from(sample.bytes() > 1);
    let metadata = serde_json::from_value(json!({
        "zarr_format": 2,
        "shape": level.shape.to_array(),
        "chunks": level.chunk.to_array(),
        "dtype": match sample {
            SampleType::U8 => "|u1",
            SampleType::U16 => "<u2",
            SampleType::F32 => "<f4",
        },
        "compressor": {
            "id": "blosc",
            "cname": "zstd",
            "clevel": zstd_level,
            "shuffle": shuffle,
            "blocksize": 0,
        },
        "fill_value": 0,
        "order": "C",
        "filters": null,
        "dimension_separator": ChunkKeySeparator::Slash,
    }));
    metadata.expect("valid metadata of Zarr 2")
}
