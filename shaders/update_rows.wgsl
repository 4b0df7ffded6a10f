// correction ← weight · row inverse transform of spectrum + USUAL_RATIO where the weight is not 0
// point ← max(estimate + alpha (estimate − previous), FLOOR)
// next ← max(point · correction, FLOOR)
// spectrum ← row transform of max(next + next_alpha (next − estimate), FLOOR), the next point, lane 2p + 1 times its balance, in
//            place
// estimate ← next when next_alpha is 0: nothing needs the one before; else previous ← next, and the program has the
// two change roles. No volume holds the point.
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N], counts; edges: [pair][z, y], bit i for BLOCK columns from
// i · BLOCK: 0 where all their weights are 1, which are not read then; balance: one for each pair, see balance_lanes.
// Scaled heavy ball (Wang 2014, doi 10.1109/TIP.2013.2291324); alpha = 0 is Richardson–Lucy.

struct Params {
    lines: u32,
    // Of one pair.
    pair_lines: u32,
    // Weight of the last change in the point, and in the next one.
    alpha: f32,
    next_alpha: f32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read_write> spectrum: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<vec2f>;
@group(0) @binding(3) var<storage, read> edges: array<u32>;
@group(0) @binding(4) var<storage, read_write> estimate: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> previous: array<vec2f>;
@group(0) @binding(6) var<storage, read> balance: array<vec2f>;

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

fn beyond(value: vec2f, before: vec2f, alpha: f32) -> vec2f {
    return max(value + alpha * (value - before), vec2f(FLOOR));
}

fn balanced(line: u32, point: vec2f) -> vec2f {
    return point * vec2f(1.0, balance[line / params.pair_lines].x);
}

// Takes the step of a voxel; returns the next point, balanced.
fn between(line: u32, x: u32, value: vec2f) -> vec2f {
    let i = line * N + x;
    let current = estimate[i];
    var point = current;
    if params.alpha != 0.0 {
        point = beyond(current, previous[i], params.alpha);
    }
    let weight = weight_at(line, x);
    let correction = weight * swapped(value) + USUAL_RATIO * sign(weight);
    let next = max(point * correction, vec2f(FLOOR));
    if params.next_alpha == 0.0 {
        estimate[i] = next;
        return balanced(line, next);
    }
    previous[i] = next;
    return balanced(line, beyond(next, current, params.next_alpha));
}

fn store(line: u32, x: u32, value: vec2f) {
    spectrum[line * N + x] = packed(value);
}
