//! The graphics device's backend: records every step as dispatches and submits them when a tile is downloaded.
//!
//! `canvas` holds the fields and paints the observed volume, `volumes` deconvolves what `spectrum` convolves, `download` brings cores home. All
//! buffers, pipelines and bind groups are made in [`GpuBackend::new`]; the loop over tiles makes none.

mod acceleration;
mod canvas;
mod download;
mod spectrum;
mod volumes;

pub use canvas::Slot;

use canvas::Canvas;
use download::Download;
use volumes::Volumes;

use crate::decon::{Backend, Changes, Field, FinishedTile, Setup, Start, VolumeRole};
use crate::error::Result;
use crate::gpu::{Device, Kernel, Recorder, Shader, ShaderParams};
use crate::plan::upload_places;
use crate::space::Zyx;
use crate::tile::Tile;

/// Deconvolves and converts on a graphics device.
#[derive(Debug)]
pub struct GpuBackend {
    device: Device,
    recorder: Recorder,
    canvas: Canvas,
    /// `None` when nothing is to be deconvolved.
    volumes: Option<Volumes>,
    download: Download,
}

impl GpuBackend {
    /// Makes every buffer and every OTF, and compiles every kernel.
    ///
    /// # Errors
    /// `Limit` when a volume, a field or all of them do not fit the device, `Gpu` when the driver fails.
    pub fn new(device: Device, setup: &Setup) -> Result<Self> {
        let observed = volume(&device, VolumeRole::Observed, setup)?;
        let canvas = Canvas::new(&device, setup, &observed)?;
        let volumes = match setup.channels.is_empty() {
            true => None,
            false => Some(Volumes::new(&device, setup, &observed)?),
        };
        let images = volumes.as_ref().map_or([&observed; 2], Volumes::estimates);
        let download = Download::new(&device, setup, images, &observed)?;
        let places = upload_places(setup.field_bytes, setup.field_slots);
        let recorder = Recorder::with_uploads(&device, places as usize, setup.field_bytes)?.timed()?;
        // What tables were written through is given back.
        device.settle()?;
        Ok(Self { device, recorder, canvas, volumes, download })
    }

    /// Kernels started so far, for measurements: an iteration takes four for images, eight for volumes.
    pub fn dispatches(&self) -> u64 {
        self.recorder.dispatches()
    }

    fn deconvolving(&mut self) -> (&mut Volumes, &mut Recorder) {
        (self.volumes.as_mut().expect("the setup has channels to deconvolve"), &mut self.recorder)
    }
}

/// A volume for all pairs, `[pair][z, y, x]`.
fn volume(device: &Device, role: VolumeRole, setup: &Setup) -> Result<wgpu::Buffer> {
    let what = match role {
        VolumeRole::Observed => "observed",
        VolumeRole::Weight => "weight",
        VolumeRole::Estimate => "estimate",
        VolumeRole::Previous => "estimate before",
        VolumeRole::Change => "change",
        VolumeRole::Spectrum => "spectrum",
    };
    device.buffer(what, voxels(setup) * role.bytes_per_voxel(setup.precision))
}

/// Of all pairs.
fn voxels(setup: &Setup) -> u64 {
    u64::from(setup.lanes.div_ceil(2)) * setup.fft.count() as u64
}

/// A kernel and the buffers it always runs on.
#[derive(Debug)]
struct Step<P> {
    kernel: Kernel<P>,
    buffers: wgpu::BindGroup,
}

impl<P: ShaderParams> Step<P> {
    fn new(device: &Device, shader: &Shader, buffers: &[&wgpu::Buffer]) -> Result<Self> {
        Self::of(Kernel::new(device, shader)?, device, buffers)
    }

    fn of(kernel: Kernel<P>, device: &Device, buffers: &[&wgpu::Buffer]) -> Result<Self> {
        let buffers = kernel.bind(device, buffers)?;
        Ok(Self { kernel, buffers })
    }

    fn run(&self, recorder: &mut Recorder, params: &P) {
        self.kernel.dispatch(recorder, &self.buffers, params);
    }
}

impl Backend for GpuBackend {
    type Field = Slot;

    fn upload(&mut self, field: Field) -> Result<Slot> {
        self.device.check()?;
        self.canvas.upload(&mut self.recorder, field)
    }

    fn release(&mut self, field: Slot) {
        self.canvas.release(field);
    }

    fn stitch(&mut self, lane: usize, tile: &Tile, fields: &[&Slot]) -> Result<()> {
        self.canvas.stitch(&mut self.recorder, lane, tile, fields);
        if let Some(volumes) = &mut self.volumes {
            volumes.occupy(lane, tile.padded_shape());
        }
        Ok(())
    }

    fn begin(&mut self, channel: usize, lanes: usize, start: Start) -> Result<()> {
        if !lanes.is_multiple_of(2) {
            self.canvas.clear(&mut self.recorder, lanes);
            self.deconvolving().0.occupy(lanes, Zyx::default());
        }
        let (volumes, recorder) = self.deconvolving();
        volumes.begin(recorder, channel, lanes, start);
        Ok(())
    }

    fn project(&mut self) -> Result<()> {
        let (volumes, recorder) = self.deconvolving();
        volumes.project(recorder);
        Ok(())
    }

    fn project_and_measure(&mut self) -> Result<f64> {
        let (volumes, recorder) = self.deconvolving();
        volumes.project_and_measure(recorder)
    }

    fn back_project(&mut self) -> Result<()> {
        let (volumes, recorder) = self.deconvolving();
        volumes.back_project(recorder);
        Ok(())
    }

    fn measure_change(&mut self) -> Result<Changes> {
        let (volumes, recorder) = self.deconvolving();
        volumes.measure_change(recorder)
    }

    fn update(&mut self, alpha: f32) -> Result<()> {
        let (volumes, recorder) = self.deconvolving();
        volumes.update(recorder, alpha);
        Ok(())
    }

    fn download(&mut self, lane: usize, tile: Tile) -> Result<Option<FinishedTile>> {
        let current = self.volumes.as_ref().map_or(0, Volumes::current);
        self.download.start(&mut self.recorder, current, lane, tile)
    }

    fn drain(&mut self) -> Result<Option<FinishedTile>> {
        self.download.oldest()
    }
}
