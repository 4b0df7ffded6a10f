//! The program: parse, do, print what went wrong, exit code.

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser;
use decon_gpu::cli::{self, Cli};
use decon_gpu::error::{Error, Result};
use decon_gpu::options::wrong_flag;
use decon_gpu::{say, shown};

/// Where the program ends, but for storage that stalls (`cli/stalls.rs`) and a second signal (`cli/signals.rs`).
///
/// 0 done, 1 failed, 2 wrong usage, 3 finished but with damaged subblocks left out.
fn main() -> ExitCode {
    let done = match Cli::try_parse() {
        Ok(cli) => cli::run(cli),
        Err(wrong) => wrong_flag(&wrong).map_or_else(|| usage(&wrong), Err),
    };
    done.unwrap_or_else(|error| {
        say::err(&format!("error: {error}"));
        ExitCode::from(if matches!(error, Error::Option { .. }) { 2 } else { 1 })
    })
}

/// Says what is wrong with the flags, which code 2 tells too; or gives the help that was asked for.
fn usage(what: &clap::Error) -> Result<ExitCode> {
    match what.use_stderr() {
        true => say::err(as_typed(what.render().to_string()).trim_end()),
        false => match what.print() {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                return Err(Error::io("standard output", error));
            }
            _ => {}
        },
    }
    Ok(ExitCode::from(what.exit_code() as u8))
}

/// `text` with its line ends, but where a typed name has some: what stands on a line of its own then may be that name's.
fn as_typed(text: String) -> String {
    let is_broken = |argument: std::ffi::OsString| argument.to_string_lossy().contains('\n');
    if std::env::args_os().any(is_broken) { shown::visible(text.trim_end()) } else { text }
}
