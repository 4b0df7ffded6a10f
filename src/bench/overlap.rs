//! Whether reading, decoding, computing and writing hide behind each other: each alone, all together, and as storage
//! becomes slower.
//!
//! A stage alone is a run that leaves the others out: fields that are in memory already instead of reading and decoding
//! (`partial`), a backend that computes nothing, no output. Then
//!
//! - **overlap efficiency** = the longest part alone / the whole run (DS-Analyzer, arXiv 2007.06775), where the parts are
//!   reading and everything else, and everything else is one part because it shares the processor;
//! - **hidden fraction** = (reading alone + everything else alone − whole run) / the shorter of the two: 0 when they
//!   follow each other, 1 when the shorter costs nothing.

use std::path::PathBuf;
use std::sync::Arc;

use super::flows::{self, Flow};
use super::machine::Machine;
use super::partial::{Kept, PartialInput};
use super::results::legible;
use super::{Better, Cell, Column, Results, Row, Runs, Table};
use crate::error::{Error, Result};
use crate::job::{Chosen, Job};
use crate::options::Options;
use crate::output::Target;
use crate::pixels::Samples;
use crate::report::Silent;
use crate::run::{Stop, run, run_without_output};
use crate::source::Simulation;

/// What to run, and how often.
#[derive(Clone, Debug)]
pub struct OverlapBench {
    /// As for `run`.
    pub options: Options,
    /// Runs of each measurement.
    pub runs: u32,
    /// Latencies of simulated storage, in seconds.
    pub latencies: Vec<f64>,
    /// Outputs are written and removed here.
    pub folder: PathBuf,
    /// Called with a line for each thing that is done.
    pub say: fn(&str),
}

/// What of a run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    reads: bool,
    decodes: bool,
    computes: bool,
    writes: bool,
}

const WHOLE: Parts = Parts { reads: true, decodes: true, computes: true, writes: true };
const NOTHING: Parts = Parts { reads: false, decodes: false, computes: false, writes: false };
/// All that needs the processor.
const REST: Parts = Parts { reads: false, ..WHOLE };
const READING: Parts = Parts { reads: true, ..NOTHING };

/// Time on the line, of the time that everything else takes: the range in which overlap matters most.
const RATIOS: [f64; 3] = [0.5, 1.0, 2.0];

impl OverlapBench {
    /// Measures everything.
    ///
    /// # Errors
    /// Those of a run; `Option` without iterations.
    pub fn run(&self) -> Result<Results> {
        if self.options.iterations == 0 {
            return Err(Error::option("--iterations", "0 leaves nothing to compute behind the reading"));
        }
        let job = Job::prepare(self.options.clone())?;
        let kept = Arc::new(Kept::new(&job)?);
        let bench = Session { bench: self, kept: kept.clone(), samples: largest_tile(&job, &kept) };
        let bytes: u64 = job.images.iter().map(|image| image.plan.read_bytes).sum();

        let (stages, rest) = bench.stages()?;
        let even = Simulation { bytes_per_sec: Some(bytes as f64 / rest), ..Simulation::default() };
        let mut tables = vec![stages, bench.flows(&even)?];
        for ratio in RATIOS {
            tables.push(bench.sweep(ratio, bytes as f64 / (ratio * rest))?);
        }
        Ok(Results {
            bench: "overlap".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            machine: Machine::here(),
            input: Some(self.options.input.name().display().to_string()),
            notes: bench.notes(&job, &tables),
            tables,
        })
    }
}

/// Made-up samples for tiles that are not computed.
fn largest_tile(job: &Job, kept: &Kept) -> Arc<Samples> {
    let plans = job.images.iter().map(|image| &image.plan);
    let count = plans.clone().map(|plan| plan.grid.core.count()).max().unwrap_or(1);
    let kind = plans.map(|plan| plan.sample).next().expect("a job has an image");
    Arc::new(kept.output(kind, count))
}

struct Session<'a> {
    bench: &'a OverlapBench,
    kept: Arc<Kept>,
    samples: Arc<Samples>,
}

impl Session<'_> {
    fn job(&self, parts: Parts, storage: Option<&Simulation>) -> Result<Job> {
        let mut options = self.bench.options.clone();
        if let Some(storage) = storage {
            options.reading.simulate_storage = Some(storage.clone());
        }
        let mut job = Job::prepare(options)?;
        if !(parts.reads && parts.decodes) {
            let Parts { reads, decodes, .. } = parts;
            let file = job.input;
            job.input = Box::new(PartialInput { file, reads, decodes, kept: self.kept.clone() });
        }
        if !parts.computes {
            job.backend = Chosen::Null(self.samples.clone());
        }
        Ok(job)
    }

    /// Seconds of one run that does `parts`.
    fn once(&self, parts: Parts, storage: Option<&Simulation>) -> Result<f64> {
        let job = self.job(parts, storage)?;
        if !parts.writes {
            return Ok(run_without_output(job, &Silent)?.wall_secs);
        }
        let io = |error| Error::io(&self.bench.folder, error);
        let folder = tempfile::tempdir_in(&self.bench.folder).map_err(io)?;
        let target = Target::new(folder.path().join("bench.ome.zarr"));
        Ok(run(job, Some(target), &Stop::default(), &Silent)?.wall_secs)
    }

    /// Runs of each of `measure`, in turn.
    fn runs(&self, measure: &[&dyn Fn() -> Result<f64>]) -> Result<Vec<Runs>> {
        let mut secs = vec![Vec::new(); measure.len()];
        for _ in 0..self.bench.runs {
            for (measure, secs) in measure.iter().zip(&mut secs) {
                secs.push(measure()?);
            }
        }
        Ok(secs.into_iter().map(Runs::new).collect())
    }

    /// The stages alone and together, with the storage as it is; and seconds for everything but reading.
    fn stages(&self) -> Result<(Table, f64)> {
        let alone = [
            ("reading alone", READING),
            ("decoding alone", Parts { decodes: true, ..NOTHING }),
            ("computing alone", Parts { computes: true, ..NOTHING }),
            ("writing alone", Parts { writes: true, ..NOTHING }),
            ("all but reading", REST),
            ("whole run", WHOLE),
        ];
        let measure: Vec<_> = alone.iter().map(|&(_, parts)| move || self.once(parts, None)).collect();
        let measure: Vec<&dyn Fn() -> Result<f64>> =
            measure.iter().map(|measure| measure as &dyn Fn() -> Result<f64>).collect();
        let runs = self.runs(&measure)?;
        let whole = runs[5].median();
        let rows = alone.iter().zip(runs).map(|((name, _), runs)| {
            let cells = vec![Cell::Number(runs.median() / whole)];
            Row { name: (*name).to_owned(), runs, mark: None, cells }
        });
        let rows: Vec<Row> = rows.collect();
        let rest = rows[4].runs.median();
        (self.bench.say)("the stages alone and together");
        let mut table = seconds_table("The stages alone and together, storage as it is", rows);
        table.columns = vec![Column::new("of the whole run", "")];
        Ok((table, rest))
    }

    /// One after the other, with two buffers, and as the pipeline does it; nothing is written.
    fn flows(&self, storage: &Simulation) -> Result<Table> {
        let parts = Parts { writes: false, ..WHOLE };
        let flow = |flow| flows::seconds(&self.job(parts, Some(storage))?, flow);
        let names = ["one after the other", "two buffers", "pipeline"];
        let runs = self.runs(&[
            &|| flow(Flow::Serial),
            &|| flow(Flow::DoubleBuffered),
            &|| self.once(parts, Some(storage)),
            &|| self.once(Parts { writes: false, ..REST }, None),
            &|| self.once(READING, Some(storage)),
        ])?;
        let ideal = runs[3].median().max(runs[4].median());
        let rows = names.iter().zip(&runs).map(|(name, runs)| Row {
            name: (*name).to_owned(),
            runs: runs.clone(),
            mark: Some(ideal),
            cells: vec![Cell::Number(ideal / runs.median())],
        });
        (self.bench.say)("serial, double-buffered, pipeline");
        let title = format!(
            "Storage as fast as everything else ({} MB/s), nothing written",
            legible(storage.bytes_per_sec.unwrap_or(0.0) / 1e6)
        );
        let mut table = seconds_table(&title, rows.collect());
        table.mark = Some("ideal (s)".into());
        table.columns = vec![Column::new("overlap efficiency", "")];
        Ok(table)
    }

    /// Whole runs as storage answers later and later, with a line that takes `ratio` times as long as the rest.
    fn sweep(&self, ratio: f64, bytes_per_sec: f64) -> Result<Table> {
        let mut rows = Vec::new();
        for &latency_secs in &self.bench.latencies {
            let storage =
                Simulation { latency_secs, bytes_per_sec: Some(bytes_per_sec), ..Simulation::default() };
            let runs =
                self.runs(&[&|| self.once(READING, Some(&storage)), &|| self.once(REST, None), &|| {
                    self.once(WHOLE, Some(&storage))
                }])?;
            let [reading, rest, whole] = [&runs[0], &runs[1], &runs[2]].map(Runs::median);
            let hidden = (reading + rest - whole) / reading.min(rest);
            rows.push(Row {
                name: format!("{} ms", legible(1e3 * latency_secs)),
                runs: runs[2].clone(),
                mark: Some(reading.max(rest)),
                cells: [reading, rest, reading.max(rest) / whole, hidden].map(Cell::Number).into(),
            });
        }
        (self.bench.say)(&format!("latencies, storage at {ratio} times the rest"));
        let mbps = legible(bytes_per_sec / 1e6);
        let title =
            format!("Latency, with a line ({mbps} MB/s) that takes {ratio} times as long as everything else");
        let mut table = seconds_table(&title, rows);
        table.mark = Some("ideal (s)".into());
        let columns = [
            ("reading alone", "s"),
            ("all but reading", "s"),
            ("overlap efficiency", ""),
            ("hidden fraction", ""),
        ];
        table.columns = columns.map(|(name, unit)| Column::new(name, unit)).into();
        Ok(table)
    }

    fn notes(&self, job: &Job, tables: &[Table]) -> Vec<String> {
        let stages = &tables[0].rows;
        let longest = stages[..4].iter().max_by(|a, b| a.runs.median().total_cmp(&b.runs.median()));
        let longest = longest.expect("there are stages");
        let whole = stages[5].runs.median();
        let part = stages[0].runs.median().max(stages[4].runs.median());
        vec![
            format!(
                "The longest stage is {} ({:.0} % of the whole run); the longer of reading and all the rest takes \
                 {:.0} % of it.",
                longest.name.trim_end_matches(" alone"),
                100.0 * longest.runs.median() / whole,
                100.0 * part / whole
            ),
            format!("Computed on {}.", job.backend.name()),
            "Ideal: the longer of reading alone and everything else alone, both measured. Overlap efficiency: ideal / \
             whole run. Hidden fraction: (reading alone + everything else alone − whole run) / the shorter of the two."
                .into(),
        ]
    }
}

fn seconds_table(title: &str, rows: Vec<Row>) -> Table {
    Table {
        title: title.to_owned(),
        measured: Column::new("wall", "s"),
        better: Better::Less,
        mark: None,
        columns: Vec::new(),
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::czi::write::{CziWriter, Metadata, NewSubblock};
    use crate::dataset::{Compression, Plane};
    use crate::pixels::PixelType;
    use crate::space::Rect;

    /// A session on 3 × 2 fields that are not all of a kind.
    fn session(folder: &std::path::Path) -> OverlapBench {
        let input = folder.join("mosaic.czi");
        let mut czi = CziWriter::create(&input).unwrap();
        for m in 0..6_u32 {
            let (width, height) = if m == 5 { (50, 30) } else { (60, 40) };
            let rect = Rect::new(i64::from(m % 3) * 52, i64::from(m / 3) * 35, width, height);
            let described = NewSubblock::new(Plane::default(), rect, PixelType::Gray16);
            let compression = if m % 2 == 0 { Compression::Uncompressed } else { Compression::Zstd1 };
            let pixels = (0..width * height).map(|i| (100 + i * 31 % 400 + m) as u16).collect();
            czi.add(&NewSubblock { m: Some(m), compression, ..described }, &Samples::U16(pixels)).unwrap();
        }
        czi.finish(&Metadata::default()).unwrap();
        let flags = "--backend=cpu --threads=2 --iterations=1 --tile=32 --chunk=16 --voxel-um=0.3,0.1,0.1 --na=1 \
                     --emission-nm=500 --immersion-index=1.33 --psf-size=1,5,5";
        let args = ["test", input.to_str().unwrap()].into_iter().chain(flags.split_whitespace());
        let options = Options::parse(args).unwrap();
        OverlapBench { options, runs: 1, latencies: Vec::new(), folder: folder.to_owned(), say: |_| {} }
    }

    #[test]
    fn a_stage_alone_leaves_the_others_out_and_goes_through_every_tile() {
        let folder = tempfile::tempdir().unwrap();
        let bench = session(folder.path());
        let job = Job::prepare(bench.options.clone()).unwrap();
        let kept = Arc::new(Kept::new(&job).unwrap());
        let session = Session { bench: &bench, kept: kept.clone(), samples: largest_tile(&job, &kept) };
        let plan = &job.images[0].plan;
        for (parts, bytes) in [
            (WHOLE, plan.read_bytes),
            (READING, plan.read_bytes),
            (REST, 0),
            (NOTHING, 0),
            (Parts { decodes: true, ..NOTHING }, 0),
            (Parts { computes: true, ..NOTHING }, 0),
        ] {
            let job = session.job(parts, None).unwrap();
            let summary = run_without_output(job, &Silent).unwrap();
            assert_eq!(summary.read_bytes, bytes, "{parts:?}");
            let computed = &summary.stages.iter().find(|stage| stage.name == "compute").unwrap().items;
            assert_eq!(*computed, plan.tiles, "{parts:?}");
        }
        for flow in [Flow::Serial, Flow::DoubleBuffered] {
            assert!(flows::seconds(&session.job(WHOLE, None).unwrap(), flow).unwrap() > 0.0);
        }
    }

    #[test]
    fn a_file_that_is_cut_off_ends_every_flow_with_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let bench = session(folder.path());
        let job = Job::prepare(bench.options.clone()).unwrap();
        std::fs::OpenOptions::new()
            .write(true)
            .open(bench.options.input.name())
            .unwrap()
            .set_len(3000)
            .unwrap();
        for flow in [Flow::Serial, Flow::DoubleBuffered] {
            assert!(flows::seconds(&job, flow).is_err(), "{flow:?}");
        }
    }
}
