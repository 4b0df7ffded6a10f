//! The program: parse, do, print what went wrong, exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use decon_gpu::cli::{self, Cli};
use decon_gpu::error::Error;

/// Where the program ends, but for storage that stalls (`cli/stalls.rs`) and a second signal (`cli/signals.rs`).
///
/// 0 done, 1 failed, 2 wrong usage, 3 finished but with damaged subblocks left out.
fn main() -> ExitCode {
    // A wrong flag ends in `parse`, with code 2.
    match cli::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Where nobody reads the message, the code still tells.
            let _ = writeln!(std::io::stderr().lock(), "error: {error}");
            ExitCode::from(if matches!(error, Error::Option { .. }) { 2 } else { 1 })
        }
    }
}
