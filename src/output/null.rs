//! The output of a run that writes nothing: every tile is finished and thrown away. For measurements.

use serde_json::Value;

use super::progress::{Progress, ShardKey};
use super::pyramid::Shard;
use super::range::ChannelRange;
use super::{ImageLayout, ImageSink, Output};
use crate::error::Result;
use crate::pixels::Samples;

/// See the module.
#[derive(Debug, Default)]
pub struct Null {
    images: Vec<NullImage>,
}

#[derive(Debug)]
struct NullImage(Progress);

impl Null {
    /// For images that are cut as `layouts` say.
    pub fn new<'a>(layouts: impl Iterator<Item = &'a ImageLayout>) -> Self {
        let image = |layout| {
            let progress = Progress::new(layout);
            progress.leave_out(layout.shard_count());
            NullImage(progress)
        };
        Self { images: layouts.map(image).collect() }
    }
}

impl Output for Null {
    fn notes(&self) -> &[Value] {
        &[]
    }

    fn note(&self, _: &Value) -> Result<()> {
        Ok(())
    }

    fn is_there(&self) -> bool {
        false
    }

    fn keeps_pixels(&self) -> bool {
        false
    }

    fn image(&self, i: usize) -> &dyn ImageSink {
        &self.images[i]
    }

    fn finish(&self, _: &[Vec<ChannelRange>], _: &Value) -> Result<Option<String>> {
        Ok(None)
    }
}

impl ImageSink for NullImage {
    fn progress(&self) -> &Progress {
        &self.0
    }

    fn load(&self, _: ShardKey) -> Result<Samples> {
        unreachable!("nothing was finished")
    }

    fn store(&self, _: Shard) -> Result<u64> {
        Ok(0)
    }
}
