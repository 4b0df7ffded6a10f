//! What the flags that `run`, `flatfield`, `bench` and `demo` share make a command read.

use crate::options::{ForChannel, Options, PsfSource};
use crate::source::Location;
use crate::written::Footprint;

/// What messages call an input.
const INPUT: &str = "the input";

/// Everything that `options` name but the input.
pub fn of_options(options: &Options) -> Footprint {
    let mut footprint = Footprint::default();
    add_options(&mut footprint, options);
    footprint
}

/// Adds everything that `options` name but the input.
pub fn add_options(footprint: &mut Footprint, options: &Options) {
    for (flag, files) in [("--flatfield", &options.flatfield), ("--darkfield", &options.darkfield)] {
        files.iter().for_each(|file| footprint.reads(flag, &file.value));
    }
    for source in &options.psf {
        if let ForChannel { value: PsfSource::File(path), .. } = source {
            footprint.reads("--psf", path);
        }
    }
}

/// Adds an input; what is behind a URL is not on this computer.
pub fn add_input(footprint: &mut Footprint, input: &Location) {
    if let Location::Path(path) = input {
        footprint.reads(INPUT, path);
    }
}
