// blurred ← row inverse transform of spectrum, which stays as it is; lane 2p + 1 divided by its balance
// sums[line] ← Σ over the row of both lanes' d ln(d / y) − d + y where there is data; d = observed, y = max(blurred + background, FLOOR)
//
// Csiszár's I-divergence (Snyder, Schulz and O'Sullivan 1992, doi 10.1109/78.134448). With t = (d − y) / y a term is
// y ((1 + t) ln(1 + t) − t); near t = 0, where that loses its digits, its series.
//
// Volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N], counts; sums: one for each row, of both lanes; balance: one for each
// pair, see balance_lanes.

struct Params {
    lines: u32,
    // Of one pair.
    pair_lines: u32,
    background: f32,
}

const SERIES_BELOW: f32 = 0.1;

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read> spectrum: array<Stored>;
@group(0) @binding(2) var<storage, read> observed: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
@group(0) @binding(4) var<storage, read> balance: array<vec2f>;

fn lines() -> u32 {
    return params.lines;
}

fn load(line: u32, x: u32) -> vec2f {
    return swapped(unpacked(spectrum[line * N + x]));
}

fn distance(seen: f32, blurred: f32) -> f32 {
    if !has_data(seen) {
        return 0.0;
    }
    let y = max(blurred + params.background, FLOOR);
    let t = (seen - y) / y;
    if abs(t) < SERIES_BELOW {
        let series = 1.0 / 2.0 + t * (-1.0 / 6.0 + t * (1.0 / 12.0 + t * (-1.0 / 20.0 + t * (1.0 / 30.0))));
        return y * t * t * series;
    }
    // The logarithm of what is not positive is not taken, even to be thrown away.
    let logarithm = select(0.0, seen * log(max(seen, FLOOR * FLOOR) / y), seen > 0.0);
    return logarithm - seen + y;
}

fn term(line: u32, x: u32, value: vec2f) -> f32 {
    let seen = observed[line * N + x];
    let blurred = swapped(value) * vec2f(1.0, balance[line / params.pair_lines].y);
    return distance(seen.x, blurred.x) + distance(seen.y, blurred.y);
}

fn keep(line: u32, sum: f32) {
    sums[line] = sum;
}
