//! What a run records of itself: the trace, the metrics.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::json;
use crate::cli::program::{run, text};
use decon_gpu::pixels::PixelType;

/// Microseconds that a number may be off by: f64 holds nanoseconds of a day.
const ROUNDING: f64 = 0.001;

fn number(event: &Value, name: &str) -> f64 {
    event[name].as_f64().unwrap_or_else(|| panic!("{name} of {event}"))
}

#[test]
fn the_trace_is_what_the_format_asks_for() {
    let home = tempfile::tempdir().unwrap();
    let [input, output, trace, summary] =
        ["in.czi", "out.zarr", "trace.json", "summary.json"].map(|name| home.path().join(name));
    // Two scenes, which the stages do one after the other.
    let mut pieces = Vec::new();
    for scene in 0..2 {
        pieces.extend(five_fields(PixelType::Gray16).into_iter().map(|mut piece| {
            piece.rect.x += i64::from(scene) * 1000;
            piece.scene = Some(scene);
            piece
        }));
    }
    write(&input, &pieces, &metadata(1));
    let flags = format!(
        "--iterations 2 --tile 64 --chunk 32 --request-size 1 --quiet --trace {} --summary {}",
        text(&trace),
        text(&summary)
    );
    run(&input, &output, &flags).done();

    let trace = json(&trace);
    assert_eq!(trace["displayTimeUnit"], "ms");
    let events = trace["traceEvents"].as_array().unwrap();
    let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).collect::<Vec<_>>();
    let known = ["M", "X", "C", "b", "e", "i"];
    for event in events {
        assert!(known.contains(&event["ph"].as_str().unwrap()) && event["name"].is_string(), "{event}");
        assert!(event["pid"].is_u64() && (event["ph"] == "M" || number(event, "ts") >= 0.0), "{event}");
    }

    let names: BTreeMap<u64, &str> = of("M")
        .into_iter()
        .filter(|event| event["name"] == "thread_name")
        .map(|event| (event["tid"].as_u64().unwrap(), event["args"]["name"].as_str().unwrap()))
        .collect();
    for name in ["read-0", "decode-0", "compute", "pyramid", "write-0", "stored"] {
        assert!(names.values().any(|&row| row == name), "no row {name} in {names:?}");
    }
    let mut rows: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for event in of("X") {
        assert!(number(event, "dur") >= 0.0 && event["cat"].is_string(), "{event}");
        rows.entry(event["tid"].as_u64().unwrap()).or_default().push(event);
    }
    for (tid, mut row) in rows {
        assert!(names.contains_key(&tid), "row {tid} has no name");
        row.sort_by(|a, b| number(a, "ts").total_cmp(&number(b, "ts")));
        for pair in row.windows(2) {
            let end = number(pair[0], "ts") + number(pair[0], "dur");
            assert!(end <= number(pair[1], "ts") + ROUNDING, "{} overlaps {}", pair[0], pair[1]);
        }
    }

    // Every tile is named, in each of the two stages that it passes; every request is there, and ends after it began.
    let summary = json(&summary);
    let tiles: u64 = summary["images"].as_array().unwrap().iter().map(|i| i["tiles"].as_u64().unwrap()).sum();
    let in_stage = |stage: &str| {
        let named =
            |event: &&&Value| event["cat"] == stage && event["name"].as_str().unwrap().starts_with("tile ");
        of("X").iter().filter(named).count() as u64
    };
    assert_eq!((in_stage("compute"), in_stage("pyramid")), (tiles, tiles));
    let (asked, answered) = (of("b"), of("e"));
    assert_eq!(asked.len(), answered.len());
    let began = number(of("i")[0], "ts");
    let since = asked.iter().filter(|event| number(event, "ts") >= began).count() as u64;
    assert_eq!(since, summary["metrics"]["requests"]["requests"].as_u64().unwrap());
    for (ask, answer) in asked.iter().zip(answered) {
        assert!(ask["id"] == answer["id"] && number(ask, "ts") <= number(answer, "ts"), "{ask} {answer}");
    }
    let counters: Vec<&str> = of("C").iter().map(|event| event["name"].as_str().unwrap()).collect();
    for name in ["queue after read", "queue after decode", "queue after compute", "memory"] {
        assert!(counters.contains(&name), "no counter {name}");
    }
}
