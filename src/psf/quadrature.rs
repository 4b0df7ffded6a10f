//! Gauss–Legendre quadrature.

use std::f64::consts::PI;

/// Node and weight pairs on \[0, 1\] that integrate polynomials up to degree 2 `count` − 1 exactly.
///
/// Nodes are the roots of the Legendre polynomial by Newton's method (Abramowitz and Stegun 25.4.29, 8.5.3).
pub(super) fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    (0..count)
        .map(|i| {
            let mut x = (PI * (i as f64 + 0.75) / (count as f64 + 0.5)).cos();
            let mut slope = 1.0;
            // Newton doubles the digits each time; the first guess has three.
            for _ in 0..6 {
                let (value, derivative) = legendre(count, x);
                slope = derivative;
                x -= value / derivative;
            }
            ((1.0 + x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// P_n(x) and its derivative, for |x| < 1 and n ≥ 1.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_up_to_the_promised_degree_are_exact() {
        for count in [1, 2, 5, 16, 99] {
            let nodes = gauss_legendre(count);
            for degree in 0..2 * count {
                let sum: f64 = nodes.iter().map(|(x, w)| w * x.powi(degree as i32)).sum();
                let exact = 1.0 / (degree as f64 + 1.0);
                assert!((sum - exact).abs() < 1e-13, "{count} nodes, degree {degree}: {sum} for {exact}");
            }
        }
    }

    #[test]
    fn an_oscillation_is_integrated_with_half_its_phase_in_nodes() {
        let phase = 700.0;
        let sum: f64 = gauss_legendre(382).iter().map(|(x, w)| w * (phase * x).cos()).sum();
        assert!((sum - phase.sin() / phase).abs() < 1e-11, "{sum}");
    }
}
