//! One JSON object a line on standard output, for programs that watch.

use std::io::Write;

use super::{Event, Report};

/// Prints every event as a line of JSON.
#[derive(Debug)]
pub struct JsonReport;

impl Report for JsonReport {
    fn event(&self, event: &Event<'_>) {
        if let Ok(line) = serde_json::to_string(event) {
            // A watcher that has gone away is no reason to stop the work.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        }
    }
}
