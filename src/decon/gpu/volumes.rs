//! What is deconvolved: the volumes of a group, and the dispatches over them.
//!
//! One iteration is `project` and `back_project`: four dispatches for images, eight for volumes; the table of their
//! bytes stands in `kernels`.

use super::volume;
use crate::decon::otf::otf;
use crate::decon::{Setup, Start};
use crate::error::Result;
use crate::gpu::{Device, Kernel, Readback, Recorder, Shader, ShaderParams};
use crate::kernels::begin_rows::Mode;
use crate::kernels::fft::{LinePlan, LinePlans};
use crate::kernels::{
    begin_rows, convolve_lines, divergence_rows, ratio_rows, transform_lines, update_rows, weight_rows,
};
use crate::space::Zyx;

/// A kernel and the buffers it always runs on.
#[derive(Debug)]
struct Step<P> {
    kernel: Kernel<P>,
    buffers: wgpu::BindGroup,
}

impl<P: ShaderParams> Step<P> {
    fn new(device: &Device, shader: &Shader, buffers: &[&wgpu::Buffer]) -> Result<Self> {
        let kernel = Kernel::new(device, shader)?;
        let buffers = kernel.bind(device, buffers)?;
        Ok(Self { kernel, buffers })
    }

    fn run(&self, recorder: &mut Recorder, params: &P) {
        self.kernel.dispatch(recorder, &self.buffers, params);
    }
}

#[derive(Debug)]
pub(super) struct Volumes {
    fft: Zyx<u32>,
    estimate: [wgpu::Buffer; 2],
    begin: Step<begin_rows::Params>,
    /// Along y of volumes; images need none.
    transform: Option<Step<transform_lines::Params>>,
    convolve: Kernel<convolve_lines::Params>,
    divergence: Step<divergence_rows::Params>,
    /// Of each row, and on their way home.
    sums: wgpu::Buffer,
    readback: Readback<()>,
    ratio: Step<ratio_rows::Params>,
    update: Update,
    weight: Step<weight_rows::Params>,
    /// For each row, where its weights are not 1.
    edges: wgpu::Buffer,
    channels: Vec<Channel>,
    /// Extents of the tile in each lane.
    extents: Vec<Zyx<u32>>,
    /// Of the group: output channel, pairs.
    channel: usize,
    pairs: u32,
}

/// Two volumes that are in turn the estimate and the one before.
#[derive(Debug)]
struct Update {
    kernel: Kernel<update_rows::Params>,
    /// With one as the estimate, with the other.
    buffers: [wgpu::BindGroup; 2],
    /// Which is the estimate.
    current: usize,
    /// Weight of the last change in the point.
    alpha: f32,
}

#[derive(Debug)]
struct Channel {
    convolve: wgpu::BindGroup,
    background: f32,
}

/// With the PSF, or with its mirror image.
#[derive(Clone, Copy)]
enum Projection {
    Forward,
    Back,
}

impl Volumes {
    /// Makes every buffer but `observed`, every pipeline and every OTF.
    pub fn new(device: &Device, setup: &Setup, observed: &wgpu::Buffer) -> Result<Self> {
        let plans = LinePlans::new(setup.fft, device.limits().workgroup)?;
        let estimate = [volume(device, "estimate", setup)?, volume(device, "estimate before", setup)?];
        let weight = volume(device, "weight", setup)?;
        let spectrum = volume(device, "spectrum", setup)?;
        let pairs = u64::from(setup.lanes.div_ceil(2));
        let edges = device.buffer("edges", pairs * u64::from(setup.fft.z * setup.fft.y) * 4)?;
        let along_x = twiddles(device, &plans.rows)?;
        let along_last = twiddles(device, &plans.last)?;
        let convolve = Kernel::new(device, &convolve_lines::shader(&plans.last))?;
        let channels = setup.channels.iter().map(|channel| {
            let values = otf(&channel.psf, setup.fft)?;
            let otf = device.buffer("OTF", values.len() as u64 * 8)?;
            let pairs: Vec<[f32; 2]> = values.iter().map(|v| [v.re, v.im]).collect();
            device.write(&otf, bytemuck::cast_slice(&pairs));
            let convolve = convolve.bind(device, &[&along_last, &spectrum, &otf])?;
            Ok(Channel { convolve, background: channel.background })
        });
        let channels = channels.collect::<Result<_>>()?;
        let transform = match &plans.middle {
            Some(plan) => {
                let buffers = [&twiddles(device, plan)?, &spectrum];
                Some(Step::new(device, &transform_lines::shader(plan), &buffers)?)
            }
            None => None,
        };
        let rows = &plans.rows;
        let begin = [&along_x, &spectrum, observed, &estimate[0]];
        let kernel = Kernel::new(device, &update_rows::shader(rows))?;
        let bind = |i: usize| {
            let buffers = [&along_x, &spectrum, &weight, &edges, &estimate[i], &estimate[1 - i]];
            kernel.bind(device, &buffers)
        };
        let buffers = [bind(0)?, bind(1)?];
        let weigh = [&along_x, &spectrum, &weight, &edges];
        let sums_bytes = u64::from(setup.lanes.div_ceil(2) * setup.fft.z * setup.fft.y) * 4;
        let sums = device.buffer("divergence of each row", sums_bytes)?;
        let divergence = [&along_x, &spectrum, observed, &sums];
        Ok(Self {
            fft: setup.fft,
            begin: Step::new(device, &begin_rows::shader(rows), &begin)?,
            transform,
            convolve,
            divergence: Step::new(device, &divergence_rows::shader(rows), &divergence)?,
            sums,
            readback: Readback::new(device, 1, sums_bytes)?,
            ratio: Step::new(device, &ratio_rows::shader(rows), &[&along_x, &spectrum, observed])?,
            update: Update { kernel, buffers, current: 0, alpha: 0.0 },
            weight: Step::new(device, &weight_rows::shader(rows), &weigh)?,
            estimate,
            edges,
            channels,
            extents: vec![Zyx::default(); setup.lanes.next_multiple_of(2) as usize],
            channel: 0,
            pairs: 0,
        })
    }

    /// The volumes of which one comes out, and the other holds the estimate before.
    pub fn estimates(&self) -> [&wgpu::Buffer; 2] {
        self.estimate.each_ref()
    }

    /// Which of them comes out.
    pub fn current(&self) -> usize {
        self.update.current
    }

    /// Says how much of `lane` is a tile.
    pub fn occupy(&mut self, lane: usize, extents: Zyx<u32>) {
        self.extents[lane] = extents;
    }

    /// Makes weight, estimate and spectrum of the first `lanes` lanes.
    pub fn begin(&mut self, recorder: &mut Recorder, channel: usize, lanes: usize, start: Start) {
        self.channel = channel;
        (self.update.current, self.update.alpha) = (0, 0.0);
        self.pairs = lanes.div_ceil(2) as u32;
        self.begin_rows(recorder, Mode::Mask);
        self.filter(recorder, Projection::Back);
        recorder.clear(&self.edges, u64::from(self.rows()) * 4);
        self.weight.run(recorder, &weight_rows::Params { lines: self.rows() });
        let mode = match start {
            Start::Observed => Mode::Observed,
            Start::Flat => Mode::Flat,
        };
        self.begin_rows(recorder, mode);
    }

    /// Spectrum of the point, transformed along x → spectrum of the ratio, likewise.
    pub fn project(&mut self, recorder: &mut Recorder) {
        self.filter(recorder, Projection::Forward);
        let background = self.channels[self.channel].background;
        self.ratio.run(recorder, &ratio_rows::Params { lines: self.rows(), background });
    }

    /// The same; waits for the divergence of the point, which the device sums row by row.
    pub fn project_and_measure(&mut self, recorder: &mut Recorder) -> Result<f64> {
        self.filter(recorder, Projection::Forward);
        let (lines, background) = (self.rows(), self.channels[self.channel].background);
        self.divergence.run(recorder, &divergence_rows::Params { lines, background });
        self.ratio.run(recorder, &ratio_rows::Params { lines, background });
        self.readback.send(recorder, &self.sums, u64::from(lines) * 4, ());
        let sum = self.readback.oldest(|(), bytes| {
            let sums = bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned::<f32>);
            sums.map(f64::from).sum()
        })?;
        Ok(sum.expect("the sums are on their way"))
    }

    /// Spectrum of the ratio → spectrum of the next point, in which the change has the weight `next_alpha`; estimate ←
    /// the next.
    pub fn back_project(&mut self, recorder: &mut Recorder, next_alpha: f32) {
        self.filter(recorder, Projection::Back);
        let lines = self.rows();
        let Update { kernel, buffers, current, alpha } = &mut self.update;
        let params = update_rows::Params { lines, alpha: *alpha, next_alpha };
        kernel.dispatch(recorder, &buffers[*current], &params);
        if next_alpha != 0.0 {
            *current = 1 - *current;
        }
        *alpha = next_alpha;
    }

    fn begin_rows(&self, recorder: &mut Recorder, mode: Mode) {
        for pair in 0..self.pairs {
            let [even, odd] = [self.extents[2 * pair as usize], self.extents[2 * pair as usize + 1]];
            let params = begin_rows::Params {
                pair,
                mode: mode as u32,
                background: self.channels[self.channel].background,
                fft_z: self.fft.z,
                fft_y: self.fft.y,
                even_z: even.z,
                even_y: even.y,
                even_x: even.x,
                odd_z: odd.z,
                odd_y: odd.y,
                odd_x: odd.x,
            };
            self.begin.run(recorder, &params);
        }
    }

    /// Convolves a spectrum that is transformed along x only.
    fn filter(&self, recorder: &mut Recorder, projection: Projection) {
        self.transform(recorder, 0);
        self.convolve(recorder, projection);
        self.transform(recorder, 1);
    }

    fn transform(&self, recorder: &mut Recorder, inverse: u32) {
        if let Some(transform) = &self.transform {
            let lines = self.pairs * self.fft.z * self.fft.x;
            transform.run(recorder, &transform_lines::Params { lines, stride: self.fft.x, inverse });
        }
    }

    fn convolve(&self, recorder: &mut Recorder, projection: Projection) {
        let stride = if self.fft.z == 1 { self.fft.x } else { self.fft.y * self.fft.x };
        let sign = match projection {
            Projection::Forward => 1.0,
            Projection::Back => -1.0,
        };
        let params = convolve_lines::Params { lines: self.pairs * stride, stride, sign };
        self.convolve.dispatch(recorder, &self.channels[self.channel].convolve, &params);
    }

    /// Rows of all pairs of the group.
    fn rows(&self) -> u32 {
        self.pairs * self.fft.z * self.fft.y
    }
}

fn twiddles(device: &Device, plan: &LinePlan) -> Result<wgpu::Buffer> {
    let twiddles = plan.twiddles();
    let buffer = device.buffer("twiddle factors", twiddles.len() as u64 * 8)?;
    device.write(&buffer, bytemuck::cast_slice(&twiddles));
    Ok(buffer)
}
