//! Richardson–Lucy: u ← u · W · hᵀ ⊗ (d / (h ⊗ u + b)).

use super::{Algorithm, Pass};
use crate::decon::volumes::{PLAIN, VolumeRole};

pub(super) struct RichardsonLucy;

impl Algorithm for RichardsonLucy {
    fn volumes(&self) -> &'static [VolumeRole] {
        PLAIN
    }

    fn passes(&self, _: u32) -> Vec<Pass> {
        vec![Pass::Project, Pass::BackProject, Pass::Update(0.0)]
    }
}
