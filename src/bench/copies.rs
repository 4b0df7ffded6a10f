//! Copies of memory: what an iteration that does nothing but move its bytes would be limited by.

use std::time::Instant;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::error::Result;
use crate::gpu::{Device, Readback, Recorder};

/// Bytes of a copy: far more than any cache holds, where a device has buffers so large.
pub(super) const COPY_BYTES: usize = 256 << 20;

/// Copies in the computer's memory, on as many threads as compute.
pub(super) struct Copies {
    pool: ThreadPool,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Copies {
    pub fn new(threads: usize) -> Result<Self> {
        let pool = crate::threads::pool(threads, "copy")?;
        Ok(Self { pool, from: vec![1; COPY_BYTES], to: vec![2; COPY_BYTES] })
    }

    pub fn copy(&mut self) -> f64 {
        const PIECE: usize = 1 << 20;
        let Self { pool, from, to } = self;
        let start = Instant::now();
        pool.install(|| {
            to.par_chunks_mut(PIECE)
                .zip(from.par_chunks(PIECE))
                .for_each(|(to, from)| to.copy_from_slice(from));
        });
        start.elapsed().as_secs_f64()
    }
}

/// Copies on a device, to it, and from it.
pub(super) struct DeviceCopies {
    from: wgpu::Buffer,
    to: wgpu::Buffer,
    data: Vec<u8>,
    home: Readback<()>,
    recorder: Recorder,
}

impl DeviceCopies {
    /// Of a copy.
    pub fn bytes(device: &Device) -> usize {
        const WORD: u64 = 4;
        let most = device.limits().max_volume_bytes / WORD * WORD;
        COPY_BYTES.min(usize::try_from(most).unwrap_or(usize::MAX))
    }

    pub fn new(device: &Device) -> Result<Self> {
        let data = vec![1; Self::bytes(device)];
        let bytes = data.len() as u64;
        let buffer = || device.buffer("copies", bytes);
        Ok(Self {
            from: buffer()?,
            to: buffer()?,
            data,
            home: Readback::new(device, 1, bytes)?,
            recorder: Recorder::with_uploads(device, 1, bytes)?,
        })
    }

    /// Waits until the device has done all that was recorded, and brings the first `bytes` of `to` home.
    fn finish(&mut self, bytes: u64) -> Result<()> {
        self.home.send(&mut self.recorder, &self.to, bytes, ());
        self.home.oldest(|(), bytes| bytes.len()).map(drop)
    }

    pub fn upload(&mut self) -> Result<f64> {
        let start = Instant::now();
        self.recorder.write(&self.to, &self.data)?;
        self.finish(4)?;
        Ok(start.elapsed().as_secs_f64())
    }

    pub fn download(&mut self) -> Result<f64> {
        let start = Instant::now();
        self.finish(self.data.len() as u64)?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Several times over, so that the way to the device and back counts little.
    pub fn copy(&mut self) -> Result<f64> {
        const TIMES: u32 = 8;
        let start = Instant::now();
        for _ in 0..TIMES {
            self.recorder.copy(&self.from, &self.to, self.data.len() as u64);
        }
        self.finish(4)?;
        Ok(start.elapsed().as_secs_f64() / f64::from(TIMES))
    }
}
