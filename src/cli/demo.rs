//! `decon-gpu demo`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};

use super::args::JobArgs;
use super::print;
use crate::demo::{BACKGROUND, Image, Slide, write_picture};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::options::Options;
use crate::report::TerminalReport;
use crate::run::Stop;
use crate::zarr::{Target, read_plane};

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder for the slide, the result and the picture
    #[arg(short, long, value_name = "FOLDER", default_value = "decon-gpu-demo")]
    output: PathBuf,
    /// Anything that `run` takes, after `--`, such as `-- --iterations 50 --backend cpu`
    #[arg(last = true, value_name = "RUN FLAGS")]
    flags: Vec<String>,
}

/// The flags of `run` on the demo's slide.
#[derive(Parser)]
#[command(name = "decon-gpu demo")]
struct DemoJob {
    #[command(flatten)]
    job: JobArgs,
}

pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    let folder = &args.output;
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    let (input, output) = (folder.join("slide.czi"), folder.join("restored.ome.zarr"));
    let slide = Slide::make()?;
    slide.write(&input)?;

    let job = Job::prepare(Options::new(&job_args(&input, &args.flags))?)?;
    let target = Target { overwrite: true, ..Target::new(&output) };
    crate::run::run(job, Some(target), &Stop::default(), &TerminalReport::new())?;
    let restored = restored(&output, &slide)?;

    for (channel, image) in restored.iter().enumerate() {
        let before = slide.observed[channel].pixels.iter().map(|count| count - BACKGROUND);
        print(&format!(
            "channel {channel}: error against the truth {:.3} before, {:.3} after",
            slide.error(channel, before),
            slide.error(channel, image.pixels.iter().copied())
        ));
    }
    let picture = folder.join("demo.png");
    write_picture(&picture, &slide, &restored)?;
    print(&format!("truth, observed and restored side by side: {}", picture.display()));
    Ok(ExitCode::SUCCESS)
}

fn job_args(input: &Path, flags: &[String]) -> JobArgs {
    let background = BACKGROUND.to_string();
    let fixed = ["demo", &input.to_string_lossy(), "--background", &background].map(str::to_owned);
    DemoJob::parse_from(fixed.iter().chain(flags)).job
}

fn restored(output: &Path, slide: &Slide) -> Result<Vec<Image>> {
    (0..slide.truth.len())
        .map(|channel| {
            let (shape, pixels) = read_plane(output, channel as u64)?;
            if (shape.y, shape.x) != (u64::from(slide.height), u64::from(slide.width)) {
                return Err(Error::option("--scale", "the demo compares pixel by pixel, so only 1 will do"));
            }
            Ok(Image { pixels, width: slide.width as usize })
        })
        .collect()
}
