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
                assert!(plan.lines * plan.padded_length() * EXCHANGE_BYTES <= limits.bytes, "{plan:?}");
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
