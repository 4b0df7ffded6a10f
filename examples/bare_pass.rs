//! One pass over the pixels of a CZI file on one thread, in file order: `pread`, decompression, nothing else. What
//! loading costs at least. The seconds of both halves are on the clock, not of the processor.
//!
//!     bare_pass FILE.czi

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use decon_gpu::czi::Czi;
use decon_gpu::dataset::Input;
use decon_gpu::source::{FileSource, Merging};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: bare_pass FILE.czi")?;
    let czi = Czi::open(Box::new(FileSource::open(Path::new(&path))?), &BTreeMap::new())?;
    let czi = czi.with_merging(Merging::NONE);
    let (mut bytes, mut samples) = (0, 0);
    let (mut reading, mut decoding) = (Duration::ZERO, Duration::ZERO);
    for scene in &czi.dataset().scenes {
        for field in 0..scene.fields.len() {
            let start = Instant::now();
            let fetched = czi.fetch(scene, &[field])?;
            reading += start.elapsed();
            bytes += fetched.bytes;
            let start = Instant::now();
            for raw in &fetched.subblocks {
                let decoded = czi.decode(&scene.fields[field], raw)?;
                samples += decoded.len();
                decoded.recycle();
            }
            decoding += start.elapsed();
        }
    }
    let (reading, decoding) = (reading.as_secs_f64(), decoding.as_secs_f64());
    println!("{bytes} bytes read in {reading:.3} s, {samples} samples decoded in {decoding:.3} s");
    Ok(())
}
