//! How the tiles of a group lie in its volumes.

use std::ops::Range;

use crate::space::Zyx;
use crate::twins::pack::Pack;

/// Where tiles lie. Whatever looks from a voxel to its neighbours has to ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Layout {
    /// Two tiles are the lanes of each pair, whose volumes have the shape of the transform.
    Pairs(Zyx<u32>),
    /// One tile: its halves along the last axis of this transform are the lanes of one pair. Beside the last plane, or row, of
    /// the first half lies none of the second: that is the first of the other lane.
    Folded(Zyx<u32>),
}

impl Layout {
    /// Of `lanes` tiles.
    pub fn new(fft: Zyx<u32>, lanes: usize, may_fold: bool) -> Self {
        if lanes == 1 && may_fold { Self::Folded(fft) } else { Self::Pairs(fft) }
    }

    /// Shape of a pair's volumes.
    pub fn shape(self) -> Zyx<u32> {
        match self {
            Self::Pairs(fft) => fft,
            Self::Folded(fft) if fft.z == 1 => Zyx { y: fft.y.div_ceil(2), ..fft },
            Self::Folded(fft) => Zyx { z: fft.z.div_ceil(2), ..fft },
        }
    }

    /// Rows of each half of a tile that is folded.
    pub fn half_rows(self) -> Option<usize> {
        let shape = self.shape();
        matches!(self, Self::Folded(_)).then_some((shape.z * shape.y) as usize)
    }

    /// Where the parts of a core that lie in `lane` are found: the numbers of their pair in a volume, and what to pack of
    /// them, one behind the other.
    pub fn parts(self, lane: usize, core: &Pack) -> (Range<usize>, Vec<Pack>) {
        let voxels = self.shape().count();
        match self {
            Self::Pairs(_) => (lane / 2 * voxels..(lane / 2 + 1) * voxels, vec![*core]),
            Self::Folded(_) => (0..voxels, halves_of(core, self.shape()).to_vec()),
        }
    }
}

/// What of a core lies in each half of a folded tile.
fn halves_of(params: &Pack, half: Zyx<u32>) -> [Pack; 2] {
    let cut = |first: u32, count: u32, half: u32| {
        let in_first = half.saturating_sub(first).min(count);
        [(first, in_first), (first.max(half) - half, count - in_first)]
    };
    let Pack { first, core, .. } = *params;
    let parts = if params.fft.z == 1 {
        cut(first.y, core.y, half.y).map(|(y, rows)| (Zyx { y, ..first }, Zyx { y: rows, ..core }))
    } else {
        cut(first.z, core.z, half.z).map(|(z, planes)| (Zyx { z, ..first }, Zyx { z: planes, ..core }))
    };
    let [upper, lower] = parts.map(|(first, core)| Pack { fft: half, first, core, ..*params });
    [Pack { lane: 0, ..upper }, Pack { lane: 1, ..lower }]
}
