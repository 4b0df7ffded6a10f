//! The timeline as a file for <https://ui.perfetto.dev> and chrome://tracing: the Trace Event Format, as a JSON object.
//!
//! Complete events (`X`) on one row for each thread and each device; queues and memory as counters (`C`); requests as
//! asynchronous events (`b`, `e`), because several are under way at once. Times are in microseconds since the timeline
//! was made.

use std::fs::File;
use std::io::{BufWriter, Error as IoError, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::MemorySample;
use crate::error::Result;
use crate::timeline::{Span, Timeline};
use crate::written::write_whole;

/// The process that the events belong to: there is one.
const PID: u32 = 1;

/// Writes what `timeline` recorded, and `memory`.
///
/// # Errors
/// `Io`.
pub fn write_trace(path: &Path, timeline: &Timeline, memory: &[MemorySample]) -> Result<()> {
    write_whole(path, |file| write(&mut Events { file, count: 0 }, timeline, memory))
}

fn write(events: &mut Events<'_>, timeline: &Timeline, memory: &[MemorySample]) -> Result<(), IoError> {
    let (requests, every) = timeline.requests().list();
    let about = json!({ "version": env!("CARGO_PKG_VERSION"), "requests_shown": format!("1 of {every}") });
    write!(events.file, "{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":[")?;
    events.add(&json!({ "ph": "M", "pid": PID, "name": "process_name", "args": { "name": "decon-gpu" } }))?;
    let began = micros(timeline.began_nanos());
    events.add(&json!({ "ph": "i", "s": "p", "pid": PID, "tid": 0, "ts": began, "name": "work begins" }))?;

    let groups = timeline.groups();
    let rows = timeline.rows().into_iter().chain(timeline.devices());
    for (tid, row) in (1_u32..).zip(rows) {
        for (what, args) in [
            ("thread_name", json!({ "name": row.name })),
            ("thread_sort_index", json!({ "sort_index": tid })),
        ] {
            events.add(&json!({ "ph": "M", "pid": PID, "tid": tid, "name": what, "args": args }))?;
        }
        for span in &row.spans {
            let (start, end) = (micros(span.start_nanos), micros(span.end_nanos));
            events.add(&json!({
                "ph": "X", "pid": PID, "tid": tid, "ts": start, "dur": end - start,
                "cat": row.stage, "name": name_among(span, &groups), "args": args_of(span, &groups),
            }))?;
        }
    }
    for queue in timeline.queues() {
        let name = format!("queue after {}", queue.name());
        for depth in queue.depths() {
            events.counter(&name, depth.nanos, json!({ "items": depth.items }))?;
        }
    }
    for sample in memory {
        events.counter("memory", sample.nanos, json!({ "MiB": sample.bytes as f64 / f64::from(1 << 20) }))?;
    }
    let files = timeline.requests().files();
    for (id, request) in requests.iter().enumerate() {
        let args = json!({ "file": files[request.file as usize], "offset": request.offset,
                           "bytes": request.length, "failed": request.failed });
        for (phase, nanos) in [("b", request.start_nanos), ("e", request.end_nanos)] {
            events.add(&json!({ "ph": phase, "pid": PID, "tid": 0, "ts": micros(nanos), "cat": "request",
                                "id": id, "name": "request", "args": args }))?;
        }
    }
    events.file.write_all(b"]}\n")
}

/// A list of events, written one by one.
struct Events<'a> {
    file: &'a mut BufWriter<File>,
    count: u64,
}

impl Events<'_> {
    fn add(&mut self, event: &Value) -> Result<(), IoError> {
        self.file.write_all(if self.count > 0 { b",\n" } else { b"\n" })?;
        self.count += 1;
        serde_json::to_writer(&mut self.file, event).map_err(IoError::from)
    }

    fn counter(&mut self, name: &str, nanos: u64, args: Value) -> Result<(), IoError> {
        self.add(&json!({ "ph": "C", "pid": PID, "tid": 0, "ts": micros(nanos), "name": name, "args": args }))
    }
}

/// Such as `tile 17`, or `tiles 17–20` where several intervals were merged.
pub(super) fn name_of(span: &Span) -> String {
    match span.item {
        Some(item) if span.last > item.number => format!("{}s {}–{}", item.what, item.number, span.last),
        Some(item) => format!("{} {}", item.what, item.number),
        None if !span.has_ended => "not ended".to_owned(),
        None => "beginning or ending".to_owned(),
    }
}

/// With what it is a part of, where there is more than one.
fn name_among(span: &Span, groups: &[String]) -> String {
    match span.item.and_then(|item| groups.get(item.group as usize)) {
        Some(group) if groups.len() > 1 => format!("{} of {group}", name_of(span)),
        _ => name_of(span),
    }
}

fn args_of(span: &Span, groups: &[String]) -> Value {
    let group = span.item.and_then(|item| groups.get(item.group as usize));
    let mut args = json!({});
    if let Some(group) = group {
        args["of"] = json!(group);
    }
    if span.count > 1 {
        args["intervals"] = json!(span.count);
        args["busy_us"] = json!(micros(span.busy_nanos));
    }
    args
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}
