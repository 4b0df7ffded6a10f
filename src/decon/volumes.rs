//! What a backend holds of a group of tiles: declared once by the method, counted by the plan, made by the backends.

use crate::constants::Precision;
use crate::decon::Method;
use crate::kernels::change_rows::SUM_BYTES;

/// What a volume is for. Each holds a complex number for every voxel of a pair of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeRole {
    /// d, or no data.
    Observed,
    /// 1 / (hᵀ ⊗ data mask).
    Weight,
    /// u.
    Estimate,
    /// u of the iteration before. Before the first, the spectrum of the mask lies here on a device.
    Previous,
    /// What the last iteration changed of its point.
    Change,
    /// Of the point, or of the ratio.
    Spectrum,
}

/// Those of a method that steps from a point: the estimate, or beyond it.
pub(super) const PLAIN: &[VolumeRole] = &[
    VolumeRole::Observed,
    VolumeRole::Weight,
    VolumeRole::Estimate,
    VolumeRole::Previous,
    VolumeRole::Spectrum,
];

impl VolumeRole {
    /// Of a pair, spectra stored as `precision` says.
    pub fn bytes_per_voxel(self, precision: Precision) -> u64 {
        match self {
            Self::Spectrum => precision.spectrum_bytes(),
            Self::Observed | Self::Weight | Self::Estimate | Self::Previous | Self::Change => 8,
        }
    }
}

impl Method {
    /// Bytes that all volumes of a pair of tiles take for each voxel of the transform.
    pub fn pair_bytes_per_voxel(self, precision: Precision) -> u64 {
        self.volumes().iter().map(|role| role.bytes_per_voxel(precision)).sum()
    }

    /// The same of one tile that is folded: of all but what is observed, which is painted whole, half as many. `None` where it
    /// may not be.
    pub fn folded_bytes_per_voxel(self, precision: Precision) -> Option<u64> {
        let bytes = |role: &VolumeRole| match role {
            VolumeRole::Observed => role.bytes_per_voxel(precision),
            _ => role.bytes_per_voxel(precision) / 2,
        };
        self.may_fold().then(|| self.volumes().iter().map(bytes).sum())
    }

    /// Bytes that a device keeps of each row of a pair: where its weights are not 1, and what is summed over it.
    pub fn bytes_per_row(self) -> u64 {
        let measures = self.volumes().contains(&VolumeRole::Change);
        4 + 4 + if measures { SUM_BYTES } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_takes_what_its_volumes_take_and_a_folded_tile_half_beside_what_is_observed() {
        for method in [Method::Rl, Method::Shb] {
            assert_eq!(method.pair_bytes_per_voxel(Precision::F32), 40);
            assert_eq!(method.pair_bytes_per_voxel(Precision::F16), 36);
            assert_eq!(method.folded_bytes_per_voxel(Precision::F32), Some(24));
            assert_eq!(method.bytes_per_row(), 8);
        }
        let ba = Method::Ba;
        assert_eq!(
            (ba.pair_bytes_per_voxel(Precision::F32), ba.pair_bytes_per_voxel(Precision::F16)),
            (48, 44)
        );
        assert_eq!((ba.folded_bytes_per_voxel(Precision::F32), ba.bytes_per_row()), (Some(28), 16));
    }
}
