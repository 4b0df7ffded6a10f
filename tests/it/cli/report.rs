//! The page of a run: its data, and how a browser shows it.

use std::path::Path;

use base64::Engine;
use decon_gpu::dataset::Compression;
use decon_gpu::pixels::PixelType;
use serde_json::Value;

use crate::browser::{browser, dump};
use crate::cli::mosaic::{Piece, five_fields, metadata, write, write_changed};
use crate::cli::output::json;
use crate::cli::program::{decon_gpu, run, text};

/// A run with a page and a summary.
fn reported(home: &Path, pieces: &[Piece], flags: &str) -> (String, Value) {
    let [input, output, page, summary] =
        ["a <b> & c.czi", "out.zarr", "page.html", "summary.json"].map(|name| home.join(name));
    write(&input, pieces, &metadata(1));
    let flags = format!("{flags} --quiet --overwrite --report {} --summary {}", text(&page), text(&summary));
    run(&input, &output, &flags).done();
    (std::fs::read_to_string(page).unwrap(), json(&summary))
}

/// What the page draws itself from.
pub fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// One field alone, large enough for a part to be shown.
fn one_field(pixel_type: PixelType) -> Vec<Piece> {
    vec![Piece::new(0, -20, 30, (150, 140), pixel_type)]
}

/// The pixels of a picture, red, green, blue and alpha.
fn pixels(uri: &Value) -> Vec<u8> {
    let png = uri.as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    let png = base64::engine::general_purpose::STANDARD.decode(png).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

#[test]
fn before_is_what_would_be_written_without_iterations() {
    let home = tempfile::tempdir().unwrap();
    // Colour images are shown as they are, so pictures of two runs can be compared value by value.
    let overview = |iterations: u32| {
        let flags = format!("--iterations {iterations} --tile 64 --chunk 32");
        let (page, _) = reported(home.path(), &five_fields(PixelType::Bgr24), &flags);
        let pair = data(&page)["files"][0]["pairs"][0].clone();
        [pixels(&pair["before"]), pixels(&pair["after"])]
    };
    let ([_, stitched], [before, after]) = (overview(0), overview(2));
    assert!(before != after);
    // Where no field lies the page shows nothing.
    let both = || stitched.chunks_exact(4).zip(before.chunks_exact(4)).filter(|(_, before)| before[3] == 255);
    assert!(both().count() > before.len() / 8, "most of the mosaic is there");
    let differs = both().position(|(stitched, before)| stitched != before);
    assert_eq!(differs, None);
}

#[test]
fn a_part_is_shown_pixel_by_pixel() {
    let home = tempfile::tempdir().unwrap();
    let field = one_field(PixelType::Bgr24);
    let (page, _) = reported(home.path(), &field, "--iterations 1");
    let pair = &data(&page)["files"][0]["pairs"][1];
    assert!(
        pair["caption"].as_str().unwrap().starts_with("128 × 128 pixels at (0, 0)"),
        "{}",
        pair["caption"]
    );
    let stored = field[0].samples.as_bytes();
    for (i, shown) in pixels(&pair["before"]).chunks_exact(4).enumerate() {
        let at = (i / 128 * 150 + i % 128) * 3;
        assert_eq!(shown, [stored[at + 2], stored[at + 1], stored[at], 255], "pixel {i}");
    }
}

#[test]
fn the_page_has_everything_in_it() {
    let home = tempfile::tempdir().unwrap();
    let (page, summary) = reported(home.path(), &one_field(PixelType::Gray16), "--iterations 2");
    let data = data(&page);
    let file = &data["files"][0];
    assert_eq!(data["summary"], summary, "the page's figures are those of --summary");
    assert_eq!(data["title"], "a <b> & c.czi");
    assert!(data["verdict"]["sentence"].as_str().unwrap().starts_with("Bound by "));
    assert_eq!(file["provenance"]["options"]["iterations"], 2);
    assert_eq!(file["psfs"].as_array().unwrap().len(), 1);
    assert!(file["pairs"][1]["before"] != file["pairs"][1]["after"]);
    let requests = data["requests"]["list"].as_array().unwrap();
    let since = requests.iter().filter(|request| request[3].as_f64().unwrap() >= 0.0).count();
    assert_eq!(Some(since as u64), summary["metrics"]["requests"]["requests"].as_u64());
    for far in ["http://", "https://", "src=\"/", "@import", "url("] {
        assert!(!page.contains(far), "the page fetches something: {far}");
    }
}

#[test]
#[ignore = "needs Chromium"]
fn a_browser_shows_the_numbers_of_the_summary_and_no_error() {
    let browser = browser();
    let home = tempfile::tempdir().unwrap();
    let (page, summary) =
        reported(home.path(), &five_fields(PixelType::Gray16), "--iterations 2 --tile 64 --chunk 32");
    let file = home.path().join("page.html");
    assert!(numbers_shown(&dump(&browser, &file, &[]), &summary) > 80);

    assert_fits_a_phone(&browser, &home.path().join("phone.html"), &page);
}

/// Records a run in `home` of three files, the second of which is broken: its page, its summary, and its trace.
fn three_files_reported(home: &Path) -> (String, Value, Value) {
    let [first, broken, last, folder, page, summary] =
        ["a.czi", "b.czi", "c.czi", "out", "page.html", "summary.json"].map(|name| home.join(name));
    write(&first, &five_fields(PixelType::Gray16), &metadata(1));
    std::fs::write(&broken, "no CZI").unwrap();
    write(&last, &one_field(PixelType::Gray16), &metadata(1));
    let paths = [text(&first), text(&broken), text(&last), "-o", text(&folder), "--backend", "cpu"];
    let trace = home.join("trace.json");
    let more = ["--report", text(&page), "--summary", text(&summary), "--trace", text(&trace)];
    let flags = ["--iterations", "2", "--tile", "64", "--chunk", "32", "--output-type", "u8", "--quiet"];
    let arguments: Vec<_> = ["run"].into_iter().chain(paths).chain(more).chain(flags).collect();
    let ended = decon_gpu(&arguments);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    (std::fs::read_to_string(page).unwrap(), json(&summary), json(&trace))
}

#[test]
fn a_page_of_several_files_has_each_and_what_became_of_it() {
    let home = tempfile::tempdir().unwrap();
    let (page, summary, trace) = three_files_reported(home.path());
    let data = data(&page);
    assert_eq!(data["summary"], summary, "the page's figures are those of --summary");
    assert_eq!(data["title"], "3 files");
    assert!(data["ending"].as_str().unwrap().starts_with("2 of 3 files in "), "{}", data["ending"]);
    assert!(data["verdict"]["sentence"].as_str().unwrap().starts_with("Bound by "));
    let numbers: Vec<_> = data["files"].as_array().unwrap().iter().map(|file| &file["number"]).collect();
    assert_eq!(numbers, [0, 2], "what was kept of those that were opened");
    let events = trace["traceEvents"].clone();
    for name in ["tile 0 of a.czi", "tile 0 of c.czi"] {
        let is_there = events.as_array().unwrap().iter().any(|event| event["name"] == name);
        assert!(is_there, "nothing is called {name}");
    }
}

#[test]
#[ignore = "needs Chromium"]
fn a_browser_shows_each_of_several_files_and_what_became_of_it() {
    let home = tempfile::tempdir().unwrap();
    let (page, summary, _) = three_files_reported(home.path());
    let browser = browser();
    let dom = dump(&browser, &home.path().join("page.html"), &[]);
    assert!(numbers_shown(&dom, &summary) > 100);
    let table = between(&dom, "<table id=\"files\">", "</table>");
    for (file, state) in [("a.czi", "finished"), ("b.czi", "failed"), ("c.czi", "finished")] {
        let (_, row) = table.split_once(file).unwrap_or_else(|| panic!("no {file} in {table}"));
        assert!(row.split("</tr>").next().unwrap().contains(&format!(">{state}<")), "{file}: {row}");
    }
    assert_fits_a_phone(&browser, &home.path().join("phone.html"), &page);
}

/// Records a run in `home`, of `in.czi`, that fails for a broken subblock; its flags.
fn a_failed_run_reported(home: &Path) -> String {
    let [input, output, page, trace] =
        ["in.czi", "out.zarr", "page.html", "trace.json"].map(|name| home.join(name));
    let pieces = five_fields(PixelType::Gray16).into_iter().map(|piece| piece.compressed(Compression::Zstd0));
    write_changed(&input, &pieces.collect::<Vec<_>>(), |i, stored| match i {
        0 => stored[..stored.len() / 2].to_vec(),
        _ => stored,
    });
    let flags = format!(
        "--iterations 1 --tile 32 --chunk 16 --quiet --report {} --trace {}",
        text(&page),
        text(&trace)
    );
    run(&input, &output, &flags).failed(1, "broken file");
    flags
}

#[test]
#[ignore = "needs Chromium"]
fn a_browser_shows_a_run_that_failed() {
    let home = tempfile::tempdir().unwrap();
    a_failed_run_reported(home.path());
    let page = home.path().join("page.html");
    let summary = data(&std::fs::read_to_string(&page).unwrap())["summary"].clone();
    assert!(numbers_shown(&dump(&browser(), &page, &[]), &summary) > 60);
}

#[test]
fn a_run_that_fails_is_recorded_and_one_that_is_refused_leaves_the_record_alone() {
    let home = tempfile::tempdir().unwrap();
    let flags = a_failed_run_reported(home.path());
    let [input, page, trace] = ["in.czi", "page.html", "trace.json"].map(|name| home.path().join(name));
    assert!(!json(&trace)["traceEvents"].as_array().unwrap().is_empty());
    let html = std::fs::read_to_string(&page).unwrap();
    let ending = data(&html)["ending"].as_str().unwrap().to_owned();
    assert!(ending.starts_with("failed: ") && ending.contains("broken file"), "{ending}");
    std::fs::create_dir(home.path().join("there")).unwrap();
    run(&input, &home.path().join("there"), &flags).failed(2, "exists");
    assert!(std::fs::read_to_string(&page).unwrap() == html, "a refused run wrote a report");
}

/// The numbers that the page of `summary` shows are its; how many there are.
#[track_caller]
fn numbers_shown(dom: &str, summary: &Value) -> usize {
    assert!(dom.contains("data-ready=\"yes\""), "the script did not come to its end");
    let errors = between(dom, "id=\"errors\"", "</ul>");
    assert!(errors.ends_with('>'), "errors on the page: {errors}");
    let shown: Vec<&str> = dom.split("<span data-path=\"").skip(1).collect();
    for span in &shown {
        let path = span.split('"').next().unwrap();
        let text = between(span, ">", "</span>");
        match number_at(summary, path) {
            None => assert_eq!(text, "–", "{path}"),
            Some(expected) => {
                let (shown, step) = parsed(text);
                assert!((shown - expected).abs() <= 0.5001 * step, "{path}: {text} for {expected}");
            }
        }
    }
    shown.len()
}

/// Nothing of `page` is wider than a phone; `file` is written for that.
#[track_caller]
fn assert_fits_a_phone(browser: &Path, file: &Path, page: &str) {
    std::fs::write(file, in_a_frame(page, 390)).unwrap();
    let dom = dump(browser, file, &[]);
    let number = |name: &str| between(&dom, &format!("{name}=\""), "\"").parse::<u32>().unwrap();
    assert_eq!((number("data-inner"), number("data-errors")), (390, 0));
    assert!(number("data-wide") <= 390, "{} pixels wide in a window of 390", number("data-wide"));
}

/// A page that shows `page` in a window `width` pixels wide, and says how wide it became: a browser's own window may
/// have a smallest width.
fn in_a_frame(page: &str, width: u32) -> String {
    let page = Value::from(page).to_string().replace('<', "\\u003c");
    format!(
        "<!DOCTYPE html><html><body><iframe style='width:{width}px;height:844px;border:0'></iframe><script>
        const frame = document.querySelector('iframe');
        frame.onload = () => requestAnimationFrame(() => {{
            const inner = frame.contentDocument;
            Object.assign(document.documentElement.dataset, {{
                inner: frame.contentWindow.innerWidth, wide: inner.documentElement.scrollWidth,
                errors: inner.getElementById('errors').childElementCount,
            }});
        }});
        frame.srcdoc = {page};
        </script></body></html>"
    )
}

/// The number at a path such as `metrics.stages.0.load`; the length of a list has one, too.
fn number_at(value: &Value, path: &str) -> Option<f64> {
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    let next = match value {
        Value::Array(list) if key == "length" => return Some(list.len() as f64),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?)?,
        other => other.get(key)?,
    };
    if rest.is_empty() { next.as_f64() } else { number_at(next, rest) }
}

/// A number with its unit, in the unit of the summary, and what its last digit counts.
fn parsed(text: &str) -> (f64, f64) {
    let text = text.replace('\u{202f}', "");
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let factor = match unit.trim_end_matches("/s") {
        "" | "s" | "B" | "×" => 1.0,
        "ms" => 1e-3,
        "µs" => 1e-6,
        "%" => 1e-2,
        "KiB" => 1024.0,
        "MiB" => 1048576.0,
        "GiB" => 1073741824.0,
        other => panic!("the unit {other} of {text}"),
    };
    let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
    (number.parse::<f64>().unwrap() * factor, 10_f64.powi(-decimals) * factor)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} after {start}")).0
}
