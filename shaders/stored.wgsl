// One sample of a field as stored: u8, u16 or f32 (little endian) in 32-bit words.
//
// Stands before shaders that have `field` and `params.kind`, which is U8, U16 or F32. A float that is no number or
// infinite is no data.

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
