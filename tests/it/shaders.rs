//! Every shader, as it is generated, against naga: it parses and validates, and agrees with its Rust side about
//! parameters, bindings and workgroups. No device is needed.

mod browser;
mod operators;

use std::collections::BTreeSet;
use std::path::Path;

use decon_gpu::decon::Precision;
use decon_gpu::gpu::{Access, Shader, WorkgroupLimits};
use decon_gpu::kernels::fft::{LinePlans, good_sizes};
use decon_gpu::kernels::{convolve_lines, ratio_rows, shaders};
use decon_gpu::space::Zyx;
use naga::proc::{GlobalCtx, Layouter};
use naga::valid::{Capabilities, GlobalUse, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, Scalar, StorageAccess, TypeInner};

/// Of lavapipe and many others, of NVIDIA, and the least that WebGPU allows.
const LIMITS: [WorkgroupLimits; 3] = [
    WorkgroupLimits { bytes: 32 << 10, invocations: 1024 },
    WorkgroupLimits { bytes: 48 << 10, invocations: 1024 },
    WorkgroupLimits { bytes: 16 << 10, invocations: 256 },
];

const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::F16];

fn parsed(shader: &Shader) -> Module {
    validated(shader).0
}

fn validated(shader: &Shader) -> (Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(&shader.source)
        .unwrap_or_else(|error| panic!("{}: {}", shader.stem, error.emit_to_string(&shader.source)));
    let info = Validator::new(ValidationFlags::all(), Capabilities::IMMEDIATES)
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}: {error:?}\n{}", shader.stem, shader.source));
    (module, info)
}

/// One of each radix and of each mixture, images and volumes, spectra stored in each way.
fn variants() -> Vec<(WorkgroupLimits, Shader)> {
    let shapes = [
        Zyx::new(1, 1, 1),
        Zyx::new(1, 2, 3),
        Zyx::new(1, 1024, 1000),
        Zyx::new(2, 7, 5),
        Zyx::new(4, 64, 49),
        Zyx::new(48, 210, 8),
    ];
    let mut variants = Vec::new();
    for limits in LIMITS {
        for (fft, stored) in shapes.into_iter().flat_map(|fft| PRECISIONS.map(|stored| (fft, stored))) {
            let shaders = shaders(fft, limits, stored).unwrap();
            variants.extend(shaders.into_iter().map(|shader| (limits, shader)));
        }
    }
    variants
}

#[test]
fn every_variant_is_valid_and_fits_its_workgroup() {
    for (limits, shader) in variants() {
        let module = parsed(&shader);
        let mut layouter = Layouter::default();
        layouter
            .update(GlobalCtx {
                types: &module.types,
                constants: &module.constants,
                overrides: &module.overrides,
                global_expressions: &module.global_expressions,
            })
            .unwrap();
        let shared = module.global_variables.iter().filter(|(_, v)| v.space == AddressSpace::WorkGroup);
        let shared: u32 = shared.map(|(_, v)| layouter[v.ty].size).sum();
        assert!(shared <= limits.bytes, "{}: {shared} of {limits:?}", shader.stem);
        let [x, y, z] = module.entry_points[0].workgroup_size;
        assert!(x <= limits.invocations && y == 1 && z == 1, "{}: workgroup {x} × {y} × {z}", shader.stem);
        assert!(shader.items_per_group >= 1 && shader.items_per_group <= x, "{}", shader.stem);
    }
}

/// Bytes of parameters that WebGPU allows (`maxImmediateSize`).
const MOST_IMMEDIATE_BYTES: usize = 64;

#[test]
fn parameters_fit_what_webgpu_allows() {
    for (_, shader) in variants() {
        assert!(
            shader.params_bytes <= MOST_IMMEDIATE_BYTES,
            "{}: {} bytes",
            shader.stem,
            shader.params_bytes
        );
    }
}

#[test]
fn every_size_that_the_planner_may_choose_has_valid_transforms() {
    for limits in LIMITS {
        for length in good_sizes(limits.bytes / 16) {
            let LinePlans { rows, last, .. } = LinePlans::new(Zyx::new(1, length, length), limits).unwrap();
            for shader in [ratio_rows::shader(&rows), convolve_lines::shader(&last)] {
                parsed(&shader);
            }
        }
    }
}

#[test]
fn parameters_agree_by_name_type_offset_and_size() {
    for (_, shader) in variants() {
        let module = parsed(&shader);
        let (_, params) = module
            .types
            .iter()
            .find(|(_, ty)| ty.name.as_deref() == Some("Params"))
            .unwrap_or_else(|| panic!("{}: no struct Params", shader.stem));
        let TypeInner::Struct { members, span } = &params.inner else { panic!("{}: no struct", shader.stem) };
        assert_eq!(*span as usize, shader.params_bytes, "{}", shader.stem);
        assert_eq!(members.len(), shader.fields.len(), "{}", shader.stem);
        for (member, field) in members.iter().zip(shader.fields) {
            let kind = match module.types[member.ty].inner {
                TypeInner::Scalar(Scalar::U32) => "u32",
                TypeInner::Scalar(Scalar::F32) => "f32",
                _ => "another type",
            };
            let theirs = (member.name.as_deref(), kind, member.offset as usize);
            assert_eq!(theirs, (Some(field.name), field.kind, field.offset), "{}", shader.stem);
        }
    }
}

/// What an iteration runs; that it is so many dispatches is counted on a device, in `gpu_vs_cpu`.
const IMAGE: [&str; 4] = ["convolve_lines", "ratio_rows", "convolve_lines", "update_rows"];
const VOLUME: [&str; 8] = [
    "transform_lines",
    "convolve_lines",
    "transform_lines",
    "ratio_rows",
    "transform_lines",
    "convolve_lines",
    "transform_lines",
    "update_rows",
];
/// What `update_rows` leaves alone: away from the data's edges the weight; in Richardson–Lucy the estimate before; in
/// SHB the estimate is not written but becomes the one before.
const RL: [(&str, GlobalUse); 3] =
    [("weight", GlobalUse::READ), ("previous", GlobalUse::READ), ("previous", GlobalUse::WRITE)];
const SHB: [(&str, GlobalUse); 2] = [("weight", GlobalUse::READ), ("estimate", GlobalUse::WRITE)];

/// Bytes of a real voxel (half a complex number) that one run of `shader` moves: of every volume that its text reads, and of
/// every one that it writes; each voxel is touched once, since `main` calls `load`, `between` and `store` once for it.
fn bytes(shader: &Shader, left_alone: &[(&str, GlobalUse)], with_otf: bool) -> u32 {
    let (module, info) = validated(shader);
    let uses = module.global_variables.iter().flat_map(|(handle, variable)| {
        let name = variable.name.as_deref().unwrap_or_default();
        let used = info.get_entry_point(0)[handle];
        let bytes = match module.types[variable.ty].inner {
            TypeInner::Array { stride, .. } => stride / 2,
            _ => 0,
        };
        let uses = [GlobalUse::READ, GlobalUse::WRITE].into_iter().filter(move |&kind| used.contains(kind));
        uses.map(move |kind| (name, kind, bytes))
    });
    let is_volume = |name| match name {
        "spectrum" | "observed" | "estimate" | "previous" | "weight" => true,
        "otf" => with_otf,
        _ => false,
    };
    let moved = uses.filter(|&(name, kind, _)| is_volume(name) && !left_alone.contains(&(name, kind)));
    moved.map(|(_, _, bytes)| bytes).sum()
}

#[test]
fn an_iteration_moves_as_few_bytes_as_the_roofline_says() {
    let image = (Zyx::new(1, 1024, 1000), &IMAGE[..]);
    let volume = (Zyx::new(48, 210, 8), &VOLUME[..]);
    for ((fft, stems), stored, expected) in [
        (image, Precision::F32, [44, 52, 48, 56]),
        (volume, Precision::F32, [76, 84, 80, 88]),
        (image, Precision::F16, [28, 36, 32, 40]),
        (volume, Precision::F16, [44, 52, 48, 56]),
    ] {
        let shaders = shaders(fft, LIMITS[1], stored).unwrap();
        let iteration = |left_alone: &[_], with_otf| -> u32 {
            let named = |stem| shaders.iter().find(|shader| shader.stem == stem).unwrap();
            stems.iter().map(|stem| bytes(named(*stem), left_alone, with_otf)).sum()
        };
        let found =
            [iteration(&RL, false), iteration(&RL, true), iteration(&SHB, false), iteration(&SHB, true)];
        assert_eq!(found, expected, "RL, with the OTF; SHB, with the OTF; {fft}, {stored:?}");
    }
}

#[test]
fn bindings_agree_in_number_and_access() {
    for (_, shader) in variants() {
        let module = parsed(&shader);
        let mut theirs: Vec<_> = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| match (&variable.binding, variable.space) {
                (Some(at), AddressSpace::Storage { access }) => Some((at.group, at.binding, access)),
                _ => None,
            })
            .collect();
        theirs.sort_by_key(|&(group, binding, _)| (group, binding));
        let ours: Vec<_> = (0..)
            .zip(shader.bindings)
            .map(|(binding, access)| match access {
                Access::Read => (0, binding, StorageAccess::LOAD),
                Access::Write => (0, binding, StorageAccess::LOAD | StorageAccess::STORE),
            })
            .collect();
        assert_eq!(theirs, ours, "{}", shader.stem);
    }
}

#[test]
fn every_shader_has_a_kernel_and_a_twin_of_the_same_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stems = |folder: &str, ending: &str, shared: &[&str]| -> BTreeSet<String> {
        let names = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let stems = names.filter_map(|name| name.to_str()?.strip_suffix(ending).map(str::to_owned));
        stems.filter(|stem| !shared.contains(&stem.as_str())).collect()
    };
    let shaders = stems("shaders", ".wgsl", &["common", "fft", "spectrum_f16", "spectrum_f32", "stored"]);
    assert_eq!(shaders, stems("src/kernels", ".rs", &["mod", "fft"]));
    assert_eq!(shaders, stems("src/twins", ".rs", &["mod", "columns", "fourier"]));
    let run: BTreeSet<String> = variants().into_iter().map(|(_, shader)| shader.stem.to_owned()).collect();
    assert_eq!(shaders, run);
}
