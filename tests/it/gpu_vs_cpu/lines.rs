//! The line kernels, one dispatch each, against their twins.

use decon_gpu::decon::{NO_DATA, Precision};
use decon_gpu::kernels::begin_rows::Mode;
use decon_gpu::kernels::fft::{Direction, LinePlan};
use decon_gpu::kernels::{begin_rows, convolve_lines, divergence_rows, ratio_rows, update_rows, weight_rows};
use decon_gpu::space::Zyx;
use decon_gpu::twins::begin_rows::{BeginRows, Begun};
use decon_gpu::twins::convolve_lines::Projection;
use decon_gpu::twins::ratio_rows::Model;
use decon_gpu::twins::update_rows::Update;
use decon_gpu::twins::{self, Complex32, Fourier};

use crate::gpu_vs_cpu::bench::{Bench, POISON, assert_close, assert_close_f32, ramp, transform_tolerance};
use crate::gpu_vs_cpu::stored::{PRECISIONS, assert_stored, read, spectrum, usual_ratio};

/// Each radix, and mixtures.
const LENGTHS: [u32; 14] = [1, 2, 3, 4, 5, 7, 8, 30, 49, 64, 100, 128, 210, 512];

pub fn complex(values: &[f32]) -> Vec<Complex32> {
    values.chunks(2).map(|pair| Complex32::new(pair[0], pair[1])).collect()
}

pub fn flat(values: &[Complex32]) -> Vec<f32> {
    values.iter().flat_map(|v| [v.re, v.im]).collect()
}

/// Rows that a kernel is given: as many as a workgroup takes, one less and one more.
fn rows_around(plan: &LinePlan) -> [u32; 3] {
    [plan.lines.max(2) - 1, plan.lines, plan.lines + 1]
}

/// The row transform of `image`, over N so that the inverse brings `image` back.
pub fn row_spectrum(image: &[f32], fourier: &Fourier) -> Vec<Complex32> {
    let n = fourier.length() as f32;
    let mut spectrum: Vec<_> = complex(image).into_iter().map(|v| v / n).collect();
    let mut scratch = fourier.scratch();
    for row in spectrum.chunks_mut(fourier.length()) {
        fourier.transform(twins::Direction::Forward, row, &mut scratch);
    }
    spectrum
}

/// Adds `factor` times what the row transform of `image` is, over N.
pub fn add_rows(spectrum: &mut [Complex32], image: &[f32], factor: f32, fourier: &Fourier) {
    let added = row_spectrum(image, fourier);
    spectrum.iter_mut().zip(added).for_each(|(to, value)| *to += value * factor);
}

/// Runs `test(plan, rows, fourier)` for each length and number of rows, spectra stored in each of these ways.
pub fn each_size(bench: &Bench, stored: &[Precision], test: impl Fn(&LinePlan, u32, &Fourier)) {
    for (length, &stored) in LENGTHS.into_iter().flat_map(|n| stored.iter().map(move |stored| (n, stored))) {
        let plan = LinePlan::new(length, Direction::Rows, bench.device.limits().workgroup).unwrap();
        let (plan, fourier) = (plan.storing(stored), Fourier::new(length as usize));
        rows_around(&plan).into_iter().for_each(|rows| test(&plan, rows, &fourier));
    }
}

/// Of each pair: what lane 1 is multiplied with in the spectrum of a point, and what undoes that.
const BALANCES: [f32; 3] = [1.0, 0.25, 16.0];

fn balance(bench: &Bench) -> wgpu::Buffer {
    bench.buffer(&BALANCES.map(|s| [s, 1.0 / s]))
}

/// Rows of a pair so that `rows` are of up to three pairs.
fn pair_rows(rows: u32) -> u32 {
    rows.div_ceil(BALANCES.len() as u32)
}

/// `image` with each pair's lane 1 times its balance.
fn balanced(image: &[f32], row: u32, pair_rows: u32) -> Vec<f32> {
    let pair = 2 * (row * pair_rows) as usize;
    let lanes = image.iter().enumerate();
    lanes.map(|(i, v)| if i % 2 == 1 { v * BALANCES[i / pair] } else { *v }).collect()
}

/// Every 7th value is no data.
fn with_gaps(values: Vec<f32>) -> Vec<f32> {
    values.into_iter().enumerate().map(|(i, v)| if i % 7 == 3 { NO_DATA } else { v }).collect()
}

/// What is seen in `lines` rows, and the spectrum of a blurred point there: on the device, and what is left of it.
fn observed_and_blurred(
    bench: &Bench,
    plan: &LinePlan,
    lines: u32,
    fourier: &Fourier,
) -> (Vec<f32>, (wgpu::Buffer, Vec<Complex32>)) {
    let count = 2 * (lines * plan.length) as usize;
    let blurred: Vec<_> = ramp(count, 1.0).into_iter().map(|v| v + 30.0).collect();
    let blurred = row_spectrum(&balanced(&blurred, plan.length, pair_rows(lines)), fourier);
    (with_gaps(ramp(count, 3.0)), spectrum(bench, plan.stored, &blurred))
}

#[test]
fn begin_rows_starts_and_masks_as_its_twin() {
    let bench = Bench::open();
    let cases = [
        (Zyx::new(1, 9, 30), [Zyx::new(1, 6, 20), Zyx::new(1, 9, 30)]),
        (Zyx::new(5, 7, 16), [Zyx::new(3, 5, 13), Zyx::new(0, 0, 0)]),
        (Zyx::new(1, 1, 7), [Zyx::new(1, 1, 1), Zyx::new(1, 1, 6)]),
    ];
    for ((fft, extents), stored) in cases.into_iter().flat_map(|case| PRECISIONS.map(|stored| (case, stored)))
    {
        let plan = LinePlan::new(fft.x, Direction::Rows, bench.device.limits().workgroup).unwrap();
        let plan = plan.storing(stored);
        let (fourier, count) = (Fourier::new(fft.x as usize), fft.count());
        // Two pairs; the second is run, the first must stay as it is.
        let observed = with_gaps(ramp(4 * count, 1.5));
        for mode in [Mode::Observed, Mode::Flat, Mode::Mask] {
            let [even, odd] = extents;
            let params = begin_rows::Params {
                pair: 1,
                mode: mode as u32,
                background: 20.0,
                fft_z: fft.z,
                fft_y: fft.y,
                even_z: even.z,
                even_y: even.y,
                even_x: even.x,
                odd_z: odd.z,
                odd_y: odd.y,
                odd_x: odd.x,
            };
            let estimate = bench.buffer(&vec![POISON; 4 * count]);
            let (spectrum, _) = spectrum(&bench, stored, &vec![Complex32::new(POISON, POISON); 2 * count]);
            let [twiddles, observed_there] = [bench.buffer(&plan.twiddles()), bench.buffer(&observed)];
            let buffers = [&twiddles, &spectrum, &observed_there, &estimate, &balance(&bench)];
            bench.run(&begin_rows::shader(&plan), &buffers, &params);

            let second = complex(&observed[2 * count..]);
            let [mut estimate_twin, mut spectrum_twin] = [(); 2].map(|()| vec![Complex32::default(); count]);
            if mode == Mode::Mask {
                twins::begin_rows::mask_rows(&second, &fourier, &mut spectrum_twin);
                estimate_twin.fill(Complex32::new(POISON, POISON));
            } else {
                let params = BeginRows {
                    fft,
                    extents,
                    background: 20.0,
                    balance: BALANCES[1],
                    flat: mode == Mode::Flat,
                    half_rows: None,
                };
                let begun = Begun { estimate: &mut estimate_twin, spectrum: &mut spectrum_twin };
                twins::begin_rows::begin_rows(&second, &params, &fourier, begun);
            }
            let found: Vec<u32> = bench.read(&estimate);
            let twin: Vec<_> = flat(&estimate_twin).into_iter().map(f32::to_bits).collect();
            assert!(found[..2 * count].iter().all(|&v| v == POISON.to_bits()), "the other pair, {fft}");
            let wrong = (0..2 * count).find(|&i| found[2 * count + i] != twin[i]);
            assert_eq!(wrong, None, "estimate, {mode:?}, {fft}");
            let found = read(&bench, stored, &spectrum);
            let what = format!("spectrum, {mode:?}, {fft}");
            assert_stored(&what, stored, &found[count..], &spectrum_twin, transform_tolerance(fft.x));
        }
    }
}

#[test]
fn ratio_rows_divides_as_its_twin() {
    let bench = Bench::open();
    each_size(&bench, &PRECISIONS, |plan, lines, fourier| {
        let pair_lines = pair_rows(lines);
        let (observed, (spectrum, mut twin)) = observed_and_blurred(&bench, plan, lines, fourier);
        let params = ratio_rows::Params { lines, pair_lines, background: 10.0 };
        let [twiddles, observed_there] = [bench.buffer(&plan.twiddles()), bench.buffer(&observed)];
        bench.run(
            &ratio_rows::shader(plan),
            &[&twiddles, &spectrum, &observed_there, &balance(&bench)],
            &params,
        );
        let (pair, observed_twin) = ((plan.length * pair_lines) as usize, complex(&observed));
        for ((twin, observed), balance) in twin.chunks_mut(pair).zip(observed_twin.chunks(pair)).zip(BALANCES)
        {
            let model = Model { background: 10.0, balance };
            twins::ratio_rows::ratio_rows(twin, observed, model, fourier);
        }
        let mask: Vec<f32> = observed.iter().map(|&v| if v == NO_DATA { 0.0 } else { 1.0 }).collect();
        add_rows(&mut twin, &mask, -usual_ratio(plan.stored) * plan.length as f32, fourier);
        let what = format!("length {}, {lines} rows", plan.length);
        let found = read(&bench, plan.stored, &spectrum);
        assert_stored(&what, plan.stored, &found, &twin, 2.0 * transform_tolerance(plan.length));
    });
}

#[test]
fn divergence_rows_sums_as_its_twin() {
    let bench = Bench::open();
    each_size(&bench, &PRECISIONS, |plan, lines, fourier| {
        let pair_lines = pair_rows(lines);
        let (observed, (spectrum, twin)) = observed_and_blurred(&bench, plan, lines, fourier);
        let sums = bench.buffer(&vec![POISON; lines as usize]);
        let [twiddles, observed_there] = [bench.buffer(&plan.twiddles()), bench.buffer(&observed)];
        let buffers = [&twiddles, &spectrum, &observed_there, &sums, &balance(&bench)];
        let params = divergence_rows::Params { lines, pair_lines, background: 10.0 };
        bench.run(&divergence_rows::shader(plan), &buffers, &params);
        let (pair, observed) = ((plan.length * pair_lines) as usize, complex(&observed));
        let pairs = twin.chunks(pair).zip(observed.chunks(pair)).zip(BALANCES);
        let expected: Vec<f64> = pairs
            .flat_map(|((twin, observed), balance)| {
                let model = Model { background: 10.0, balance };
                twins::divergence_rows::divergence_rows(twin, observed, model, fourier)
            })
            .collect();
        let what = format!("length {}, {lines} rows", plan.length);
        // A transform of 280, or 16 times that, to 1e-7 of it, in a divisor of 40 or more.
        assert_close(&what, &bench.read(&sums), &expected, 50.0 * transform_tolerance(plan.length));
        assert_eq!(read(&bench, plan.stored, &spectrum), twin, "{what}: the spectrum stays");
    });
}

#[test]
fn update_rows_updates_as_its_twin() {
    let bench = Bench::open();
    each_size(&bench, &PRECISIONS, |plan, lines, fourier| {
        let count = 2 * (lines * plan.length) as usize;
        let volume = |scale: f32, shift: usize| ramp(count + shift, scale).split_off(shift);
        // A correction around 1, negative here and there as rounding makes it; a weight that is 0 here and there.
        let correction: Vec<_> = volume(0.01, 0).into_iter().map(|v| v - 0.1).collect();
        let weights = volume(0.003, 5).into_iter().map(|v| if v > 0.0 { v + 0.5 } else { 0.0 });
        let (mut weight, estimate_0) = (weights.collect::<Vec<_>>(), volume(2.0, 9));
        // Where a bit says so, the weight is 1, and nothing may read it: some blocks of every row.
        let edges: Vec<_> = (0..lines).map(|line| 0xA53C_0FE9_u32.rotate_left(line)).collect();
        let block = plan.length.div_ceil(32);
        let is_one = |i: usize| {
            let (line, x) = (i as u32 / 2 / plan.length, i as u32 / 2 % plan.length);
            edges[line as usize] >> (x / block) & 1 == 0
        };
        let weight_twin: Vec<_> = (0..count).map(|i| if is_one(i) { 1.0 } else { weight[i] }).collect();
        (0..count).filter(|&i| is_one(i)).for_each(|i| weight[i] = POISON);
        // What was left out of the ratio comes back divided by the weight, where there is one.
        let usual: Vec<f32> = weight_twin.iter().map(|&w| if w > 0.0 { 1.0 / w } else { 0.0 }).collect();
        let pair_lines = pair_rows(lines);
        let pair = (plan.length * pair_lines) as usize;
        let mut input = row_spectrum(&correction, fourier);
        add_rows(&mut input, &usual, -usual_ratio(plan.stored), fourier);
        for (alpha, next_alpha) in [(0.0, 0.0), (0.0, 0.25), (0.4, 0.5), (0.4, 0.0)] {
            // Where the point is the estimate, nothing may read what was before.
            let previous_0 = if alpha == 0.0 { vec![POISON; count] } else { volume(2.5, 20) };
            let (spectrum, mut spectrum_twin) = spectrum(&bench, plan.stored, &input);
            add_rows(&mut spectrum_twin, &usual, usual_ratio(plan.stored), fourier);
            let [estimate, previous] = [&estimate_0, &previous_0].map(|v| bench.buffer(v));
            let params = update_rows::Params { lines, pair_lines, alpha, next_alpha };
            let [twiddles, edges] = [bench.buffer(&plan.twiddles()), bench.buffer(&edges)];
            let [weight_there, balance] = [bench.buffer(&weight), balance(&bench)];
            let buffers = [&twiddles, &spectrum, &weight_there, &edges, &estimate, &previous, &balance];
            bench.run(&update_rows::shader(plan), &buffers, &params);
            let [mut estimate_twin, mut previous_twin] = [&estimate_0, &previous_0].map(|v| complex(v));
            for (first, balance) in (0..count / 2).step_by(pair).zip(BALANCES) {
                let at = first..(first + pair).min(count / 2);
                let update = Update {
                    weight: &complex(&weight_twin)[at.clone()],
                    estimate: &mut estimate_twin[at.clone()],
                    previous: &mut previous_twin[at.clone()],
                    alpha,
                    next_alpha,
                    balance,
                };
                twins::update_rows::update_rows(&mut spectrum_twin[at], update, fourier);
            }
            let (next, next_twin) = match next_alpha == 0.0 {
                true => (&estimate, &estimate_twin),
                false => (&previous, &previous_twin),
            };
            let what = format!("length {}, {lines} rows, {alpha} {next_alpha}", plan.length);
            let tolerance = 2.0 * transform_tolerance(plan.length);
            assert_close_f32(&what, &bench.read::<f32>(next), &flat(next_twin), tolerance);
            let found = read(&bench, plan.stored, &spectrum);
            assert_stored(&what, plan.stored, &found, &spectrum_twin, tolerance);
            if next_alpha != 0.0 {
                assert_eq!(bench.read::<f32>(&estimate), estimate_0, "length {}", plan.length);
            }
        }
    });
}

#[test]
fn weight_rows_weighs_as_its_twin() {
    let bench = Bench::open();
    each_size(&bench, &[Precision::F32], |plan, lines, fourier| {
        let count = 2 * (lines * plan.length) as usize;
        // 0, below the limit, and from 0.1 to 1: nothing so near the limit that rounding decides. The second half of
        // each row sees data only: its weights are 1.
        let values = [0.0, 0.005, 0.1, 0.3, 0.7, 1.0, 0.95];
        let is_inside = |i: usize| i as u32 / 2 % plan.length >= plan.length.div_ceil(2);
        let seen: Vec<f32> = (0..count).map(|i| if is_inside(i) { 1.0 } else { values[i * 5 % 7] }).collect();
        let mut spectrum_twin = row_spectrum(&seen, fourier);
        let (spectrum, _) = spectrum(&bench, plan.stored, &spectrum_twin);
        let weight = bench.buffer(&vec![POISON; count]);
        let edges = bench.buffer(&vec![0_u32; lines as usize]);
        let buffers = [&bench.buffer(&plan.twiddles()), &spectrum, &weight, &edges];
        bench.run(&weight_rows::shader(plan), &buffers, &weight_rows::Params { lines });
        let mut twin = vec![Complex32::default(); count / 2];
        twins::weight_rows::weight_rows(&mut spectrum_twin, &mut twin, fourier);
        let what = format!("length {}, {lines} rows", plan.length);
        // An error e of 0.1 becomes 100 e of 10: ten times the relative error.
        let weight = bench.read::<f32>(&weight);
        assert_close_f32(&what, &weight, &flat(&twin), 10.0 * transform_tolerance(plan.length));
        let mut expected = vec![0_u32; lines as usize];
        for i in (0..count).filter(|&i| weight[i] != 1.0) {
            let (line, x) = (i / 2 / plan.length as usize, i as u32 / 2 % plan.length);
            expected[line] |= 1 << (x / plan.length.div_ceil(32));
        }
        assert_eq!(bench.read::<u32>(&edges), expected, "edges, {what}");
    });
}

#[test]
fn convolve_lines_convolves_as_its_twin() {
    let bench = Bench::open();
    for (length, stored) in LENGTHS.into_iter().flat_map(|n| PRECISIONS.map(|stored| (n, stored))) {
        let plan = LinePlan::new(length, Direction::Columns, bench.device.limits().workgroup).unwrap();
        let plan = plan.storing(stored);
        let (fourier, n) = (Fourier::new(length as usize), length as usize);
        for stride in [plan.lines.max(2) as usize - 1, plan.lines as usize, plan.lines as usize + 1] {
            let pairs = 2;
            let input = complex(&ramp(2 * pairs * n * stride, 1.0));
            let otf = ramp(2 * n * stride + 7, 0.01).split_off(7);
            for (sign, projection) in [(1.0, Projection::Forward), (-1.0, Projection::Back)] {
                let (spectrum, mut twin) = spectrum(&bench, stored, &input);
                let params =
                    convolve_lines::Params { lines: (pairs * stride) as u32, stride: stride as u32, sign };
                let buffers = [&bench.buffer(&plan.twiddles()), &spectrum, &bench.buffer(&otf)];
                bench.run(&convolve_lines::shader(&plan), &buffers, &params);
                let otf_values = complex(&otf);
                let lines: Vec<_> =
                    (0..stride).flat_map(|x| otf_values[x..].iter().step_by(stride).copied()).collect();
                twins::convolve_lines::convolve_lines(&mut twin, stride, &fourier, &lines, projection);
                let what = format!("length {length}, {stride} columns, {projection:?}");
                let found = read(&bench, stored, &spectrum);
                assert_stored(&what, stored, &found, &twin, 2.0 * transform_tolerance(length));
            }
        }
    }
}
