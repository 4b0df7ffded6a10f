#![no_main]

use decon_gpu_fuzz::ngff::use_damaged;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| use_damaged(data));
