//! What computes: a GPU or the processor.

use std::sync::Arc;

use crate::decon::Precision;
use crate::error::{Error, Result};
use crate::gpu::{Adapter, AdapterKind, AdapterSummary, Choice, Device, adapters, choose};
use crate::options::{BackendChoice, Options};
use crate::pixels::Samples;
use crate::plan::{Limits, Shares};

/// The backend that was chosen, not holding anything yet. Copies mean the same device.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// The processor.
    Cpu {
        /// Threads that compute.
        threads: usize,
    },
    /// A graphics device, open.
    Gpu(Gpu),
    /// Nothing: tiles are cut from these samples. For measurements; see [`NullBackend`](crate::decon::NullBackend).
    Null(Arc<Samples>),
}

/// A graphics device, and how much of its memory a plan may take.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// Open.
    pub device: Device,
    /// More of the same model, which share the tiles of an image.
    pub others: Vec<Device>,
    /// Bytes on each.
    pub memory_bytes: u64,
    /// Whether they were there to be taken.
    pub is_tried: bool,
}

impl Gpu {
    /// `device`, of whose memory a plan may take what is taken unless told otherwise: 4 GiB, as wgpu does not say how much
    /// there is.
    pub fn new(device: Device) -> Self {
        Self { device, others: Vec::new(), memory_bytes: 4 << 30, is_tried: false }
    }

    /// All of them.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        std::iter::once(&self.device).chain(&self.others)
    }
}

/// Longest transform on the processor. Longer ones save little padding (a halo of 16 and a PSF of 65 cost 10 % at
/// 2048, 5 % at 4096), and the fields under a band of larger tiles take more memory.
const CPU_FFT_LENGTH: u32 = 2304;
/// Bytes that a group's volumes may take to stay in a graphics device's level-2 cache from one pass to the next: larger
/// devices have 36 to 72 MiB (RTX 4070 36, A100 40, H100 50, RTX 4090 72), and no interface tells. A larger pair is a
/// group of its own.
const CACHE_BYTES: u64 = 32 << 20;
/// Bytes of one plane of a tile before it is downsampled, at most: 5792 × 5792 mosaic pixels, as on a device.
const PLANE_BYTES: u64 = 128 << 20;

/// Opens the device that the options ask for. `auto` takes hardware, else the processor, and does not look for any where
/// nothing is deconvolved: copying to a device and back costs more than stitching. `gpu` takes a software driver where
/// there is no hardware, and says so.
///
/// # Errors
/// `Gpu` when the device that was asked for is not there or does not open.
pub fn choose_backend(options: &Options, notes: &mut Vec<String>) -> Result<Chosen> {
    let cpu = Chosen::Cpu { threads: options.threads };
    // An empty variable names nothing.
    let named = options.device.as_deref().filter(|text| !text.trim().is_empty());
    let mut open = |adapters: &[Adapter]| open(adapters, options.gpu_memory_bytes, notes);
    match (options.backend, named) {
        // A device may be set for all runs, through the environment.
        (BackendChoice::Cpu, _) => Ok(cpu),
        (_, Some(text)) => open(&choose_all(text)?),
        (BackendChoice::Auto, None) if options.iterations == 0 => Ok(cpu),
        (BackendChoice::Gpu, None) => open(&[best(adapters())?]),
        (BackendChoice::Auto, None) => match choose(adapters(), &Choice::Auto) {
            Err(_) => Ok(cpu),
            Ok(adapter) => open(&[adapter]).or_else(|error| {
                notes.push(format!("{error}; computing on the CPU"));
                Ok(cpu)
            }),
        },
    }
}

/// Hardware, else whatever there is.
fn best(adapters: Vec<Adapter>) -> Result<Adapter> {
    choose(adapters.clone(), &Choice::Auto).or_else(|_| choose(adapters, &Choice::Index(0)))
}

/// Those that `text` names, between commas; one may be named twice.
fn choose_all(text: &str) -> Result<Vec<Adapter>> {
    let all = adapters();
    let choice = |text: &str| text.parse().unwrap_or(Choice::Auto);
    let chosen = text.split(',').map(|text| choose(all.clone(), &choice(text)));
    let chosen = chosen.collect::<Result<Vec<_>>>()?;
    if chosen.len() > Shares::MOST_DEVICES {
        let reason = format!("{} devices, {} at most", chosen.len(), Shares::MOST_DEVICES);
        return Err(Error::option("--device", reason));
    }
    let [first, others @ ..] = &chosen[..] else { unreachable!("a text has at least one part") };
    let is_same = |a: &AdapterSummary, b: &AdapterSummary| a.name == b.name && a.driver == b.driver;
    match others.iter().find(|other| !is_same(&first.summary, &other.summary)) {
        None => Ok(chosen),
        // The last bits of their transforms differ: pixels would depend on who had which tile.
        Some(other) => {
            let [a, b] = [first, other].map(|adapter| &adapter.summary);
            Err(Error::option("--device", format!("{a} and {b} are not of one model: run them apart")))
        }
    }
}

fn open(adapters: &[Adapter], memory_bytes: Option<u64>, notes: &mut Vec<String>) -> Result<Chosen> {
    let mut devices = adapters.iter().map(Device::open).collect::<Result<Vec<_>>>()?.into_iter();
    let mut gpu = Gpu::new(devices.next().expect("at least one is chosen"));
    let first = &adapters[0].summary;
    if first.kind == AdapterKind::Software {
        notes.push(format!("{} is a software driver: --backend cpu is many times faster", first.name));
    }
    gpu.others = devices.collect();
    gpu.memory_bytes = memory_bytes.unwrap_or(gpu.memory_bytes);
    Ok(Chosen::Gpu(gpu))
}

impl Chosen {
    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Self::Cpu { threads: 1 } => "the CPU, 1 thread".to_owned(),
            Self::Cpu { threads } => format!("the CPU, {threads} threads"),
            Self::Gpu(gpu) => match gpu.devices().count() {
                1 => gpu.device.name().to_owned(),
                several => format!("{several} × {}", gpu.device.name()),
            },
            Self::Null(_) => "nothing".to_owned(),
        }
    }

    /// How many share the groups.
    pub fn devices(&self) -> u32 {
        if let Self::Gpu(gpu) = self { gpu.devices().count() as u32 } else { 1 }
    }

    /// Whether the volumes lie in the computer's memory.
    pub fn is_cpu(&self) -> bool {
        !matches!(self, Self::Gpu(_))
    }

    /// How it stores spectra.
    pub fn precision(&self, options: &Options) -> Precision {
        if let Self::Gpu(_) = self { options.precision } else { Precision::F32 }
    }

    /// What it can hold, of a run that may take `memory_bytes`.
    pub fn limits(&self, memory_bytes: u64) -> Limits {
        match self {
            Self::Cpu { .. } | Self::Null(_) => Limits {
                fft_length: CPU_FFT_LENGTH,
                volume_bytes: memory_bytes,
                plane_bytes: PLANE_BYTES.min(memory_bytes / 4),
                memory_bytes,
                cache_bytes: 0,
            },
            Self::Gpu(Gpu { device, memory_bytes, .. }) => {
                let limits = device.limits();
                Limits {
                    fft_length: limits.max_fft_length,
                    volume_bytes: limits.max_volume_bytes,
                    plane_bytes: limits.max_plane_bytes,
                    memory_bytes: *memory_bytes,
                    cache_bytes: CACHE_BYTES,
                }
            }
        }
    }
}
