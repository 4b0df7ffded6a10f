//! A ring of buffers that results come home through: the device works on while the oldest is read.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::device::Device;
use super::recorder::Recorder;
use crate::error::{Error, Result};

/// How long the answer to a request to map may take once its submission is done: another thread that polls the same
/// device may have taken it and be about to pass it on.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

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
    submission: wgpu::SubmissionIndex,
    mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
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
        // One place: the device answers a request to map once. Nobody may be there any more to hear it.
        let (tell, mapped) = sync_channel(1);
        buffer.map_async(wgpu::MapMode::Read, ..bytes, move |result| drop(tell.send(result)));
        self.under_way.push_back(UnderWay { what, buffer, bytes, submission, mapped });
    }

    /// Waits for the oldest result and gives it to `read`; `None` when nothing is on its way.
    ///
    /// # Errors
    /// `Gpu` when the device is lost or too slow.
    pub fn oldest<R>(&mut self, read: impl FnOnce(T, &[u8]) -> R) -> Result<Option<R>> {
        let Some(UnderWay { what, buffer, bytes, submission, mapped }) = self.under_way.pop_front() else {
            return Ok(None);
        };
        self.device.wait(submission)?;
        let failed = |why: String| Error::gpu(format!("{}: reading back: {why}", self.device.name()));
        match mapped.recv_timeout(ANSWER_TIMEOUT) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed("no answer".into())),
        }
        let view = buffer.get_mapped_range(..bytes).map_err(|error| failed(error.to_string()))?;
        let result = read(what, &view);
        drop(view);
        buffer.unmap();
        self.free.push(buffer);
        Ok(Some(result))
    }
}
