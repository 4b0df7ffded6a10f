// balance[pair] ← (s, 1 / s): s the power of two nearest to rms of lane 2p / rms of lane 2p + 1; 1 where one has no data
//
// What a transform rounds is in proportion to the brighter one of its two lanes. So that a dim lane is not drowned, the
// spectrum of a point holds lane 2p + 1 times s, which as a power of two rounds nothing itself.
//
// observed: vec2f (lanes 2p, 2p + 1), [pair][voxels], counts. The root mean square is that of observed − background, from
// START_FLOOR to BRIGHTEST, in one voxel of each SAMPLES-th part of the volume that has data: anywhere within its part, as
// samples at equal distances may all meet the same column.

struct Params {
    pairs: u32,
    // Of one pair.
    voxels: u32,
    background: f32,
}

var<immediate> params: Params;
@group(0) @binding(0) var<storage, read> observed: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> balance: array<vec2f>;

// Of each invocation: for both lanes the sum of squares and how many.
var<workgroup> sums: array<vec4f, WORKGROUP>;

fn sampled(i: u32) -> u32 {
    let part = (params.voxels + SAMPLES - 1u) / SAMPLES;
    return i * part + ((i * SPREAD) >> 16u) % part;
}

fn square(seen: f32) -> vec2f {
    if !has_data(seen) {
        return vec2f(0.0);
    }
    let light = clamp(seen - params.background, START_FLOOR, BRIGHTEST);
    return vec2f(light * light, 1.0);
}

fn power_of_two(exponent: i32) -> f32 {
    return bitcast<f32>(u32(127 + exponent) << 23u);
}

fn balanced(even: vec2f, odd: vec2f) -> vec2f {
    if even.y == 0.0 || odd.y == 0.0 {
        return vec2f(1.0);
    }
    let exponent = i32(round(0.5 * (log2(even.x / even.y) - log2(odd.x / odd.y))));
    return vec2f(power_of_two(exponent), power_of_two(-exponent));
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let pair = group_number(group, groups);
    if pair >= params.pairs {
        return;
    }
    var sum = vec4f(0.0);
    for (var i = invocation; i < SAMPLES; i += WORKGROUP) {
        let voxel = sampled(i);
        if voxel < params.voxels {
            let seen = observed[pair * params.voxels + voxel];
            sum += vec4f(square(seen.x), square(seen.y));
        }
    }
    sums[invocation] = sum;
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if invocation < half {
            sums[invocation] += sums[invocation + half];
        }
    }
    if invocation == 0u {
        balance[pair] = balanced(sums[0].xy, sums[0].zw);
    }
}
