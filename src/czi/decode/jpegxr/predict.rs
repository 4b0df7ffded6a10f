//! Prediction from the macroblocks at the left and above (T.832 section 9.4): DC, low-pass, and, inside a macroblock,
//! high-pass values.

use super::header::Layout;
use super::macroblock::{Direction, Macroblock};

/// What a macroblock leaves to those at its right and below it.
#[derive(Clone, Copy, Default)]
pub(super) struct Neighbour {
    /// DC and low-pass values of each plane.
    pub low: [[i32; 16]; 3],
    /// Index of the low-pass quantisers.
    pub lowpass_set: usize,
    /// Coded blocks of each plane.
    pub patterns: [i32; 3],
}

/// The macroblocks around one, where they belong to the same tile.
#[derive(Clone, Copy, Default)]
pub(super) struct Neighbours<'a> {
    pub left: Option<&'a Neighbour>,
    pub above: Option<&'a Neighbour>,
    pub above_left: Option<&'a Neighbour>,
}

/// A macroblock outside the tile.
static NOTHING: Neighbour = Neighbour { low: [[0; 16]; 3], lowpass_set: 0, patterns: [0; 3] };

#[derive(Clone, Copy, PartialEq, Eq)]
enum DcFrom {
    Left,
    Above,
    Both,
    None,
}

/// Values are alike along an axis when they differ this many times less than along the other.
const WEIGHT: i32 = 4;

fn distance(a: i32, b: i32) -> i32 {
    a.wrapping_sub(b).wrapping_abs()
}

fn choose(layout: Layout, near: &Neighbours<'_>) -> DcFrom {
    let (left, above) = match (near.left, near.above) {
        (None, None) => return DcFrom::None,
        (None, Some(_)) => return DcFrom::Above,
        (Some(_), None) => return DcFrom::Left,
        (Some(left), Some(above)) => (left, above),
    };
    let corner = near.above_left.unwrap_or(&NOTHING);
    let weight = match layout {
        Layout::Gray => 1,
        Layout::Full => 2,
        Layout::HalfWidth => 4,
        Layout::Half => 8,
    };
    let difference = |other: &Neighbour| {
        (0..layout.planes()).fold(0i32, |sum, plane| {
            let difference = distance(corner.low[plane][0], other.low[plane][0]);
            sum.wrapping_add(if plane == 0 { difference.wrapping_mul(weight) } else { difference })
        })
    };
    let (across, down) = (difference(left), difference(above));
    if across.wrapping_mul(WEIGHT) < down {
        DcFrom::Above
    } else if down.wrapping_mul(WEIGHT) < across {
        DcFrom::Left
    } else {
        DcFrom::Both
    }
}

/// Adds to the DC and low-pass values what the neighbours foretell; finds the direction for the high-pass values.
pub(super) fn add_low(block: &mut Macroblock, layout: Layout, near: &Neighbours<'_>) {
    let from = choose(layout, near);
    let (left, above) = (near.left.unwrap_or(&NOTHING), near.above.unwrap_or(&NOTHING));
    for plane in 0..layout.planes() {
        let low = &mut block.low[plane];
        let rounding = i32::from(layout.is_subsampled() && plane > 0);
        let (left, above) = (&left.low[plane], &above.low[plane]);
        low[0] = low[0].wrapping_add(match from {
            DcFrom::Left => left[0],
            DcFrom::Above => above[0],
            DcFrom::Both => left[0].wrapping_add(above[0]).wrapping_add(rounding) >> 1,
            DcFrom::None => 0,
        });
        let mut add = |to: usize, value: i32| low[to] = low[to].wrapping_add(value);
        let (across, down) = layout.blocks(plane);
        match from {
            DcFrom::Above if near.above.is_some_and(|above| above.lowpass_set == block.lowpass_set) => {
                match (across, down) {
                    (4, _) => [4, 8, 12].into_iter().for_each(|k| add(k, above[k])),
                    (_, 4) => {
                        add(4, above[4]);
                        add(2, above[6]);
                        let upper = low[2];
                        low[6] = low[6].wrapping_add(upper);
                    }
                    _ => add(2, above[2]),
                }
            }
            DcFrom::Left if near.left.is_some_and(|left| left.lowpass_set == block.lowpass_set) => {
                match (across, down) {
                    (4, _) => [1, 2, 3].into_iter().for_each(|k| add(k, left[k])),
                    (_, 4) => [4, 1, 5].into_iter().for_each(|k| add(k, left[k])),
                    _ => add(1, left[1]),
                }
            }
            DcFrom::Above if (across, down) == (2, 4) => {
                let upper = low[2];
                low[6] = low[6].wrapping_add(upper);
            }
            _ => {}
        }
    }
    block.direction = direction(block, layout);
}

fn direction(block: &Macroblock, layout: Layout) -> Direction {
    let sum = |plane: usize, positions: &[usize]| {
        positions.iter().fold(0i32, |sum, &k| sum.wrapping_add(block.low[plane][k].wrapping_abs()))
    };
    let (mut across, mut down) = (sum(0, &[1, 2, 3]), sum(0, &[4, 8, 12]));
    for plane in 1..layout.planes() {
        let (more_across, more_down): (&[usize], &[usize]) = match layout {
            Layout::Half => (&[1], &[2]),
            Layout::HalfWidth => (&[1, 5], &[2, 6]),
            _ => (&[1], &[4]),
        };
        across = across.wrapping_add(sum(plane, more_across));
        down = down.wrapping_add(sum(plane, more_down));
    }
    if across.wrapping_mul(WEIGHT) < down {
        Direction::Above
    } else if down.wrapping_mul(WEIGHT) < across {
        Direction::Left
    } else {
        Direction::None
    }
}

/// Adds to the high-pass values what the block at the left, or above, foretells.
pub(super) fn add_high(block: &mut Macroblock, layout: Layout) {
    for plane in 0..layout.planes() {
        let (across, down) = layout.blocks(plane);
        let high = &mut block.high[plane];
        let (step, positions) = match block.direction {
            Direction::None => return,
            Direction::Above => (across, [4, 8, 12]),
            Direction::Left => (1, [1, 2, 3]),
        };
        for k in 0..across * down {
            if k < step || (step == 1 && k % across == 0) {
                continue;
            }
            for position in positions {
                high[k][position] = high[k][position].wrapping_add(high[k - step][position]);
            }
        }
    }
}
