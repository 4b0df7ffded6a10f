//! `decon-gpu info`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{footprint, to_json};
use crate::error::Result;
use crate::info::{Info, write_map};
use crate::job::{Hints, open_input};
use crate::options::Reading;
use crate::say;
use crate::source::Location;
use crate::tiff::Axes;
use crate::timeline::{Detail, Timeline};
use crate::written::{Footprint, is_picture};

#[derive(Args, Debug)]
pub struct InfoArgs {
    /// CZI file or TIFF stack, by path or URL
    #[arg(value_name = "INPUT")]
    input: Location,
    /// Draw where the fields lie: overlaps, gaps, their order in the file, and a scale bar
    #[arg(long, value_name = "MAP.png|MAP.svg")]
    map: Option<PathBuf>,
    /// What the planes of a TIFF are where the file does not say it, such as c or tz5c2, as for `run`
    #[arg(long, value_name = "LETTERS")]
    axes: Option<Axes>,
    /// Of a CZI without its directory, as of an acquisition that was cut off, show the subblocks that are found one by one
    #[arg(long)]
    skip_damaged: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: Reading,
}

pub fn run(args: &InfoArgs) -> Result<ExitCode> {
    let mut footprint = Footprint::default();
    footprint::add_input(&mut footprint, &args.input);
    args.map.iter().for_each(|path| footprint.writes("--map", path, is_picture));
    footprint.check()?;
    let timeline = Timeline::new(Detail::Sums);
    let hints =
        Hints { select: &BTreeMap::new(), axes: args.axes.as_ref(), may_be_damaged: args.skip_damaged };
    let input = open_input(&args.input, &hints, &args.reading.access(), timeline.requests())?;
    let info = Info::new(&args.input, input.dataset());
    match args.json {
        true => say::json(&to_json(&info))?,
        false => say::out(&info.to_string())?,
    }
    if let Some(path) = &args.map {
        write_map(path, input.dataset())?;
    }
    Ok(ExitCode::SUCCESS)
}
