//! Results as one page that needs nothing else: a bar for each row, with its spread, and the numbers.

use std::fmt::Write;

use super::results::legible;
use super::{Results, Row, Table};
use crate::report::escaped;

const STYLE: &str = include_str!("../../assets/bench.css");

/// The page.
pub fn page(results: &Results) -> String {
    let title = match &results.input {
        Some(input) => format!("bench {}: {input}", results.bench),
        None => format!("bench {}", results.bench),
    };
    let title = escaped(&title);
    let made = escaped(&format!("decon-gpu {}, {}", results.version, results.machine));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n<h1>{title}</h1>\n<p class=\"soft\">{made}</p>\n"
    );
    for note in &results.notes {
        page += &format!("<p>{}</p>\n", escaped(note));
    }
    for table in &results.tables {
        page += &section(table);
    }
    page
}

fn section(table: &Table) -> String {
    let mut text = format!("<section>\n<h2>{}</h2>\n", escaped(&table.title));
    let reach = |row: &Row| row.runs.most().max(row.mark.unwrap_or(0.0));
    let most = table.rows.iter().map(reach).fold(f64::MIN_POSITIVE, f64::max);
    for row in &table.rows {
        text += &bar(table, row, most);
    }
    let mark = table.mark.as_ref().map(|mark| format!("; the upright line: {mark}")).unwrap_or_default();
    let unit = escaped(&format!(
        "{}: bar to the median of {} runs, line from the least to the most{mark}",
        table.measured.head(),
        table.rows.first().map_or(0, |row| row.runs.count())
    ));
    text += &format!(
        "<p class=\"soft\">{unit}</p>\n<details><summary>Numbers</summary><div class=\"scroll\"><table>\n"
    );
    for (i, line) in table.lines().iter().enumerate() {
        let tag = if i == 0 { "th" } else { "td" };
        let cells = line.iter().fold(String::new(), |mut cells, cell| {
            let _ = write!(cells, "<{tag}>{}</{tag}>", escaped(cell));
            cells
        });
        text += &format!("<tr>{cells}</tr>\n");
    }
    text + "</table></div></details>\n</section>\n"
}

/// Name, bar and value; `most` is the bar's full length.
fn bar(table: &Table, row: &Row, most: f64) -> String {
    let percent = |value: f64| format!("{:.2}%", (100.0 * value / most).clamp(0.0, 100.0));
    let [least, median, largest] = [row.runs.least(), row.runs.median(), row.runs.most()].map(percent);
    let mark = row.mark.map(percent).map_or(String::new(), |x| {
        format!("<line class=\"mark\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"100%\"/>")
    });
    let (name, unit) = (escaped(&row.name), escaped(&table.measured.unit));
    let value = legible(row.runs.median());
    // Long units stand below the bars.
    let unit = if unit.chars().count() > 6 { String::new() } else { format!(" {unit}") };
    format!(
        "<div class=\"row\"><span>{name}</span><svg role=\"img\" aria-label=\"{name}: {value}\">\
         <rect class=\"bar\" y=\"15%\" height=\"70%\" width=\"{median}\" rx=\"2\"/>\
         <line class=\"spread\" x1=\"{least}\" x2=\"{largest}\" y1=\"50%\" y2=\"50%\"/>{mark}</svg>\
         <span class=\"value\">{value}{unit}</span></div>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::example;
    use super::*;

    #[test]
    fn a_page_shows_every_row_and_escapes_what_it_shows() {
        let page = page(&example());
        assert_eq!(page.matches("class=\"bar\"").count(), 2);
        assert_eq!(page.matches("class=\"mark\"").count(), 1);
        // The longest reaches to 2.5: 1 is 40 % of it, and 2.25 90 %.
        assert!(page.contains("width=\"40.00%\"") && page.contains("width=\"90.00%\""), "{page}");
        assert!(page.contains("a &lt;file&gt;.czi") && !page.contains("<file>"), "{page}");
        assert!(!page.contains("http"), "needs nothing from elsewhere");
    }
}
