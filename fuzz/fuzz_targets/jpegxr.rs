#![no_main]

use decon_gpu::dataset::Compression;
use decon_gpu_fuzz::decoder::decode_payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| decode_payload(Compression::JpegXr, data));
