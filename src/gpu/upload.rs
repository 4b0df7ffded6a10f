//! A ring of buffers that data goes to the device through: one is filled while the device copies from others.

use std::collections::VecDeque;

use super::device::Device;
use super::mapping::{Mapping, failed};
use crate::error::{Error, Result};

/// What stands in messages.
const WHAT: &str = "sending";

/// Buffers in the computer's memory, as far as the driver has it.
#[derive(Debug)]
pub(super) struct Uploads {
    device: Device,
    bytes: u64,
    /// Mapped.
    free: Vec<wgpu::Buffer>,
    /// A copy from each is recorded and not submitted.
    recorded: Vec<wgpu::Buffer>,
    under_way: VecDeque<(wgpu::Buffer, Mapping)>,
}

impl Uploads {
    /// No place at all.
    pub fn none(device: &Device) -> Self {
        let (device, free, recorded, under_way) = (device.clone(), Vec::new(), Vec::new(), VecDeque::new());
        Self { device, bytes: 0, free, recorded, under_way }
    }

    /// `places` buffers of `bytes` each.
    ///
    /// # Errors
    /// `Limit` when they do not fit.
    pub fn new(device: &Device, places: usize, bytes: u64) -> Result<Self> {
        let free = (0..places).map(|_| device.upload_buffer("upload", bytes)).collect::<Result<_>>()?;
        Ok(Self { bytes, free, ..Self::none(device) })
    }

    /// Whether the next place is free only after what is recorded was submitted.
    pub fn needs_submission(&self) -> bool {
        self.free.is_empty() && self.under_way.is_empty()
    }

    /// Records a copy of `data` to the start of `to`; waits for a place.
    ///
    /// # Errors
    /// `Limit` when `data` is larger than a place, `Gpu` when the device is lost.
    pub fn copy(&mut self, encoder: &mut wgpu::CommandEncoder, to: &wgpu::Buffer, data: &[u8]) -> Result<()> {
        // Copies move whole words.
        let (whole, rest) = data.split_at(data.len() / 4 * 4);
        let bytes = data.len().next_multiple_of(4) as u64;
        if bytes > self.bytes.next_multiple_of(4) {
            return Err(Error::Limit {
                what: format!("sending to {}", self.device.name()),
                needed: format!("{} bytes", data.len()),
                available: format!("{} bytes", self.bytes),
            });
        }
        let place = self.place()?;
        let refused = |error: wgpu::MapRangeError| failed(&self.device, WHAT, error);
        let mut view = place.get_mapped_range_mut(..bytes).map_err(refused)?;
        view.slice(..whole.len()).copy_from_slice(whole);
        if !rest.is_empty() {
            let mut word = [0; 4];
            word[..rest.len()].copy_from_slice(rest);
            view.slice(whole.len()..).copy_from_slice(&word);
        }
        drop(view);
        place.unmap();
        encoder.copy_buffer_to_buffer(&place, 0, to, 0, bytes);
        self.recorded.push(place);
        Ok(())
    }

    fn place(&mut self) -> Result<wgpu::Buffer> {
        if let Some(place) = self.free.pop() {
            return Ok(place);
        }
        let (place, mapping) =
            self.under_way.pop_front().expect("there are places, and what was recorded is submitted");
        mapping.wait(&self.device, WHAT)?;
        Ok(place)
    }

    /// What was recorded went with `submission`.
    pub fn submitted(&mut self, submission: &wgpu::SubmissionIndex) {
        for place in self.recorded.drain(..) {
            let mapping = Mapping::ask(&place, wgpu::MapMode::Write, place.size(), submission.clone());
            self.under_way.push_back((place, mapping));
        }
    }
}
