// seen ← row inverse transform of spectrum: how much of a pixel's light falls on data, hᵀ ⊗ mask
// weight ← 1 / seen where seen > WEIGHT_LIMIT, else 0; 1 where seen is within WEIGHT_ROUNDING of 1
// edges: bits are set where BLOCK columns of a row have a weight that is not 1; the program has cleared them all
//
// All volumes: vec2f (lanes 2p, 2p + 1), [pair][z, y, N]; edges: [pair][z, y], bit i for BLOCK columns from i · BLOCK.
// Bertero and Boccacci (doi 10.1051/0004-6361:20052717).

struct Params {
    lines: u32,
}

var<immediate> params: Params;
@group(0) @binding(1) var<storage, read> spectrum: array<Stored>;
@group(0) @binding(2) var<storage, read_write> weight: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> edges: array<atomic<u32>>;

fn lines() -> u32 {
    return params.lines;
}

fn load(line: u32, x: u32) -> vec2f {
    return swapped(unpacked(spectrum[line * N + x]));
}

fn store(line: u32, x: u32, value: vec2f) {
    let seen = swapped(value);
    let inverse = select(1.0 / max(seen, vec2f(WEIGHT_LIMIT)), vec2f(1.0), abs(seen - 1.0) < vec2f(WEIGHT_ROUNDING));
    let result = select(vec2f(0.0), inverse, seen > vec2f(WEIGHT_LIMIT));
    weight[line * N + x] = result;
    if any(result != vec2f(1.0)) {
        atomicOr(&edges[line], 1u << (x / BLOCK));
    }
}
