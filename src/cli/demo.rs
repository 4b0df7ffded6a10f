//! `decon-gpu demo`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::footprint;
use crate::demo::{BACKGROUND, Image, Slide, is_demo_slide, write_picture};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::options::{Options, wrong_flag_of};
use crate::output::{Kind, Target, read_plane};
use crate::report::TerminalReport;
use crate::run::Stop;
use crate::say;
use crate::written::{Footprint, is_picture, write_whole};

/// Names the folder.
const OUTPUT: &str = "--output";

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder for the slide, the result and the picture
    #[arg(short, long, value_name = "FOLDER", default_value = "decon-gpu-demo")]
    output: PathBuf,
    /// Anything that `run` takes, after `--`, such as `-- --iterations 50 --backend cpu`
    #[arg(last = true, value_name = "RUN FLAGS")]
    flags: Vec<String>,
}

/// What the demo makes in its folder.
struct Files {
    slide: PathBuf,
    restored: PathBuf,
    picture: PathBuf,
}

impl Files {
    fn new(folder: &Path) -> Self {
        let [slide, restored, picture] =
            ["slide.czi", "restored.ome.zarr", "demo.png"].map(|name| folder.join(name));
        Self { slide, restored, picture }
    }

    /// Adds them. Those of a demo before are replaced; what is of anyone else stays, and is an error.
    fn add_to(&self, footprint: &mut Footprint) -> Result<()> {
        footprint.writes(OUTPUT, &self.slide, is_demo_slide);
        Kind::OmeZarr.add_to(footprint, OUTPUT, &self.restored);
        footprint.writes(OUTPUT, &self.picture, is_picture);
        let mut others = [&self.restored, &self.picture].into_iter();
        match others.find(|path| !self.slide.exists() && path.symlink_metadata().is_ok()) {
            None => Ok(()),
            Some(path) => {
                let reason = format!("{} is there, and not of a demo; choose another folder", path.display());
                Err(Error::option(OUTPUT, reason))
            }
        }
    }
}

pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    let folder = &args.output;
    let files = Files::new(folder);
    let Files { slide: input, restored: output, picture } = &files;
    let options = options(input, &args.flags)?.checked()?;
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    let mut footprint = footprint::of_options(&options);
    files.add_to(&mut footprint)?;
    footprint.check()?;
    let slide = Slide::make()?;
    let czi = slide.czi()?;
    write_whole(input, |file| file.write_all(&czi))?;

    let job = Job::prepare(options)?;
    let target = Target { overwrite: true, ..Target::new(output) };
    crate::run::run(job, Some(target), &Stop::default(), &TerminalReport::new())?;
    let restored = restored(output, &slide)?;

    for (channel, image) in restored.iter().enumerate() {
        let before = slide.observed[channel].pixels.iter().map(|count| count - BACKGROUND);
        say::out(&format!(
            "channel {channel}: error against the truth {:.3} before, {:.3} after",
            slide.error(channel, before),
            slide.error(channel, image.pixels.iter().copied())
        ))?;
    }
    write_picture(picture, &slide, &restored)?;
    say::out(&format!("truth, observed and restored side by side: {}", picture.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn options(input: &Path, flags: &[String]) -> Result<Options> {
    let background = BACKGROUND.to_string();
    let fixed = ["demo", &input.to_string_lossy(), "--background", &background].map(str::to_owned);
    Options::parse(fixed.iter().chain(flags)).map_err(|error| wrong_flag_of("demo", &error))
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
