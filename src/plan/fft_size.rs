//! Lengths of Fourier transforms that are fast: products of 2, 3, 5 and 7.

/// The smallest product of powers of 2, 3, 5 and 7 that is at least `length`.
///
/// Padding is the largest hidden cost of a deconvolution: powers of two alone would add up to 100 % an axis,
/// these at most 8 % from 32 on.
pub fn fast_length(length: u32) -> u32 {
    (length.max(1)..).find(|&n| is_fast(n)).unwrap_or(length)
}

fn is_fast(mut n: u32) -> bool {
    for factor in [2, 3, 5, 7] {
        while n.is_multiple_of(factor) {
            n /= factor;
        }
    }
    n == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_the_next_product_of_small_primes() {
        let expected = [(0, 1), (1, 1), (11, 12), (97, 98), (121, 125), (2049, 2058), (2112, 2160)];
        for (length, fast) in expected {
            assert_eq!(fast_length(length), fast, "from {length}");
        }
    }

    #[test]
    fn padding_stays_small() {
        let worst = (32..4096).map(|n| f64::from(fast_length(n)) / f64::from(n)).fold(0.0, f64::max);
        assert!(worst < 1.082, "worst padding {worst}");
    }
}
