//! Iterations that end by themselves: the same number for all tiles of a channel, and nothing else changes.

use serde_json::{Value, json};

use decon_gpu::demo::Slide;

use std::time::{Duration, Instant};

use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{attributes, image, json as document, names};
use crate::cli::program::{PATIENCE, command, decon_gpu, run, run_arguments, start_run, text};

/// The iterations of each channel of the only image, as the summary and the metadata say them.
fn said(summary: &Value, attributes: &Value) -> Vec<u64> {
    let iterations = summary["images"][0]["iterations"].clone();
    assert_eq!(attributes["decon-gpu"]["iterations"], json!([iterations]));
    iterations.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

#[test]
fn each_channel_gets_the_iterations_that_it_needs_and_its_tiles_the_same() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let (input, output, plain, summary) =
        (file("in.czi"), file("out.zarr"), file("plain.zarr"), file("s.json"));
    std::fs::write(&input, Slide::make().unwrap().czi().unwrap()).unwrap();
    let flags = "--region 0,0,300,260 --background 100 --tile 128 --output-type f32 --overwrite";
    let until = |change: &str| {
        let flags =
            format!("{flags} --iterations 40 --until {change} --check-every 2 --summary {}", text(&summary));
        let ended = run(&input, &output, &flags).done();
        let iterations = said(&document(&summary), &attributes(&output));
        for (channel, n) in iterations.iter().enumerate() {
            assert!(
                ended.stderr.contains(&format!(": {n} iterations")),
                "channel {channel}: {}",
                ended.stderr
            );
        }
        iterations
    };
    let (early, late) = (until("0.1"), until("0.01"));
    assert!(early.iter().zip(&late).all(|(early, late)| early < late), "{early:?}, {late:?}");
    assert!(late.iter().all(|n| (2..40).contains(n) && n % 2 == 0), "{late:?}");
    let stopped = image(&output);
    for (channel, n) in late.iter().enumerate() {
        run(&input, &plain, &format!("{flags} --iterations {n}")).done();
        let is_same = stopped.plane(0, channel, 0) == image(&plain).plane(0, channel, 0);
        assert!(is_same, "channel {channel}, {n} iterations");
    }
    assert_eq!(until("1e-9"), [40, 40], "as many as --iterations allows");
}

#[test]
fn a_run_reads_what_the_plan_counts_to_decide_on() {
    let home = tempfile::tempdir().unwrap();
    let [input, output, summary] = ["in.czi", "out.zarr", "s.json"].map(|name| home.path().join(name));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    let fixed =
        "--iterations 4 --until 0.5 --halo 8 --chunk 16 --psf-size 1,9,9 --request-size 1 --merge-gap 0";
    // No more tiles than are deconvolved to decide; many more.
    for (tile, is_exact) in [(256, true), (16, false)] {
        let flags = format!("{fixed} --tile {tile}");
        let arguments = ["plan", text(&input), "--backend", "cpu", "--json"].into_iter();
        let arguments: Vec<_> = arguments.chain(flags.split_whitespace()).collect();
        let plan: Value = serde_json::from_str(&decon_gpu(&arguments).done().stdout).unwrap();
        let flags = format!("{flags} --overwrite --summary {}", text(&summary));
        run(&input, &output, &flags).done();
        for what in ["requests", "read_bytes"] {
            let number = |value: &Value| value[what].as_u64().unwrap();
            let read = number(&document(&summary)) - number(&plan[0]);
            let [least, most] = ["least", "most"].map(|bound| number(&plan[0]["deciding"][bound]));
            assert!(least > 0 && (least..=most).contains(&read), "{what}: {read} of {least} to {most}");
            assert_eq!(least == most, is_exact, "{what}, tiles of {tile}: {least} to {most}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_signal_is_heard_while_the_iterations_are_decided() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    // For ever.
    let flags = "--iterations 100000000 --until 1e-300 --check-every 1 --quiet";
    let running = start_run(command(&run_arguments(&input, &output, flags)));
    let start = Instant::now();
    while !home.path().join(".out.zarr.partial/image/0/zarr.json").exists() {
        assert!(start.elapsed() < PATIENCE, "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    // It would end in order before, too.
    std::thread::sleep(Duration::from_millis(300));
    let sent = std::process::Command::new("kill").args(["-INT", &running.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was finished, and nothing is kept"), "{}", ended.stderr);
    assert_eq!(names(home.path()), ["in.czi"]);
}
