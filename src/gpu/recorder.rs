//! Collects dispatches and copies, and submits them in order.

use super::device::Device;

/// Dispatches that go to the device together. Fewer leave it idle between submissions; more keep it waiting for
/// the first.
const DISPATCHES: u32 = 256;

/// One command encoder after the other.
#[derive(Debug)]
pub struct Recorder {
    device: Device,
    encoder: wgpu::CommandEncoder,
    dispatches: u32,
}

impl Recorder {
    /// Nothing recorded yet.
    pub fn new(device: &Device) -> Self {
        Self { device: device.clone(), encoder: encoder(device), dispatches: 0 }
    }

    /// A pass for one dispatch. What was recorded before is submitted when it has become long.
    pub(super) fn pass(&mut self, label: &str) -> wgpu::ComputePass<'_> {
        if self.dispatches >= DISPATCHES {
            self.submit();
        }
        self.dispatches += 1;
        self.encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some(label), timestamp_writes: None })
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
        self.dispatches = 0;
        let recorded = std::mem::replace(&mut self.encoder, encoder(&self.device));
        self.device.queue.submit([recorded.finish()])
    }
}

fn encoder(device: &Device) -> wgpu::CommandEncoder {
    device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
}
