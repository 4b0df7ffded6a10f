// plane ← NO_DATA
//
// plane: f32 counts, `count` mosaic pixels. Run before the layers of a plane are painted.

struct Params {
    count: u32,
}

var<immediate> params: Params;
@group(0) @binding(0) var<storage, read_write> plane: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let i = group_number(group, groups) * WORKGROUP + invocation;
    if i < params.count {
        plane[i] = NO_DATA;
    }
}
