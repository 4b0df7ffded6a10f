// words ← core of one lane of image; fill where observed has no data; rounded half to even, clamped to the type
//
// image, observed: f32 counts, [pair][fft_z, fft_y, fft_x][2 lanes].
// words: [planes, height, width] of u8, u16 or f32 in 32-bit words, little endian, rows without padding; before
// them the number of values that did not fit the type, and the counts by which they were changed, rounded each, low and
// high word; the fill value never counts.

struct Params {
    lane: u32,
    // The core: size, and its first voxel in the tile with its halo.
    width: u32,
    height: u32,
    planes: u32,
    x: u32,
    y: u32,
    z: u32,
    fft_z: u32,
    fft_y: u32,
    fft_x: u32,
    // U8, U16 or F32.
    kind: u32,
    fill: f32,
}

struct Result {
    clamped: atomic<u32>,
    light_low: atomic<u32>,
    light_high: atomic<u32>,
    words: array<u32>,
}

// Of a word: what a u32 holds.
const MOST_LIGHT: f32 = 4.0e9;

var<immediate> params: Params;
@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read> observed: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: Result;

fn place_of(n: u32) -> u32 {
    let x = params.x + n % params.width;
    let y = params.y + n / params.width % params.height;
    let z = params.lane / 2u * params.fft_z + params.z + n / params.width / params.height;
    return ((z * params.fft_y + y) * params.fft_x + x) * 2u + params.lane % 2u;
}

// `samples` values from `first`, rounded, each in `bits` bits.
fn word_of(first: u32, samples: u32, bits: u32, count: u32) -> u32 {
    let largest = f32((1u << bits) - 1u);
    var word = 0u;
    var clamped = 0u;
    var light = 0.0;
    for (var i = 0u; i < samples && first + i < count; i++) {
        let place = place_of(first + i);
        let filled = !has_data(observed[place]);
        let rounded = round(select(image[place], params.fill, filled));
        let fitting = clamp(rounded, 0.0, largest);
        let changed = fitting != rounded && !filled;
        clamped += select(0u, 1u, changed);
        light += select(0.0, abs(rounded - fitting), changed);
        word |= u32(fitting) << (i * bits);
    }
    if clamped > 0u {
        atomicAdd(&result.clamped, clamped);
        let counts = u32(min(light, MOST_LIGHT));
        let before = atomicAdd(&result.light_low, counts);
        if before + counts < before {
            atomicAdd(&result.light_high, 1u);
        }
    }
    return word;
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let i = group_number(group, groups) * WORKGROUP + invocation;
    let count = params.width * params.height * params.planes;
    if params.kind == U8 && i < (count + 3u) / 4u {
        result.words[i] = word_of(i * 4u, 4u, 8u, count);
    } else if params.kind == U16 && i < (count + 1u) / 2u {
        result.words[i] = word_of(i * 2u, 2u, 16u, count);
    } else if params.kind == F32 && i < count {
        let place = place_of(i);
        result.words[i] = bitcast<u32>(select(params.fill, image[place], has_data(observed[place])));
    }
}
