//! From the estimate to finished tiles: pack on the device, copy, read back.

use crate::decon::{Clamped, FinishedTile, Setup, Worked, fill_of};
use crate::error::Result;
use crate::gpu::{Device, Kernel, Readback, Recorder};
use crate::kernels::{pack, sample_code};
use crate::pixels::{SampleType, Samples};
use crate::space::Zyx;
use crate::tile::Tile;

#[derive(Debug)]
pub(super) struct Download {
    fft: Zyx<u32>,
    output: SampleType,
    /// Of each output channel.
    fill: Vec<f32>,
    pack: Kernel<pack::Params>,
    /// For each volume that may come out.
    buffers: [wgpu::BindGroup; 2],
    result: wgpu::Buffer,
    readback: Readback<Tile>,
}

impl Download {
    /// Packs cores of one of `images`, volumes of all pairs like `observed`.
    pub fn new(
        device: &Device,
        setup: &Setup,
        images: [&wgpu::Buffer; 2],
        observed: &wgpu::Buffer,
    ) -> Result<Self> {
        let bytes =
            (pack::HEADER_BYTES + setup.core.count() * setup.output.bytes()).next_multiple_of(4) as u64;
        let result = device.buffer("packed core", bytes)?;
        let pack = Kernel::new(device, &pack::shader())?;
        let bind = |image| pack.bind(device, &[image, observed, &result]);
        Ok(Self {
            fft: setup.fft,
            output: setup.output,
            fill: setup.fill.clone(),
            buffers: [bind(images[0])?, bind(images[1])?],
            pack,
            result,
            // A group on its way home, and the first tile of the next: it goes to the device before anyone waits.
            readback: Readback::new(device, setup.lanes as usize + 1, bytes)?,
        })
    }

    /// Sends the core of `lane` in image `current` on its way; returns the oldest tile when every place was taken.
    pub fn start(
        &mut self,
        recorder: &mut Recorder,
        current: usize,
        lane: usize,
        tile: Tile,
    ) -> Result<Option<FinishedTile>> {
        let (core, first) = (tile.core_shape(), tile.core_in_padded());
        let count = core.count();
        let params = pack::Params {
            lane: lane as u32,
            width: core.x,
            height: core.y,
            planes: core.z,
            x: first.x,
            y: first.y,
            z: first.z,
            fft_z: self.fft.z,
            fft_y: self.fft.y,
            fft_x: self.fft.x,
            kind: sample_code(self.output),
            fill: fill_of(&self.fill, tile.channel),
        };
        recorder.clear(&self.result, pack::HEADER_BYTES as u64);
        self.pack.dispatch(recorder, &self.buffers[current], &params);
        let finished = if self.readback.is_full() {
            // The device computes while the oldest is read.
            recorder.submit();
            self.oldest()?
        } else {
            None
        };
        let bytes = pack::HEADER_BYTES + count * self.output.bytes();
        self.readback.send(recorder, &self.result, bytes as u64, tile);
        Ok(finished)
    }

    /// Waits for the oldest tile on its way.
    pub fn oldest(&mut self) -> Result<Option<FinishedTile>> {
        let output = self.output;
        self.readback.oldest_timed(|tile, bytes, times| {
            let (header, values) = bytes.split_at(pack::HEADER_BYTES);
            let [clamped, low, high] = bytemuck::pod_read_unaligned::<[u32; 3]>(header);
            let light = f64::from(low) + f64::from(high) * 2_f64.powi(32);
            let clamped = Clamped { values: clamped.into(), light };
            let mut samples = Samples::unset(output, tile.core_shape().count());
            let room = samples.as_bytes_mut();
            room.copy_from_slice(&values[..room.len()]);
            FinishedTile { tile, samples, clamped, worked: Worked { device: 0, times } }
        })
    }
}
