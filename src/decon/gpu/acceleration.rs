//! How iterations change their points, measured on the device row by row and added up here.

use super::volume;
use crate::decon::{Changes, Setup, VolumeRole};
use crate::error::Result;
use crate::gpu::{Device, Kernel, Readback, Recorder};
use crate::kernels::change_rows::{Params, SUM_BYTES, shader};
use crate::kernels::fft::LinePlan;

#[derive(Debug)]
pub(super) struct Acceleration {
    kernel: Kernel<Params>,
    /// With each of the two estimates as that of the point.
    buffers: [wgpu::BindGroup; 2],
    sums: wgpu::Buffer,
    readback: Readback<()>,
    /// Whether the group has no change yet.
    is_first: bool,
}

/// What it looks at beside its own volumes.
pub(super) struct Seen<'a> {
    pub twiddles: &'a wgpu::Buffer,
    pub spectrum: &'a wgpu::Buffer,
    pub weight: &'a wgpu::Buffer,
    pub edges: &'a wgpu::Buffer,
    pub estimate: &'a [wgpu::Buffer; 2],
}

impl Acceleration {
    /// `None` where the method of `setup` holds no changes. `rows`: of all pairs.
    pub fn new(
        device: &Device,
        setup: &Setup,
        plan: &LinePlan,
        rows: u64,
        seen: &Seen<'_>,
    ) -> Result<Option<Self>> {
        if !setup.method.volumes().contains(&VolumeRole::Change) {
            return Ok(None);
        }
        let change = volume(device, VolumeRole::Change, setup)?;
        let sums = device.buffer("changes of each row", rows * SUM_BYTES)?;
        let kernel = Kernel::new(device, &shader(plan))?;
        let Seen { twiddles, spectrum, weight, edges, estimate } = *seen;
        let bind = |i: usize| {
            let [current, previous] = [&estimate[i], &estimate[1 - i]];
            kernel.bind(device, &[twiddles, spectrum, weight, edges, current, previous, &change, &sums])
        };
        let buffers = [bind(0)?, bind(1)?];
        let readback = Readback::new(device, 1, rows * SUM_BYTES)?;
        Ok(Some(Self { kernel, buffers, sums, readback, is_first: true }))
    }

    /// Another group begins.
    pub fn begin(&mut self) {
        self.is_first = true;
    }

    /// Waits for the sums over `lines` rows of a group whose estimate is `current`.
    pub fn measure(
        &mut self,
        recorder: &mut Recorder,
        current: usize,
        lines: u32,
        alpha: f32,
    ) -> Result<Changes> {
        let is_first = std::mem::take(&mut self.is_first).into();
        self.kernel.dispatch(recorder, &self.buffers[current], &Params { lines, alpha, is_first });
        self.readback.send(recorder, &self.sums, u64::from(lines) * SUM_BYTES, ());
        let changes = self.readback.oldest(|(), bytes| {
            let rows = bytes.chunks_exact(SUM_BYTES as usize).map(bytemuck::pod_read_unaligned::<[f32; 2]>);
            rows.map(|[with_last, last]| Changes { with_last: with_last.into(), last: last.into() }).sum()
        })?;
        Ok(changes.expect("the sums are on their way"))
    }
}
