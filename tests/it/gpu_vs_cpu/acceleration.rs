//! The acceleration that a method measures: the kernel against its twin, whole runs against the processor's and sums in f64.

use decon_gpu::decon::{
    Backend, Course, CpuBackend, Decided, GpuBackend, Method, Precision, Setup, Start, iterate,
};
use decon_gpu::kernels::change_rows;
use decon_gpu::pixels::Samples;
use decon_gpu::space::Zyx;
use decon_gpu::twins;

use crate::gpu_vs_cpu::bench::{Bench, POISON, assert_close, assert_close_f32, ramp, transform_tolerance};
use crate::gpu_vs_cpu::deconvolution::{Case, psf};
use crate::gpu_vs_cpu::lines::{add_rows, complex, each_size, flat, row_spectrum};
use crate::gpu_vs_cpu::stored::{PRECISIONS, read, spectrum, usual_ratio};

#[test]
fn change_rows_measures_as_its_twin() {
    let bench = Bench::open();
    each_size(&bench, &PRECISIONS, |plan, lines, fourier| {
        let count = 2 * (lines * plan.length) as usize;
        let volume = |scale: f32, shift: usize| ramp(count + shift, scale).split_off(shift);
        let correction: Vec<_> = volume(0.01, 0).into_iter().map(|v| v - 0.1).collect();
        // Some blocks of every row have weight 1, as a bit says, and nothing may read it there; elsewhere it is 0 here and there.
        let edges: Vec<_> = (0..lines).map(|line| 0xA53C_0FE9_u32.rotate_left(line)).collect();
        let is_one = |i: usize| {
            let (line, x) = (i as u32 / 2 / plan.length, i as u32 / 2 % plan.length);
            edges[line as usize] >> (x / plan.length.div_ceil(32)) & 1 == 0
        };
        let weight = |i: usize, v: f32, one: f32| match v {
            _ if is_one(i) => one,
            0.0 => 0.0,
            v => v + 0.5,
        };
        let weights = |one: f32| -> Vec<_> {
            volume(0.003, 5).into_iter().enumerate().map(|(i, v)| weight(i, v, one)).collect()
        };
        let usual: Vec<f32> = weights(1.0).iter().map(|&w| if w > 0.0 { 1.0 / w } else { 0.0 }).collect();
        let mut input = row_spectrum(&correction, fourier);
        add_rows(&mut input, &usual, -usual_ratio(plan.stored), fourier);
        let estimate = volume(2.0, 9);
        for (alpha, is_first) in [(0.0, true), (0.0, false), (0.4, false)] {
            let previous = if alpha == 0.0 { vec![POISON; count] } else { volume(2.5, 20) };
            let last = if is_first { vec![POISON; count] } else { volume(0.7, 3) };
            let (there, mut twin) = spectrum(&bench, plan.stored, &input);
            let before = read(&bench, plan.stored, &there);
            let change = bench.buffer(&last);
            let sums = bench.buffer(&vec![POISON; 2 * lines as usize]);
            let [twiddles, edges] = [bench.buffer(&plan.twiddles()), bench.buffer(&edges)];
            let [weight, u, u_before] = [&weights(POISON), &estimate, &previous].map(|v| bench.buffer(v));
            let buffers = [&twiddles, &there, &weight, &edges, &u, &u_before, &change, &sums];
            let params = change_rows::Params { lines, alpha, is_first: is_first.into() };
            bench.run(&change_rows::shader(plan), &buffers, &params);

            add_rows(&mut twin, &usual, usual_ratio(plan.stored), fourier);
            let mut change_twin = complex(&last);
            let step = twins::change_rows::Step {
                weight: &complex(&weights(1.0)),
                estimate: &complex(&estimate),
                previous: &complex(&previous),
                change: &mut change_twin,
                alpha,
                is_first,
            };
            let expected = twins::change_rows::change_rows(&twin, step, fourier);
            let what = format!("length {}, {lines} rows, {alpha}, {is_first}", plan.length);
            let tolerance = 4.0 * transform_tolerance(plan.length);
            assert_close_f32(&what, &bench.read::<f32>(&change), &flat(&change_twin), tolerance);
            let expected: Vec<_> = expected.iter().flat_map(|sums| [sums.with_last, sums.last]).collect();
            if is_first {
                assert!(bench.read::<f32>(&sums).iter().all(|&sum| sum == 0.0), "{what}");
            } else {
                assert_close(&what, &bench.read::<f32>(&sums), &expected, 4.0 * tolerance);
            }
            assert_eq!(read(&bench, plan.stored, &there), before, "{what}: the spectrum stays");
        }
    });
}

fn cases() -> [Case; 3] {
    let flat = Case {
        fft: Zyx::new(1, 35, 42),
        psf: psf(Zyx::new(1, 5, 7)),
        extents: [Zyx::new(1, 31, 36), Zyx::new(1, 20, 34), Zyx::new(1, 31, 36)].to_vec(),
        above: 0,
    };
    let deep = Case {
        fft: Zyx::new(8, 18, 20),
        psf: psf(Zyx::new(3, 5, 5)),
        extents: vec![Zyx::new(6, 14, 16)],
        above: 0,
    };
    [Case { extents: flat.extents[..1].to_vec(), ..flat.clone() }, flat, deep]
}

fn measured(case: &Case, backend: &mut impl Backend) -> Vec<f32> {
    case.begin(backend, Start::Observed);
    let decided = iterate(backend, Method::Ba, &Course::of(10)).unwrap();
    decided.and_then(|decided: Decided| decided.weights).unwrap()
}

/// A weight that is off by a rounding leads to other points, and these to other weights: so all go the same way, that of the
/// device's.
#[test]
fn weights_and_images_are_the_processors_and_as_defined() {
    let bench = Bench::open();
    // In f16 as far as without an acceleration; what is rounded there is some of a late change.
    let stored = [(Precision::F32, 1e-5, 1e-3), (Precision::F16, 2e-3, 1e-1)];
    for (case, (precision, tolerance, of_weights)) in
        cases().into_iter().flat_map(|case| stored.map(|stored| (case.clone(), stored)))
    {
        let setup = Setup { method: Method::Ba, precision, ..case.setup() };
        let mut gpu = GpuBackend::new(bench.device.clone(), &setup).unwrap();
        let mut cpu = CpuBackend::new(&setup, 1).unwrap();
        // A group before must not show.
        measured(&case, &mut gpu);
        let weights = measured(&case, &mut gpu);
        assert!(weights[3..].iter().all(|&alpha| alpha > 0.1), "nothing is accelerated: {weights:?}");
        let tiles = case.finish(&mut gpu);
        let course = Course { weights: Some(&weights), ..Course::of(10) };
        case.begin(&mut cpu, Start::Observed);
        iterate(&mut cpu, Method::Ba, &course).unwrap();
        case.begin(&mut gpu, Start::Observed);
        iterate(&mut gpu, Method::Ba, &course).unwrap();
        let (again, twins) = (case.finish(&mut gpu), case.finish(&mut cpu));
        for (lane, found) in tiles.iter().enumerate() {
            assert_eq!(found.samples, again[lane].samples, "given, the same weights make the same");
            let what = format!("{precision:?}, {}, lane {lane}", case.fft);
            let (Samples::F32(found), Samples::F32(twin)) = (&found.samples, &twins[lane].samples) else {
                panic!()
            };
            assert_close_f32(&what, found, twin, tolerance);
        }
        if tiles.len() == 1 {
            let mut defined = Vec::new();
            let expected = case.by_definition(0, |reference| {
                let (estimate, weights) =
                    reference.and_weights(Method::Ba, 10, Start::Observed, Some(&weights));
                defined = weights;
                estimate
            });
            let Samples::F32(found) = &tiles[0].samples else { panic!() };
            assert_close(&format!("{}, f64", case.fft), found, &expected, tolerance);
            for (k, (found, defined)) in weights.iter().zip(&defined).enumerate() {
                let error = (f64::from(*found) - defined).abs();
                assert!(error < of_weights, "{found} instead of {defined} after iteration {}", k + 1);
            }
        }
    }
}
