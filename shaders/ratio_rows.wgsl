// blurred ← row inverse transform of spectrum, lane 2p + 1 divided by its balance
// ratio ← observed / max(blurred + background, FLOOR); 0 where there is no data
// spectrum ← row transform of ratio, less USUAL_RATIO where there is data, in place
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N], counts; balance: one for each pair, see balance_lanes.
// Richardson 1972, Lucy 1974; the background belongs to the model and is not subtracted from the data.

struct Params {
    lines: u32,
    // Of one pair.
    pair_lines: u32,
    background: f32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read_write> spectrum: array<Stored>;
@group(0) @binding(2) var<storage, read> observed: array<vec2f>;
@group(0) @binding(3) var<storage, read> balance: array<vec2f>;

fn lines() -> u32 {
    return params.lines;
}

fn load(line: u32, x: u32) -> vec2f {
    return swapped(unpacked(spectrum[line * N + x]));
}

fn ratio(seen: f32, blurred: f32) -> f32 {
    // NO_DATA / FLOOR would be infinite, and a select may compute both.
    let dividend = select(0.0, seen, has_data(seen));
    return dividend / max(blurred + params.background, FLOOR) - select(0.0, USUAL_RATIO, has_data(seen));
}

fn between(line: u32, x: u32, value: vec2f) -> vec2f {
    let seen = observed[line * N + x];
    let blurred = swapped(value) * vec2f(1.0, balance[line / params.pair_lines].y);
    return vec2f(ratio(seen.x, blurred.x), ratio(seen.y, blurred.y));
}

fn store(line: u32, x: u32, value: vec2f) {
    spectrum[line * N + x] = packed(value);
}
