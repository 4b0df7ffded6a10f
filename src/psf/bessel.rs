//! The Bessel function of the first kind, order 0, and nothing else.

use std::f64::consts::FRAC_PI_4;

/// J₀(x) with an absolute error below 1e-7.
///
/// Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 9.4.1 (|x| ≤ 3, error 5e-8) and
/// 9.4.3 (beyond, error of the modulus 1.6e-8 and of the phase 7e-8).
pub(super) fn j0(x: f64) -> f64 {
    let x = x.abs();
    if x <= 3.0 {
        let t = (x / 3.0) * (x / 3.0);
        return polynomial(
            t,
            &[1.0, -2.249_999_7, 1.265_620_8, -0.316_386_6, 0.044_447_9, -0.003_944_4, 0.000_210_0],
        );
    }
    let t = 3.0 / x;
    let modulus = polynomial(
        t,
        &[
            0.797_884_56,
            -0.000_000_77,
            -0.005_527_40,
            -0.000_095_12,
            0.001_372_37,
            -0.000_728_05,
            0.000_144_76,
        ],
    );
    let phase = polynomial(
        t,
        &[-FRAC_PI_4, -0.041_663_97, -0.000_039_54, 0.002_625_73, -0.000_541_25, -0.000_293_33, 0.000_135_58],
    );
    modulus * (x + phase).cos() / x.sqrt()
}

/// Σ coefficients\[i\] · tⁱ by Horner's rule.
fn polynomial(t: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bessel's integral, A&S 9.1.18: (1/π) ∫₀^π cos(x sin θ) dθ. The trapezoid rule converges faster than any power
    /// on a periodic integrand, so x + 40 points give it to 1e-13.
    fn j0_by_integral(x: f64) -> f64 {
        let n = x as usize + 40;
        (0..n).map(|i| (x * (std::f64::consts::PI * i as f64 / n as f64).sin()).cos()).sum::<f64>() / n as f64
    }

    #[test]
    fn j0_agrees_with_bessels_integral() {
        let (mut worst, mut at) = (0.0, 0.0);
        for i in 0..=60_000 {
            let x = f64::from(i) * 0.005;
            let error = (j0(x) - j0_by_integral(x)).abs();
            if error > worst {
                (worst, at) = (error, x);
            }
        }
        assert!(worst < 1e-7, "error {worst:e} at x = {at}");
        assert_eq!(j0(-2.0), j0(2.0));
    }
}
