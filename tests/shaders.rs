//! Every shader, as it is generated, against naga: it parses and validates, and agrees with its Rust side about
//! parameters, bindings and workgroups. No device is needed.

use std::collections::BTreeSet;
use std::path::Path;

use decon_gpu::gpu::{Access, Shader};
use decon_gpu::kernels::fft::good_sizes;
use decon_gpu::kernels::shaders;
use decon_gpu::space::Zyx;
use naga::proc::{GlobalCtx, Layouter};
use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, Module, Scalar, StorageAccess, TypeInner};

/// Workgroup memory of lavapipe and many others, of NVIDIA, and the least that WebGPU allows.
const WORKGROUP_BYTES: [u32; 3] = [32 << 10, 48 << 10, 16 << 10];

fn parsed(shader: &Shader) -> Module {
    let module = naga::front::wgsl::parse_str(&shader.source)
        .unwrap_or_else(|error| panic!("{}: {}", shader.stem, error.emit_to_string(&shader.source)));
    Validator::new(ValidationFlags::all(), Capabilities::IMMEDIATES)
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}: {error:?}\n{}", shader.stem, shader.source));
    module
}

/// One of each radix and of each mixture, images and volumes.
fn variants() -> Vec<(u32, Shader)> {
    let shapes = [
        Zyx::new(1, 1, 1),
        Zyx::new(1, 2, 3),
        Zyx::new(1, 1024, 1000),
        Zyx::new(2, 7, 5),
        Zyx::new(4, 64, 49),
        Zyx::new(48, 210, 8),
    ];
    let mut variants = Vec::new();
    for bytes in WORKGROUP_BYTES {
        for fft in shapes {
            variants.extend(shaders(fft, bytes).unwrap().into_iter().map(|shader| (bytes, shader)));
        }
    }
    variants
}

#[test]
fn every_variant_is_valid_and_fits_its_workgroup() {
    for (bytes, shader) in variants() {
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
        assert!(shared <= bytes, "{}: {shared} of {bytes} bytes of workgroup memory", shader.stem);
        let [x, y, z] = module.entry_points[0].workgroup_size;
        assert!(x <= 256 && y == 1 && z == 1, "{}: workgroup {x} × {y} × {z}", shader.stem);
        assert!(shader.items_per_group >= 1 && shader.items_per_group <= x, "{}", shader.stem);
    }
}

#[test]
fn every_good_size_up_to_the_limit_has_a_valid_row_transform() {
    // All 2048-limited sizes parse in a second or two; validation of every tenth is enough beside the test above.
    for length in good_sizes(2048).into_iter().step_by(10) {
        for shader in shaders(Zyx::new(1, length, length), 32 << 10).unwrap() {
            parsed(&shader);
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
    let shaders = stems("shaders", ".wgsl", &["common", "fft", "stored"]);
    assert_eq!(shaders, stems("src/kernels", ".rs", &["mod", "fft"]));
    assert_eq!(shaders, stems("src/twins", ".rs", &["mod", "columns", "fourier"]));
    let run: BTreeSet<String> = variants().into_iter().map(|(_, shader)| shader.stem.to_owned()).collect();
    assert_eq!(shaders, run);
}
