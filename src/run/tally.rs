//! Counts what the stages do, from whichever thread, and tells the report.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::counted::{Counted, Counts};
use super::files::InputFiles;
use crate::decon::{Field, FinishedTile};
use crate::job::{Job, cores, cpu_secs, peak_memory_bytes};
use crate::report::{Damaged, Event, ImageSummary, Report, Summary, Verdict};

/// Sums over all scenes of a run.
pub struct Tally<'a> {
    report: &'a dyn Report,
    read_bytes: AtomicU64,
    requests: AtomicU64,
    written_bytes: AtomicU64,
    counts: Mutex<Counts>,
    damaged: Mutex<Vec<Damaged>>,
    files: Arc<InputFiles>,
    /// Of the process, before anything was done.
    cpu_secs: Option<f64>,
}

impl<'a> Tally<'a> {
    /// Nothing yet.
    pub fn new(report: &'a dyn Report) -> Self {
        Self {
            report,
            read_bytes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            counts: Mutex::default(),
            damaged: Mutex::new(Vec::new()),
            files: Arc::default(),
            cpu_secs: cpu_secs(),
        }
    }

    /// Counts what is done aside: by itself, but for the files that are read.
    pub fn aside<'b>(&self, report: &'b dyn Report) -> Tally<'b> {
        Tally { files: Arc::clone(&self.files), ..Tally::new(report) }
    }

    /// Those of the input.
    pub fn files(&self) -> &InputFiles {
        &self.files
    }

    /// A batch was fetched.
    pub fn read(&self, bytes: u64, requests: u64) {
        self.read_bytes.fetch_add(bytes, Relaxed);
        self.requests.fetch_add(requests, Relaxed);
        self.report.event(&Event::Read { bytes, requests });
    }

    /// What `other` read besides, of which nobody was told yet.
    pub fn read_aside(&self, other: &Self) {
        self.read(other.read_bytes.load(Relaxed), other.requests.load(Relaxed));
    }

    /// A field of image `image` is decoded.
    pub fn decoded(&self, job: &Job, image: usize, field: usize, pixels: &Field) {
        self.report.decoded(job, image, field, pixels);
    }

    /// A tile of image `image` is finished.
    pub fn computed(&self, job: &Job, image: usize, tile: &FinishedTile) {
        for (what, values) in Counted::of_tile(image, tile, &job.images[image].setup.fill) {
            self.count(what, values);
        }
        self.report.event(&Event::Computed { tile: tile.tile.index });
        self.report.finished(job, image, tile);
    }

    /// A shard is on disk.
    pub fn wrote(&self, bytes: u64) {
        self.written_bytes.fetch_add(bytes, Relaxed);
        self.report.event(&Event::Wrote { bytes });
    }

    /// So many values of one thing. Says whether that is news.
    pub fn count(&self, what: Counted, values: u64) -> bool {
        self.counts.lock().expect("no thread panics while it counts").count(what, values)
    }

    /// A sentence for the user.
    pub fn note(&self, text: &str) {
        self.report.event(&Event::Note { text });
    }

    /// A subblock is left out.
    pub fn damaged(&self, damaged: Damaged) {
        self.report.event(&Event::Damaged(&damaged));
        self.damaged.lock().expect("no thread panics while it holds the list").push(damaged);
    }

    /// Everything, at the end: with `images`, and the number of shards that an earlier run finished.
    pub fn summary(
        &self,
        job: &Job,
        output: Option<&Path>,
        (images, resumed_shards): (Vec<ImageSummary>, u64),
        wall: Duration,
    ) -> Summary {
        let mut damaged = self.damaged.lock().expect("no thread panics while it holds the list").clone();
        // Pools work in parallel: the file's order repeats, theirs does not. Bands may read a field twice.
        damaged.sort_by(|a, b| {
            (a.scene, a.offset, a.plane, &a.reason).cmp(&(b.scene, b.offset, b.plane, &b.reason))
        });
        damaged.dedup();
        let counts = self.counts.lock().expect("no thread panics while it counts");
        let counted = |which: fn(&Counted) -> bool| counts.sum(which);
        let metrics = job.timeline.metrics();
        let (input_files, absent_files) = self.files.counts();
        let (cpu_secs, cores) = (cpu_secs().zip(self.cpu_secs).map(|(now, begin)| now - begin), cores());
        let needed = job.images.iter().flat_map(|image| &image.scene.fields);
        let needed: u64 = needed.map(|field| field.extent).sum();
        let read_bytes = self.read_bytes.load(Relaxed);
        Summary {
            version: env!("CARGO_PKG_VERSION"),
            input: job.options.input.clone(),
            output: output.map(Path::to_owned),
            options: job.options.clone(),
            backend: job.backend.name(),
            images,
            stages: Vec::new(),
            resumed_shards,
            read_bytes,
            read_amplification: if needed > 0 { read_bytes as f64 / needed as f64 } else { 1.0 },
            requests: self.requests.load(Relaxed),
            written_bytes: self.written_bytes.load(Relaxed),
            clamped: counted(|what| matches!(what, Counted::Clamped { .. })),
            clamped_light: share(
                counted(|what| matches!(what, Counted::ClampedLight { .. })),
                counted(|what| matches!(what, Counted::KeptLight { .. })),
            ),
            saturated: counted(|what| matches!(what, Counted::Saturated { .. })),
            not_finite: counted(|what| matches!(what, Counted::NotFinite { .. })),
            masked: counted(|what| matches!(what, Counted::Masked { .. })),
            damaged,
            input_files,
            absent_files,
            wall_secs: wall.as_secs_f64(),
            cpu_secs,
            cores,
            bound_by: Verdict::bound_by(&metrics, cpu_secs, cores),
            metrics,
            peak_memory_bytes: peak_memory_bytes(),
        }
    }
}

/// Of `part` in `part` and `rest`.
fn share(part: u64, rest: u64) -> Option<f64> {
    (part > 0).then(|| part as f64 / (part as f64 + rest as f64))
}
