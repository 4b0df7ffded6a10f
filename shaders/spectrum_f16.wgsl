// How a spectrum is stored between two passes: a complex number in 32 bits, as two whole numbers of 12 bits times a power of
// two that they share, whose 8 bits are those of an f32's exponent.
//
// The larger part is within 2⁻¹¹ of itself, as a half float is, and the smaller one as near as that. But the range is that of
// f32, where half floats (6e-5 to 65504) would need a scale that loses nothing; and rounding is half to even, where
// drivers may choose how they round to half floats.

alias Stored = u32;

// What is left out of every ratio before its transform. The weight is 1 / (hᵀ ⊗ data mask), so
//   weight · (hᵀ ⊗ ratio) = weight · (hᵀ ⊗ (ratio − 1 where there is data)) + 1
// but what is rounded on the right is in proportion to what image and model differ by, and on the left to how many
// pixels there are: an error of some 1e-4 in whole rows, and that in each iteration.
const USUAL_RATIO: f32 = 1.0;

const LARGEST: f32 = 2047.0;

fn packed(value: vec2f) -> Stored {
    let exponent = bitcast<u32>(max(abs(value.x), abs(value.y))) >> 23u;
    // Of the step: 2¹¹ of them reach the next power of two.
    let step = max(exponent, 11u) - 10u;
    let steps = round(value * bitcast<f32>((254u - step) << 23u));
    let whole = bitcast<vec2u>(vec2i(clamp(steps, vec2f(-LARGEST), vec2f(LARGEST)))) & vec2u(0xfffu);
    // What is infinite or no number stays so.
    return (select(step, 255u, exponent == 255u) << 24u) | (whole.x << 12u) | whole.y;
}

fn unpacked(stored: Stored) -> vec2f {
    let whole = vec2f(vec2i(bitcast<i32>(stored << 8u), bitcast<i32>(stored << 20u)) >> vec2u(20u));
    return whole * bitcast<f32>((stored >> 24u) << 23u);
}
