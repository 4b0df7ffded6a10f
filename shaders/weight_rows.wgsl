// seen ← row inverse transform of spectrum: how much of a pixel's light falls on data, hᵀ ⊗ mask
// weight ← 1 / seen where seen > WEIGHT_LIMIT, else 0
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N]. Bertero and Boccacci (doi 10.1051/0004-6361:20052717).

struct Params {
    lines: u32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read> spectrum: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> weight: array<vec2f>;

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
    if line < params.lines {
        for (var x = thread; x < N; x += THREADS) {
            let seen = swapped(fetch(x));
            let inverse = 1.0 / max(seen, vec2f(WEIGHT_LIMIT));
            weight[first + x] = select(vec2f(0.0), inverse, seen > vec2f(WEIGHT_LIMIT));
        }
    }
}
