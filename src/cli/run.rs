//! `decon-gpu run`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::JobArgs;
use super::recording::RecordingArgs;
use super::to_json;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::options::Options;
use crate::report::{JsonReport, Keeper, Report, Silent, TerminalReport};

/// Exit code of a run that left damaged subblocks out.
const WITH_DAMAGE: u8 = 3;

#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    job: JobArgs,
    /// OME-Zarr folder to write; not there, or whole, never half
    #[arg(
        short,
        long,
        value_name = "OUT.ome.zarr",
        required_unless_present = "sink",
        help_heading = "Output"
    )]
    output: Option<PathBuf>,
    /// Where finished tiles go
    #[arg(long, value_enum, default_value_t = Sink::Zarr, help_heading = "Output")]
    sink: Sink,
    /// Replace an OME-Zarr that is there
    #[arg(long, help_heading = "Output")]
    overwrite: bool,
    /// Write sizes, times and memory to this file
    #[arg(long, value_name = "FILE.json", help_heading = "Reporting")]
    summary: Option<PathBuf>,
    #[command(flatten)]
    recording: RecordingArgs,
    /// How to show progress
    #[arg(long, value_enum, default_value_t = Progress::Bars, help_heading = "Reporting")]
    progress: Progress,
    /// Show nothing but errors
    #[arg(short, long, help_heading = "Reporting")]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Progress {
    /// Bars on a terminal.
    Bars,
    /// One JSON object a line on standard output.
    Json,
}

/// Where finished tiles go.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sink {
    /// Into the OME-Zarr.
    Zarr,
    /// Nowhere: everything but writing, for measurements; needs no --output.
    Null,
}

pub fn run(args: &RunArgs) -> Result<ExitCode> {
    let report: Box<dyn Report> = match args.progress {
        _ if args.quiet => Box::new(Silent),
        Progress::Bars => Box::new(TerminalReport::new()),
        Progress::Json => Box::new(JsonReport),
    };
    let recording = args.recording.start();
    let keeper = Keeper::new(&*report);
    let report: &dyn Report = if recording.has_report() { &keeper } else { &*report };
    let job = Job::prepare_recorded(Options::new(&args.job)?, recording.timeline().clone())?;
    let summary = match (args.sink, &args.output) {
        (Sink::Null, _) => crate::run::run_without_output(&job, report)?,
        (Sink::Zarr, Some(output)) => crate::run::run(&job, output, args.overwrite, report)?,
        (Sink::Zarr, None) => return Err(Error::option("--output", "names the OME-Zarr to write")),
    };
    recording.finish(&keeper)?;
    if let Some(path) = &args.summary {
        std::fs::write(path, to_json(&summary)).map_err(|error| Error::io(path, error))?;
    }
    Ok(if summary.damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WITH_DAMAGE) })
}
