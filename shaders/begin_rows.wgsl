// start ← OBSERVED: max(observed − background, START_FLOOR); beyond the data the nearest plane, row and column go on
//         FLAT:     1
//         MASK:     1 where there is data, 0 elsewhere
// estimate ← start (not for MASK); spectrum ← row transform of start, lane 2p + 1 times its balance (not for MASK)
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][fft_z, fft_y, N], counts; balance: one for each pair, see
// balance_lanes. Runs for one pair. "Nearest" goes around:
// the transform is periodic (Bertero and Boccacci, doi 10.1051/0004-6361:20052717, on the boundary).

struct Params {
    pair: u32,
    mode: u32,
    background: f32,
    fft_z: u32,
    fft_y: u32,
    // Where the two lanes have data: from 0 up to here.
    even_z: u32,
    even_y: u32,
    even_x: u32,
    odd_z: u32,
    odd_y: u32,
    odd_x: u32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read_write> spectrum: array<Stored>;
@group(0) @binding(2) var<storage, read> observed: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> estimate: array<vec2f>;
@group(0) @binding(4) var<storage, read> balance: array<vec2f>;

// The index with data that is nearest to i on a circle of `length`; `extent` indices from 0 have data.
fn nearest(i: u32, extent: u32, length: u32) -> u32 {
    if i < extent {
        return i;
    }
    if extent > 0u && i - extent < length - i {
        return extent - 1u;
    }
    return 0u;
}

fn nearest_voxel(z: u32, y: u32, x: u32, extent: vec3u) -> u32 {
    let plane = params.pair * params.fft_z + nearest(z, extent.x, params.fft_z);
    return (plane * params.fft_y + nearest(y, extent.y, params.fft_y)) * N + nearest(x, extent.z, N);
}

fn above_background(value: f32) -> f32 {
    if has_data(value) {
        return max(value - params.background, START_FLOOR);
    }
    return START_FLOOR;
}

fn start_value(line: u32, x: u32, voxel: u32) -> vec2f {
    if params.mode == FLAT {
        return vec2f(1.0);
    }
    if params.mode == MASK {
        let own = observed[voxel];
        return vec2f(select(0.0, 1.0, has_data(own.x)), select(0.0, 1.0, has_data(own.y)));
    }
    let z = line / params.fft_y;
    let y = line % params.fft_y;
    let even = nearest_voxel(z, y, x, vec3u(params.even_z, params.even_y, params.even_x));
    let odd = nearest_voxel(z, y, x, vec3u(params.odd_z, params.odd_y, params.odd_x));
    return vec2f(above_background(observed[even].x), above_background(observed[odd].y));
}

fn lines() -> u32 {
    return params.fft_z * params.fft_y;
}

fn voxel_of(line: u32, x: u32) -> u32 {
    return (params.pair * lines() + line) * N + x;
}

fn load(line: u32, x: u32) -> vec2f {
    let voxel = voxel_of(line, x);
    let value = start_value(line, x, voxel);
    if params.mode == MASK {
        return value;
    }
    estimate[voxel] = value;
    return value * vec2f(1.0, balance[params.pair].x);
}

fn store(line: u32, x: u32, value: vec2f) {
    spectrum[voxel_of(line, x)] = packed(value);
}
