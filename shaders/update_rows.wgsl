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

// What belongs to a row, read before anything is stored: a driver cannot know that it stays the same.
var<private> row_edges: u32;
var<private> row_balance: f32;

fn begin_line(line: u32) {
    row_edges = edges[line];
    row_balance = balance[line / params.pair_lines].x;
}

// What a step takes of some voxels.
var<private> currents: array<vec2f, AHEAD>;
var<private> befores: array<vec2f, AHEAD>;
var<private> weights: array<vec2f, AHEAD>;

fn weight_at(i: u32, x: u32) -> vec2f {
    if ((row_edges >> (x / BLOCK)) & 1u) == 0u {
        return vec2f(1.0);
    }
    return weight[i];
}

fn ahead(line: u32, x: u32, place: u32) {
    let i = line * N + x;
    currents[place] = estimate[i];
    if params.alpha != 0.0 {
        befores[place] = previous[i];
    }
    weights[place] = weight_at(i, x);
}

fn beyond(value: vec2f, before: vec2f, alpha: f32) -> vec2f {
    return max(value + alpha * (value - before), vec2f(FLOOR));
}

fn balanced(point: vec2f) -> vec2f {
    return point * vec2f(1.0, row_balance);
}

// Takes the step of a voxel; returns the next point, balanced.
fn between(line: u32, x: u32, value: vec2f, place: u32) -> vec2f {
    let i = line * N + x;
    let current = currents[place];
    var point = current;
    if params.alpha != 0.0 {
        point = beyond(current, befores[place], params.alpha);
    }
    let weight = weights[place];
    let correction = weight * swapped(value) + USUAL_RATIO * sign(weight);
    let next = max(point * correction, vec2f(FLOOR));
    if params.next_alpha == 0.0 {
        estimate[i] = next;
        return balanced(next);
    }
    previous[i] = next;
    return balanced(beyond(next, current, params.next_alpha));
}

fn store(line: u32, x: u32, value: vec2f) {
    spectrum[line * N + x] = packed(value);
}
