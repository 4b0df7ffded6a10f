//! Every method written down once more, in f64, volume by volume and without tiles: what the backends
//! are compared with. Shares no code with them.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex64;

use super::{Backend, Course, Field, Method, NO_DATA, Start, iterate};
use crate::pixels::{PixelType, Samples};
use crate::psf::Psf;
use crate::space::{Rect, Zyx};
use crate::tile::{Layer, Tile};

/// An image or volume, `[z, y, x]`; [`NO_DATA`] where there is none.
#[derive(Clone)]
pub(crate) struct Image {
    pub shape: Zyx<u32>,
    pub data: Vec<f32>,
}

/// What is done to it.
#[derive(Clone)]
pub(crate) struct Job {
    pub fft: Zyx<u32>,
    pub psf: Psf,
    pub background: f32,
    pub method: Method,
    pub iterations: u32,
    pub start: Start,
}

impl Job {
    /// The estimate over the image, by definition.
    pub fn by_definition(&self, image: &Image) -> Vec<f64> {
        self.with_divergences(image).0
    }

    /// The same, and the divergence of the point that each iteration starts from, Σ d ln(d / y) − d + y.
    pub fn with_divergences(&self, image: &Image) -> (Vec<f64>, Vec<f64>) {
        let mut all = self.together(&[image], None);
        (all.estimates.remove(0), all.divergences)
    }

    /// All images as one group: their changes together say the weights of the last change, unless those are `given`.
    pub fn together(&self, images: &[&Image], given: Option<&[f32]>) -> Together {
        let mut states: Vec<_> = images.iter().map(|image| State::new(self, image)).collect();
        let (mut divergences, mut weights) = (Vec::new(), Vec::new());
        for k in 1..=self.iterations {
            divergences.push(states.iter_mut().map(|state| state.step(self)).sum());
            let sum = |dot: fn(&State) -> f64| states.iter().map(dot).sum::<f64>();
            let alpha = match self.method {
                Method::Rl => 0.0,
                Method::Shb => f64::from(k) / f64::from(k + 3),
                Method::Ba if k == 1 => 0.0,
                Method::Ba => (sum(State::with_last) / sum(State::last_squared)).clamp(0.0, 1.0),
            };
            let taken = given.map_or(alpha, |given| given[k as usize - 1].into());
            states.iter_mut().for_each(|state| state.extrapolate(taken));
            weights.push(alpha);
        }
        let estimates = states.iter().zip(images).map(|(state, image)| state.inside(self.fft, image.shape));
        Together { estimates: estimates.collect(), divergences, weights }
    }

    fn start_at(&self, i: usize, image: &Image) -> f64 {
        if self.start == Start::Flat {
            return 1.0;
        }
        let nearest = |at: u32, extent: u32, length: u32| {
            let apart = |j: u32| at.abs_diff(j).min(length - at.abs_diff(j));
            (0..extent).rev().min_by_key(|&j| apart(j)).expect("an image has pixels")
        };
        let at = position(i, self.fft);
        let at = Zyx::new(
            nearest(at.z, image.shape.z, self.fft.z),
            nearest(at.y, image.shape.y, self.fft.y),
            nearest(at.x, image.shape.x, self.fft.x),
        );
        let value = image.data[index(at, image.shape)];
        if value == NO_DATA { 1e-3 } else { (f64::from(value) - f64::from(self.background)).max(1e-3) }
    }

    /// The same by a backend, all images as one group, output channel `channel`.
    pub fn by_backend<B: Backend>(&self, backend: &mut B, channel: usize, images: &[&Image]) -> Vec<Samples> {
        self.and_weights_by_backend(backend, channel, images).0
    }

    /// The same, and the weights of the last change where the method measures them.
    pub fn and_weights_by_backend<B: Backend>(
        &self,
        backend: &mut B,
        channel: usize,
        images: &[&Image],
    ) -> (Vec<Samples>, Option<Vec<f32>>) {
        self.begin_on(backend, channel, images);
        let decided = iterate(backend, self.method, &Course::of(self.iterations)).unwrap();
        (finish_on(backend, images), decided.unwrap().weights)
    }

    /// All images as one group, ready for the first iteration.
    pub fn begin_on<B: Backend>(&self, backend: &mut B, channel: usize, images: &[&Image]) {
        for (lane, image) in images.iter().enumerate() {
            let fields: Vec<_> =
                (0..image.shape.z).map(|z| backend.upload(field(image, z)).unwrap()).collect();
            backend.stitch(lane, &tile(image.shape), &fields.iter().collect::<Vec<_>>()).unwrap();
            fields.into_iter().for_each(|field| backend.release(field));
        }
        backend.begin(channel, images.len(), self.start).unwrap();
    }
}

/// What becomes of a group.
pub(crate) struct Together {
    /// Over each image.
    pub estimates: Vec<Vec<f64>>,
    /// Before each iteration, the divergence of its point, of all images.
    pub divergences: Vec<f64>,
    /// After each iteration, what the method makes of the changes until then.
    pub weights: Vec<f64>,
}

/// One image on its way, in volumes of the transform.
struct State {
    kernel: Kernel,
    observed: Vec<Option<f64>>,
    weight: Vec<f64>,
    point: Vec<f64>,
    estimate: Vec<f64>,
    next: Vec<f64>,
    /// next − point, and that of the iteration before.
    change: Vec<f64>,
    last_change: Vec<f64>,
}

impl State {
    fn new(job: &Job, image: &Image) -> Self {
        let (n, size) = (job.fft.count(), image.shape);
        let value = |i| {
            let at = position(i, job.fft);
            let inside = at.z < size.z && at.y < size.y && at.x < size.x;
            let value = if inside { image.data[index(at, size)] } else { NO_DATA };
            (value != NO_DATA).then_some(f64::from(value))
        };
        let observed: Vec<Option<f64>> = (0..n).map(value).collect();
        let kernel = Kernel::new(&job.psf, job.fft);
        let mask: Vec<f64> = observed.iter().map(|d| f64::from(u8::from(d.is_some()))).collect();
        let weight = kernel.correlate(&mask);
        let point: Vec<f64> = (0..n).map(|i| job.start_at(i, image)).collect();
        let [next, change, last_change] = [(); 3].map(|()| vec![0.0; n]);
        Self { kernel, observed, weight, estimate: point.clone(), point, next, change, last_change }
    }

    /// From the point to the next estimate; returns the divergence of the point.
    fn step(&mut self, job: &Job) -> f64 {
        let blurred = self.kernel.convolve(&self.point);
        let model = |i: usize| (blurred[i] + f64::from(job.background)).max(1e-6);
        let term = |i: usize| {
            let (d, y) = (self.observed[i]?, model(i));
            Some(if d > 0.0 { d * (d / y).ln() - d + y } else { y - d })
        };
        let divergence = (0..blurred.len()).filter_map(term).sum();
        let ratio = |i: usize| self.observed[i].map_or(0.0, |d| d / model(i));
        let correction = self.kernel.correlate(&(0..blurred.len()).map(ratio).collect::<Vec<_>>());
        std::mem::swap(&mut self.change, &mut self.last_change);
        for (i, correction) in correction.into_iter().enumerate() {
            let weight = if self.weight[i] > 0.01 { 1.0 / self.weight[i] } else { 0.0 };
            self.next[i] = (self.point[i] * weight * correction).max(1e-6);
            self.change[i] = self.next[i] - self.point[i];
        }
        divergence
    }

    fn extrapolate(&mut self, alpha: f64) {
        for i in 0..self.next.len() {
            self.point[i] = (self.next[i] + alpha * (self.next[i] - self.estimate[i])).max(1e-6);
            self.estimate[i] = self.next[i];
        }
    }

    fn with_last(&self) -> f64 {
        self.change.iter().zip(&self.last_change).map(|(a, b)| a * b).sum()
    }

    fn last_squared(&self) -> f64 {
        self.last_change.iter().map(|a| a * a).sum()
    }

    fn inside(&self, fft: Zyx<u32>, size: Zyx<u32>) -> Vec<f64> {
        (0..size.count()).map(|i| self.estimate[index(position(i, size), fft)]).collect()
    }
}

/// What becomes of the group.
pub(crate) fn finish_on<B: Backend>(backend: &mut B, images: &[&Image]) -> Vec<Samples> {
    let mut finished = Vec::new();
    for (lane, image) in images.iter().enumerate() {
        finished.extend(backend.download(lane, tile(image.shape)).unwrap());
    }
    while let Some(tile) = backend.drain().unwrap() {
        finished.push(tile);
    }
    finished.into_iter().map(|tile| tile.samples).collect()
}

/// A tile that is one image, each plane a field.
pub(crate) fn tile(shape: Zyx<u32>) -> Tile {
    let (width, height) = (shape.x, shape.y);
    let layer = |z| Layer { field: z as usize, rect: Rect::new(0, 0, width, height), plane: z };
    let layers = (0..shape.z).map(layer).collect();
    Tile::alone(Rect::new(0, 0, width, height), shape.z, layers)
}

fn field(image: &Image, z: u32) -> Field {
    let plane = image.shape.y as usize * image.shape.x as usize;
    let samples = Samples::F32(image.data[z as usize * plane..][..plane].to_vec());
    Field {
        pixel_type: PixelType::Gray32Float,
        width: image.shape.x,
        height: image.shape.y,
        shown: None,
        samples: samples.into(),
    }
}

fn position(i: usize, shape: Zyx<u32>) -> Zyx<u32> {
    let i = i as u32;
    Zyx::new(i / (shape.y * shape.x), i / shape.x % shape.y, i % shape.x)
}

fn index(at: Zyx<u32>, shape: Zyx<u32>) -> usize {
    ((at.z * shape.y + at.y) * shape.x + at.x) as usize
}

/// Circular convolution with a PSF whose middle is its origin.
pub(crate) struct Kernel {
    shape: Zyx<u32>,
    spectrum: Vec<Complex64>,
}

impl Kernel {
    pub fn new(psf: &Psf, shape: Zyx<u32>) -> Self {
        let mut spectrum = vec![Complex64::default(); shape.count()];
        for (i, &light) in psf.data.iter().enumerate() {
            let at = position(i, psf.shape).zip(psf.shape).zip(shape);
            let at = at.map(|((i, psf), length)| (i + length - psf / 2) % length);
            spectrum[index(at, shape)] = f64::from(light).into();
        }
        transform(&mut spectrum, shape, false);
        Self { shape, spectrum }
    }

    pub fn convolve(&self, volume: &[f64]) -> Vec<f64> {
        self.apply(volume, |h| h)
    }

    /// With the mirrored PSF.
    pub fn correlate(&self, volume: &[f64]) -> Vec<f64> {
        self.apply(volume, |h| h.conj())
    }

    fn apply(&self, volume: &[f64], otf: impl Fn(Complex64) -> Complex64) -> Vec<f64> {
        let mut values: Vec<_> = volume.iter().map(|&v| Complex64::from(v)).collect();
        transform(&mut values, self.shape, false);
        values.iter_mut().zip(&self.spectrum).for_each(|(v, &h)| *v *= otf(h));
        transform(&mut values, self.shape, true);
        values.iter().map(|v| v.re / self.shape.count() as f64).collect()
    }
}

fn transform(values: &mut [Complex64], shape: Zyx<u32>, inverse: bool) {
    let n = shape.map(|n| n as usize);
    for (length, stride) in [(n.x, 1), (n.y, n.x), (n.z, n.x * n.y)] {
        let mut planner = FftPlanner::new();
        let fft = if inverse { planner.plan_fft_inverse(length) } else { planner.plan_fft_forward(length) };
        for first in (0..values.len()).filter(|i| i / stride % length == 0) {
            let mut line: Vec<_> = (0..length).map(|k| values[first + k * stride]).collect();
            fft.process(&mut line);
            line.iter().enumerate().for_each(|(k, v)| values[first + k * stride] = *v);
        }
    }
}

/// `count` values from `low` to `high` that repeat only after 251.
pub(crate) fn pattern(count: usize, low: f32, high: f32, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|i| low + (high - low) * (((i + seed) * (i + 3 * seed + 17)) % 251) as f32 / 250.0)
        .collect()
}

/// A lopsided PSF: brighter towards its origin corner, so that a mirrored one shows.
pub(crate) fn lopsided_psf(shape: Zyx<u32>) -> Psf {
    let light = |i: usize| {
        let off = position(i, shape).zip(shape).map(|(i, n)| f64::from(i) - f64::from(n / 2));
        (-(off.z * off.z + off.y * off.y + off.x * off.x + 0.3 * (off.z + off.y) * off.x) / 5.0).exp()
            * (1.0 - 0.1 * (off.x + off.y + off.z).tanh())
    };
    let light: Vec<_> = (0..shape.count()).map(light).collect();
    let sum: f64 = light.iter().sum();
    let data = light.iter().map(|v| (v / sum) as f32).collect();
    Psf { data, shape, voxel_um: Zyx::new(1.0, 1.0, 1.0), notes: Vec::new() }
}

/// Fails with the place of the worst value unless all are within `tolerance` of `expected`, relative to it or to
/// `least`, whichever is larger: what is a millionth of its neighbours carries their rounding.
pub(crate) fn assert_close(actual: &Samples, expected: &[f64], least: f64, tolerance: f64) {
    let Samples::F32(actual) = actual else { panic!("compared as floats") };
    assert_eq!(actual.len(), expected.len());
    let error = |i: usize| (f64::from(actual[i]) - expected[i]).abs() / expected[i].abs().max(least);
    let worst =
        (0..actual.len()).max_by(|&a, &b| error(a).total_cmp(&error(b))).expect("an image has pixels");
    assert!(
        error(worst) <= tolerance,
        "at {worst}: {} instead of {}, error {:.2e}",
        actual[worst],
        expected[worst],
        error(worst)
    );
}

#[test]
fn the_oracle_convolves_as_the_sum_does() {
    let (shape, psf) = (Zyx::new(4, 5, 6), lopsided_psf(Zyx::new(3, 3, 5)));
    let volume: Vec<f64> = pattern(shape.count(), 0.0, 9.0, 1).into_iter().map(f64::from).collect();
    let actual = Kernel::new(&psf, shape).convolve(&volume);
    for (i, actual) in actual.into_iter().enumerate() {
        let at = position(i, shape);
        let sum = |sum: f64, (j, &light): (usize, &f32)| {
            let from = at.zip(position(j, psf.shape)).zip(psf.shape).zip(shape);
            let from = from.map(|(((i, j), psf), length)| (i + length + psf / 2 - j) % length);
            sum + f64::from(light) * volume[index(from, shape)]
        };
        let expected = psf.data.iter().enumerate().fold(0.0, sum);
        assert!((actual - expected).abs() < 1e-12, "at {i}: {actual} instead of {expected}");
    }
}
