//! Bars on standard error, for people.

use std::fmt;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::{Event, Report};
use crate::say;
use crate::shown;

/// One bar each for reading, computing and writing, with rates and the time left; notes above them. Without a
/// terminal the bars stay away and the notes are printed.
#[derive(Debug)]
pub struct TerminalReport {
    bars: MultiProgress,
    read: ProgressBar,
    computed: ProgressBar,
    wrote: ProgressBar,
}

const BYTES: &str =
    "{prefix:>9} {bar:30} {bytes:>10} of {total_bytes:17} {binary_bytes_per_sec:>12}  {eta} left";
const TILES: &str = "{prefix:>9} {bar:30} {pos:>10} of {len:>4} tiles        {rate:>12}  {eta} left";
const SHARDS: &str = "{prefix:>9} {bar:30} {pos:>10} of {len:>4} shards       {rate:>12}  {eta} left";

impl TerminalReport {
    /// Bars of length 0 until the plan is known.
    pub fn new() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = |name: &'static str, template: &str| {
            let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
                // A bar that cannot be drawn is no reason to stop the work.
                let _ = write!(text, "{:.1}/s", state.per_sec());
            };
            let style = ProgressStyle::with_template(template).expect("the template is well formed");
            let style = style.with_key("rate", rate);
            bars.add(ProgressBar::new(0).with_style(style).with_prefix(name))
        };
        Self { read: bar("read", BYTES), computed: bar("compute", TILES), wrote: bar("write", SHARDS), bars }
    }

    /// A terminal or a pipe that has gone away is no reason to stop the work.
    fn say(&self, line: &str) {
        if self.bars.is_hidden() {
            say::err(line);
        } else {
            let _ = self.bars.println(shown::safe(line));
        }
    }
}

impl Drop for TerminalReport {
    /// The bars stay as they are.
    fn drop(&mut self) {
        for bar in [&self.read, &self.computed, &self.wrote] {
            bar.abandon();
        }
    }
}

impl Default for TerminalReport {
    fn default() -> Self {
        Self::new()
    }
}

impl Report for TerminalReport {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Note { text } => self.say(&format!("note: {}", shown::visible(text))),
            Event::Damaged(damaged) => self.say(&format!("damaged, left out: {damaged}")),
            Event::Started { backend, read_bytes, tiles, shards } => {
                self.say(&format!("computing on {backend}"));
                // A file may begin while another is being done.
                self.read.inc_length(*read_bytes);
                self.computed.inc_length(*tiles);
                self.wrote.inc_length(*shards);
            }
            Event::Read { bytes, .. } => self.read.inc(*bytes),
            Event::Computed { .. } => self.computed.inc(1),
            Event::Wrote { .. } => self.wrote.inc(1),
            Event::Finished(summary) => self.say(&summary.to_string()),
            Event::Ended(batch) => self.say(&batch.to_string()),
            Event::Failed { text } => self.say(&format!("failed: {text}")),
        }
    }
}
