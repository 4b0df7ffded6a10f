#![no_main]

use decon_gpu_fuzz::text::use_description;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| use_description(data));
