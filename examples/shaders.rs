//! Writes the complete text of every shader for one shape of the Fourier transform into a folder, as the GPU backend
//! compiles it, and as SPIR-V, to be read, or given to a compiler or profiler:
//!
//! `cargo run --release --example shaders -- FOLDER Z,Y,X [BYTES,INVOCATIONS of a workgroup [f32|f16]]`

use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;
use decon_gpu::decon::Precision;
use decon_gpu::gpu::WorkgroupLimits;
use decon_gpu::kernels::fft::LinePlans;
use decon_gpu::kernels::shaders;
use decon_gpu::space::Zyx;
use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ValidationFlags, Validator};

const USAGE: &str = "FOLDER Z,Y,X [BYTES,INVOCATIONS [f32|f16]]";

fn numbers<const N: usize>(text: &str) -> Result<[u32; N], String> {
    let numbers: Result<Vec<_>, _> = text.split(',').map(str::parse).collect();
    let numbers = numbers.map_err(|error| format!("{text}: {error}; {USAGE}"))?;
    numbers.try_into().map_err(|_| format!("{text}: {N} numbers expected; {USAGE}"))
}

/// As wgpu gives it to a Vulkan driver that checks buffers itself (robustBufferAccess2).
fn spirv(source: &str) -> Result<Vec<u8>, String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::IMMEDIATES)
        .validate(&module)
        .map_err(|error| error.to_string())?;
    let options = spv::Options {
        lang_version: (1, 6),
        bounds_check_policies: BoundsCheckPolicies {
            index: BoundsCheckPolicy::Restrict,
            buffer: BoundsCheckPolicy::Unchecked,
            ..Default::default()
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        ..Default::default()
    };
    let words = spv::write_vec(&module, &info, &options, None).map_err(|error| error.to_string())?;
    Ok(words.into_iter().flat_map(u32::to_le_bytes).collect())
}

fn write(arguments: &[String]) -> Result<(), String> {
    let (folder, shape, workgroup, stored) = match arguments {
        [folder, shape] => (folder, shape, "49152,1024", "f32"),
        [folder, shape, workgroup] => (folder, shape, workgroup.as_str(), "f32"),
        [folder, shape, workgroup, stored] => (folder, shape, workgroup.as_str(), stored.as_str()),
        _ => return Err(USAGE.to_owned()),
    };
    let stored = Precision::from_str(stored, false).map_err(|error| format!("{error}; {USAGE}"))?;
    let ([z, y, x], [bytes, invocations]) = (numbers(shape)?, numbers(workgroup)?);
    let (fft, limits) = (Zyx::new(z, y, x), WorkgroupLimits { bytes, invocations });
    let LinePlans { rows, last, middle } = LinePlans::new(fft, limits).map_err(|error| error.to_string())?;
    for plan in [Some(rows), Some(last), middle].into_iter().flatten() {
        println!("{plan:?}, {} complex numbers an invocation", plan.registers());
    }
    for shader in shaders(fft, limits, stored).map_err(|error| error.to_string())? {
        let path = Path::new(folder).join(shader.stem).with_extension("wgsl");
        std::fs::write(&path, &shader.source).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}: {} lines", path.display(), shader.source.lines().count());
        std::fs::write(path.with_extension("spv"), spirv(&shader.source)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match write(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
