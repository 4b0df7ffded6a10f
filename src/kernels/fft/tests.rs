//! Plans and tables against their definitions.

use super::*;

const WORKGROUP_BYTES: u32 = 32 << 10;

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
        }
    }
    assert_eq!(radices(1024), Some(vec![8, 8, 4, 4]));
    assert_eq!(radices(0), None);
    assert_eq!(good_sizes(12), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]);
}

#[test]
fn every_line_fits_the_workgroup_and_its_memory() {
    for length in good_sizes(2048) {
        for direction in [Direction::Rows, Direction::Columns] {
            let plan = LinePlan::new(length, direction, WORKGROUP_BYTES).unwrap();
            assert!(plan.lines >= 1 && plan.threads >= 1, "{plan:?}");
            assert!(plan.lines * plan.threads <= WORKGROUP, "{plan:?}");
            assert!(plan.lines * length * EXCHANGE_BYTES <= WORKGROUP_BYTES, "{plan:?}");
        }
    }
    assert!(LinePlan::new(2049, Direction::Rows, WORKGROUP_BYTES).is_err());
    assert!(LinePlan::new(2058, Direction::Rows, WORKGROUP_BYTES).is_err());
    assert!(LinePlan::new(11, Direction::Rows, WORKGROUP_BYTES).is_err());
}

#[test]
fn twiddles_are_the_factors_of_each_stage() {
    let plan = LinePlan::new(12, Direction::Rows, WORKGROUP_BYTES).unwrap();
    assert_eq!(plan.radices, [4, 3]);
    let twiddles = plan.twiddles();
    assert_eq!(twiddles.len(), 11);
    assert_eq!(twiddles[..3], [[1.0, 0.0]; 3], "the first stage does not turn");
    // Second stage, step 4: r = 2, k = 3 is exp(−2πi 6 / 12) = −1.
    let [re, im] = twiddles[2 * 4 + 3 - 1];
    assert!((re + 1.0).abs() < 1e-7 && im.abs() < 1e-7, "{re} {im}");
}
