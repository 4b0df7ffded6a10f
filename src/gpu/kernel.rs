//! One compute kernel: shader text, pipeline, bind groups, dispatch.

use std::marker::PhantomData;

use super::device::Device;
use super::recorder::Recorder;
use crate::error::Result;

/// Workgroups along one axis of a dispatch that every device takes.
const MAX_GROUPS: u64 = 65_535;

/// A field of a kernel's parameters, for the test that compares them with the shader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamField {
    /// Its name.
    pub name: &'static str,
    /// `u32` or `f32`.
    pub kind: &'static str,
    /// Bytes from the start of the parameters.
    pub offset: usize,
}

/// Parameters of a kernel, bit for bit as its shader declares them.
pub trait ShaderParams: bytemuck::Pod {
    /// Every field, in order.
    const FIELDS: &'static [ParamField];

    /// Pixels, words or lines to work on: workgroups are started for all of them.
    fn items(&self) -> u64;
}

/// What a kernel does with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads it.
    Read,
    /// Writes it, and perhaps reads it.
    Write,
}

/// All of a kernel that is known without a device.
#[derive(Clone, Debug)]
pub struct Shader {
    /// Name of its files, without ending.
    pub stem: &'static str,
    /// The complete WGSL text.
    pub source: String,
    /// Its buffers in the order of their bindings.
    pub bindings: &'static [Access],
    /// Items that one workgroup works on.
    pub items_per_group: u32,
    /// Fields of its parameters.
    pub fields: &'static [ParamField],
    /// Bytes of its parameters.
    pub params_bytes: usize,
}

impl Shader {
    /// A shader with the parameters `P`.
    pub fn new<P: ShaderParams>(
        stem: &'static str,
        source: String,
        bindings: &'static [Access],
        items_per_group: u32,
    ) -> Self {
        Self { stem, source, bindings, items_per_group, fields: P::FIELDS, params_bytes: size_of::<P>() }
    }
}

/// A kernel that is ready to run. Copies mean the same one.
#[derive(Clone, Debug)]
pub struct Kernel<P> {
    label: &'static str,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    items_per_group: u32,
    params: PhantomData<P>,
}

impl<P: ShaderParams> Kernel<P> {
    /// Compiles `shader`.
    ///
    /// # Errors
    /// `Gpu` with the driver's message.
    pub fn new(device: &Device, shader: &Shader) -> Result<Self> {
        let entries: Vec<_> =
            (0..).zip(shader.bindings).map(|(binding, &access)| layout_entry(binding, access)).collect();
        let label = Some(shader.stem);
        let (pipeline, layout) = device.checked(shader.stem, |device| {
            let layout = device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
            let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label,
                bind_group_layouts: &[Some(&layout)],
                immediate_size: size_of::<P>() as u32,
            });
            let source = wgpu::ShaderSource::Wgsl(shader.source.as_str().into());
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label,
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: None,
                compilation_options: wgpu::PipelineCompilationOptions {
                    // Every kernel writes its whole workgroup memory before it reads it.
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            });
            (pipeline, layout)
        })?;
        Ok(Self {
            label: shader.stem,
            pipeline,
            layout,
            items_per_group: shader.items_per_group,
            params: PhantomData,
        })
    }

    /// Binds `buffers`, in the order of the shader's bindings.
    ///
    /// # Errors
    /// `Gpu` with the driver's message.
    pub fn bind(&self, device: &Device, buffers: &[&wgpu::Buffer]) -> Result<wgpu::BindGroup> {
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let descriptor =
            wgpu::BindGroupDescriptor { label: Some(self.label), layout: &self.layout, entries: &entries };
        device.checked(self.label, |device| device.create_bind_group(&descriptor))
    }

    /// Records one run over all items of `params`; nothing when there are none.
    pub fn dispatch(&self, recorder: &mut Recorder, buffers: &wgpu::BindGroup, params: &P) {
        let groups = params.items().div_ceil(u64::from(self.items_per_group));
        if groups == 0 {
            return;
        }
        let (across, down) = rectangle(groups);
        let mut pass = recorder.pass(self.label);
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, buffers, &[]);
        pass.set_immediates(0, bytemuck::bytes_of(params));
        pass.dispatch_workgroups(across, down, 1);
    }
}

fn layout_entry(binding: u32, access: Access) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage { read_only: access == Access::Read },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}

/// The rectangle of workgroups with at least `groups` of them; shaders ignore the few too many.
///
/// # Panics
/// From 2³² groups on: no buffer holds the items of so many.
fn rectangle(groups: u64) -> (u32, u32) {
    let down = groups.div_ceil(MAX_GROUPS);
    assert!(down <= MAX_GROUPS, "{groups} workgroups");
    (groups.div_ceil(down) as u32, down as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_side_of_a_dispatch_is_too_long_and_every_group_runs() {
        for groups in [1, 2, 65_534, 65_535, 65_536, 65_537, 131_070, 131_071, 1 << 24, (1 << 31) - 1] {
            let (across, down) = rectangle(groups);
            assert!(u64::from(across.max(down)) <= MAX_GROUPS, "{groups}");
            let started = u64::from(across) * u64::from(down);
            assert!(started >= groups && started < groups + u64::from(down), "{groups}: {started}");
        }
    }
}
