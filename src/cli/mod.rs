//! The command line: one file for each subcommand, its flags and its few lines of glue.

mod bench;
mod demo;
mod devices;
mod ended;
mod flatfield;
mod footprint;
mod info;
mod plan;
mod recording;
mod run;
mod signals;
mod stalls;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};

/// Loads ZEISS CZI mosaics and TIFF stacks, stitches, downsamples and deconvolves them on the GPU, and writes
/// OME-Zarr, in bounded memory.
///
/// Exit codes: 0 done, 1 failed (of several files: any), 2 wrong usage, 3 finished but with damaged subblocks left out,
/// 130 ended by Ctrl-C, 143 by SIGTERM: what is finished is kept for --resume.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Stitch, downsample and deconvolve a file into an OME-Zarr
    Run(Box<run::RunArgs>),
    /// Show what `run` would do: tiles, batches, bytes, memory, FFT sizes
    Plan(Box<plan::PlanArgs>),
    /// Show what a file holds: scenes, fields, overlap, codecs, voxel size, channels, optics
    Info(info::InfoArgs),
    /// Estimate a flat-field from the fields themselves, and show what it does to the seams
    Flatfield(flatfield::FlatfieldArgs),
    /// List the GPUs that `--device` chooses from
    Devices,
    /// Measure what is the limit on this machine, with your file
    #[command(subcommand)]
    Bench(bench::BenchArgs),
    /// Make a synthetic slide with known truth, restore it, and show how close it came
    Demo(demo::DemoArgs),
}

/// Does what the command line says.
///
/// # Errors
/// Of the subcommand.
pub fn run(cli: Cli) -> Result<ExitCode> {
    signals::outlive_file_size_limit().map_err(|error| Error::io("signals", error))?;
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Flatfield(args) => flatfield::run(&args),
        Command::Devices => devices::run(),
        Command::Bench(args) => bench::run(&args),
        Command::Demo(args) => demo::run(&args),
    }
}

/// `value` as JSON for people and programs.
fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain data has a JSON form")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_flags_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
