// What is observed at a pixel of a field: (stored − dark) · gain, or what is stored
//
// Stands before shaders that have these bindings and parameters:
// field: as stored, [height, field_width, samples] of u8, u16 or f32 (little endian) in 32-bit words, as `kind` says. A float
// that is no number or infinite is no data.
// shading: dark counts and gain, [height, field_width] from `first_shading`; not read where that is NO_SHADING.

fn stored(i: u32) -> f32 {
    if params.kind == U8 {
        return f32(extractBits(field[i / 4u], i % 4u * 8u, 8u));
    }
    if params.kind == U16 {
        return f32(extractBits(field[i / 2u], i % 2u * 16u, 16u));
    }
    let bits = field[i];
    // All bits of the exponent set; comparing floats would leave NaN to the driver.
    if (bits & 0x7f800000u) == 0x7f800000u {
        return NO_DATA;
    }
    return bitcast<f32>(bits);
}

fn observed_at(x: u32, y: u32) -> f32 {
    let pixel = y * params.field_width + x;
    let value = stored(pixel * params.samples + params.sample);
    if params.first_shading == NO_SHADING || !has_data(value) {
        return value;
    }
    let dark_and_gain = shading[params.first_shading + pixel];
    return (value - dark_and_gain.x) * dark_and_gain.y;
}
