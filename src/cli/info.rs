//! `decon-gpu info`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{print, to_json};
use crate::error::Result;
use crate::info::Info;
use crate::job::open_input;

#[derive(Args, Debug)]
pub struct InfoArgs {
    /// CZI file or TIFF stack
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &InfoArgs) -> Result<ExitCode> {
    let input = open_input(&args.input, &BTreeMap::new())?;
    let info = Info::new(&args.input, input.dataset());
    print(&if args.json { to_json(&info) } else { info.to_string() });
    Ok(ExitCode::SUCCESS)
}
