// correction ← row inverse transform of spectrum
// point ← max(estimate + alpha (estimate − previous), FLOOR)
// next ← max(point · weight · correction, FLOOR)
// spectrum ← row transform of max(next + next_alpha (next − estimate), FLOOR), the next point, in place
// estimate ← next when next_alpha is 0: nothing needs the one before; else previous ← next, and the program has the
// two change roles. No volume holds the point.
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N], counts. Scaled heavy ball (Wang 2014, doi
// 10.1109/TIP.2013.2291324); alpha = 0 is Richardson–Lucy.

struct Params {
    lines: u32,
    // Weight of the last change in the point, and in the next one.
    alpha: f32,
    next_alpha: f32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2f>;
@group(0) @binding(2) var<storage, read> weight: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> estimate: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> previous: array<vec2f>;

fn beyond(value: vec2f, before: vec2f, alpha: f32) -> vec2f {
    return max(value + alpha * (value - before), vec2f(FLOOR));
}

// Takes the step of voxel i; returns the next point.
fn update(i: u32, correction: vec2f) -> vec2f {
    let current = estimate[i];
    var point = current;
    if params.alpha != 0.0 {
        point = beyond(current, previous[i], params.alpha);
    }
    let next = max(point * weight[i] * correction, vec2f(FLOOR));
    if params.next_alpha == 0.0 {
        estimate[i] = next;
        return next;
    }
    previous[i] = next;
    return beyond(next, current, params.next_alpha);
}

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
            value = update(first + x, swapped(fetch(x)));
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
