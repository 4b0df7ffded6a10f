//! When devices worked, as the timeline, the trace and the summary show it.

use std::collections::BTreeSet;
use std::process::Command;

use decon_gpu::job::Gpu;
use decon_gpu::report::Silent;
use decon_gpu::timeline::ThreadRow;

use crate::devices::{device, files, job, mosaic, run};

/// Runs on `gpu`: the rows of its devices, and what was made.
fn rows(gpu: Gpu) -> (Vec<ThreadRow>, u64, u64) {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    mosaic(&input, 1);
    let job = job(&input, "--iterations 70 --tile 128", gpu).unwrap();
    let (timeline, tiles) = (job.timeline.clone(), job.images[0].plan.tiles);
    let summary = run(job, &output, &Silent).unwrap();
    assert!(!files(&output).is_empty());
    assert_eq!(summary.metrics.devices.len(), timeline.devices().len());
    (timeline.devices(), timeline.now(), tiles)
}

fn check(row: &ThreadRow, end_nanos: u64) -> BTreeSet<u64> {
    let spans = &row.spans;
    assert!(row.busy_nanos > 0 && row.busy_nanos <= end_nanos, "{} of {end_nanos}", row.busy_nanos);
    assert!(spans.is_sorted_by(|a, b| a.end_nanos <= b.start_nanos), "{} overlaps itself", row.name);
    assert!(spans.last().unwrap().end_nanos <= end_nanos, "nothing is in the future");
    let items = spans.iter().map(|span| span.item.expect("work has a name"));
    items.inspect(|item| assert_eq!(item.what, "tile")).map(|item| item.number).collect()
}

/// 70 iterations are more dispatches than one submission takes, so some tiles have several intervals.
#[test]
fn a_device_has_a_row_with_its_tiles() {
    let device = device();
    let (rows, end_nanos, tiles) = rows(Gpu::new(device.clone()));
    let [row] = &rows[..] else { panic!("one device, one row: {rows:?}") };
    assert_eq!(row.name, device.name());
    assert_eq!(check(row, end_nanos), (0..tiles).collect());
    assert!(row.spans.len() as u64 > tiles);
}

#[test]
fn each_of_several_devices_has_a_row() {
    let first = device();
    let gpu = Gpu { others: vec![device()], ..Gpu::new(first.clone()) };
    let (rows, end_nanos, tiles) = rows(gpu);
    let names: BTreeSet<_> = rows.iter().map(|row| row.name.clone()).collect();
    assert_eq!(names, [0, 1].map(|i| format!("{}, {i}", first.name())).into());
    let shares: Vec<_> = rows.iter().map(|row| check(row, end_nanos)).collect();
    assert!(shares.iter().all(|share| !share.is_empty()) && shares[0].is_disjoint(&shares[1]));
    assert_eq!(shares[0].union(&shares[1]).copied().collect::<BTreeSet<_>>(), (0..tiles).collect());
}

#[test]
fn a_device_without_a_clock_has_none() {
    let device = device().without_clock();
    assert_eq!(rows(Gpu::new(device)).0.len(), 0);
}

#[test]
fn the_trace_has_the_device() {
    let home = tempfile::tempdir().unwrap();
    let [input, output, trace, page] =
        ["in.czi", "out.zarr", "trace.json", "report.html"].map(|name| home.path().join(name));
    mosaic(&input, 1);
    let device = device();
    let mut program = Command::new(env!("CARGO_BIN_EXE_decon-gpu"));
    program.arg("run").arg(&input).arg("-o").arg(&output).args(["--device", "0", "--iterations", "1"]);
    program.args(["--psf-size", "1,9,9"]).arg("--trace").arg(&trace).arg("--report").arg(&page);
    let ended = program.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let trace: serde_json::Value = serde_json::from_slice(&std::fs::read(&trace).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let row = events.iter().find(|event| event["args"]["name"] == device.name()).expect("a row");
    let worked = |event: &&serde_json::Value| event["tid"] == row["tid"] && event["ph"] == "X";
    assert!(events.iter().any(|event| worked(&event)), "{row}");
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains(&format!("\"name\":\"{}\"", device.name())));
}
