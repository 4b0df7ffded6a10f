// How a spectrum is stored between two passes: as it is.

alias Stored = vec2f;

// What is left out of every ratio; see spectrum_f16.wgsl.
const USUAL_RATIO: f32 = 0.0;

fn packed(value: vec2f) -> Stored {
    return value;
}

fn unpacked(stored: Stored) -> vec2f {
    return stored;
}
