// plane[y, x] ← what is observed at field[y − field's top, x − field's left][sample], where the field covers the plane
//
// field, shading: as stored, and what is made of it; see stored.wgsl.
// plane: f32 counts, [height, width] mosaic pixels of one plane of a tile with its halo.
// One dispatch paints one layer; a later one paints over it.

struct Params {
    // The area to paint: size, top left pixel on the plane, top left pixel in the field.
    width: u32,
    height: u32,
    plane_x: u32,
    plane_y: u32,
    field_x: u32,
    field_y: u32,
    // Pixels of a row.
    plane_width: u32,
    field_width: u32,
    // Samples of a stored pixel, and the one to paint.
    samples: u32,
    sample: u32,
    // U8, U16 or F32.
    kind: u32,
    // The first pixel of its shading, or NO_SHADING.
    first_shading: u32,
}

var<immediate> params: Params;
@group(0) @binding(0) var<storage, read> field: array<u32>;
@group(0) @binding(1) var<storage, read> shading: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> plane: array<f32>;

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
    let x = i % params.width;
    let y = i / params.width;
    let to = (params.plane_y + y) * params.plane_width + params.plane_x + x;
    plane[to] = observed_at(params.field_x + x, params.field_y + y);
}
