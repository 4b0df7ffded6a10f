// plane[y, x] ← its mean with what is observed at field[y − field's top, x − field's left][sample] by weights that fall linearly towards
// each field's own edges; the value itself where no field has been yet
//
// field, shading: as stored, and what is made of it; see stored.wgsl.
// plane: f32 counts, [height, width] mosaic pixels of one plane of a tile with its halo.
// weights: as plane; the sum of the weights so far, anything where there is no data yet.
// One dispatch blends one layer in. What has no data takes no part.

struct Params {
    // The area to blend: size, top left pixel on the plane, top left pixel in the field.
    width: u32,
    height: u32,
    plane_x: u32,
    plane_y: u32,
    field_x: u32,
    field_y: u32,
    // Pixels of a row.
    plane_width: u32,
    field_width: u32,
    // Samples of a stored pixel, and the one to blend.
    samples: u32,
    sample: u32,
    // U8, U16 or F32.
    kind: u32,
    // The first pixel of its shading, or NO_SHADING.
    first_shading: u32,
    // Where the weight ends, in pixels of the field.
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
}

var<immediate> params: Params;
@group(0) @binding(0) var<storage, read> field: array<u32>;
@group(0) @binding(1) var<storage, read> shading: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> plane: array<f32>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;

// The distance from the centre of pixel i to the nearer end.
fn tent(i: u32, first: u32, last: u32) -> f32 {
    return f32(min(i - first, last - 1u - i)) + 0.5;
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let i = group_number(group, groups) * WORKGROUP + invocation;
    if i >= params.width * params.height {
        return;
    }
    let x = params.field_x + i % params.width;
    let y = params.field_y + i / params.width;
    let value = observed_at(x, y);
    if !has_data(value) {
        return;
    }
    let weight = tent(x, params.left, params.right) * tent(y, params.top, params.bottom);
    let to = (params.plane_y + i / params.width) * params.plane_width + params.plane_x + i % params.width;
    let mean = plane[to];
    if has_data(mean) {
        let total = weights[to] + weight;
        plane[to] = mean + (value - mean) * (weight / total);
        weights[to] = total;
    } else {
        plane[to] = value;
        weights[to] = weight;
    }
}
