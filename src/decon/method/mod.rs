//! The algorithms: for each the volumes that it holds, and the passes of its iterations. What a pass does is a backend's.

mod ba;
mod rl;
mod shb;

use serde::{Deserialize, Serialize};

use super::volumes::VolumeRole;
use crate::twins::change_rows::Changes;

/// Which algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Richardson–Lucy (Richardson 1972, Lucy 1974).
    Rl,
    /// Scaled heavy ball: Richardson–Lucy from an extrapolated point (Wang 2014, doi 10.1109/TIP.2013.2291324).
    Shb,
    /// Biggs and Andrews: extrapolated as far as the last two iterations suggest, measured on a few tiles (1997, doi 10.1364/AO.36.001766).
    Ba,
}

impl Method {
    /// What a backend holds of each pair of tiles: what the plan counts and the backends make.
    pub fn volumes(self) -> &'static [VolumeRole] {
        self.algorithm().volumes()
    }

    /// Whether a tile that is alone may be folded: not where a step looks at the neighbours of a voxel.
    pub fn may_fold(self) -> bool {
        self.algorithm().may_fold()
    }

    /// Whether the weights of the change are measured: then those that a sample has shown are given to all tiles of an image.
    pub fn is_measured(self) -> bool {
        self.passes(1).iter().any(|pass| matches!(pass, Pass::Accelerate { .. }))
    }

    /// What iteration `k` does, `k` from 1.
    pub(super) fn passes(self, k: u32) -> Vec<Pass> {
        self.algorithm().passes(k)
    }

    fn algorithm(self) -> &'static dyn Algorithm {
        match self {
            Self::Rl => &rl::RichardsonLucy,
            Self::Shb => &shb::ScaledHeavyBall,
            Self::Ba => &ba::BiggsAndrews,
        }
    }
}

/// What there is to say of an algorithm.
trait Algorithm {
    /// See [`Method::volumes`].
    fn volumes(&self) -> &'static [VolumeRole];

    /// See [`Method::passes`].
    fn passes(&self, k: u32) -> Vec<Pass>;

    /// Whether every pass but those that convolve takes each voxel by itself. Then a tile that is alone may be folded: its
    /// halves are the lanes of a pair, and neighbours in the middle of the tile do not lie beside one another.
    fn may_fold(&self) -> bool {
        true
    }
}

/// One step of a [`Backend`](super::Backend).
#[derive(Clone, Copy, Debug)]
pub(super) enum Pass {
    /// [`project`](super::Backend::project), which may be asked for the divergence.
    Project,
    /// [`back_project`](super::Backend::back_project).
    BackProject,
    /// [`update`](super::Backend::update), with the weight of the change in the next point.
    Update(f32),
    /// The same with the weight that `rule` makes of [`measure_change`](super::Backend::measure_change), unless the course has it;
    /// `unknown` where a course has others and not this one.
    Accelerate { rule: fn(Changes) -> f32, unknown: f32 },
}
