#![no_main]

use decon_gpu_fuzz::tiff::use_tiff;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| use_tiff(data));
