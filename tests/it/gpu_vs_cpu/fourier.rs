//! The line transforms against Fourier sums in f64.

use std::f64::consts::TAU;

use decon_gpu::decon::Precision;
use decon_gpu::kernels::begin_rows::{self, Mode};
use decon_gpu::kernels::fft::{Direction, LinePlan, good_sizes};
use decon_gpu::kernels::transform_lines;
use decon_gpu::twins::Complex32;

use crate::gpu_vs_cpu::bench::{Bench, POISON, assert_close, ramp, transform_tolerance, worst_error};
use crate::gpu_vs_cpu::stored::{PRECISIONS, assert_stored, read, spectrum};

/// Every size up to 36, so each radix alone and many pairs; two, three and four stages, with and without idle
/// invocations; and what real tiles need.
fn lengths() -> Vec<u32> {
    let large = [
        42, 49, 60, 64, 81, 100, 105, 128, 200, 210, 225, 256, 343, 420, 512, 625, 1000, 1024, 1215, 2016,
        2048,
    ];
    good_sizes(36).into_iter().chain(large).collect()
}

/// Σ x[n] exp(sign · 2πi k n / N) of `line`, (re, im) side by side.
fn sums(line: &[f32], sign: f64) -> Vec<f64> {
    let n = line.len() / 2;
    let turn: Vec<_> = (0..n).map(|i| (sign * TAU * i as f64 / n as f64).sin_cos()).collect();
    let sum = |k: usize| {
        (0..n).fold([0.0, 0.0], |[re, im], i| {
            let ((sin, cos), (a, b)) =
                (turn[k * i % n], (f64::from(line[2 * i]), f64::from(line[2 * i + 1])));
            [re + a * cos - b * sin, im + a * sin + b * cos]
        })
    };
    (0..n).flat_map(sum).collect()
}

/// Every line of two blocks, no multiple of what a workgroup takes, along y: what the device makes of it, and the sums.
fn transformed_columns(
    bench: &Bench,
    length: u32,
    inverse: u32,
    stored: Precision,
) -> Vec<(Vec<f32>, Vec<f64>)> {
    let (stride, blocks, n) = (3_usize, 2_usize, length as usize);
    let plan = LinePlan::new(length, Direction::Columns, bench.device.limits().workgroup).unwrap();
    let plan = plan.storing(stored);
    let flat = |values: Vec<Complex32>| -> Vec<f32> { values.iter().flat_map(|v| [v.re, v.im]).collect() };
    let data: Vec<_> =
        ramp(2 * blocks * n * stride, 1.0).chunks(2).map(|pair| Complex32::new(pair[0], pair[1])).collect();
    let (spectrum, data) = spectrum(bench, stored, &data);
    let data = flat(data);
    let params = transform_lines::Params { lines: (blocks * stride) as u32, stride: stride as u32, inverse };
    bench.run(&transform_lines::shader(&plan), &[&bench.buffer(&plan.twiddles()), &spectrum], &params);
    let found = flat(read(bench, stored, &spectrum));
    let sign = if inverse == 1 { 1.0 } else { -1.0 };
    let line = |line: usize| {
        let first = line / stride * stride * n + line % stride;
        let of = |values: &[f32]| -> Vec<f32> {
            (0..n).flat_map(|i| [0, 1].map(|c| values[2 * (first + i * stride) + c])).collect()
        };
        (of(&found), sums(&of(&data), sign))
    };
    (0..blocks * stride).map(line).collect()
}

#[test]
fn columns_are_fourier_sums_forward_and_inverse() {
    let bench = Bench::open();
    for length in lengths() {
        for (inverse, stored) in
            [0, 1].into_iter().flat_map(|inverse| PRECISIONS.map(|stored| (inverse, stored)))
        {
            let lines = transformed_columns(&bench, length, inverse, stored);
            for (line, (found, sums)) in lines.iter().enumerate() {
                let what = format!("length {length}, inverse {inverse}, line {line}");
                let sums: Vec<_> = sums.chunks(2).map(|v| Complex32::new(v[0] as f32, v[1] as f32)).collect();
                let found: Vec<_> = found.chunks(2).map(|v| Complex32::new(v[0], v[1])).collect();
                assert_stored(&what, stored, &found, &sums, transform_tolerance(length));
            }
        }
    }
}

/// Says the worst one. `cargo test --release --test it gpu_vs_cpu:: -- --ignored --nocapture`
#[test]
#[ignore = "takes many minutes where a processor compiles and runs the shaders; the lengths of the tests above have \
            every radix in every place"]
fn every_length_that_the_planner_may_choose_is_a_fourier_sum() {
    let bench = Bench::open();
    let mut worst = (0.0, 0);
    for length in good_sizes(bench.device.limits().max_fft_length) {
        for (found, sums) in transformed_columns(&bench, length, 0, Precision::F32) {
            let (error, _) = worst_error(&found, &sums);
            assert!(error <= transform_tolerance(length), "length {length}: {error:e}");
            let of_allowed = error / transform_tolerance(length);
            worst = if of_allowed > worst.0 { (of_allowed, length) } else { worst };
        }
    }
    println!("worst error: {:.3} of {:e} at length {}", worst.0, transform_tolerance(worst.1), worst.1);
}

#[test]
fn rows_are_fourier_sums_at_every_number_of_lines() {
    let bench = Bench::open();
    for length in lengths() {
        let plan = LinePlan::new(length, Direction::Rows, bench.device.limits().workgroup).unwrap();
        let twiddles = bench.buffer(&plan.twiddles());
        for rows in [plan.lines.max(2) - 1, plan.lines, plan.lines + 1] {
            let observed =
                ramp(2 * (rows * length) as usize, 1.0).into_iter().map(|v| v + 1.0).collect::<Vec<_>>();
            let params = begin_rows::Params {
                pair: 0,
                mode: Mode::Observed as u32,
                background: 0.0,
                fft_z: 1,
                fft_y: rows,
                even_z: 1,
                even_y: rows,
                even_x: length,
                odd_z: 1,
                odd_y: rows,
                odd_x: length,
            };
            let [spectrum, estimate] = [(); 2].map(|()| bench.buffer(&vec![POISON; observed.len()]));
            let balance = bench.buffer(&[[1.0_f32; 2]]);
            let buffers = [&twiddles, &spectrum, &bench.buffer(&observed), &estimate, &balance];
            bench.run(&begin_rows::shader(&plan), &buffers, &params);
            let found: Vec<f32> = bench.read(&spectrum);
            let row = 2 * length as usize;
            for (line, (found, observed)) in found.chunks(row).zip(observed.chunks(row)).enumerate() {
                let what = format!("length {length}, row {line} of {rows}");
                assert_close(&what, found, &sums(observed, -1.0), transform_tolerance(length));
            }
        }
    }
}
