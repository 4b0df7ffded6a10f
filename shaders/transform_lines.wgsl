// spectrum ← Fourier transform of each line along one axis, forward or inverse, in place; not scaled
//
// spectrum: complex, [pair][z, y, x]. A line's numbers are `stride` apart: the voxels of one plane row for y.

struct Params {
    lines: u32,
    stride: u32,
    // 0: forward, 1: inverse.
    inverse: u32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read_write> spectrum: array<Stored>;

fn lines() -> u32 {
    return params.lines;
}

fn voxel_of(line: u32, i: u32) -> u32 {
    return line / params.stride * params.stride * N + line % params.stride + i * params.stride;
}

fn turned_around(value: vec2f) -> vec2f {
    return select(value, swapped(value), params.inverse == 1u);
}

fn load(line: u32, i: u32) -> vec2f {
    return turned_around(unpacked(spectrum[voxel_of(line, i)]));
}

fn store(line: u32, i: u32, value: vec2f) {
    spectrum[voxel_of(line, i)] = packed(turned_around(value));
}
