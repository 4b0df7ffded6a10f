//! A ring of buffers that results come home through: the device works on while the oldest is read.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use super::device::Device;
use super::mapping::{Mapping, failed};
use super::recorder::Recorder;
use super::stamps::Stamps;
use crate::error::Result;
use crate::timeline::DeviceClock;

/// What stands in messages.
const WHAT: &str = "reading back";

/// Results on their way, each with a `T` that says what it is.
#[derive(Debug)]
pub struct Readback<T> {
    device: Device,
    free: Vec<wgpu::Buffer>,
    under_way: VecDeque<UnderWay<T>>,
    clock: DeviceClock,
}

#[derive(Debug)]
struct UnderWay<T> {
    what: T,
    buffer: wgpu::Buffer,
    bytes: u64,
    /// When the submissions were made whose times come behind the result.
    submitted: Vec<Instant>,
    mapping: Mapping,
}

impl<T> Readback<T> {
    /// `places` buffers of `bytes` each.
    ///
    /// # Errors
    /// `Limit` when they do not fit.
    pub fn new(device: &Device, places: usize, bytes: u64) -> Result<Self> {
        let times = if device.has_clock() { Stamps::BYTES } else { 0 };
        let bytes = bytes.next_multiple_of(8) + times;
        let free = (0..places).map(|_| device.readback_buffer("read-back", bytes)).collect::<Result<_>>()?;
        let clock = DeviceClock::new(device.nanos_per_tick());
        Ok(Self { device: device.clone(), free, under_way: VecDeque::new(), clock })
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
        let times = bytes.next_multiple_of(8);
        let (submission, submitted) = recorder.submit_with_times(&buffer, times);
        let mapping = Mapping::ask(&buffer, wgpu::MapMode::Read, buffer.size(), submission);
        self.under_way.push_back(UnderWay { what, buffer, bytes, submitted, mapping });
    }

    /// Waits for the oldest result and gives it to `read`; `None` when nothing is on its way.
    ///
    /// # Errors
    /// `Gpu` when the device is lost or too slow.
    pub fn oldest<R>(&mut self, read: impl FnOnce(T, &[u8]) -> R) -> Result<Option<R>> {
        self.oldest_timed(|what, bytes, _| read(what, bytes))
    }

    /// The same, with the intervals in which the device worked since the result before, as far as they were timed.
    ///
    /// # Errors
    /// `Gpu` when the device is lost or too slow.
    pub fn oldest_timed<R>(
        &mut self,
        read: impl FnOnce(T, &[u8], Vec<Range<Instant>>) -> R,
    ) -> Result<Option<R>> {
        let Some(UnderWay { what, buffer, bytes, submitted, mapping }) = self.under_way.pop_front() else {
            return Ok(None);
        };
        mapping.wait(&self.device, WHAT)?;
        let refused = |error| failed(&self.device, WHAT, error);
        let view = buffer.get_mapped_range(..).map_err(refused)?;
        let (result, times) = view.split_at(bytes as usize);
        let times = &times[bytes.next_multiple_of(8) as usize - bytes as usize..];
        let times = intervals(&mut self.clock, &submitted, times);
        let result = read(what, result, times);
        drop(view);
        buffer.unmap();
        self.free.push(buffer);
        Ok(Some(result))
    }
}

/// In the host's time: first and last tick of each of what was `submitted`, which has ended by now.
fn intervals(clock: &mut DeviceClock, submitted: &[Instant], ticks: &[u8]) -> Vec<Range<Instant>> {
    let seen = Instant::now();
    let tick = |bytes: &[u8]| bytemuck::pod_read_unaligned::<u64>(bytes);
    let ticks = ticks.chunks_exact(16).map(|pair| tick(&pair[..8])..tick(&pair[8..]));
    // A driver may set its clock back.
    let known: Vec<_> = submitted.iter().zip(ticks).filter(|(_, ticks)| ticks.start <= ticks.end).collect();
    for (submitted, ticks) in &known {
        clock.observe(**submitted, ticks.clone(), seen);
    }
    known
        .iter()
        .filter_map(|(_, ticks)| Some(clock.instant(ticks.start)?..clock.instant(ticks.end)?))
        .collect()
}
