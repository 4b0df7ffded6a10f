//! Collects dispatches and copies, and submits them in order.

use std::collections::VecDeque;
use std::time::Instant;

use super::device::Device;
use super::pace::{Pace, Waited};
use super::stamps::Stamps;
use super::upload::Uploads;
use crate::error::Result;

/// Such long submissions that the device may be behind. Two keep it busy; without a bound, no wait could tell a lost
/// device from a long queue.
const AHEAD: usize = 2;

/// One command encoder after the other.
#[derive(Debug)]
pub struct Recorder {
    device: Device,
    encoder: wgpu::CommandEncoder,
    /// Dispatches in the encoder, and in all.
    recorded: u32,
    dispatches: u64,
    uploads: Uploads,
    /// `None` where nothing is timed.
    stamps: Option<Stamps>,
    /// How long submissions may be.
    pace: Pace,
    /// Long submissions under way.
    long: VecDeque<Long>,
}

/// A submission of as many dispatches as may go together.
#[derive(Debug)]
struct Long {
    submission: wgpu::SubmissionIndex,
    dispatches: u32,
    submitted: Instant,
}

impl Recorder {
    /// Nothing recorded yet; it writes nothing.
    pub fn new(device: &Device) -> Self {
        Self::through(device, Uploads::none(device))
    }

    /// Nothing recorded yet. Up to `places` pieces of up to `bytes` each are on their way to the device at once.
    ///
    /// # Errors
    /// `Limit` when the places do not fit the memory.
    pub fn with_uploads(device: &Device, places: usize, bytes: u64) -> Result<Self> {
        Ok(Self::through(device, Uploads::new(device, places, bytes)?))
    }

    /// The same, and what it submits is timed, where the device has a clock.
    ///
    /// # Errors
    /// `Limit` when the device has no memory for the times.
    pub fn timed(mut self) -> Result<Self> {
        self.stamps = Stamps::new(&self.device)?;
        self.encoder = self.next_encoder();
        Ok(self)
    }

    fn through(device: &Device, uploads: Uploads) -> Self {
        let (device, encoder) = (device.clone(), encoder(device));
        let (pace, long) = (Pace::new(), VecDeque::new());
        Self { device, encoder, recorded: 0, dispatches: 0, uploads, stamps: None, pace, long }
    }

    fn next_encoder(&self) -> wgpu::CommandEncoder {
        let mut encoder = encoder(&self.device);
        if let Some(stamps) = &self.stamps {
            stamps.begin(&mut encoder);
        }
        encoder
    }

    /// A pass for one dispatch. What was recorded before is submitted when it has become long; waits when the device
    /// is far behind. What goes wrong then is told by [`Device::check`].
    pub(super) fn pass(&mut self, label: &str) -> wgpu::ComputePass<'_> {
        if self.recorded >= self.pace.dispatches() {
            let dispatches = self.recorded;
            let submission = self.submit();
            self.long.push_back(Long { submission, dispatches, submitted: Instant::now() });
            if self.long.len() > AHEAD
                && let Some(oldest) = self.long.pop_front()
            {
                self.wait(oldest);
            }
        }
        self.recorded += 1;
        self.dispatches += 1;
        self.encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some(label), timestamp_writes: None })
    }

    /// Until `long` is done; what goes wrong is told by [`Device::check`].
    fn wait(&mut self, long: Long) {
        let Long { submission, dispatches, submitted } = long;
        let asked = Instant::now();
        match self.device.wait(submission) {
            Ok(()) => self.pace.observe(Waited { dispatches, submitted, asked, done: Instant::now() }),
            Err(error) => self.device.fail(error.to_string()),
        }
    }

    /// Records a copy of `data` to the start of `buffer`. Waits while every place is taken.
    ///
    /// # Errors
    /// `Limit` when `data` is larger than a place, `Gpu` when the device is lost.
    ///
    /// # Panics
    /// When it has no places.
    pub fn write(&mut self, buffer: &wgpu::Buffer, data: &[u8]) -> Result<()> {
        if self.uploads.needs_submission() {
            self.submit();
        }
        self.uploads.copy(&mut self.encoder, buffer, data)
    }

    /// Records that the first `bytes` of `buffer` become 0.
    pub fn clear(&mut self, buffer: &wgpu::Buffer, bytes: u64) {
        self.encoder.clear_buffer(buffer, 0, Some(bytes));
    }

    /// Records a copy of the first `bytes`.
    pub fn copy(&mut self, from: &wgpu::Buffer, to: &wgpu::Buffer, bytes: u64) {
        self.encoder.copy_buffer_to_buffer(from, 0, to, 0, bytes);
    }

    /// Hands everything recorded to the device; does not wait.
    pub fn submit(&mut self) -> wgpu::SubmissionIndex {
        if let Some(stamps) = &mut self.stamps {
            stamps.end(&mut self.encoder);
        }
        self.hand_over()
    }

    /// The same, and the times of all submissions since the last time go to `to` from byte `offset` on; says when each was
    /// submitted.
    pub(super) fn submit_with_times(
        &mut self,
        to: &wgpu::Buffer,
        offset: u64,
    ) -> (wgpu::SubmissionIndex, Vec<Instant>) {
        let submitted = self.stamps.as_mut().map_or_else(Vec::new, |stamps| {
            stamps.end(&mut self.encoder);
            stamps.bring(&mut self.encoder, to, offset)
        });
        (self.hand_over(), submitted)
    }

    fn hand_over(&mut self) -> wgpu::SubmissionIndex {
        self.recorded = 0;
        let next = self.next_encoder();
        let recorded = std::mem::replace(&mut self.encoder, next);
        let submission = self.device.queue.submit([recorded.finish()]);
        self.uploads.submitted(&submission);
        submission
    }

    /// Dispatches recorded so far.
    pub fn dispatches(&self) -> u64 {
        self.dispatches
    }
}

fn encoder(device: &Device) -> wgpu::CommandEncoder {
    device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
}
