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
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2f>;

fn turned_around(value: vec2f) -> vec2f {
    return select(value, swapped(value), params.inverse == 1u);
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let line = take_line(group_number(group, groups), invocation);
    let first = line / params.stride * params.stride * N + line % params.stride;
    for (var i = thread; i < N; i += THREADS) {
        var value = vec2f(0.0);
        if line < params.lines {
            value = turned_around(spectrum[first + i * params.stride]);
        }
        put(i, value);
    }
    workgroupBarrier();
    transform();
    if line < params.lines {
        for (var i = thread; i < N; i += THREADS) {
            spectrum[first + i * params.stride] = turned_around(fetch(i));
        }
    }
}
