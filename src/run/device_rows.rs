//! When the devices worked, for the timeline.

use super::file::FileRun;
use crate::decon::FinishedTile;
use crate::job::Chosen;
use crate::timeline::{DeviceRow, Item, Named};

/// A row for each device that times itself.
#[derive(Default)]
pub(super) struct DeviceRows(Vec<DeviceRow>);

impl DeviceRows {
    /// Adds when `tile` of image `image` was worked on.
    pub fn add(&mut self, file: &FileRun<'_>, image: usize, tile: &FinishedTile) {
        let (Chosen::Gpu(gpu), false) = (&file.job.backend, tile.worked.times.is_empty()) else { return };
        if self.0.is_empty() {
            let is_alone = gpu.others.is_empty();
            let name =
                |(i, name): (usize, &str)| if is_alone { name.to_owned() } else { format!("{name}, {i}") };
            let names = gpu.devices().map(|device| device.name()).enumerate().map(name);
            self.0 = names.map(|name| DeviceRow::new(&file.job.timeline, &name)).collect();
        }
        let item = tile.item(0).map(|item| Item { group: file.groups[image], ..item });
        for time in &tile.worked.times {
            self.0[tile.worked.device].add(time.clone(), item);
        }
    }
}
