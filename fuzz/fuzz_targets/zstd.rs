#![no_main]

use decon_gpu::dataset::Compression;
use decon_gpu_fuzz::decoder::decode_payload;
use libfuzzer_sys::fuzz_target;

// Both kinds, by the last byte.
fuzz_target!(|data: &[u8]| {
    if let Some((last, data)) = data.split_last() {
        decode_payload(if last % 2 == 0 { Compression::Zstd0 } else { Compression::Zstd1 }, data);
    }
});
