// spectrum ← inverse transform of (OTF or its conjugate) · transform of each line along the last axis, in place
//
// spectrum: complex, [pair][z, y, x]; otf: complex, [z, y, x], carries the 1/N of the whole inverse transform.
// The last axis is y of a plane, z of a volume; a line's numbers are `stride` apart, and N · stride voxels are one
// pair's volume.

struct Params {
    lines: u32,
    stride: u32,
    // 1: times the OTF, a convolution with the PSF. −1: times its conjugate, the transpose.
    sign: f32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read_write> spectrum: array<Stored>;
@group(0) @binding(2) var<storage, read> otf: array<vec2f>;

fn lines() -> u32 {
    return params.lines;
}

// Voxel i of a line in its pair's volume.
fn voxel_of(line: u32, i: u32) -> u32 {
    return line % params.stride + i * params.stride;
}

fn first_of_pair(line: u32) -> u32 {
    return line / params.stride * params.stride * N;
}

fn load(line: u32, i: u32) -> vec2f {
    return unpacked(spectrum[first_of_pair(line) + voxel_of(line, i)]);
}

fn between(line: u32, i: u32, value: vec2f) -> vec2f {
    return swapped(product(value, otf[voxel_of(line, i)] * vec2f(1.0, params.sign)));
}

fn store(line: u32, i: u32, value: vec2f) {
    spectrum[first_of_pair(line) + voxel_of(line, i)] = packed(swapped(value));
}
