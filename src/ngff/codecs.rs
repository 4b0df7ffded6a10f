//! How the bytes of a chunk become samples, in no more memory than the chunk says it needs.
//!
//! The codecs of `zarrs` take as much memory as the stored bytes announce: a few that are damaged can ask for more than
//! there is, which ends the process. What undoes a compression is therefore bounded here; the rest is done by `zarrs`,
//! which knows from the metadata how long its results are.

use std::borrow::Cow;
use std::io::Read;
use std::num::NonZeroU64;
use std::sync::Arc;

use zarrs::array::codec::{BloscCodec, GzipCodec, ShardingCodec, ZlibCodec, ZstdCodec};
use zarrs::array::{
    ArrayToBytesCodecTraits, BytesRepresentation, BytesToBytesCodecTraits, CodecChain, CodecOptions,
    DataType, FillValue,
};

/// The codecs of the pieces of an array.
pub(super) struct PieceCodecs {
    /// From the last that is undone to the first, each with the bytes that it gives at most.
    compressions: Vec<(Arc<dyn BytesToBytesCodecTraits>, usize)>,
    /// All others.
    rest: CodecChain,
    shape: Vec<NonZeroU64>,
    kind: DataType,
    empty: FillValue,
}

impl PieceCodecs {
    /// Those of `chain`, for pieces of `shape` with samples of `kind`, `empty` where there are none.
    ///
    /// # Errors
    /// What is not supported.
    pub fn new(
        chain: &CodecChain,
        shape: &[NonZeroU64],
        kind: &DataType,
        empty: &FillValue,
    ) -> Result<Self, String> {
        let to_bytes = chain.array_to_bytes_codec();
        if to_bytes.as_any().is::<ShardingCodec>() {
            return Err("shards within shards, or shards that are compressed as a whole".into());
        }
        let rest = CodecChain::new(chain.array_to_array_codecs().to_vec(), Arc::clone(to_bytes), Vec::new());
        let representation = rest.encoded_representation(shape, kind, empty);
        let mut given = representation.map_err(|error| error.to_string())?;
        let mut compressions = Vec::new();
        for codec in chain.bytes_to_bytes_codecs() {
            let most = given.size().and_then(|size| usize::try_from(size).ok());
            compressions.push((Arc::clone(codec), most.ok_or("codecs that set no bound to a chunk's size")?));
            given = codec.encoded_representation(&given);
        }
        Ok(Self { compressions, rest, shape: shape.to_vec(), kind: kind.clone(), empty: empty.clone() })
    }

    /// The samples of a piece, in the array's order, from what is stored of it.
    ///
    /// # Errors
    /// What is wrong with `stored`.
    pub fn decode<'a>(&self, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
        let mut bytes = Cow::Borrowed(stored);
        for (codec, most) in self.compressions.iter().rev() {
            bytes = decompress(codec.as_ref(), bytes, *most)?;
        }
        let decoded = self.rest.decode(bytes, &self.shape, &self.kind, &self.empty, &one_thread());
        decoded.and_then(|decoded| Ok(decoded.into_fixed()?)).map_err(|error| error.to_string())
    }
}

/// The threads that decode pieces are the parallel ones.
fn one_thread() -> CodecOptions {
    CodecOptions::default().with_concurrent_target(1)
}

/// What `codec` gives for `bytes`: at most `most` bytes.
fn decompress<'a>(
    codec: &dyn BytesToBytesCodecTraits,
    bytes: Cow<'a, [u8]>,
    most: usize,
) -> Result<Cow<'a, [u8]>, String> {
    let kind = codec.as_any();
    if kind.is::<ZstdCodec>() {
        return match zstd::bulk::decompress(&bytes, most) {
            Ok(decoded) => Ok(decoded.into()),
            Err(error) => Err(format!("zstd, of at most {most} bytes: {error}")),
        };
    }
    if kind.is::<GzipCodec>() {
        return read_up_to(flate2::read::GzDecoder::new(&*bytes), most, "gzip");
    }
    if kind.is::<ZlibCodec>() {
        return read_up_to(flate2::read::ZlibDecoder::new(&*bytes), most, "zlib");
    }
    if kind.is::<BloscCodec>() {
        blosc_holds_at_most(&bytes, most)?;
    }
    // What is no compression gives no more bytes than it takes.
    let given = BytesRepresentation::BoundedSize(most as u64);
    codec.decode(bytes, &given, &one_thread()).map_err(|error| error.to_string())
}

fn read_up_to(from: impl Read, most: usize, codec: &str) -> Result<Cow<'static, [u8]>, String> {
    let mut decoded = Vec::with_capacity(most);
    // One more, to see that there is more.
    let read = from.take(most as u64 + 1).read_to_end(&mut decoded);
    read.map_err(|error| format!("{codec}: {error}"))?;
    if decoded.len() > most {
        return Err(format!("{codec}: more than the {most} bytes that a chunk can hold"));
    }
    Ok(decoded.into())
}

/// Source: c-blosc, `README_CHUNK_FORMAT.rst`: bytes 4 to 8 are the decoded length.
fn blosc_holds_at_most(bytes: &[u8], most: usize) -> Result<(), String> {
    let length = bytes.get(4..8).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    match length {
        Some(length) if length as usize <= most => Ok(()),
        Some(length) => Err(format!("blosc: {length} bytes, but a chunk can hold {most}")),
        None => Err("blosc: no header".into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use zarrs::array::data_type;
    use zarrs::metadata::v3::MetadataV3;

    use super::*;

    /// Of pieces of 64 × 64 u16: 8 KiB.
    fn codecs(compression: Value) -> (CodecChain, PieceCodecs) {
        let shape = [64, 64].map(|side| NonZeroU64::new(side).unwrap());
        let metadata: Vec<MetadataV3> = serde_json::from_value(json!([
            {"name": "bytes", "configuration": {"endian": "little"}},
            compression,
            {"name": "crc32c"}
        ]))
        .unwrap();
        let chain = CodecChain::from_metadata(&metadata).unwrap();
        let codecs = PieceCodecs::new(&chain, &shape, &data_type::uint16(), &FillValue::from(0_u16)).unwrap();
        (chain, codecs)
    }

    fn compressions() -> [Value; 4] {
        let blosc = json!({"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0});
        [
            json!({"name": "zstd", "configuration": {"level": 1, "checksum": false}}),
            json!({"name": "gzip", "configuration": {"level": 5}}),
            json!({"name": "numcodecs.zlib", "configuration": {"level": 5}}),
            json!({"name": "blosc", "configuration": blosc}),
        ]
    }

    fn encoded(chain: &CodecChain, shape: &[u64], value: u16) -> Vec<u8> {
        let shape: Vec<_> = shape.iter().map(|&side| NonZeroU64::new(side).unwrap()).collect();
        let values = vec![value; shape.iter().map(|side| side.get() as usize).product()];
        let bytes: Vec<u8> = values.iter().flat_map(|value: &u16| value.to_ne_bytes()).collect();
        let (kind, empty) = (data_type::uint16(), FillValue::from(0_u16));
        chain.encode(bytes.into(), &shape, &kind, &empty, &one_thread()).unwrap().into_owned()
    }

    #[test]
    fn a_chunk_comes_back_and_one_that_holds_more_than_it_can_is_refused() {
        for compression in compressions() {
            let (chain, codecs) = codecs(compression.clone());
            let whole = encoded(&chain, &[64, 64], 513);
            let expected: Vec<u8> = [513_u16; 64 * 64].iter().flat_map(|value| value.to_ne_bytes()).collect();
            assert_eq!(codecs.decode(&whole).unwrap(), expected, "{compression}");
            // A row more; and 8 MiB, which take some KiB when they are compressed.
            for rows in [65, 1 << 16] {
                let error = codecs.decode(&encoded(&chain, &[rows, 64], 513)).unwrap_err();
                assert!(error.contains("8192"), "{compression}: {error}");
            }
        }
    }

    #[test]
    fn a_length_that_is_only_announced_takes_no_memory() {
        let (_, codecs) = codecs(compressions()[0].clone());
        // A frame of one segment with 2^62 bytes, of which one empty block follows; then crc32c.
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1110_0000];
        frame.extend((1_u64 << 62).to_le_bytes());
        frame.extend([1, 0, 0]);
        let checksum = crc32c_of(&frame);
        frame.extend(checksum);
        let error = codecs.decode(&frame).unwrap_err();
        assert!(error.starts_with("zstd, of at most 8192 bytes: "), "{error}");
    }

    fn crc32c_of(bytes: &[u8]) -> Vec<u8> {
        let codec = zarrs::array::codec::Crc32cCodec::new();
        let coded = codec.encode(bytes.into(), &one_thread()).unwrap();
        coded[bytes.len()..].to_vec()
    }

    #[test]
    fn shards_within_shards_are_refused() {
        let shape = [64, 64].map(|side| NonZeroU64::new(side).unwrap());
        let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
        let sharding = json!({"name": "sharding_indexed", "configuration": {"chunk_shape": [8, 8], "codecs": [bytes],
            "index_codecs": [bytes, {"name": "crc32c"}]}});
        let metadata: Vec<MetadataV3> = serde_json::from_value(json!([sharding])).unwrap();
        let chain = CodecChain::from_metadata(&metadata).unwrap();
        let refused = PieceCodecs::new(&chain, &shape, &data_type::uint16(), &FillValue::from(0_u16));
        assert!(refused.is_err_and(|what| what.starts_with("shards within shards")));
    }
}
