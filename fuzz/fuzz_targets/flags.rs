#![no_main]

use decon_gpu_fuzz::flags::use_flag;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| use_flag(data));
