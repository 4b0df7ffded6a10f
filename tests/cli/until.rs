//! Iterations that end by themselves: the same number for all tiles of a channel, and nothing else changes.

use serde_json::{Value, json};

use decon_gpu::demo::Slide;

use crate::output::{attributes, image, json as document};
use crate::program::{run, text};

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
    Slide::make().unwrap().write(&input).unwrap();
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
