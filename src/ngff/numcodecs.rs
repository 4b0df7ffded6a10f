//! Codecs of Zarr 3 by the names and settings that numcodecs gives them, in the words of the specification. Settings that only
//! matter for writing may be missing there.

use serde_json::{Map, Value, json};

/// Rewords all codecs of a list, and those within shards.
pub(super) fn reword(codecs: &mut Value) {
    for codec in codecs.as_array_mut().into_iter().flatten() {
        let Some(name) = codec["name"].as_str().map(str::to_owned) else { continue };
        if name == "sharding_indexed" {
            ["codecs", "index_codecs"].into_iter().for_each(|list| {
                codec["configuration"].get_mut(list).into_iter().for_each(reword);
            });
        }
        let (name, settings) = match name.as_str() {
            "numcodecs.zstd" => ("zstd", json!({ "level": 0, "checksum": false })),
            "numcodecs.gzip" => ("gzip", json!({ "level": 1 })),
            "numcodecs.zlib" => ("numcodecs.zlib", json!({ "level": 1 })),
            // A chunk of blosc says itself how it was made.
            "numcodecs.blosc" => {
                *codec = json!({ "name": "blosc", "configuration": { "cname": "lz4", "clevel": 5,
                    "shuffle": "noshuffle", "typesize": 1, "blocksize": 0 } });
                continue;
            }
            _ => continue,
        };
        let told = codec["configuration"].as_object().cloned().unwrap_or_default();
        let is_known =
            |(setting, value): &(String, Value)| settings.get(setting).is_some() && !value.is_null();
        let told: Map<String, Value> = told.into_iter().filter(is_known).collect();
        let Value::Object(mut settings) = settings else { continue };
        settings.extend(told);
        *codec = json!({ "name": name, "configuration": settings });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numcodecs_leaves_out_is_filled_in_also_within_shards() {
        let bytes = json!({ "name": "bytes", "configuration": { "endian": "little" } });
        let zstd = json!({ "name": "numcodecs.zstd", "configuration": { "level": 7 } });
        let zlib = json!({ "name": "numcodecs.zlib", "configuration": {} });
        let mut codecs = json!([{ "name": "sharding_indexed", "configuration": {
            "chunk_shape": [4], "codecs": [bytes, zstd], "index_codecs": [bytes] } }]);
        reword(&mut codecs);
        let inner = &codecs[0]["configuration"]["codecs"];
        assert_eq!(
            inner,
            &json!([bytes, { "name": "zstd", "configuration": { "level": 7, "checksum": false } }])
        );
        let mut codecs = json!([bytes, zlib, { "name": "numcodecs.lz4" }]);
        reword(&mut codecs);
        let expected = json!([bytes, { "name": "numcodecs.zlib", "configuration": { "level": 1 } }, { "name": "numcodecs.lz4" }]);
        assert_eq!(codecs, expected);
    }
}
