//! What is deconvolved: the volumes of a group, and the dispatches over them.
//!
//! One iteration is `project` and `back_project`: four dispatches for images, eight for volumes; the table of their
//! bytes stands in `kernels`.

use super::acceleration::{Acceleration, Seen};
use super::spectrum::{Projection, Sources, Spectrum, SpectrumKernels, Tables};
use super::{Step, volume};
use crate::decon::otf::otf;
use crate::decon::{Changes, Setup, Start, VolumeRole};
use crate::error::Result;
use crate::gpu::{Device, Kernel, Readback, Recorder};
use crate::kernels::begin_rows::Mode;
use crate::kernels::fft::LinePlans;
use crate::kernels::{balance_lanes, begin_rows, divergence_rows, ratio_rows, update_rows, weight_rows};
use crate::psf::Psf;
use crate::space::Zyx;

#[derive(Debug)]
pub(super) struct Volumes {
    fft: Zyx<u32>,
    estimate: [wgpu::Buffer; 2],
    spectrum: Spectrum,
    balance: Step<balance_lanes::Params>,
    /// That of the mask of the data, in the volume of the estimate before, which is not needed yet. Always f32: the weights
    /// are the same in all iterations, so what they are off by adds up.
    mask: Spectrum,
    divergence: Step<divergence_rows::Params>,
    /// Of each row, and on their way home.
    sums: wgpu::Buffer,
    readback: Readback<()>,
    ratio: Step<ratio_rows::Params>,
    update: Update,
    acceleration: Option<Acceleration>,
    weight: Step<weight_rows::Params>,
    /// For each row, where its weights are not 1.
    edges: wgpu::Buffer,
    /// Of each channel: counts that the model adds to the blurred object.
    backgrounds: Vec<f32>,
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

impl Volumes {
    /// Makes every buffer but `observed`, every pipeline and every OTF.
    pub fn new(device: &Device, setup: &Setup, observed: &wgpu::Buffer) -> Result<Self> {
        let exact = LinePlans::new(setup.fft, device.limits().workgroup)?;
        let stored = exact.clone().storing(setup.precision);
        let tables = Tables::new(device, &exact)?;
        let volume = |role| volume(device, role, setup);
        let estimate = [volume(VolumeRole::Estimate)?, volume(VolumeRole::Previous)?];
        let weight = volume(VolumeRole::Weight)?;
        let spectrum = volume(VolumeRole::Spectrum)?;
        let rows_bytes = u64::from(setup.lanes.div_ceil(2) * setup.fft.z * setup.fft.y) * 4;
        let edges = device.buffer("edges", rows_bytes)?;
        let sums = device.buffer("divergence of each row", rows_bytes)?;
        let balance = device.buffer("balance", u64::from(setup.lanes.div_ceil(2)) * 8)?;
        let otfs = setup.channels.iter().map(|channel| otf_buffer(device, setup, &channel.psf));
        let otfs = otfs.collect::<Result<Vec<_>>>()?;

        let sources =
            Sources { tables: &tables, observed, estimate: &estimate[0], balance: &balance, otfs: &otfs };
        let exact_kernels = SpectrumKernels::new(device, &exact)?;
        let stored_kernels = match stored == exact {
            true => exact_kernels.clone(),
            false => SpectrumKernels::new(device, &stored)?,
        };
        let mask = Spectrum::new(device, setup, exact_kernels, &estimate[1], &sources)?;
        let weigh = [&tables.rows, &estimate[1], &weight, &edges];
        let weight_step = Step::new(device, &weight_rows::shader(&exact.rows), &weigh)?;

        let rows = &stored.rows;
        let kernel = Kernel::new(device, &update_rows::shader(rows))?;
        let bind = |i: usize| {
            let buffers =
                [&tables.rows, &spectrum, &weight, &edges, &estimate[i], &estimate[1 - i], &balance];
            kernel.bind(device, &buffers)
        };
        let buffers = [bind(0)?, bind(1)?];
        let (twiddles, spectrum, weight) = (&tables.rows, &spectrum, &weight);
        let seen = Seen { twiddles, spectrum, weight, edges: &edges, estimate: &estimate };
        let acceleration = Acceleration::new(device, setup, rows, rows_bytes / 4, &seen)?;
        let ratio = [&tables.rows, spectrum, observed, &balance];
        let divergence = [&tables.rows, spectrum, observed, &sums, &balance];
        Ok(Self {
            fft: setup.fft,
            mask,
            weight: weight_step,
            balance: Step::new(device, &balance_lanes::shader(), &[observed, &balance])?,
            divergence: Step::new(device, &divergence_rows::shader(rows), &divergence)?,
            ratio: Step::new(device, &ratio_rows::shader(rows), &ratio)?,
            update: Update { kernel, buffers, current: 0, alpha: 0.0 },
            acceleration,
            spectrum: Spectrum::new(device, setup, stored_kernels, spectrum, &sources)?,
            readback: Readback::new(device, 1, rows_bytes)?,
            sums,
            estimate,
            edges,
            backgrounds: (0..setup.channels.len()).map(|channel| setup.added(channel)).collect(),
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
        if let Some(acceleration) = &mut self.acceleration {
            acceleration.begin();
        }
        self.begin_rows(recorder, Mode::Mask);
        self.mask.convolve(recorder, self.pairs, channel, Projection::Back);
        recorder.clear(&self.edges, u64::from(self.rows()) * 4);
        self.weight.run(recorder, &weight_rows::Params { lines: self.rows() });
        let (pairs, voxels) = (self.pairs, self.fft.count() as u32);
        let background = self.backgrounds[channel];
        self.balance.run(recorder, &balance_lanes::Params { pairs, voxels, background });
        let mode = match start {
            Start::Observed => Mode::Observed,
            Start::Flat => Mode::Flat,
        };
        self.begin_rows(recorder, mode);
    }

    /// Spectrum of the point, transformed along x → spectrum of the ratio, likewise.
    pub fn project(&mut self, recorder: &mut Recorder) {
        self.convolve(recorder, Projection::Forward);
        self.ratio.run(recorder, &self.ratio_params());
    }

    /// The same; waits for the divergence of the point, which the device sums row by row.
    pub fn project_and_measure(&mut self, recorder: &mut Recorder) -> Result<f64> {
        self.convolve(recorder, Projection::Forward);
        let params = self.ratio_params();
        let ratio_rows::Params { lines, pair_lines, background } = params;
        self.divergence.run(recorder, &divergence_rows::Params { lines, pair_lines, background });
        self.ratio.run(recorder, &params);
        self.readback.send(recorder, &self.sums, u64::from(lines) * 4, ());
        let sum = self.readback.oldest(|(), bytes| {
            let sums = bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned::<f32>);
            sums.map(f64::from).sum()
        })?;
        Ok(sum.expect("the sums are on their way"))
    }

    /// Spectrum of the ratio → spectrum of the correction.
    pub fn back_project(&mut self, recorder: &mut Recorder) {
        self.convolve(recorder, Projection::Back);
    }

    /// Waits for how the update that comes next changes its point. The spectrum stays as it is.
    pub fn measure_change(&mut self, recorder: &mut Recorder) -> Result<Changes> {
        let lines = self.rows();
        let acceleration = self.acceleration.as_mut().expect("the method of the setup measures changes");
        acceleration.measure(recorder, self.update.current, lines, self.update.alpha)
    }

    /// Spectrum of the correction → spectrum of the next point, in which the change has the weight `next_alpha`; estimate ←
    /// the next.
    pub fn update(&mut self, recorder: &mut Recorder, next_alpha: f32) {
        let (lines, pair_lines) = (self.rows(), self.pair_rows());
        let Update { kernel, buffers, current, alpha } = &mut self.update;
        let params = update_rows::Params { lines, pair_lines, alpha: *alpha, next_alpha };
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
                background: self.backgrounds[self.channel],
                fft_z: self.fft.z,
                fft_y: self.fft.y,
                even_z: even.z,
                even_y: even.y,
                even_x: even.x,
                odd_z: odd.z,
                odd_y: odd.y,
                odd_x: odd.x,
            };
            let spectrum = if mode == Mode::Mask { &self.mask } else { &self.spectrum };
            spectrum.begin(recorder, &params);
        }
    }

    fn convolve(&self, recorder: &mut Recorder, projection: Projection) {
        self.spectrum.convolve(recorder, self.pairs, self.channel, projection);
    }

    fn ratio_params(&self) -> ratio_rows::Params {
        let background = self.backgrounds[self.channel];
        ratio_rows::Params { lines: self.rows(), pair_lines: self.pair_rows(), background }
    }

    /// Rows of all pairs of the group.
    fn rows(&self) -> u32 {
        self.pairs * self.pair_rows()
    }

    fn pair_rows(&self) -> u32 {
        self.fft.z * self.fft.y
    }
}

fn otf_buffer(device: &Device, setup: &Setup, psf: &Psf) -> Result<wgpu::Buffer> {
    let values = otf(psf, setup.fft)?;
    let buffer = device.buffer("OTF", values.len() as u64 * 8)?;
    device.write(&buffer, bytemuck::cast_slice(&values));
    Ok(buffer)
}
