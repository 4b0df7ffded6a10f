//! A ring of buffers that results come home through: the device works on while the oldest is read.

use std::collections::VecDeque;

use super::device::Device;
use super::mapping::{Mapping, failed};
use super::recorder::Recorder;
use crate::error::Result;

/// What stands in messages.
const WHAT: &str = "reading back";

/// Results on their way, each with a `T` that says what it is.
#[derive(Debug)]
pub struct Readback<T> {
    device: Device,
    free: Vec<wgpu::Buffer>,
    under_way: VecDeque<UnderWay<T>>,
}

#[derive(Debug)]
struct UnderWay<T> {
    what: T,
    buffer: wgpu::Buffer,
    bytes: u64,
    mapping: Mapping,
}

impl<T> Readback<T> {
    /// `places` buffers of `bytes` each.
    ///
    /// # Errors
    /// `Limit` when they do not fit.
    pub fn new(device: &Device, places: usize, bytes: u64) -> Result<Self> {
        let free = (0..places).map(|_| device.readback_buffer("read-back", bytes)).collect::<Result<_>>()?;
        Ok(Self { device: device.clone(), free, under_way: VecDeque::new() })
    }

    /// Whether every place is taken.
    pub fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Sends the first `bytes` of `from` home and submits all that was recorded.
    ///
    /// # Panics
    /// When every place is taken: take the oldest first.
    pub fn send(&mut self, recorder: &mut Recorder, from: &wgpu::Buffer, bytes: u64, what: T) {
        let buffer = self.free.pop().expect("a place is free");
        let bytes = bytes.next_multiple_of(4);
        recorder.copy(from, &buffer, bytes);
        let submission = recorder.submit();
        let mapping = Mapping::ask(&buffer, wgpu::MapMode::Read, bytes, submission);
        self.under_way.push_back(UnderWay { what, buffer, bytes, mapping });
    }

    /// Waits for the oldest result and gives it to `read`; `None` when nothing is on its way.
    ///
    /// # Errors
    /// `Gpu` when the device is lost or too slow.
    pub fn oldest<R>(&mut self, read: impl FnOnce(T, &[u8]) -> R) -> Result<Option<R>> {
        let Some(UnderWay { what, buffer, bytes, mapping }) = self.under_way.pop_front() else {
            return Ok(None);
        };
        mapping.wait(&self.device, WHAT)?;
        let refused = |error| failed(&self.device, WHAT, error);
        let view = buffer.get_mapped_range(..bytes).map_err(refused)?;
        let result = read(what, &view);
        drop(view);
        buffer.unmap();
        self.free.push(buffer);
        Ok(Some(result))
    }
}
