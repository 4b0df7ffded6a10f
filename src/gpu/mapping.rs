//! Waiting for a buffer that the device has done with.

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::device::Device;
use crate::error::{Error, Result};

/// How long the answer to a request to map may take once its submission is done: another thread that polls the same
/// device may have taken it and be about to pass it on.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A buffer's memory on its way to the host.
#[derive(Debug)]
pub(super) struct Mapping {
    submission: wgpu::SubmissionIndex,
    mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
}

impl Mapping {
    /// Asks for the first `bytes` of `buffer`, which `submission` was the last to use.
    pub fn ask(
        buffer: &wgpu::Buffer,
        mode: wgpu::MapMode,
        bytes: u64,
        submission: wgpu::SubmissionIndex,
    ) -> Self {
        // One place: the device answers once. Nobody may be there any more to hear it.
        let (tell, mapped) = sync_channel(1);
        buffer.map_async(mode, ..bytes, move |result| drop(tell.send(result)));
        Self { submission, mapped }
    }

    /// Until it is there; `what` it is for stands in messages.
    ///
    /// # Errors
    /// `Gpu` when the device is lost or too slow.
    pub fn wait(self, device: &Device, what: &str) -> Result<()> {
        device.wait(self.submission)?;
        match self.mapped.recv_timeout(ANSWER_TIMEOUT) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(device, what, error)),
            Err(_) => Err(failed(device, what, "no answer")),
        }
    }
}

/// What a device is told to have done.
pub(super) fn failed(device: &Device, what: &str, why: impl std::fmt::Display) -> Error {
    Error::gpu(format!("{}: {what}: {why}", device.name()))
}
