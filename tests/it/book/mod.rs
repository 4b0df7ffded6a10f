//! The book and README: their commands work, their outputs are what the program says, their links lead somewhere, and the pages
//! of the commands are what `--help` says.
//!
//! A fence says what a block is. `sh`: run, if one of its lines calls decon-gpu. `sh,norun`: needs what a test has not (a server, a
//! cluster, a second disk); its flags are parsed. `text,output`: lines of what the block before it says, whatever the numbers.

mod blocks;
mod commands;
mod inputs;

use std::path::Path;
use std::process::Command;

use clap::Parser;
use decon_gpu::cli::Cli;

use blocks::{Block, blocks, pages};

const PROGRAM: &str = "decon-gpu";

/// Runs every page in a folder of its own, its blocks one after the other.
#[test]
#[cfg(unix)]
fn every_command_works() {
    let mut run = 0;
    for page in pages() {
        let home = tempfile::tempdir().unwrap();
        inputs::make(home.path());
        let mut said = String::new();
        for block in blocks(&page) {
            if block.is("sh") && !block.is("norun") && block.commands().iter().any(|line| calls(line)) {
                said = run_block(&block, home.path());
                run += 1;
            } else if block.is("output") {
                assert_says(&block, &said);
            }
        }
    }
    assert!(run > 20, "only {run} blocks of the book were run");
}

/// Whether a line of shell calls the program.
fn calls(line: &str) -> bool {
    line.split_whitespace().find(|word| *word != "exec") == Some(PROGRAM)
}

/// What `block` prints on both streams, run as a script that ends with its first failure.
fn run_block(block: &Block, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_decon-gpu"));
    let mut path = std::ffi::OsString::from(program.parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut bash = Command::new("bash");
    bash.args(["-e", "-u", "-o", "pipefail", "-c", &block.text]).current_dir(folder);
    let done = bash.env("PATH", path).env_remove("DECON_GPU_DEVICE").output().unwrap();
    let text = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(done.status.success(), "{}: {}\n{}\n{text}", block.place, done.status, block.text);
    text
}

/// Each line of `block` was said, but for numbers, which are another machine's or another file's.
fn assert_says(block: &Block, said: &str) {
    let lines: Vec<_> = said.lines().map(without_numbers).collect();
    for line in block.text.lines().filter(|line| !line.is_empty()) {
        assert!(
            lines.contains(&without_numbers(line)),
            "{}: the program does not say\n{line}\nbut\n{said}",
            block.place
        );
    }
}

/// `line` with `#` for each number.
fn without_numbers(line: &str) -> String {
    let mut text = String::new();
    let mut in_number = false;
    for character in line.trim().chars() {
        let goes_on = in_number && (character == '.' || character.is_ascii_digit());
        if character.is_ascii_digit() && !in_number {
            text.push('#');
        } else if !goes_on {
            text.push(character);
        }
        in_number = character.is_ascii_digit() || goes_on;
    }
    text
}

/// What cannot be run here is at least typed right.
#[test]
fn every_flag_is_one_of_the_program() {
    for block in pages().iter().flat_map(|page| blocks(page)).filter(|block| block.is("sh")) {
        for line in block.commands().iter().filter(|line| calls(line)) {
            let words = line.split_whitespace().skip_while(|word| *word != PROGRAM);
            let words = words.take_while(|word| !["|", "||", "&&", ">", "2>", ";"].contains(word));
            let words = words.map(|word| word.trim_matches(['"', '\'']));
            if let Err(error) = Cli::try_parse_from(words) {
                let is_help = !error.use_stderr();
                assert!(is_help, "{}: {line}\n{error}", block.place);
            }
        }
    }
}

/// Links to files of the package lead somewhere, and every page of the book is in its table of contents.
#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/book/src");
    let summary = std::fs::read_to_string(root.join("SUMMARY.md")).unwrap();
    for page in pages() {
        if let Ok(path) = page.strip_prefix(&root) {
            let path = path.to_str().unwrap();
            assert!(path == "SUMMARY.md" || summary.contains(&format!("({path})")), "{path} is in no list");
        }
        for target in links(&std::fs::read_to_string(&page).unwrap()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                let path = page.parent().unwrap().join(file);
                assert!(path.exists(), "{}: there is no {target}", page.display());
            }
        }
    }
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<&str> {
    let after = text.split("](").skip(1);
    after.filter_map(|rest| rest.split(')').next()).collect()
}
