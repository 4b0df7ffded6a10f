//! Automatic acceleration (Biggs and Andrews 1997, doi 10.1364/AO.36.001766): Richardson–Lucy from the point
//! p = u + α (u − u₋₁), α being what the last two changes g = u′ − p have in common: Σ g g₋₁ / Σ g₋₁².
//!
//! α is one number for all tiles of an image. Tiles that each measure their own meet at borders that differ by 0.5 % (rms) and
//! up to 1.6 %, those that share one by 0.003 to 0.07 %, as with the scaled heavy ball; and it hardly depends on the tile: at
//! iteration 20 of 9 tiles of threads, nuclei and points it was 0.919 to 0.941. So it is measured on a few tiles, and given
//! to all; only where they are one group, on these.

use super::{Algorithm, Pass, shb};
use crate::decon::volumes::VolumeRole;
use crate::twins::change_rows::Changes;

pub(super) struct BiggsAndrews;

impl Algorithm for BiggsAndrews {
    fn volumes(&self) -> &'static [VolumeRole] {
        &[
            VolumeRole::Observed,
            VolumeRole::Weight,
            VolumeRole::Estimate,
            VolumeRole::Previous,
            VolumeRole::Change,
            VolumeRole::Spectrum,
        ]
    }

    fn passes(&self, k: u32) -> Vec<Pass> {
        let accelerate = Pass::Accelerate { rule: alpha, unknown: shb::alpha(k + 1) };
        vec![Pass::Project, Pass::BackProject, accelerate]
    }
}

/// The largest below 1.
const MOST: f32 = 1.0 - f32::EPSILON / 2.0;

/// Weight of the last change in the next point; 0 where nothing was changed before.
fn alpha(changes: Changes) -> f32 {
    let alpha = changes.with_last / changes.last;
    if alpha.is_finite() { (alpha as f32).clamp(0.0, MOST) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_what_two_changes_have_in_common_from_0_to_less_than_1() {
        let of = |with_last, last| alpha(Changes { with_last, last });
        assert_eq!(of(3.0, 4.0), 0.75);
        assert_eq!([of(-1.0, 4.0), of(0.0, 0.0), of(f64::INFINITY, f64::INFINITY)], [0.0; 3]);
        assert!(of(5.0, 4.0) < 1.0 && of(5.0, 4.0) > 0.999_999);
    }
}
