// observed[lane][z, y, x] ← mean of plane[scale·y .. scale·(y + 1), scale·x .. scale·(x + 1)] over its pixels with
// data, less what the camera adds; NO_DATA where there are none, and outside the tile
//
// plane: f32 counts, [height · scale, width · scale] mosaic pixels.
// observed: f32 counts, [pair][fft_z, fft_y, fft_x][2 lanes].
// Writes `planes` planes from `first_plane`; the tile's data goes to the first, the others hold no data.

struct Params {
    lane: u32,
    first_plane: u32,
    planes: u32,
    // The tile with its halo, in output pixels.
    width: u32,
    height: u32,
    scale: u32,
    fft_z: u32,
    fft_y: u32,
    fft_x: u32,
    // So little beside NO_DATA that this stays as it is.
    subtracted: f32,
}

var<immediate> params: Params;
@group(0) @binding(0) var<storage, read> plane: array<f32>;
@group(0) @binding(1) var<storage, read_write> observed: array<f32>;

fn mean(y: u32, x: u32) -> f32 {
    var sum = 0.0;
    var count = 0.0;
    for (var dy = 0u; dy < params.scale; dy++) {
        let row = (y * params.scale + dy) * params.width * params.scale + x * params.scale;
        for (var dx = 0u; dx < params.scale; dx++) {
            let value = plane[row + dx];
            if has_data(value) {
                sum += value;
                count += 1.0;
            }
        }
    }
    if count == 0.0 {
        return NO_DATA;
    }
    return sum / count - params.subtracted;
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let i = group_number(group, groups) * WORKGROUP + invocation;
    let area = params.fft_y * params.fft_x;
    if i >= params.planes * area {
        return;
    }
    let y = i % area / params.fft_x;
    let x = i % params.fft_x;
    var value = NO_DATA;
    if i < area && y < params.height && x < params.width {
        value = mean(y, x);
    }
    let voxel = (params.lane / 2u * params.fft_z + params.first_plane) * area + i;
    observed[voxel * 2u + params.lane % 2u] = value;
}
