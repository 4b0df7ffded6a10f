//! `--precision f16` is done where it was asked for, said, and kept with the output; never anything else in its place.

use std::path::Path;

use decon_gpu::gpu::Device;
use decon_gpu::job::{Chosen, Gpu};
use decon_gpu::report::Silent;
use serde_json::Value;

use crate::devices::{device, files, job, mosaic, run};

/// How the spectra of an output were stored, as its attributes say.
fn said(output: &Path) -> String {
    let text = std::fs::read_to_string(output.join("zarr.json")).unwrap();
    let root: Value = serde_json::from_str(&text).unwrap();
    root["attributes"]["decon-gpu"]["precision"].as_str().unwrap().to_owned()
}

const FLAGS: &str = "--iterations 5 --tile 64 --output-type f32 --backend auto";

#[test]
fn an_output_says_how_spectra_were_stored_and_is_not_gone_on_with_otherwise() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    mosaic(&input, 1);
    let device = device();
    let job = |precision: &str| {
        job(&input, &format!("{FLAGS} --precision {precision}"), Gpu::new(device.clone())).unwrap()
    };
    let [half, whole] = ["half.zarr", "whole.zarr"].map(|name| home.path().join(name));
    assert!(job("f16").notes.iter().any(|note| note.contains("--precision f16")), "the error is said");
    assert!(!job("f32").notes.iter().any(|note| note.contains("--precision")));
    run(job("f16"), &half, &Silent).unwrap();
    run(job("f32"), &whole, &Silent).unwrap();
    assert_eq!([said(&half), said(&whole)], ["f16", "f32"]);
    let (half_files, whole_files) = (files(&half), files(&whole));
    assert!(
        half_files.iter().any(|(name, bytes)| name.ends_with("0/c/0/0/0/0/0") && whole_files[name] != *bytes)
    );
    let error = run(job("f32"), &half, &Silent).unwrap_err().to_string();
    assert!(error.contains("precision was \"f16\", is \"f32\""), "{error}");
}

#[test]
fn a_processor_that_takes_the_place_of_a_gpu_keeps_f32_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    mosaic(&input, 1);
    let device = device();
    let limited: Device = device.clone().limited_to(device.allocated_bytes().unwrap() + 1000);
    let job = job(&input, &format!("{FLAGS} --precision f16"), Gpu::new(limited)).unwrap();
    assert!(matches!(job.backend, Chosen::Cpu { .. }));
    assert!(job.notes.iter().any(|note| note.contains("the CPU keeps everything in f32")), "{:?}", job.notes);
    run(job, &output, &Silent).unwrap();
    assert_eq!(said(&output), "f32");
}
