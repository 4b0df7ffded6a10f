// blurred ← row inverse transform of spectrum
// ratio ← observed / max(blurred + background, FLOOR); 0 where there is no data
// spectrum ← row transform of ratio, in place
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N], counts. Richardson 1972, Lucy 1974; the background belongs
// to the model and is not subtracted from the data.

struct Params {
    lines: u32,
    background: f32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2f>;
@group(0) @binding(2) var<storage, read> observed: array<vec2f>;

fn ratio(seen: f32, blurred: f32) -> f32 {
    // Not the ratio is selected but what is divided: NO_DATA / FLOOR would be infinite.
    return select(0.0, seen, has_data(seen)) / max(blurred + params.background, FLOOR);
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
            let seen = observed[first + x];
            let blurred = swapped(fetch(x));
            value = vec2f(ratio(seen.x, blurred.x), ratio(seen.y, blurred.y));
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
