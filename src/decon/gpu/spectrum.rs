//! A spectrum of all pairs of a group, transformed along x, and the passes that are the same whatever it is of: it begins,
//! and it is convolved with a channel's PSF.

use super::Step;
use crate::decon::Setup;
use crate::error::Result;
use crate::gpu::{Device, Kernel, Recorder};
use crate::kernels::fft::{LinePlan, LinePlans};
use crate::kernels::{begin_rows, convolve_lines, transform_lines};
use crate::space::Zyx;

/// With the PSF, or with its mirror image.
#[derive(Clone, Copy)]
pub enum Projection {
    Forward,
    Back,
}

/// Kernels for spectra that are stored in one way. Copies mean the same ones.
#[derive(Clone)]
pub struct SpectrumKernels {
    begin: Kernel<begin_rows::Params>,
    /// Along y of volumes; images need none.
    transform: Option<Kernel<transform_lines::Params>>,
    convolve: Kernel<convolve_lines::Params>,
}

impl SpectrumKernels {
    pub fn new(device: &Device, plans: &LinePlans) -> Result<Self> {
        let transform = plans.middle.as_ref();
        let transform = transform.map(|plan| Kernel::new(device, &transform_lines::shader(plan)));
        Ok(Self {
            begin: Kernel::new(device, &begin_rows::shader(&plans.rows))?,
            transform: transform.transpose()?,
            convolve: Kernel::new(device, &convolve_lines::shader(&plans.last))?,
        })
    }
}

/// Twiddle factors of each axis.
pub struct Tables {
    pub rows: wgpu::Buffer,
    last: wgpu::Buffer,
    middle: Option<wgpu::Buffer>,
}

impl Tables {
    pub fn new(device: &Device, plans: &LinePlans) -> Result<Self> {
        let table = |plan: &LinePlan| -> Result<_> {
            let twiddles = plan.twiddles();
            let buffer = device.buffer("twiddle factors", twiddles.len() as u64 * 8)?;
            device.write(&buffer, bytemuck::cast_slice(&twiddles));
            Ok(buffer)
        };
        Ok(Self {
            rows: table(&plans.rows)?,
            last: table(&plans.last)?,
            middle: plans.middle.as_ref().map(table).transpose()?,
        })
    }
}

/// What a spectrum is made from and convolved with.
pub struct Sources<'a> {
    pub tables: &'a Tables,
    pub observed: &'a wgpu::Buffer,
    /// Where the start goes, too.
    pub estimate: &'a wgpu::Buffer,
    /// Of each pair.
    pub balance: &'a wgpu::Buffer,
    /// Of each channel.
    pub otfs: &'a [wgpu::Buffer],
}

#[derive(Debug)]
pub struct Spectrum {
    fft: Zyx<u32>,
    begin: Step<begin_rows::Params>,
    transform: Option<Step<transform_lines::Params>>,
    convolve: Kernel<convolve_lines::Params>,
    /// With the OTF of each channel.
    channels: Vec<wgpu::BindGroup>,
}

impl Spectrum {
    /// The one that lies in `values`.
    pub fn new(
        device: &Device,
        setup: &Setup,
        kernels: SpectrumKernels,
        values: &wgpu::Buffer,
        sources: &Sources<'_>,
    ) -> Result<Self> {
        let SpectrumKernels { begin, transform, convolve } = kernels;
        let Sources { tables, observed, estimate, balance, otfs } = sources;
        let channels = otfs.iter().map(|otf| convolve.bind(device, &[&tables.last, values, otf]));
        let channels = channels.collect::<Result<_>>()?;
        let transform = transform.zip(tables.middle.as_ref());
        let transform = transform.map(|(kernel, table)| Step::of(kernel, device, &[table, values]));
        Ok(Self {
            fft: setup.fft,
            begin: Step::of(begin, device, &[&tables.rows, values, observed, estimate, balance])?,
            transform: transform.transpose()?,
            convolve,
            channels,
        })
    }

    /// Makes that of one pair.
    pub fn begin(&self, recorder: &mut Recorder, params: &begin_rows::Params) {
        self.begin.run(recorder, params);
    }

    /// Convolves that of the first `pairs` pairs.
    pub fn convolve(&self, recorder: &mut Recorder, pairs: u32, channel: usize, projection: Projection) {
        self.transform(recorder, pairs, 0);
        let stride = if self.fft.z == 1 { self.fft.x } else { self.fft.y * self.fft.x };
        let sign = match projection {
            Projection::Forward => 1.0,
            Projection::Back => -1.0,
        };
        let params = convolve_lines::Params { lines: pairs * stride, stride, sign };
        self.convolve.dispatch(recorder, &self.channels[channel], &params);
        self.transform(recorder, pairs, 1);
    }

    fn transform(&self, recorder: &mut Recorder, pairs: u32, inverse: u32) {
        if let Some(transform) = &self.transform {
            let lines = pairs * self.fft.z * self.fft.x;
            transform.run(recorder, &transform_lines::Params { lines, stride: self.fft.x, inverse });
        }
    }
}
