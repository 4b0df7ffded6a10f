// What every kernel uses: data or no data, complex numbers, the number of a workgroup.
//
// A complex number is vec2f(re, im). NO_DATA, NO_DATA_LIMIT, FLOOR, START_FLOOR, WEIGHT_LIMIT and the codes U8, U16
// and F32 stand before this text; the program takes them from the constants that its other backend uses.

fn has_data(value: f32) -> bool {
    return value >= NO_DATA_LIMIT;
}

fn product(a: vec2f, b: vec2f) -> vec2f {
    return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// −i · a
fn minus_i(a: vec2f) -> vec2f {
    return vec2f(a.y, -a.x);
}

// Real and imaginary part exchanged. The inverse transform is the forward transform between two of these.
fn swapped(a: vec2f) -> vec2f {
    return a.yx;
}

// Workgroups are dispatched as rows of a rectangle when there are more than 65535 of them.
fn group_number(group: vec3u, groups: vec3u) -> u32 {
    return group.y * groups.x + group.x;
}
