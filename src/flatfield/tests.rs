//! Mosaics of the demo's specimen under known light: what is estimated against what was put in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Poisson};

use super::surface::centre;
use super::*;
use crate::czi::Czi;
use crate::czi::write::{CziWriter, Metadata, NewSubblock};
use crate::dataset::{Input, Plane, Scene};
use crate::demo::specimen;
use crate::pixels::{PixelType, Samples};
use crate::source::FileSource;
use crate::space::Rect;

const FIELD: u32 = 160;
const STEP: u32 = 144;
const GRID: (u32, u32) = (12, 10);
/// Counts without light.
const DARK: f32 = 40.0;
/// Photons for one of the specimen: 100 where there is none of it.
const EXPOSURE: f32 = 20.0;

/// Brighter in the middle, which is not that of the field, by a half than in the darkest corner; mean 1.
fn light() -> Vec<f32> {
    let at = |x: u32, y: u32| {
        let (x, y) = (centre(x, FIELD) - 0.2, centre(y, FIELD) + 0.1);
        // cos⁴ of the angle, as of a lens, and a lamp to the right.
        (1.0 + 0.22 * (x * x + y * y)).powi(-2) * (1.0 + 0.05 * x)
    };
    let values: Vec<f64> = (0..FIELD).flat_map(|y| (0..FIELD).map(move |x| at(x, y))).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.into_iter().map(|value| (value / mean) as f32).collect()
}

/// A mosaic with photon noise.
fn write(path: &Path, channel: u32, light: &[f32]) {
    let mut rng = StdRng::seed_from_u64(7);
    let (width, height) = ((GRID.0 - 1) * STEP + FIELD, (GRID.1 - 1) * STEP + FIELD);
    let object = specimen::draw(channel, width, height, &mut rng);
    let mut writer = CziWriter::create(path).unwrap();
    for m in 0..GRID.0 * GRID.1 {
        let (left, top) = (m % GRID.0 * STEP, m / GRID.0 * STEP);
        let mut photons = |i: usize| {
            let (x, y) = (left as usize + i % FIELD as usize, top as usize + i / FIELD as usize);
            let expected = object.pixels[y * object.width + x] * EXPOSURE * light[i];
            let count: f32 = Poisson::new(expected).unwrap().sample(&mut rng);
            (count + DARK) as u16
        };
        let pixels = (0..(FIELD * FIELD) as usize).map(&mut photons).collect();
        let rect = Rect::new(left.into(), top.into(), FIELD, FIELD);
        let subblock =
            NewSubblock { m: Some(m), ..NewSubblock::new(Plane::default(), rect, PixelType::Gray16) };
        writer.add(&subblock, &Samples::U16(pixels)).unwrap();
    }
    writer.finish(&Metadata::default()).unwrap();
}

fn mosaic(folder: &Path, channel: u32, light: &[f32]) -> (PathBuf, Box<dyn Input>) {
    let path = folder.join("mosaic.czi");
    write(&path, channel, light);
    let source = Box::new(FileSource::open(&path).unwrap());
    (path, Box::new(Czi::open(source, &BTreeMap::new()).unwrap()))
}

fn camera<'a>(path: &Path, input: &'a dyn Input) -> Camera<'a> {
    let scenes: Vec<&Scene> = input.dataset().scenes.iter().collect();
    Camera::new(path, input, &scenes, 0).unwrap().unwrap()
}

fn shading(gain: impl Fn(usize) -> f32) -> Shading {
    let pixels = (0..(FIELD * FIELD) as usize).map(|i| [DARK, gain(i)]).collect();
    Shading { width: FIELD, height: FIELD, pixels }
}

#[test]
fn known_light_is_found_and_the_seams_go() {
    let light = light();
    let spread = light.iter().fold(0.0_f32, |most, v| most.max(*v))
        / light.iter().fold(9.0_f32, |least, v| least.min(*v));
    assert!(spread > 1.8, "{spread}");
    for channel in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let (path, input) = mosaic(folder.path(), channel, &light);
        let camera = camera(&path, &*input);
        let dark = shading(|_| 1.0);
        let done = AtomicUsize::new(0);
        let count = || {
            done.fetch_add(1, Relaxed);
        };
        let found = estimate(&camera, &[(0, Some(&dark))], 100, count).unwrap().remove(0).unwrap();
        assert_eq!(done.load(Relaxed), 100);
        let mean = found.pixels.iter().map(|&v| f64::from(v)).sum::<f64>() / found.pixels.len() as f64;
        assert!((mean - 1.0).abs() < 1e-6, "{mean}");
        let error = found.pixels.iter().zip(&light).map(|(found, light)| (found / light - 1.0).abs());
        let worst = error.fold(0.0, f32::max);

        let corrected = shading(|i| 1.0 / found.pixels[i]);
        let ideal = shading(|i| 1.0 / light[i]);
        let seams = Seams::of(&camera);
        assert!(seams.count() > 150, "{}", seams.count());
        let measure = |shading| seams.measure(&camera, &[(0, Some(shading))], || ()).unwrap().remove(0);
        let [without, with] = measure(&corrected).map(|steps| steps.counts().unwrap());
        let [_, least] = measure(&ideal).map(|steps| steps.counts().unwrap());
        // A hundred fields with some two structures each.
        assert!(worst < 0.01, "channel {channel}: off by {worst}");
        assert!(without > 30.0 * with, "channel {channel}: steps of {without} before and {with} after");
        // Photon noise, which is there under perfect light too, and the error above.
        assert!(with < 2.0 * least, "channel {channel}: steps of {with}, {least} with the light itself");
    }
}

#[test]
fn even_light_is_left_even() {
    let folder = tempfile::tempdir().unwrap();
    let (path, input) = mosaic(folder.path(), 0, &[1.0; (FIELD * FIELD) as usize]);
    let dark = shading(|_| 1.0);
    let found =
        estimate(&camera(&path, &*input), &[(0, Some(&dark))], 120, || ()).unwrap().remove(0).unwrap();
    let (low, high) = found.range();
    assert!(low > 0.99 && high < 1.01, "{low} to {high}");
}

#[test]
fn fields_are_spread_and_pairs_share_what_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let (path, input) = mosaic(folder.path(), 1, &[1.0; (FIELD * FIELD) as usize]);
    let camera = camera(&path, &*input);
    let spread = camera.spread(24);
    assert_eq!(spread.len(), 24);
    assert!(spread.windows(2).all(|pair| pair[0] < pair[1]), "each once: {spread:?}");
    let columns: std::collections::BTreeSet<_> = spread.iter().map(|field| field % GRID.0 as usize).collect();
    assert!(columns.len() > 8, "only columns {columns:?}");
    assert_eq!(camera.spread(1000).len(), 120);
    for (a, b, shared) in camera.pairs(30, 4) {
        assert_eq!(camera.rect(a).intersect(camera.rect(b)), Some(shared));
        assert!(shared.width.min(shared.height) == FIELD - STEP && a != b);
        assert!(shared.width.max(shared.height) == FIELD, "a corner is no neighbour: {shared}");
    }
}
