//! `decon-gpu bench`.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{footprint, to_json};
use crate::bench::compare::{Comparison, read};
use crate::bench::compute::{ComputeBench, size};
use crate::bench::html::page;
use crate::bench::load::LoadBench;
use crate::bench::overlap::OverlapBench;
use crate::bench::{Results, pass};
use crate::decon::Precision;
use crate::error::{Error, Result};
use crate::gpu::{Choice, Device, adapters, choose};
use crate::job::{Chosen, Gpu};
use crate::options::{BackendChoice, Options};
use crate::output::Kind;
use crate::say;
use crate::source::Merging;
use crate::written::{Footprint, is_json, is_page, write_whole};

#[derive(Debug, Subcommand)]
pub enum BenchArgs {
    /// The ways to load a file, side by side, cold and warm, each run in a process of its own
    Load(LoadArgs),
    /// Whether reading, decoding, computing and writing hide behind each other, also when storage is slow
    Overlap(Box<OverlapArgs>),
    /// Voxels in a second through one iteration, by size, beside what the memory allows
    Compute(ComputeArgs),
    /// What changed from one result (--json) to another, and what lies within the noise
    Compare(CompareArgs),
    /// One pass over a file: what `bench load` runs in each of its processes
    #[command(hide = true)]
    Once(Box<OnceArgs>),
}

#[derive(Args, Debug)]
pub struct LoadArgs {
    /// CZI file or TIFF stack, or a URL of one
    #[arg(value_name = "INPUT")]
    input: OsString,
    /// Only this scene [default: all]
    #[arg(long, value_name = "K")]
    scene: Option<u32>,
    /// Only this part of each scene, as for `run`
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true)]
    region: Option<String>,
    /// Only a corner of the first scene with so many subblocks, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_fields: Option<u32>,
    /// Runs of each way, cold and warm
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Numbers of threads that `run` is tried with [default: 1, 2, 4, … one for each core]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Vec<u32>,
    /// In a minute: --runs 3 --max-fields 16
    #[arg(long, conflicts_with_all = ["runs", "max_fields"])]
    quick: bool,
    /// Read as if from slow storage, as for `run`
    #[arg(long, value_name = "WHAT")]
    simulate_storage: Option<String>,
    /// Allow a server to redirect to this host, as for `run`
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    allow_redirects: Vec<String>,
    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Args, Debug)]
pub struct OverlapArgs {
    #[command(flatten)]
    options: Options,
    /// Runs of each measurement
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    #[arg(help_heading = "Measurements")]
    runs: u32,
    /// Milliseconds until simulated storage answers
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [0.0, 10.0, 50.0, 100.0])]
    #[arg(help_heading = "Measurements")]
    latency_ms: Vec<f64>,
    /// One run of each measurement, and two latencies
    #[arg(long, conflicts_with_all = ["runs", "latency_ms"], help_heading = "Measurements")]
    quick: bool,
    /// Outputs are written and removed here [default: the system's folder for temporary files]
    #[arg(long, value_name = "FOLDER", help_heading = "Measurements")]
    scratch: Option<PathBuf>,
    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Args, Debug)]
pub struct ComputeArgs {
    /// auto: the CPU, and a hardware GPU where there is one
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    backend: BackendChoice,
    /// GPU by index, PCI bus id or part of its name, as `decon-gpu devices` lists them
    #[arg(long, value_name = "INDEX|PCI|NAME", env = "DECON_GPU_DEVICE")]
    device: Option<String>,
    /// How the GPU stores spectra, as for `run`
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
    /// Threads of the CPU [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Shapes of the transform, such as 1024x1024 or 64x256x256
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(default_values = ["512x512", "1024x1024", "2048x2048", "32x128x128", "64x256x256"])]
    sizes: Vec<String>,
    /// Runs of each measurement
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Shorter runs, three of each
    #[arg(long, conflicts_with = "runs")]
    quick: bool,
    #[command(flatten)]
    writing: WritingArgs,
}

/// Where results go beside the terminal.
#[derive(Args, Debug)]
#[command(next_help_heading = "Results")]
pub struct WritingArgs {
    /// Write the results to this file, for `bench compare` and programs
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
    /// Write them to this file as a page with plots, which needs nothing else
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Say nothing while it works
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Args, Debug)]
pub struct CompareArgs {
    #[arg(value_name = "BEFORE.json")]
    before: PathBuf,
    #[arg(value_name = "AFTER.json")]
    after: PathBuf,
}

#[derive(Args, Debug)]
pub struct OnceArgs {
    #[command(flatten)]
    options: Options,
    #[arg(long, value_enum)]
    pass: pass::Pass,
    /// Also make a checksum of the pixels
    #[arg(long)]
    check: bool,
    /// No two subblocks share a request
    #[arg(long)]
    apart: bool,
}

pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    match args {
        BenchArgs::Load(args) => load(args),
        BenchArgs::Overlap(args) => overlap(args),
        BenchArgs::Compute(args) => compute(args),
        BenchArgs::Compare(args) => {
            say::out(&Comparison::new(&read(&args.before)?, &read(&args.after)?)?.to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        BenchArgs::Once(args) => {
            let mut options = args.options.clone();
            if args.apart {
                let Merging { gap, most } = Merging::NONE;
                (options.reading.merge_gap_bytes, options.reading.request_bytes) = (gap, most);
            }
            say::json(&to_json(&pass::once(options, args.pass, args.check)?))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn load(args: &LoadArgs) -> Result<ExitCode> {
    let mut footprint = Footprint::default();
    footprint::add_input(&mut footprint, &args.input.clone().into());
    args.writing.check(footprint)?;
    let flags = [
        ("scene", args.scene.map(|scene| scene.to_string())),
        ("region", args.region.clone()),
        ("simulate-storage", args.simulate_storage.clone()),
        ("allow-redirects", Some(args.allow_redirects.join(",")).filter(|hosts| !hosts.is_empty())),
    ];
    let bench = LoadBench {
        input: args.input.clone(),
        flags: flags.into_iter().filter_map(|(name, value)| Some(format!("--{name}={}", value?))).collect(),
        most_fields: if args.quick { Some(16) } else { args.max_fields.map(|most| most as usize) },
        runs: if args.quick { 3 } else { args.runs },
        threads: threads(&args.threads),
        say: args.writing.say(),
    };
    let (results, same) = bench.run()?;
    args.writing.give(&results)?;
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn overlap(args: &OverlapArgs) -> Result<ExitCode> {
    let latency_ms = if args.quick { vec![0.0, 50.0] } else { args.latency_ms.clone() };
    if let Some(wrong) = latency_ms.iter().find(|&latency| !(0.0..=60_000.0).contains(latency)) {
        return Err(Error::option("--latency-ms", format!("{wrong} is not from 0 to 60000")));
    }
    let options = args.options.clone().checked()?;
    let scratch = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let mut footprint = footprint::of_options(&options);
    footprint::add_input(&mut footprint, &options.input);
    Kind::OmeZarr.add_to(&mut footprint, "--scratch", &scratch.join("bench.ome.zarr"));
    args.writing.check(footprint)?;
    let bench = OverlapBench {
        options,
        runs: if args.quick { 1 } else { args.runs },
        latencies: latency_ms.into_iter().map(|latency| latency / 1e3).collect(),
        folder: scratch,
        say: args.writing.say(),
    };
    args.writing.give(&bench.run()?)?;
    Ok(ExitCode::SUCCESS)
}

fn compute(args: &ComputeArgs) -> Result<ExitCode> {
    args.writing.check(Footprint::default())?;
    let sizes = args.sizes.iter().map(|text| size("--sizes", text)).collect::<Result<_>>()?;
    let mut backends = Vec::new();
    if args.backend != BackendChoice::Gpu {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        backends.push(Chosen::Cpu { threads: args.threads.map_or(cores, |threads| threads as usize) });
    }
    if args.backend != BackendChoice::Cpu {
        match open_gpu(args.device.as_deref()) {
            Ok(device) => backends.push(Chosen::Gpu(Gpu::new(device))),
            Err(_) if args.backend == BackendChoice::Auto && args.device.is_none() => {}
            Err(error) => return Err(error),
        }
    }
    let bench = ComputeBench {
        backends,
        precision: args.precision,
        sizes,
        runs: if args.quick { 3 } else { args.runs },
        least_secs: if args.quick { 0.05 } else { 0.5 },
        say: args.writing.say(),
    };
    args.writing.give(&bench.run()?)?;
    Ok(ExitCode::SUCCESS)
}

fn open_gpu(named: Option<&str>) -> Result<Device> {
    let choice = named.map_or(Choice::Auto, |text| text.parse().unwrap_or(Choice::Auto));
    Device::open(&choose(adapters(), &choice)?)
}

/// Those asked for, or powers of two up to the number of cores, and that.
fn threads(asked: &[u32]) -> Vec<usize> {
    if !asked.is_empty() {
        return asked.iter().map(|&threads| threads as usize).collect();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut threads: Vec<usize> =
        (0..).map(|power| 1 << power).take_while(|&threads| threads < cores).collect();
    threads.push(cores);
    threads
}

impl WritingArgs {
    fn say(&self) -> fn(&str) {
        if self.quiet { |_| {} } else { say::err }
    }

    /// Refuses what would destroy something of `footprint`, which this adds to.
    fn check(&self, mut footprint: Footprint) -> Result<()> {
        self.json.iter().for_each(|path| footprint.writes("--json", path, is_json));
        self.html.iter().for_each(|path| footprint.writes("--html", path, is_page));
        footprint.check()
    }

    fn give(&self, results: &Results) -> Result<()> {
        say::out(&results.to_string())?;
        let write = |path: &Path, text: String| write_whole(path, |file| file.write_all(text.as_bytes()));
        self.json.as_deref().map_or(Ok(()), |path| write(path, to_json(results)))?;
        self.html.as_deref().map_or(Ok(()), |path| write(path, page(results)))
    }
}
