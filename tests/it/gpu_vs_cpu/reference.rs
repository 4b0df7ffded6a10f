//! Richardson–Lucy as it is defined, in f64, with convolutions as sums: no transform, no lanes, no packing.

use decon_gpu::decon::{FLOOR, Method, START_FLOOR, Start, WEIGHT_LIMIT};
use decon_gpu::psf::Psf;
use decon_gpu::space::Zyx;

/// One tile to deconvolve, `[z, y, x]` of its extents; `None` where there is no data.
pub struct Reference<'a> {
    pub psf: &'a Psf,
    pub fft: Zyx<u32>,
    pub extents: Zyx<u32>,
    pub data: &'a [Option<f64>],
    pub background: f64,
}

impl Reference<'_> {
    /// The estimate after `iterations`, `[z, y, x]` of the transform.
    pub fn deconvolve(&self, method: Method, iterations: u32, start: Start) -> Vec<f64> {
        self.and_weights(method, iterations, start, None).0
    }

    /// The same, and what the method makes of the changes as weights of the last one, unless they are `given`.
    pub fn and_weights(
        &self,
        method: Method,
        iterations: u32,
        start: Start,
        given: Option<&[f32]>,
    ) -> (Vec<f64>, Vec<f64>) {
        let (floor, limit) = (f64::from(FLOOR), f64::from(WEIGHT_LIMIT));
        let observed = self.observed();
        let mask: Vec<_> = observed.iter().map(|v| f64::from(u8::from(v.is_some()))).collect();
        let weight = self.convolve(&mask, -1).into_iter().map(|v| if v > limit { 1.0 / v } else { 0.0 });
        let weight: Vec<_> = weight.collect();
        let mut estimate = self.start(start);
        let mut point = estimate.clone();
        let (mut last_change, mut weights) = (Vec::new(), Vec::new());
        for k in 1..=iterations {
            let blurred = self.convolve(&point, 1);
            let ratio = |(d, b): (&Option<f64>, f64)| d.map_or(0.0, |d| d / (b + self.background).max(floor));
            let ratio: Vec<_> = observed.iter().zip(blurred).map(ratio).collect();
            let correction = self.convolve(&ratio, -1);
            let next = (0..point.len()).map(|i| (point[i] * weight[i] * correction[i]).max(floor));
            let next: Vec<f64> = next.collect();
            let change: Vec<f64> = next.iter().zip(&point).map(|(next, point)| next - point).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let alpha = match method {
                Method::Rl => 0.0,
                Method::Shb => f64::from(k) / f64::from(k + 3),
                Method::Ba if k == 1 => 0.0,
                Method::Ba => (dot(&change, &last_change) / dot(&last_change, &last_change)).clamp(0.0, 1.0),
            };
            weights.push(alpha);
            let alpha = given.map_or(alpha, |given| given[k as usize - 1].into());
            for i in 0..point.len() {
                point[i] = (next[i] + alpha * (next[i] - estimate[i])).max(floor);
            }
            (estimate, last_change) = (next, change);
        }
        (estimate, weights)
    }

    fn observed(&self) -> Vec<Option<f64>> {
        let (n, inner) = (self.fft, self.extents);
        let inside = |z: u32, y: u32, x: u32| z < inner.z && y < inner.y && x < inner.x;
        let value = |z, y, x| self.data[((z * inner.y + y) * inner.x + x) as usize];
        voxels(n).map(|[z, y, x]| if inside(z, y, x) { value(z, y, x) } else { None }).collect()
    }

    fn start(&self, start: Start) -> Vec<f64> {
        if start == Start::Flat {
            return vec![1.0; self.fft.count()];
        }
        let (n, inner) = (self.fft, self.extents);
        // The nearest index with data on a circle; the last one where both ends are as near but for the origin.
        let nearest = |i: u32, extent: u32, length: u32| match i {
            i if i < extent => i,
            i if i - extent < length - i => extent - 1,
            _ => 0,
        };
        let value = |[z, y, x]: [u32; 3]| {
            let (z, y, x) = (nearest(z, inner.z, n.z), nearest(y, inner.y, n.y), nearest(x, inner.x, n.x));
            let floor = f64::from(START_FLOOR);
            self.data[((z * inner.y + y) * inner.x + x) as usize]
                .map_or(floor, |d| (d - self.background).max(floor))
        };
        voxels(n).map(value).collect()
    }

    /// h ⊗ image for `sign` 1, hᵀ ⊗ image for −1, around the ends.
    fn convolve(&self, image: &[f64], sign: i64) -> Vec<f64> {
        let (n, p) = (self.fft.map(i64::from), self.psf.shape.map(i64::from));
        let taps: Vec<_> = voxels(self.psf.shape)
            .zip(&self.psf.data)
            .map(|([z, y, x], &h)| {
                let from_centre = |i: u32, length: i64| sign * (i64::from(i) - (length - 1) / 2);
                (from_centre(z, p.z), from_centre(y, p.y), from_centre(x, p.x), f64::from(h))
            })
            .collect();
        let at = |z: i64, y: i64, x: i64| {
            image[((z.rem_euclid(n.z) * n.y + y.rem_euclid(n.y)) * n.x + x.rem_euclid(n.x)) as usize]
        };
        voxels(self.fft)
            .map(|[z, y, x]| {
                let (z, y, x) = (i64::from(z), i64::from(y), i64::from(x));
                taps.iter().map(|&(dz, dy, dx, h)| h * at(z - dz, y - dy, x - dx)).sum()
            })
            .collect()
    }
}

/// Every voxel's `[z, y, x]`, in memory order.
fn voxels(shape: Zyx<u32>) -> impl Iterator<Item = [u32; 3]> {
    (0..shape.z).flat_map(move |z| (0..shape.y).flat_map(move |y| (0..shape.x).map(move |x| [z, y, x])))
}
