//! What is typed, against what it must mean.

use super::*;
use crate::cli::args::ReadingArgs;
use crate::source::Merging;

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
        assert_eq!(bytes("--memory", text).unwrap(), expected, "{text}");
    }
    for text in ["", "GiB", "-1GiB", "0", "nanGiB", "2 parsecs"] {
        assert!(bytes("--memory", text).is_err(), "{text} was taken");
    }
}

#[test]
fn a_value_for_one_channel_beats_the_value_for_all() {
    let values = ["10".to_owned(), "2=30".to_owned()];
    let background = PerChannel::parse("--background", &values, |t| not_negative("--background", t)).unwrap();
    assert_eq!([0, 1, 2].map(|c| *background.get(c).unwrap()), [10.0, 10.0, 30.0]);
    assert!(background.check("--background", 3).is_ok());
    assert!(background.check("--background", 2).unwrap_err().to_string().contains("channel 2"));
    let twice = ["1=a".to_owned(), "1=b".to_owned()];
    assert!(PerChannel::parse("--psf", &twice, |t| Ok(t.to_owned())).is_err());
}

#[test]
fn a_selection_names_a_dimension_that_can_be_chosen() {
    assert_eq!(selections(&["h=3".into()]).unwrap(), BTreeMap::from([('H', 3)]));
    for text in ["H", "H=x", "HH=1", "=1", "S=1", "Z=0"] {
        assert!(selections(&[text.into()]).is_err(), "{text} was taken");
    }
}

#[test]
fn the_flags_of_reading_default_to_what_the_reader_does_alone() {
    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        reading: ReadingArgs,
    }
    let parse =
        |flags: &[&str]| access(&<Flags as clap::Parser>::parse_from(["test"].iter().chain(flags)).reading);
    let text = |access: &Access| serde_json::to_string(access).unwrap();
    assert_eq!(text(&parse(&[]).unwrap()), text(&Access::default()));
    let flags = ["--merge-gap", "0", "--request-size", "1MiB", "--retries", "0", "--io", "mmap"];
    let told = parse(&flags).unwrap();
    assert_eq!((told.merging, told.retries), (Merging { gap: 0, most: 1 << 20 }, Some(0)));
    assert_eq!(parse(&["--request-size", "1"]).unwrap().part_bytes, 64 << 10);
    let told = parse(&["--retry-for", "1m", "--allow-redirects", "a.org, *.b.org:81,http://[::1]"]).unwrap();
    assert_eq!((told.retry_for.as_secs(), told.redirects.len()), (60, 3));
    for wrong in
        ["--retry-for=2", "--retry-for=2h", "--allow-redirects=*", "--allow-redirects=http://a.org/b"]
    {
        let flag = wrong.split('=').next().unwrap();
        assert!(parse(&[wrong]).unwrap_err().to_string().starts_with(&format!("{flag}: ")), "{wrong}");
    }
    assert!(parse(&["--merge-gap", "far"]).unwrap_err().to_string().starts_with("--merge-gap: far"));
}

#[test]
fn a_psf_has_a_middle() {
    assert_eq!(triple("--psf-size", "33,65,65", odd).unwrap(), Zyx::new(33, 65, 65));
    assert!(triple("--psf-size", "32,65,65", odd).is_err());
    assert!(triple("--psf-size", "33,65", odd).is_err());
}
