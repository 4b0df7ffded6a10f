//! Spectra as they lie on a device, typed again from their definition, and how near to a number that brings it.

use decon_gpu::decon::Precision;
use decon_gpu::kernels::convolve_lines;
use decon_gpu::kernels::fft::{Direction, LinePlan};
use decon_gpu::twins::Complex32;

use crate::gpu_vs_cpu::bench::Bench;

pub const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::F16];

/// What f16 leaves out of every ratio, so that its spectrum holds what is unusual: 1.
pub fn usual_ratio(stored: Precision) -> f32 {
    if stored == Precision::F16 { 1.0 } else { 0.0 }
}

/// Two whole numbers of 12 bits, times the power of two of which 2048 are more than the larger part, and less than twice.
fn word_of(value: Complex32) -> u32 {
    let parts = [value.re, value.im].map(f64::from);
    let largest = parts[0].abs().max(parts[1].abs());
    if !largest.is_finite() {
        return 255 << 24;
    }
    let exponent = if largest > 0.0 { (largest.log2().floor() as i32 - 10).max(-126) } else { -126 };
    let whole =
        parts.map(|part| (part / f64::from(exponent).exp2()).round_ties_even().clamp(-2047.0, 2047.0));
    let [re, im] = whole.map(|whole| whole as i32 as u32 & 0xfff);
    ((exponent + 127) as u32) << 24 | re << 12 | im
}

fn value_of(word: u32) -> Complex32 {
    let whole = |bits: u32| if bits < 2048 { f64::from(bits) } else { f64::from(bits) - 4096.0 };
    let step = (f64::from(word >> 24) - 127.0).exp2();
    let [re, im] = [word >> 12 & 0xfff, word & 0xfff].map(|bits| (whole(bits) * step) as f32);
    Complex32::new(re, im)
}

/// A buffer that holds `values` as `stored` says, and what is left of them there.
pub fn spectrum(bench: &Bench, stored: Precision, values: &[Complex32]) -> (wgpu::Buffer, Vec<Complex32>) {
    match stored {
        Precision::F32 => {
            let parts: Vec<_> = values.iter().map(|v| [v.re, v.im]).collect();
            (bench.buffer(&parts), values.to_vec())
        }
        Precision::F16 => {
            let words: Vec<_> = values.iter().copied().map(word_of).collect();
            (bench.buffer(&words), words.into_iter().map(value_of).collect())
        }
    }
}

/// What `buffer` holds.
pub fn read(bench: &Bench, stored: Precision, buffer: &wgpu::Buffer) -> Vec<Complex32> {
    match stored {
        Precision::F32 => {
            bench.read::<[f32; 2]>(buffer).into_iter().map(|[re, im]| Complex32::new(re, im)).collect()
        }
        Precision::F16 => bench.read::<u32>(buffer).into_iter().map(value_of).collect(),
    }
}

/// Fails unless each number is within `tolerance` of the largest, and half a step of its own more where it is stored in steps.
#[track_caller]
pub fn assert_stored(
    what: &str,
    stored: Precision,
    found: &[Complex32],
    expected: &[Complex32],
    tolerance: f64,
) {
    assert_eq!(found.len(), expected.len());
    let size = |v: &Complex32| f64::from(v.re.abs().max(v.im.abs()));
    let largest = expected.iter().map(size).fold(f64::MIN_POSITIVE, f64::max);
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let own = if stored == Precision::F16 { size(expected) / 2048.0 } else { 0.0 };
        let error = size(&(found - expected));
        // 1.01: the step is that of what was found.
        let is_near = error <= tolerance * largest + 1.01 * own;
        assert!(
            is_near,
            "{what}, {stored:?}: {found} instead of {expected} at {i}; the largest is {largest}"
        );
    }
}

/// Lines of one number: what they are multiplied with comes out.
#[test]
fn every_number_is_stored_as_defined() {
    let bench = Bench::open();
    let mut values: Vec<Complex32> = Vec::new();
    for power in -100..127 {
        let scale = f64::from(power).exp2() as f32;
        // Ties, the largest of its steps and what rounds beyond it; a part much smaller than the other, and none.
        for (re, im) in
            [(1.0, 1.0), (-1025.5, 1024.5), (2047.4, -3.0), (2047.9, 0.49), (-2047.75, 1e-3), (0.0, -1111.5)]
        {
            values.push(Complex32::new(re / 1024.0 * scale, im / 1024.0 * scale));
        }
        let noise = |i: u32| (power as u32).wrapping_mul(2_654_435_761).rotate_left(i) as i32 as f32 / 2e9;
        values.extend((0..8).map(|i| Complex32::new(noise(i) * scale, noise(i + 13) * scale)));
    }
    values.push(Complex32::default());
    let plan = LinePlan::new(1, Direction::Columns, bench.device.limits().workgroup).unwrap();
    let ones = vec![Complex32::new(1.0, 0.0); values.len()];
    let (buffer, _) = spectrum(&bench, Precision::F16, &ones);
    let otf: Vec<_> = values.iter().map(|v| [v.re, v.im]).collect();
    let lines = values.len() as u32;
    let buffers = [&bench.buffer(&plan.twiddles()), &buffer, &bench.buffer(&otf)];
    let params = convolve_lines::Params { lines, stride: lines, sign: 1.0 };
    bench.run(&convolve_lines::shader(&plan.clone().storing(Precision::F16)), &buffers, &params);
    let words: Vec<u32> = bench.read(&buffer);
    for (word, &value) in words.into_iter().zip(&values) {
        assert_eq!(
            word,
            word_of(value),
            "{value}: {} instead of {}",
            value_of(word),
            value_of(word_of(value))
        );
        let error = (value_of(word) - value).norm() / value.norm().max(f32::MIN_POSITIVE);
        assert!(error < 7.1e-4, "{value}: half a step in both parts is 1/1448, not {error}");
    }
}

/// Nothing that is not a number becomes one.
#[test]
fn what_is_infinite_or_undefined_stays_so() {
    let bench = Bench::open();
    let plan = LinePlan::new(1, Direction::Columns, bench.device.limits().workgroup).unwrap();
    let (buffer, _) = spectrum(&bench, Precision::F16, &[Complex32::new(1e38, 1e38); 2]);
    let buffers = [&bench.buffer(&plan.twiddles()), &buffer, &bench.buffer(&[[1e38_f32, 0.0], [0.5, 0.0]])];
    let params = convolve_lines::Params { lines: 2, stride: 2, sign: 1.0 };
    let shader = convolve_lines::shader(&plan.storing(Precision::F16));
    bench.run(&shader, &buffers, &params);
    bench.run(&shader, &buffers, &params);
    let words: Vec<u32> = bench.read(&buffer);
    assert_eq!(words[0] >> 24, 255, "an infinite one");
    assert_eq!(words[1], word_of(Complex32::new(0.25e38, 0.25e38)), "its neighbour");
}
