//! Plans and tables against their definitions.

use super::*;

/// Of lavapipe and many others, of NVIDIA, and the least that WebGPU allows.
const LIMITS: [WorkgroupLimits; 3] = [
    WorkgroupLimits { bytes: 32 << 10, invocations: 1024 },
    WorkgroupLimits { bytes: 48 << 10, invocations: 1024 },
    WorkgroupLimits { bytes: 16 << 10, invocations: 256 },
];

#[test]
fn the_radices_of_every_good_size_multiply_to_it() {
    for length in 1..=4096 {
        let smooth = [2, 3, 5, 7].iter().fold(length, |mut n, p| {
            while n % p == 0 {
                n /= p;
            }
            n
        }) == 1;
        assert_eq!(is_good_size(length), smooth, "{length}");
        if let Some(radices) = radices(length) {
            assert_eq!(radices.iter().product::<u32>(), length);
            assert!(radices.is_sorted_by(|a, b| a >= b), "{radices:?}");
        }
    }
    assert_eq!(radices(1024), Some(vec![16, 8, 8]));
    assert_eq!(radices(1000), Some(vec![10, 10, 10]));
    assert_eq!(radices(0), None);
    assert_eq!(good_sizes(12), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]);
}

#[test]
fn every_line_fits_the_workgroup_and_its_memory() {
    for limits in LIMITS {
        for length in good_sizes(limits.bytes / EXCHANGE_BYTES) {
            for direction in [Direction::Rows, Direction::Columns] {
                let plan = LinePlan::new(length, direction, limits).unwrap();
                assert!(plan.lines >= 1 && plan.threads >= 1, "{plan:?}");
                assert!(plan.lines * plan.threads <= limits.invocations, "{plan:?}");
                assert!(plan.exchange_numbers() * EXCHANGE_BYTES <= limits.bytes, "{plan:?}");
                for radix in &plan.radices {
                    let butterflies = (length / radix).div_ceil(plan.threads);
                    assert!(butterflies * radix <= plan.registers(), "{plan:?}");
                }
            }
        }
        let longest = limits.bytes / EXCHANGE_BYTES;
        for length in [longest + 1, 11] {
            assert!(LinePlan::new(length, Direction::Rows, limits).is_err());
        }
    }
}

/// What `REGISTERS`, `SECTOR_COLUMNS` and [`crate::gpu::GpuLimits::max_fft_length`] promise of a device with 1024
/// invocations.
#[test]
fn columns_are_whole_sectors_and_invocations_hold_few_numbers() {
    for limits in &LIMITS[..2] {
        for length in good_sizes(limits.bytes / 16) {
            let columns = LinePlan::new(length, Direction::Columns, *limits).unwrap();
            assert!(columns.lines >= SECTOR_COLUMNS, "{columns:?}");
            let rows = LinePlan::new(length, Direction::Rows, *limits).unwrap();
            for plan in [&columns, &rows] {
                assert!(plan.registers() <= 2 * REGISTERS, "{plan:?}");
            }
        }
    }
}

#[test]
fn twiddles_are_the_factors_of_each_stage() {
    let plan = LinePlan::new(12 * 16, Direction::Rows, LIMITS[0]).unwrap();
    assert_eq!(plan.radices, [16, 12]);
    let twiddles = plan.twiddles();
    assert_eq!(twiddles.len(), 191);
    assert_eq!(twiddles[..15], [[1.0, 0.0]; 15], "the first stage does not turn");
    // Second stage, step 16: k = 8, m = 12 is exp(−2πi 96 / 192) = −1.
    let [re, im] = twiddles[8 * 16 + 12 - 1];
    assert!((re + 1.0).abs() < 1e-7 && im.abs() < 1e-7, "{re} {im}");
}

/// Rounds of 32 banks that a device takes for the exchanges of both transforms, over those without any conflict: counted
/// for each access of each 32 invocations by the formula of `place_of` in the shader.
fn bank_conflicts(plan: &LinePlan) -> f64 {
    let (mut rounds, mut least) = (0, 0);
    let stages = stages(plan.length, &plan.radices, plan.threads);
    for (pair, layout) in stages.windows(2).zip(&plan.layouts) {
        for (stage, is_given) in [(pair[0], true), (pair[1], false)] {
            let butterflies = plan.length / stage.radix;
            for (first, k) in (0..butterflies)
                .step_by(plan.threads as usize)
                .flat_map(|first| (0..stage.radix).map(move |k| (first, k)))
            {
                let place = |invocation: u32| {
                    let (line, thread, stride) = match plan.direction {
                        Direction::Rows => (invocation / plan.threads, invocation % plan.threads, 1),
                        Direction::Columns => (invocation % plan.lines, invocation / plan.lines, plan.lines),
                    };
                    let j = first + thread;
                    let element = match is_given {
                        true => (j - j % stage.step) * stage.radix + j % stage.step + k * stage.step,
                        false => j + k * butterflies,
                    };
                    let place =
                        line * layout.line_stride + (element + element / layout.pad * layout.skip) * stride;
                    (j < butterflies).then_some(place)
                };
                let invocations: Vec<_> = (0..plan.lines * plan.threads).map(place).collect();
                for together in invocations.chunks(32) {
                    let mut met = [0; 32];
                    together.iter().flatten().for_each(|place| met[(place % 32) as usize] += 1);
                    let most = met.into_iter().max().unwrap_or(0);
                    rounds += most;
                    least += u32::from(most > 0);
                }
            }
        }
    }
    f64::from(rounds) / f64::from(least.max(1))
}

/// Powers of two meet no bank twice; the others, whose radices fit no power of two, seldom.
#[test]
fn exchanges_meet_different_banks() {
    let lengths = good_sizes(2048).into_iter().filter(|length| length.is_multiple_of(32));
    for (length, direction) in lengths.flat_map(|n| [(n, Direction::Rows), (n, Direction::Columns)]) {
        let plan = LinePlan::new(length, direction, LIMITS[1]).unwrap();
        let allowed = match direction {
            _ if length.is_power_of_two() => 1.0,
            Direction::Rows => 1.5,
            Direction::Columns => 1.1,
        };
        let conflicts = bank_conflicts(&plan);
        assert!(conflicts <= allowed, "{conflicts}: {plan:?}");
    }
}
