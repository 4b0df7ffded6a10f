//! The graphics device: which one, its limits, buffers, kernels, and the way back to the computer's memory.
//!
//! Data flow: [`adapters`] and [`choose`] name a device, [`Device::open`] opens it; [`Device::buffer`] makes buffers,
//! [`Kernel`] makes pipelines and bind groups, all before the first pixel; a [`Recorder`] collects dispatches and
//! submits them, and sends what they work on through a ring of buffers; [`Readback`] brings results home. Nothing here
//! knows images: what runs lives in `kernels`.

mod adapter;
mod device;
mod kernel;
mod mapping;
mod pace;
mod readback;
mod recorder;
mod stamps;
mod upload;

pub use adapter::{Adapter, AdapterKind, AdapterSummary, Choice, adapters, choose};
pub use device::{Device, GpuLimits, WorkgroupLimits};
pub use kernel::{Access, Kernel, ParamField, Shader, ShaderParams};
pub use readback::Readback;
pub use recorder::Recorder;
