//! When to stop before the last iteration.

use clap::Args;
use serde::{Serialize, Serializer};

use super::value::share;
use crate::decon::Until;

/// When to stop before the last iteration.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Deconvolution")]
pub struct Stopping {
    /// Stop before --iterations when the divergence of estimate and image changes by less than this an iteration, such as 1e-3
    ///
    /// Decided for each channel on its brightest tiles, the same for all tiles of a scene.
    #[arg(long, value_name = "CHANGE", value_parser = share)]
    pub until: Option<f64>,
    /// Iterations from one look at the divergence to the next
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub check_every: u32,
}

impl Stopping {
    /// When, if at all.
    pub fn until(self) -> Option<Until> {
        self.until.map(|change| Until { change, check_every: self.check_every })
    }
}

impl Serialize for Stopping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.until().serialize(serializer)
    }
}
