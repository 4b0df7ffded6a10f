// correction ← weight · row inverse transform of spectrum + USUAL_RATIO where the weight is not 0; spectrum stays as it is
// point ← max(estimate + alpha (estimate − previous), FLOOR)
// change ← max(point · correction, FLOOR) − point; update_rows makes that step
// sums[line] ← Σ over the row of both lanes' change · change before, and of (change before)²
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N], counts; edges: see update_rows; sums: of both lanes.
// Automatic acceleration (Biggs and Andrews 1997, doi 10.1364/AO.36.001766).

struct Params {
    lines: u32,
    // Weight of the last change in the point.
    alpha: f32,
    // 1 where there is no iteration before: the change before is 0 then, whatever lies in its place.
    is_first: u32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read> spectrum: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<vec2f>;
@group(0) @binding(3) var<storage, read> edges: array<u32>;
@group(0) @binding(4) var<storage, read> estimate: array<vec2f>;
@group(0) @binding(5) var<storage, read> previous: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> change: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> sums: array<vec2f>;

fn lines() -> u32 {
    return params.lines;
}

fn load(line: u32, x: u32) -> vec2f {
    return swapped(unpacked(spectrum[line * N + x]));
}

fn weight_at(line: u32, x: u32) -> vec2f {
    if ((edges[line] >> (x / BLOCK)) & 1u) == 0u {
        return vec2f(1.0);
    }
    return weight[line * N + x];
}

fn point_at(i: u32) -> vec2f {
    let current = estimate[i];
    if params.alpha == 0.0 {
        return current;
    }
    return max(current + params.alpha * (current - previous[i]), vec2f(FLOOR));
}

fn last_change(i: u32) -> vec2f {
    if params.is_first != 0u {
        return vec2f(0.0);
    }
    return change[i];
}

fn term(line: u32, x: u32, value: vec2f) -> vec2f {
    let i = line * N + x;
    let point = point_at(i);
    let weight = weight_at(line, x);
    let correction = weight * swapped(value) + USUAL_RATIO * sign(weight);
    let last = last_change(i);
    let own = max(point * correction, vec2f(FLOOR)) - point;
    change[i] = own;
    return vec2f(dot(own, last), dot(last, last));
}

fn keep(line: u32, sum: vec2f) {
    sums[line] = sum;
}
