// Fourier transform of LINES lines of N complex numbers that a workgroup holds in registers:
// X[m] = Σ x[n] exp(−2πi m n / N). Not scaled.
//
// Stockham's self-sorting algorithm, mixed radix (Van Loan, Computational Frameworks for the Fast Fourier Transform,
// 1992, section 1.7): after stages of radices with product `step`, each block of N / step numbers is interleaved
// transforms of length `step`. Butterfly j of a stage takes the elements j + k · N / radix, and gives the elements
// target_of(j, step, radix) + k · step, 0 ≤ k < radix. Invocation `thread` of a line has the butterflies
// thread + b · THREADS, and holds number k of its b-th one in held[b · radix + k]. From one stage to the next, numbers
// go through `exchange`: real parts first, then imaginary parts, so that it is half as large.
//
// What the first stage takes and what the last one gives are in the same places: butterfly j has j + k · N / radix. So
// `second_transform` is `first_transform` turned around, last stage first: the transpose of a Fourier transform is
// the transform itself. It takes what the other gave, and leaves everything where the other found it.
//
// Before this text stand N, LINES, THREADS (invocations of one line), WORKGROUP = LINES × THREADS, REGISTERS,
// EXCHANGE (numbers of the exchange), BLOCK (elements for each bit of a row's flags), AHEAD (numbers of which the loads of a
// step are under way together), and
//   rows:     ELEMENT_STRIDE = 1,     THREAD_STEP = 1,     LINE_STEP = THREADS
//   columns:  ELEMENT_STRIDE = LINES, THREAD_STEP = LINES, LINE_STEP = 1
// so that neighbouring invocations read neighbouring addresses either way. After it stand the transforms of the
// radices, the two transforms, and the kernel's own text: `lines`, `load`, `store`, and `between` where there are two; beside
// it `begin_line` and `ahead` where that is a step; or `term` and `keep` where the numbers of a line are summed.
//
// twiddles[k · step + m − 1] = exp(−2πi k m / (step · radix)) for 0 < k < radix, 0 ≤ m < step: the N − 1 factors of
// all stages one after the other, computed in double precision.

var<workgroup> exchange: array<f32, EXCHANGE>;

@group(0) @binding(0) var<storage, read> twiddles: array<vec2f>;

var<private> held: array<vec2f, REGISTERS>;
// Which invocation of its line this is.
var<private> thread: u32;
// Which line of its workgroup that is.
var<private> line_of_group: u32;

// Sets both. Returns the number of this invocation's line.
fn take_line(group: u32, invocation: u32) -> u32 {
    line_of_group = invocation / LINE_STEP % LINES;
    thread = invocation / THREAD_STEP % THREADS;
    return group * LINES + line_of_group;
}

// In the exchange between two stages: `skip` places are left out after each `pad` elements, so that invocations that run
// together meet different memory banks.
fn place_of(element: u32, pad: u32, skip: u32, line_stride: u32) -> u32 {
    return line_of_group * line_stride + (element + element / pad * skip) * ELEMENT_STRIDE;
}

// For sums: number i of the line.
fn put(i: u32, value: f32) {
    exchange[line_of_group * THREADS + i] = value;
}

fn fetch(i: u32) -> f32 {
    return exchange[line_of_group * THREADS + i];
}

// Number 0 of butterfly j.
fn target_of(j: u32, step: u32, radix: u32) -> u32 {
    return (j - j % step) * radix + j % step;
}

// The factor of number k of butterfly j.
fn factor(j: u32, k: u32, step: u32) -> vec2f {
    return twiddles[k * step - 1u + j % step];
}

// Times exp(−2πi / 8).
fn eighth(a: vec2f) -> vec2f {
    return SQRT_HALF * vec2f(a.x + a.y, a.y - a.x);
}

const SQRT_HALF: f32 = 0.70710678118654752;

fn dft_2(x: array<vec2f, 2>) -> array<vec2f, 2> {
    return array(x[0] + x[1], x[0] - x[1]);
}

fn dft_3(x: array<vec2f, 3>) -> array<vec2f, 3> {
    let even = x[0] - 0.5 * (x[1] + x[2]);
    let odd = minus_i(0.86602540378443865 * (x[1] - x[2]));
    return array(x[0] + x[1] + x[2], even + odd, even - odd);
}

fn dft_4(x: array<vec2f, 4>) -> array<vec2f, 4> {
    let sum = x[0] + x[2];
    let other_sum = x[1] + x[3];
    let even = x[0] - x[2];
    let odd = minus_i(x[1] - x[3]);
    return array(sum + other_sum, even + odd, sum - other_sum, even - odd);
}

// Cosines and sines of 2π/5 and 4π/5.
const COS_5 = vec2f(0.30901699437494742, -0.80901699437494742);
const SIN_5 = vec2f(0.95105651629515357, 0.58778525229247313);

fn dft_5(x: array<vec2f, 5>) -> array<vec2f, 5> {
    let sum_1 = x[1] + x[4];
    let sum_2 = x[2] + x[3];
    let difference_1 = x[1] - x[4];
    let difference_2 = x[2] - x[3];
    let even_1 = x[0] + COS_5.x * sum_1 + COS_5.y * sum_2;
    let even_2 = x[0] + COS_5.y * sum_1 + COS_5.x * sum_2;
    let odd_1 = minus_i(SIN_5.x * difference_1 + SIN_5.y * difference_2);
    let odd_2 = minus_i(SIN_5.y * difference_1 - SIN_5.x * difference_2);
    return array(x[0] + sum_1 + sum_2, even_1 + odd_1, even_2 + odd_2, even_2 - odd_2, even_1 - odd_1);
}

// Cosines and sines of 2π/7, 4π/7 and 6π/7.
const COS_7 = vec3f(0.62348980185873353, -0.22252093395631440, -0.90096886790241913);
const SIN_7 = vec3f(0.78183148246802981, 0.97492791218182361, 0.43388373911755812);

fn dft_7(x: array<vec2f, 7>) -> array<vec2f, 7> {
    let sum_1 = x[1] + x[6];
    let sum_2 = x[2] + x[5];
    let sum_3 = x[3] + x[4];
    let difference_1 = x[1] - x[6];
    let difference_2 = x[2] - x[5];
    let difference_3 = x[3] - x[4];
    let even_1 = x[0] + COS_7.x * sum_1 + COS_7.y * sum_2 + COS_7.z * sum_3;
    let even_2 = x[0] + COS_7.y * sum_1 + COS_7.z * sum_2 + COS_7.x * sum_3;
    let even_3 = x[0] + COS_7.z * sum_1 + COS_7.x * sum_2 + COS_7.y * sum_3;
    let odd_1 = minus_i(SIN_7.x * difference_1 + SIN_7.y * difference_2 + SIN_7.z * difference_3);
    let odd_2 = minus_i(SIN_7.y * difference_1 - SIN_7.z * difference_2 - SIN_7.x * difference_3);
    let odd_3 = minus_i(SIN_7.z * difference_1 - SIN_7.x * difference_2 + SIN_7.y * difference_3);
    return array(
        x[0] + sum_1 + sum_2 + sum_3,
        even_1 + odd_1, even_2 + odd_2, even_3 + odd_3, even_3 - odd_3, even_2 - odd_2, even_1 - odd_1
    );
}
