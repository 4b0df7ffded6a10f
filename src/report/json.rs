//! One JSON object a line on standard output, for programs that watch.

use std::sync::{Mutex, PoisonError};

use super::{Event, Report};
use crate::error::{Error, Result};
use crate::say;

/// Prints every event as a line of JSON. Where that fails, as on a full disk, the work goes on, and its end tells.
#[derive(Debug, Default)]
pub struct JsonReport {
    failure: Mutex<Option<Error>>,
}

impl Report for JsonReport {
    fn event(&self, event: &Event<'_>) {
        if let Ok(line) = serde_json::to_string(event)
            && let Err(error) = say::json(&line)
        {
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn was_written(&self) -> Result<()> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}
