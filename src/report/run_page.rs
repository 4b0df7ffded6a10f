//! The report of a run: one HTML file.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::trace::name_of;
use super::{BatchSummary, Keeper, Kept, MemorySample, Summary, Verdict, page};
use crate::error::Result;
use crate::space::Tczyx;
use crate::timeline::{ThreadRow, Timeline};
use crate::written::write_whole;

const SCRIPT: &str = concat!(include_str!("../../assets/plots.js"), include_str!("../../assets/report.js"));

/// Writes the report of the run that `keeper` saw, `timeline` recorded and `batch` sums up, however it ended.
///
/// # Errors
/// `Io`.
pub fn write_report(
    path: &Path,
    timeline: &Timeline,
    (keeper, batch): (&Keeper<'_>, &BatchSummary),
    memory: &[MemorySample],
) -> Result<()> {
    let files = keeper.files();
    let mut data = data(timeline, memory);
    let title = title(batch);
    data["title"] = json!(title);
    data["ending"] = json!(batch.ending());
    let single = batch.single();
    let (metrics, cpu_secs, cores) = match single {
        Some(summary) => (&summary.metrics, summary.cpu_secs, summary.cores),
        None => (&batch.metrics, batch.cpu_secs, batch.cores),
    };
    data["verdict"] = json!(Verdict::on(metrics, cpu_secs, cores));
    // As --summary writes it.
    data["summary"] = single.map_or_else(|| json!(batch), |summary| json!(summary));
    data["subtitle"] = json!(single.map(subtitle));
    data["files"] = files.iter().map(|kept| file(kept, batch)).collect();
    let images = || batch.summaries().flat_map(|summary| &summary.images);
    data["memory_planned"] = json!(images().map(|image| image.memory.host()).max().map(mib));
    let html = page(&format!("{title} · decon-gpu"), SCRIPT, &data);
    write_whole(path, |file| file.write_all(html.as_bytes()))
}

fn title(batch: &BatchSummary) -> String {
    match &batch.files[..] {
        [file] => {
            let name = file.input.name();
            name.file_name().map_or(name.to_string_lossy(), |file| file.to_string_lossy()).into_owned()
        }
        files => format!("{} files", files.len()),
    }
}

/// What was kept of a file; `number` is its position in `batch`, where its summary is.
fn file(kept: &Kept, batch: &BatchSummary) -> Value {
    let shown = kept.pictures.shown();
    let after = match kept.iterations {
        0 => "written".to_owned(),
        n => format!("deconvolved, {n} iterations"),
    };
    let number = batch.files.iter().position(|file| file.input.name() == kept.name);
    let summary = number.and_then(|number| batch.files[number].summary.as_ref());
    json!({ "name": kept.name, "number": number, "subtitle": summary.map(subtitle), "notes": kept.notes,
            "provenance": kept.provenance, "pairs": shown.pairs, "psfs": shown.psfs, "after": after })
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// As `assets/report.js` reads it. Times are seconds since the work began.
fn data(timeline: &Timeline, memory: &[MemorySample]) -> Value {
    let began = timeline.began_nanos();
    let secs = |nanos: u64| (nanos as f64 - began as f64) * 1e-9;
    let row = |row: &ThreadRow| {
        let spans = row.spans.iter().map(|span| {
            let group = span.item.map_or(0, |item| item.group);
            let busy = span.busy_nanos as f64 * 1e-9;
            json!([secs(span.start_nanos), secs(span.end_nanos), busy, name_of(span), group, span.count])
        });
        json!({ "name": row.name, "stage": row.stage, "spans": spans.collect::<Vec<_>>() })
    };
    let (rows, devices) = (timeline.rows(), timeline.devices());
    let (list, every) = timeline.requests().list();
    let list = list.iter().map(|request| {
        let (start, end) = (secs(request.start_nanos), secs(request.end_nanos));
        json!([request.file, request.offset, request.length, start, end, u8::from(request.failed)])
    });
    let memory = memory.iter().map(|sample| json!([secs(sample.nanos), mib(sample.bytes)]));
    let stages = rows.iter().chain(&devices).map(|row| &row.stage);
    let mut stages: Vec<&String> = stages.collect();
    stages.dedup();
    json!({
        "stages": stages,
        "groups": timeline.groups(),
        "rows": rows.iter().chain(&devices).map(row).collect::<Vec<_>>(),
        "requests": { "list": list.collect::<Vec<_>>(), "every": every, "files": timeline.requests().files() },
        "memory": memory.collect::<Vec<_>>(),
    })
}

fn subtitle(summary: &Summary) -> String {
    let tiles: u64 = summary.images.iter().map(|image| image.tiles).sum();
    let tiles = if tiles == 1 { "1 tile".to_owned() } else { format!("{tiles} tiles") };
    let what = match &summary.images[..] {
        [image] => {
            let Tczyx { t, c, z, y, x } = image.shape;
            format!("{t} × {c} × {z} × {y} × {x} (t, c, z, y, x)")
        }
        images => format!("{} scenes", images.len()),
    };
    let output = summary.output.as_ref();
    let output = output.map_or_else(|| "nothing was written".to_owned(), |path| path.display().to_string());
    format!("{what}, {tiles} · {} · {output}", summary.backend)
}
