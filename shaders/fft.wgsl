// Forward Fourier transform of LINES lines of N complex numbers in workgroup memory, in place, natural order:
// X[m] = Σ x[n] exp(−2πi m n / N). Not scaled.
//
// Stockham's self-sorting algorithm, mixed radix (Van Loan, Computational Frameworks for the Fast Fourier Transform,
// 1992, section 1.7): after stages of radices with product `step`, each block of N / step numbers is interleaved
// transforms of length `step`. A stage reads one half of `exchange` and writes the other.
//
// Before this text stand N, LINES, THREADS (invocations of one line), WORKGROUP = LINES × THREADS, and
//   rows:     ELEMENT_STRIDE = 1,     LINE_STRIDE = N, THREAD_STEP = 1,     LINE_STEP = THREADS
//   columns:  ELEMENT_STRIDE = LINES, LINE_STRIDE = 1, THREAD_STEP = LINES, LINE_STEP = 1
// so that neighbouring invocations read neighbouring addresses either way. After it stands `transform`, which runs
// the stages of N's radices.
//
// twiddles[r · step + k − 1] = exp(−2πi r k / (step · radix)) for 0 < r < radix, 0 ≤ k < step: the N − 1 factors of
// all stages one after the other, computed in double precision.

const HALF: u32 = LINES * N;

var<workgroup> exchange: array<vec2f, 2u * HALF>;

@group(0) @binding(0) var<storage, read> twiddles: array<vec2f>;

// Which invocation of its line this is.
var<private> thread: u32;
// Where its line starts in a half.
var<private> start: u32;
// Where the half starts that holds the lines.
var<private> side: u32;

// Sets the three above. Returns the number of this invocation's line.
fn take_line(group: u32, invocation: u32) -> u32 {
    let line = invocation / LINE_STEP % LINES;
    thread = invocation / THREAD_STEP % THREADS;
    start = line * LINE_STRIDE;
    side = 0u;
    return group * LINES + line;
}

fn fetch(element: u32) -> vec2f {
    return exchange[side + start + element * ELEMENT_STRIDE];
}

fn put(element: u32, value: vec2f) {
    exchange[side + start + element * ELEMENT_STRIDE] = value;
}

// As `put`, into the other half.
fn give(element: u32, value: vec2f) {
    exchange[HALF - side + start + element * ELEMENT_STRIDE] = value;
}

fn end_stage() {
    workgroupBarrier();
    side = HALF - side;
}

// Input r of butterfly j, times its twiddle factor.
fn turned(j: u32, step: u32, r: u32, radix: u32) -> vec2f {
    return product(fetch(j + r * (N / radix)), twiddles[r * step + j % step - 1u]);
}

// Where output 0 of butterfly j goes; output r goes r · step further.
fn target_of(j: u32, step: u32, radix: u32) -> u32 {
    return (j - j % step) * radix + j % step;
}

fn stage_2(step: u32) {
    for (var j = thread; j < N / 2u; j += THREADS) {
        let a = fetch(j);
        let b = turned(j, step, 1u, 2u);
        let to = target_of(j, step, 2u);
        give(to, a + b);
        give(to + step, a - b);
    }
}

fn stage_3(step: u32) {
    for (var j = thread; j < N / 3u; j += THREADS) {
        let a = fetch(j);
        let b = turned(j, step, 1u, 3u);
        let c = turned(j, step, 2u, 3u);
        let even = a - 0.5 * (b + c);
        let odd = minus_i(0.86602540378443865 * (b - c));
        let to = target_of(j, step, 3u);
        give(to, a + b + c);
        give(to + step, even + odd);
        give(to + 2u * step, even - odd);
    }
}

fn dft_4(a: vec2f, b: vec2f, c: vec2f, d: vec2f) -> array<vec2f, 4> {
    let ac = a + c;
    let bd = b + d;
    let even = a - c;
    let odd = minus_i(b - d);
    return array(ac + bd, even + odd, ac - bd, even - odd);
}

fn stage_4(step: u32) {
    for (var j = thread; j < N / 4u; j += THREADS) {
        let y = dft_4(fetch(j), turned(j, step, 1u, 4u), turned(j, step, 2u, 4u), turned(j, step, 3u, 4u));
        let to = target_of(j, step, 4u);
        give(to, y[0]);
        give(to + step, y[1]);
        give(to + 2u * step, y[2]);
        give(to + 3u * step, y[3]);
    }
}

// Cosines and sines of 2π/5 and 4π/5.
const COS_5 = vec2f(0.30901699437494742, -0.80901699437494742);
const SIN_5 = vec2f(0.95105651629515357, 0.58778525229247313);

fn stage_5(step: u32) {
    for (var j = thread; j < N / 5u; j += THREADS) {
        let a = fetch(j);
        let b = turned(j, step, 1u, 5u);
        let c = turned(j, step, 2u, 5u);
        let d = turned(j, step, 3u, 5u);
        let e = turned(j, step, 4u, 5u);
        let even_1 = a + COS_5.x * (b + e) + COS_5.y * (c + d);
        let even_2 = a + COS_5.y * (b + e) + COS_5.x * (c + d);
        let odd_1 = minus_i(SIN_5.x * (b - e) + SIN_5.y * (c - d));
        let odd_2 = minus_i(SIN_5.y * (b - e) - SIN_5.x * (c - d));
        let to = target_of(j, step, 5u);
        give(to, a + (b + e) + (c + d));
        give(to + step, even_1 + odd_1);
        give(to + 2u * step, even_2 + odd_2);
        give(to + 3u * step, even_2 - odd_2);
        give(to + 4u * step, even_1 - odd_1);
    }
}

// Cosines and sines of 2π/7, 4π/7 and 6π/7.
const COS_7 = vec3f(0.62348980185873353, -0.22252093395631440, -0.90096886790241913);
const SIN_7 = vec3f(0.78183148246802981, 0.97492791218182361, 0.43388373911755812);

fn stage_7(step: u32) {
    for (var j = thread; j < N / 7u; j += THREADS) {
        let a = fetch(j);
        let b = turned(j, step, 1u, 7u);
        let c = turned(j, step, 2u, 7u);
        let d = turned(j, step, 3u, 7u);
        let e = turned(j, step, 4u, 7u);
        let f = turned(j, step, 5u, 7u);
        let g = turned(j, step, 6u, 7u);
        let even_1 = a + COS_7.x * (b + g) + COS_7.y * (c + f) + COS_7.z * (d + e);
        let even_2 = a + COS_7.y * (b + g) + COS_7.z * (c + f) + COS_7.x * (d + e);
        let even_3 = a + COS_7.z * (b + g) + COS_7.x * (c + f) + COS_7.y * (d + e);
        let odd_1 = minus_i(SIN_7.x * (b - g) + SIN_7.y * (c - f) + SIN_7.z * (d - e));
        let odd_2 = minus_i(SIN_7.y * (b - g) - SIN_7.z * (c - f) - SIN_7.x * (d - e));
        let odd_3 = minus_i(SIN_7.z * (b - g) - SIN_7.x * (c - f) + SIN_7.y * (d - e));
        let to = target_of(j, step, 7u);
        give(to, a + (b + g) + (c + f) + (d + e));
        give(to + step, even_1 + odd_1);
        give(to + 2u * step, even_2 + odd_2);
        give(to + 3u * step, even_3 + odd_3);
        give(to + 4u * step, even_3 - odd_3);
        give(to + 5u * step, even_2 - odd_2);
        give(to + 6u * step, even_1 - odd_1);
    }
}

const SQRT_HALF: f32 = 0.70710678118654752;

fn stage_8(step: u32) {
    for (var j = thread; j < N / 8u; j += THREADS) {
        let even = dft_4(fetch(j), turned(j, step, 2u, 8u), turned(j, step, 4u, 8u), turned(j, step, 6u, 8u));
        let odd = dft_4(
            turned(j, step, 1u, 8u), turned(j, step, 3u, 8u), turned(j, step, 5u, 8u), turned(j, step, 7u, 8u)
        );
        // Times exp(−2πi r / 8).
        let odd_1 = SQRT_HALF * (odd[1] + minus_i(odd[1]));
        let odd_2 = minus_i(odd[2]);
        let odd_3 = SQRT_HALF * (minus_i(odd[3]) - odd[3]);
        let to = target_of(j, step, 8u);
        give(to, even[0] + odd[0]);
        give(to + step, even[1] + odd_1);
        give(to + 2u * step, even[2] + odd_2);
        give(to + 3u * step, even[3] + odd_3);
        give(to + 4u * step, even[0] - odd[0]);
        give(to + 5u * step, even[1] - odd_1);
        give(to + 6u * step, even[2] - odd_2);
        give(to + 7u * step, even[3] - odd_3);
    }
}
