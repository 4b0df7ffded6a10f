//! One bar on standard error for work that is counted in fields.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Counts to a known number. Without a terminal nothing is shown.
#[derive(Debug)]
pub struct Counter(ProgressBar);

impl Counter {
    /// Counts `total` of `unit`, from 0.
    pub fn new(what: &'static str, total: u64, unit: &'static str) -> Self {
        let style = "{prefix:>9} {bar:30} {pos:>10} of {len:>4} {msg}  {eta} left";
        let style = ProgressStyle::with_template(style).expect("the template is well formed");
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        Self(bar.with_style(style).with_prefix(what).with_message(unit))
    }

    /// One more.
    pub fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish();
    }
}
