//! The open device: its limits as plain numbers, the one place that makes buffers, and what became of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::adapter::Adapter;
use crate::error::{Error, Result};

/// How long one submission may take before the device counts as lost. Drivers end hanging work after seconds; a
/// software driver may take minutes for a large volume.
const SUBMISSION_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes of a kernel's parameters, at most: as many as WebGPU allows. Vulkan devices take 128.
const IMMEDIATE_BYTES: u32 = 64;
/// What it takes to time submissions; not every device has it.
const CLOCK: wgpu::Features =
    wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS);
/// Bytes of one plane of a tile before it is downsampled, at most: 5792 × 5792 mosaic pixels, which leaves memory for
/// the fields under it.
const PLANE_BYTES: u64 = 128 << 20;

/// What the device can hold, as numbers for the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuLimits {
    /// Longest Fourier transform along one axis: the real parts of four neighbouring columns fit a workgroup's memory,
    /// so that whole sectors of 32 bytes are read. Longer ones up to four times as long would work at half the speed.
    pub max_fft_length: u32,
    /// Bytes of one volume of complex numbers, all pairs of a group together.
    pub max_volume_bytes: u64,
    /// Bytes of one plane of a tile before it is downsampled.
    pub max_plane_bytes: u64,
    /// Bytes of one stored field.
    pub max_field_bytes: u64,
    /// Of one workgroup.
    pub workgroup: WorkgroupLimits,
}

/// What one workgroup may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkgroupLimits {
    /// Bytes of the memory that it shares.
    pub bytes: u32,
    /// Invocations.
    pub invocations: u32,
}

/// The first thing that went wrong. Drivers tell it on any thread, and at any time.
type Failure = Arc<Mutex<Option<String>>>;

fn remember(failure: &Failure, what: String) {
    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
}

/// An open device and its queue. Copies mean the same device.
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    name: String,
    driver: String,
    failure: Failure,
    /// Bytes of all buffers, at most.
    memory_limit: Option<u64>,
    has_clock: bool,
}

impl Device {
    /// Opens `adapter` with all of its limits.
    ///
    /// # Errors
    /// `Gpu` when the driver refuses or lacks what the kernels need.
    pub fn open(adapter: &Adapter) -> Result<Self> {
        let name = adapter.summary.name.clone();
        let limits = adapter.handle.limits();
        if limits.max_immediate_size < IMMEDIATE_BYTES {
            return Err(Error::gpu(format!(
                "{name} takes {} bytes of parameters, {IMMEDIATE_BYTES} needed",
                limits.max_immediate_size
            )));
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("decon-gpu"),
            required_features: wgpu::Features::IMMEDIATES | (CLOCK & adapter.handle.features()),
            required_limits: limits,
            // Few and large buffers: a block of memory for each, so that what is counted is what is taken.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.handle.request_device(&descriptor))
            .map_err(|error| Error::gpu(format!("{name} does not open: {error}")))?;
        let has_clock = device.features().contains(CLOCK);
        let (driver, failure) = (adapter.summary.driver.clone(), Arc::default());
        let opened = Self { device, queue, name, driver, failure, memory_limit: None, has_clock };
        let (lost, uncaptured) = (Arc::clone(&opened.failure), Arc::clone(&opened.failure));
        opened.device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                remember(&lost, format!("the device was lost: {message}"));
            }
        });
        let handler = move |error: wgpu::Error| remember(&uncaptured, error.to_string());
        opened.device.on_uncaptured_error(Arc::new(handler));
        Ok(opened)
    }

    /// The same device as if it had no clock: for tests of what happens then.
    pub fn without_clock(self) -> Self {
        Self { has_clock: false, ..self }
    }

    /// Whether submissions can be timed.
    pub(super) fn has_clock(&self) -> bool {
        self.has_clock
    }

    /// Of its clock.
    pub(super) fn nanos_per_tick(&self) -> f64 {
        self.queue.get_timestamp_period().into()
    }

    /// The same device as if it had no more than `bytes` of memory: for tests of what happens then.
    pub fn limited_to(self, bytes: u64) -> Self {
        Self { memory_limit: Some(bytes), ..self }
    }

    /// The same device as if it had another driver: for tests of what happens then.
    pub fn driven_by(self, driver: &str) -> Self {
        Self { driver: driver.to_owned(), ..self }
    }

    /// Makes the device fail from now on as one does that is pulled out: for tests of what happens then.
    pub fn lose(&self) {
        remember(&self.failure, "the device was lost: a test asked for it".into());
        self.device.destroy();
    }

    /// Bytes of all buffers that there are on the device, as the allocator of the driver interface counts them, what it
    /// holds for itself included; `None` where it does not count.
    pub fn allocated_bytes(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// The device's name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its driver and the driver's version, as the driver says them.
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// What it can hold.
    pub fn limits(&self) -> GpuLimits {
        let limits = self.device.limits();
        let bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let workgroup = WorkgroupLimits {
            bytes: limits.max_compute_workgroup_storage_size,
            invocations: limits
                .max_compute_invocations_per_workgroup
                .min(limits.max_compute_workgroup_size_x),
        };
        GpuLimits {
            max_fft_length: workgroup.bytes / 16,
            max_volume_bytes: bytes,
            max_plane_bytes: bytes.min(PLANE_BYTES),
            max_field_bytes: bytes,
            workgroup,
        }
    }

    /// A buffer that kernels use, of at least `bytes`; `what` it is for stands in messages.
    ///
    /// # Errors
    /// `Limit` when it is larger than kernels can address on this device, or than its free memory.
    pub fn buffer(&self, what: &str, bytes: u64) -> Result<wgpu::Buffer> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        self.check_bytes(what, bytes, self.limits().max_volume_bytes)?;
        self.allocate(what, bytes, usage)
    }

    /// A buffer that results come home through.
    ///
    /// # Errors
    /// `Limit` when it is too large.
    pub(super) fn readback_buffer(&self, what: &str, bytes: u64) -> Result<wgpu::Buffer> {
        self.check_bytes(what, bytes, self.device.limits().max_buffer_size)?;
        self.allocate(what, bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
    }

    /// A buffer that results of queries are put into.
    ///
    /// # Errors
    /// `Limit` when there is no memory for it.
    pub(super) fn query_buffer(&self, what: &str, bytes: u64) -> Result<wgpu::Buffer> {
        self.allocate(what, bytes, wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC)
    }

    /// A mapped buffer that data goes to the device through.
    ///
    /// # Errors
    /// `Limit` when it is too large.
    pub(super) fn upload_buffer(&self, what: &str, bytes: u64) -> Result<wgpu::Buffer> {
        self.check_bytes(what, bytes, self.device.limits().max_buffer_size)?;
        self.allocate(what, bytes, wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC)
    }

    fn check_bytes(&self, what: &str, needed: u64, available: u64) -> Result<()> {
        if needed <= available {
            return Ok(());
        }
        Err(Error::Limit {
            what: format!("{what}, on {}", self.name),
            needed: format!("{} MiB", needed.div_ceil(1 << 20)),
            available: format!("{} MiB in one buffer", available >> 20),
        })
    }

    /// Takes `bytes` in all, which are given back when the buffers are dropped and the device is settled.
    ///
    /// # Errors
    /// `Limit` when there is less.
    pub fn take_memory(&self, bytes: u64) -> Result<Vec<wgpu::Buffer>> {
        let most = self.limits().max_volume_bytes;
        let buffer = |i: u64| self.buffer("what the plan takes", (bytes - i * most).min(most));
        let taken = (0..bytes.div_ceil(most)).map(buffer).collect::<Result<Vec<_>>>();
        taken.map_err(|_| self.out_of_memory("what the plan takes", bytes))
    }

    fn out_of_memory(&self, what: &str, bytes: u64) -> Error {
        Error::Limit {
            what: format!("memory of {} for {what} (a smaller --gpu-memory takes less)", self.name),
            needed: format!("{} MiB", bytes.div_ceil(1 << 20)),
            available: "less".into(),
        }
    }

    fn allocate(&self, what: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        // Copies move whole words, and an empty buffer cannot be bound.
        let size = bytes.next_multiple_of(4).max(4);
        let mapped_at_creation = usage.contains(wgpu::BufferUsages::MAP_WRITE);
        let descriptor = wgpu::BufferDescriptor { label: Some(what), size, usage, mapped_at_creation };
        let taken = || self.allocated_bytes().unwrap_or(0);
        if self.memory_limit.is_some_and(|limit| taken() + size > limit) {
            return Err(self.out_of_memory(what, size));
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.checked(what, |device| device.create_buffer(&descriptor));
        match pollster::block_on(scope.pop()) {
            None => buffer,
            Some(_) => Err(self.out_of_memory(what, size)),
        }
    }

    /// Runs `make` and turns what the driver has against it into an error.
    pub(super) fn checked<T>(&self, what: &str, make: impl FnOnce(&wgpu::Device) -> T) -> Result<T> {
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = make(&self.device);
        let invalid = pollster::block_on(validation.pop());
        let failed = pollster::block_on(internal.pop());
        match invalid.or(failed) {
            None => Ok(made),
            Some(error) => Err(Error::gpu(format!("{what}, on {}: {error}", self.name))),
        }
    }

    /// Copies `data` to the start of `buffer` ahead of everything that is submitted later. Takes memory until then: for
    /// what is written once.
    pub fn write(&self, buffer: &wgpu::Buffer, data: &[u8]) {
        let whole = data.len() / 4 * 4;
        self.queue.write_buffer(buffer, 0, &data[..whole]);
        if whole < data.len() {
            let mut word = [0; 4];
            word[..data.len() - whole].copy_from_slice(&data[whole..]);
            self.queue.write_buffer(buffer, whole as u64, &word);
        }
    }

    /// Waits until everything that was written is there.
    ///
    /// # Errors
    /// `Gpu` when it takes ten minutes, or when the device is lost.
    pub fn settle(&self) -> Result<()> {
        self.wait(self.queue.submit([]))
    }

    /// Waits for `submission`.
    ///
    /// # Errors
    /// `Gpu` when it takes ten minutes, or when the device is lost.
    pub(super) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        let wait =
            wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(SUBMISSION_TIMEOUT) };
        let waited = self.device.poll(wait);
        self.check()?;
        waited.map(|_| ()).map_err(|error| Error::gpu(format!("{}: {error}", self.name)))
    }

    /// Lets [`Device::check`] tell of `what`.
    pub(super) fn fail(&self, what: String) {
        remember(&self.failure, what);
    }

    /// What went wrong since the device was opened.
    ///
    /// # Errors
    /// `Gpu` with the first failure.
    pub fn check(&self) -> Result<()> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(what) => Err(Error::gpu(format!("{}: {what}", self.name))),
        }
    }
}
