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
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2f>;
@group(0) @binding(2) var<storage, read> otf: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let line = take_line(group_number(group, groups), invocation);
    let column = line % params.stride;
    let first = line / params.stride * params.stride * N + column;
    for (var i = thread; i < N; i += THREADS) {
        var value = vec2f(0.0);
        if line < params.lines {
            value = spectrum[first + i * params.stride];
        }
        put(i, value);
    }
    workgroupBarrier();
    transform();
    for (var i = thread; i < N; i += THREADS) {
        let factor = otf[column + i * params.stride] * vec2f(1.0, params.sign);
        put(i, swapped(product(fetch(i), factor)));
    }
    workgroupBarrier();
    transform();
    if line < params.lines {
        for (var i = thread; i < N; i += THREADS) {
            spectrum[first + i * params.stride] = swapped(fetch(i));
        }
    }
}
