//! Scaled heavy ball (Wang 2014, doi 10.1109/TIP.2013.2291324): Richardson–Lucy from the point p = u + α (u − u₋₁).

use super::{Algorithm, Pass};
use crate::decon::volumes::{PLAIN, VolumeRole};

pub(super) struct ScaledHeavyBall;

impl Algorithm for ScaledHeavyBall {
    fn volumes(&self) -> &'static [VolumeRole] {
        PLAIN
    }

    fn passes(&self, k: u32) -> Vec<Pass> {
        vec![Pass::Project, Pass::BackProject, Pass::Update(alpha(k + 1))]
    }
}

/// Weight of the last change in the point that iteration `k` starts from: (k − 1) / (k + 2).
pub(super) fn alpha(k: u32) -> f32 {
    ((k as f32 - 1.0) / (k as f32 + 2.0)).clamp(0.0, 1.0)
}
