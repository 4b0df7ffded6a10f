//! What opening and planning cost: requests, bytes and milliseconds for mosaics of 700 and of 7000 small fields.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use decon_gpu::czi::Czi;
use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::Plane;
use decon_gpu::job::Job;
use decon_gpu::options::Options;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::source::{FileSource, ReadAt};
use decon_gpu::space::Rect;

/// Counts what is asked for.
struct Counted(FileSource, Arc<AtomicU64>);

impl ReadAt for Counted {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> decon_gpu::error::Result<()> {
        self.1.fetch_add(1, Relaxed);
        self.0.read_exact_at(offset, buffer)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn write(path: &Path, columns: i64, rows: i64) -> Result<(), Box<dyn Error>> {
    let mut czi = CziWriter::create(path)?;
    for (m, (x, y)) in (0..).zip((0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)))) {
        let field = NewSubblock::new(Plane::default(), Rect::new(x * 14, y * 14, 16, 16), PixelType::Gray16);
        czi.add(&NewSubblock { m: Some(m), ..field }, &Samples::U16(vec![m as u16; 256]))?;
    }
    czi.finish(&Metadata::default())?;
    Ok(())
}

/// The least of `repeat` times, in milliseconds.
fn least(repeat: u32, mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut least = f64::INFINITY;
    for _ in 0..repeat {
        let start = Instant::now();
        work()?;
        least = least.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(least)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir();
    for (columns, rows) in [(35, 20), (100, 70)] {
        let (fields, path) = (columns * rows, folder.join(format!("opening-{columns}x{rows}.czi")));
        write(&path, columns, rows)?;
        let requests = Arc::new(AtomicU64::new(0));
        let open = || {
            requests.store(0, Relaxed);
            Czi::open(Box::new(Counted(FileSource::open(&path)?, Arc::clone(&requests))), &BTreeMap::new())?;
            Ok(())
        };
        let opened = least(20, open)?;
        let text = path.to_string_lossy();
        let flags =
            ["opening", &text, "--iterations", "0", "--backend", "cpu", "--tile", "64", "--chunk", "64"];
        let options = Options::parse(flags)?;
        let plan = || {
            Job::prepare(options.clone())?;
            Ok(())
        };
        let planned = least(20, plan)?;
        println!(
            "{fields} fields: opened in {opened:.2} ms and {} requests; planned in {planned:.2} ms, {:.2} µs a field",
            requests.load(Relaxed),
            planned * 1e3 / fields as f64
        );
        std::fs::remove_file(&path)?;
    }
    Ok(())
}
