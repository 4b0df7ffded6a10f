//! Any bytes as a CZI or TIFF file: opened, planned, read, stitched.
#![no_main]

use std::io::Write;

use decon_gpu_fuzz::whole_file::use_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(data).expect("room for it");
    let _ = use_file(file.path());
});
