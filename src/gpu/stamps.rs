//! When submissions began and ended on the device: queries that come home with the next result.

use std::time::Instant;

use super::device::Device;
use crate::error::Result;

/// Submissions between two results that are timed; a volume of 500 iterations has as many. Further ones are not.
const MOST: u32 = 32;
/// Bytes of one count of the device's clock.
const TICK_BYTES: u64 = 8;

/// The queries of the submissions since the last result.
#[derive(Debug)]
pub(super) struct Stamps {
    set: wgpu::QuerySet,
    /// Where the device puts them before they can be copied.
    resolved: wgpu::Buffer,
    /// When those of which both ends are stamped were submitted.
    submitted: Vec<Instant>,
}

impl Stamps {
    /// Bytes that a result is longer by, at most.
    pub const BYTES: u64 = MOST as u64 * 2 * TICK_BYTES;

    /// `None` where the device has no such clock.
    ///
    /// # Errors
    /// `Limit` when the device has no memory for them.
    pub fn new(device: &Device) -> Result<Option<Self>> {
        if !device.has_clock() {
            return Ok(None);
        }
        let descriptor = wgpu::QuerySetDescriptor {
            label: Some("times"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * MOST,
        };
        let set = device.checked("times", |device| device.create_query_set(&descriptor))?;
        let resolved = device.query_buffer("times", Self::BYTES)?;
        Ok(Some(Self { set, resolved, submitted: Vec::new() }))
    }

    /// The first command of a submission.
    pub fn begin(&self, encoder: &mut wgpu::CommandEncoder) {
        if let Some(query) = self.next() {
            encoder.write_timestamp(&self.set, query);
        }
    }

    /// Its last command; it is submitted now.
    pub fn end(&mut self, encoder: &mut wgpu::CommandEncoder) {
        if let Some(query) = self.next() {
            encoder.write_timestamp(&self.set, query + 1);
            self.submitted.push(Instant::now());
        }
    }

    fn next(&self) -> Option<u32> {
        let begun = self.submitted.len() as u32;
        (begun < MOST).then_some(2 * begun)
    }

    /// Records a copy of all since the last time to `to` from byte `offset` on; says when each was submitted.
    pub fn bring(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        to: &wgpu::Buffer,
        offset: u64,
    ) -> Vec<Instant> {
        let submitted = std::mem::take(&mut self.submitted);
        let queries = 2 * submitted.len() as u32;
        encoder.resolve_query_set(&self.set, 0..queries, &self.resolved, 0);
        let bytes = u64::from(queries) * TICK_BYTES;
        encoder.copy_buffer_to_buffer(&self.resolved, 0, to, offset, bytes);
        submitted
    }
}
