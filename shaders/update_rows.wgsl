// correction ← row inverse transform of spectrum
// next ← max(point · weight · correction, FLOOR)
// point ← max(next + alpha (next − estimate), FLOOR);  estimate ← next
// spectrum ← row transform of point, in place
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N], counts. Scaled heavy ball (Wang 2014, doi
// 10.1109/TIP.2013.2291324); alpha = 0 is Richardson–Lucy.

struct Params {
    lines: u32,
    alpha: f32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2f>;
@group(0) @binding(2) var<storage, read> weight: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> estimate: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> point: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let line = take_line(group_number(group, groups), invocation);
    let first = line * N;
    for (var x = thread; x < N; x += THREADS) {
        var value = vec2f(0.0);
        if line < params.lines {
            value = swapped(spectrum[first + x]);
        }
        put(x, value);
    }
    workgroupBarrier();
    transform();
    for (var x = thread; x < N; x += THREADS) {
        var value = vec2f(0.0);
        if line < params.lines {
            let i = first + x;
            let next = max(point[i] * weight[i] * swapped(fetch(x)), vec2f(FLOOR));
            value = max(next + params.alpha * (next - estimate[i]), vec2f(FLOOR));
            estimate[i] = next;
            point[i] = value;
        }
        put(x, value);
    }
    workgroupBarrier();
    transform();
    if line < params.lines {
        for (var x = thread; x < N; x += THREADS) {
            spectrum[first + x] = fetch(x);
        }
    }
}
