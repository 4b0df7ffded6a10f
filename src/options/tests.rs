//! What is typed, against what it must mean.

use super::value::{bytes, dimension, odd_sides};
use super::*;
use crate::source::{Access, Merging};

fn parse(flags: &[&str]) -> Result<Options> {
    let parsed = Options::parse(["test", "in.czi"].iter().chain(flags));
    parsed.map_err(|error| wrong_flag(&error).unwrap())?.checked()
}

#[test]
fn sizes_are_read_with_their_unit() {
    let sizes = [
        ("2GiB", 2 << 30),
        ("800MiB", 800 << 20),
        ("1.5 GB", 1_500_000_000),
        ("4096", 4096),
        ("3g", 3 << 30),
    ];
    for (text, expected) in sizes {
        assert_eq!(bytes(text).unwrap(), expected, "{text}");
    }
    for text in ["", "GiB", "-1GiB", "0", "nanGiB", "2 parsecs"] {
        assert!(bytes(text).is_err(), "{text} was taken");
    }
}

#[test]
fn a_value_for_one_channel_beats_the_value_for_all() {
    let options = parse(&["--background", "10", "--background", "2=30"]).unwrap();
    assert_eq!([0, 1, 2].map(|c| *options.background.of(c).unwrap()), [10.0, 10.0, 30.0]);
    assert!(options.check_channels(3).is_ok());
    let error = options.check_channels(2).unwrap_err().to_string();
    assert!(error.starts_with("--background: channel 2 is not there"), "{error}");
    for twice in [["--psf=1=a", "--psf=1=b"], ["--psf=a", "--psf=b"]] {
        let error = parse(&twice).unwrap_err().to_string();
        assert!(error.starts_with("--psf: ") && error.ends_with("is given twice"), "{error}");
    }
}

#[test]
fn a_selection_names_a_dimension_that_can_be_chosen() {
    assert_eq!(dimension("h=3").unwrap(), ('H', 3));
    for text in ["H", "H=x", "HH=1", "=1", "S=1", "Z=0"] {
        assert!(dimension(text).is_err(), "{text} was taken");
    }
}

#[test]
fn the_flags_of_reading_default_to_what_the_reader_does_alone() {
    let access = |flags: &[&str]| parse(flags).unwrap().reading.access();
    let text = |access: &Access| serde_json::to_string(access).unwrap();
    assert_eq!(text(&access(&[])), text(&Access::default()));
    let flags = ["--merge-gap", "0", "--request-size", "1MiB", "--retries", "0", "--io", "mmap"];
    let told = access(&flags);
    assert_eq!((told.merging, told.retries), (Merging { gap: 0, most: 1 << 20 }, Some(0)));
    assert_eq!(access(&["--request-size", "1"]).part_bytes, 64 << 10);
    let told = access(&["--retry-for", "1m", "--allow-redirects", "a.org, *.b.org:81,http://[::1]"]);
    assert_eq!((told.retry_for.as_secs(), told.redirects.len()), (60, 3));
}

/// Whatever finds it, one line says the flag, the value and what would be right.
#[test]
fn a_wrong_value_is_said_in_one_voice() {
    for (flags, expected) in [
        (&["--retry-for=2"][..], "--retry-for: 2 is not a time such as 2m, up to an hour"),
        (&["--allow-redirects=*"], "--allow-redirects: * is no host such as "),
        (&["--allow-redirects=http://a.org/b"], "--allow-redirects: http://a.org/b is no host"),
        (&["--merge-gap", "far"], "--merge-gap: far is not a size such as 2GiB"),
        (&["--region", "1,2"], "--region: 1,2 is not of the form X,Y,W,H"),
        (&["--threads", "0"], "--threads: 0 must be from 1 to 1024"),
        (&["--dimensions", "4"], "--dimensions: 4 is not in 2..=3"),
        (&["--iterations", "many"], "--iterations: many: invalid digit found in string"),
        (&["--method", "steepest"], "--method: steepest is not one of rl, shb, ba"),
        (&["--psf", "0=https://host/a.tif"], "--psf: https://host/a.tif is a URL"),
        (&["--iterations", "0", "--until", "0.1"], "--until: --iterations 0 leaves nothing to stop"),
    ] {
        let error = parse(flags).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_psf_has_a_middle() {
    assert_eq!(odd_sides("33,65,65").unwrap(), Zyx::new(33, 65, 65));
    assert!(odd_sides("32,65,65").is_err());
    assert!(odd_sides("33,65").is_err());
}

#[test]
fn a_new_one_has_the_defaults_of_the_command_line() {
    let text = |options: &Options| serde_json::to_string(options).unwrap();
    assert_eq!(text(&Options::new("in.czi").checked().unwrap()), text(&parse(&[]).unwrap()));
}
