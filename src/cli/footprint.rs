//! What the flags that `run`, `flatfield`, `bench` and `demo` share make a command read.

use std::path::Path;

use crate::options::{Options, PsfSource};
use crate::output::hidden_folder;
use crate::source::Location;
use crate::written::Footprint;

/// What messages call an input.
const INPUT: &str = "the input";

/// Everything that `options` name but the input.
pub fn of_options(options: &Options) -> Footprint {
    let mut footprint = Footprint::default();
    for (flag, files) in [("--flatfield", &options.flatfield), ("--darkfield", &options.darkfield)] {
        files.values().for_each(|path| footprint.reads(flag, path));
    }
    for source in options.psf.values() {
        if let PsfSource::File(path) = source {
            footprint.reads("--psf", path);
        }
    }
    footprint
}

/// Adds an input; what is behind a URL is not on this computer.
pub fn add_input(footprint: &mut Footprint, input: &Location) {
    if let Location::Path(path) = input {
        footprint.reads(INPUT, path);
    }
}

/// Adds the OME-Zarr `target` that the flag `flag` names, and the hidden folder in which it is made.
pub fn add_output(footprint: &mut Footprint, flag: &str, target: &Path) {
    footprint.writes_folder(flag, target);
    // Beside what a link leads to.
    let real = target.canonicalize();
    footprint.writes_folder(flag, &hidden_folder(real.as_deref().unwrap_or(target)));
}
