//! What makes the lanes of a pair as bright as each other, against its twin.

use decon_gpu::decon::NO_DATA;
use decon_gpu::kernels::balance_lanes;
use decon_gpu::twins::{self, Complex32};

use crate::gpu_vs_cpu::bench::{Bench, POISON, ramp};

const BACKGROUND: f32 = 100.0;

/// `ramp`, so many times as bright; every `gap`-th is no data.
fn lane(voxels: usize, times: f32, gap: usize) -> Vec<f32> {
    let seen = ramp(voxels, times).into_iter().map(|v| v + BACKGROUND).enumerate();
    seen.map(|(i, v)| if i % gap == 0 { NO_DATA } else { v }).collect()
}

#[test]
fn balance_lanes_balances_as_its_twin() {
    let bench = Bench::open();
    // Nothing at all, as many as there are samples, one more, and many.
    for voxels in [1, 300, 16_384, 16_385, 100_000] {
        // A gap of 1: no data. Twice 1.5 is not near a quotient at which rounding decides, nor are the others.
        let pairs =
            [[(1.0, 7), (1.5, 5)], [(1.0, 7), (20.0, 5)], [(3000.0, 5), (0.01, 7)], [(1.0, 1), (9.0, 7)]];
        let observed: Vec<[f32; 2]> = pairs
            .iter()
            .flat_map(|[(even, gap), (odd, other)]| {
                lane(voxels, *even, *gap).into_iter().zip(lane(voxels, *odd, *other)).map(|(a, b)| [a, b])
            })
            .collect();
        let balance = bench.buffer(&[[POISON; 2]; 5]);
        let params = balance_lanes::Params {
            pairs: pairs.len() as u32,
            voxels: voxels as u32,
            background: BACKGROUND,
        };
        bench.run(&balance_lanes::shader(), &[&bench.buffer(&observed), &balance], &params);
        let found: Vec<[f32; 2]> = bench.read(&balance);
        for (i, (found, observed)) in found.iter().zip(observed.chunks(voxels)).enumerate() {
            let observed: Vec<_> = observed.iter().map(|&[re, im]| Complex32::new(re, im)).collect();
            let twin = twins::balance_lanes::balance_lanes(&observed, BACKGROUND);
            assert_eq!(*found, [twin, 1.0 / twin], "pair {i} of {voxels} voxels");
        }
        assert!(found[4][0].is_nan(), "what is behind stays");
        let is_balanced = [found[1][0] == 1.0 / 16.0, found[2][0] == (2.0_f32).powi(18), found[3][0] == 1.0];
        assert!(voxels == 1 || is_balanced == [true; 3], "{found:?}");
    }
}
