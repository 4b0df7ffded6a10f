//! Against the definition in f64, pixel by pixel over all fields; and what must never be seen: a step.

use super::*;
use crate::constants::NO_DATA;
use crate::twins::fill::fill;

const PLANE: (u32, u32) = (64, 48);

/// A field on the plane.
struct Placed {
    left: i32,
    top: i32,
    size: (u32, u32),
    shown: Vec<Rect<Local>>,
    pixels: Samples,
    samples: u32,
}

impl Placed {
    fn new((left, top): (i32, i32), size: (u32, u32), value: impl Fn(u32, u32) -> f32) -> Self {
        let pixels = (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
        let pixels = Samples::F32(pixels.map(|(x, y)| value(x, y)).collect());
        Self { left, top, size, shown: vec![Rect::new(0, 0, size.0, size.1)], pixels, samples: 1 }
    }

    fn bounds(&self) -> Rect<Local> {
        self.shown.iter().copied().reduce(Rect::union).unwrap()
    }

    fn blend(&self, sample: u32, plane: &mut [f32], weights: &mut [f32]) {
        for &shown in &self.shown {
            let stitch = Stitch {
                left: self.left,
                top: self.top,
                field_width: self.size.0,
                shown,
                samples: self.samples,
                sample,
                width: PLANE.0,
                height: PLANE.1,
            };
            feather(&self.pixels, &Feather { stitch, bounds: self.bounds() }, None, plane, weights);
        }
    }

    /// Value and weight at a pixel of the plane, as the definition has them.
    fn at(&self, x: i64, y: i64, sample: u32) -> Option<(f64, f64)> {
        let (x, y) = (x - i64::from(self.left), y - i64::from(self.top));
        let shown = self.shown.iter().find(|shown| shown.intersect(Rect::new(x, y, 1, 1)).is_some())?;
        let i = ((y * i64::from(self.size.0) + x) * i64::from(self.samples) + i64::from(sample)) as usize;
        let value = match &self.pixels {
            Samples::U8(values) => f64::from(values[i]),
            Samples::U16(values) => f64::from(values[i]),
            Samples::F32(values) if values[i] == NO_DATA || !values[i].is_finite() => return None,
            Samples::F32(values) => f64::from(values[i]),
        };
        let tent = |i: i64, first: i64, last: i64| {
            let middle = i as f64 + 0.5;
            (middle - first as f64).min(last as f64 - middle)
        };
        let bounds = self.bounds();
        Some((value, tent(x, shown.x, shown.right()) * tent(y, bounds.y, bounds.bottom())))
    }
}

fn blended(fields: &[Placed], sample: u32) -> Vec<f32> {
    let count = (PLANE.0 * PLANE.1) as usize;
    // Any use of a weight where no field was shows.
    let (mut plane, mut weights) = (vec![0.0; count], vec![f32::NAN; count]);
    fill(&mut plane);
    fields.iter().for_each(|field| field.blend(sample, &mut plane, &mut weights));
    plane
}

/// Compares every pixel; says how many there are with 0, 1, 2… fields.
#[track_caller]
fn check(fields: &[Placed], sample: u32) -> Vec<usize> {
    let mut seen = vec![0; fields.len() + 1];
    for (i, &found) in blended(fields, sample).iter().enumerate() {
        let (x, y) = (i as i64 % i64::from(PLANE.0), i as i64 / i64::from(PLANE.0));
        let here: Vec<_> = fields.iter().filter_map(|field| field.at(x, y, sample)).collect();
        seen[here.len()] += 1;
        match here[..] {
            [] => assert_eq!(found, NO_DATA, "at {x}, {y}"),
            [(value, _)] => assert_eq!(f64::from(found), value, "one field's own value at {x}, {y}"),
            _ => {
                let total: f64 = here.iter().map(|(_, weight)| weight).sum();
                let mean = here.iter().map(|(value, weight)| value * weight).sum::<f64>() / total;
                let largest = here.iter().fold(0.0, |most: f64, (value, _)| most.max(value.abs()));
                // Each field adds five roundings of 6e-8 of the largest value.
                let error = (f64::from(found) - mean).abs() / largest.max(1e-30);
                assert!(error < 3e-7 * here.len() as f64, "{found}, not {mean} at {x}, {y}");
            }
        }
    }
    seen
}

fn pattern(seed: u32) -> impl Fn(u32, u32) -> f32 {
    move |x, y| ((x * 89 + y * 67 + seed * 31) % 251) as f32 * 3.7 - 100.0
}

#[test]
fn every_pixel_is_the_mean_that_the_definition_says() {
    // Four in a corner, of different sizes, over the edges of the plane, and one inside another.
    let fields = [
        Placed::new((-3, -2), (30, 25), pattern(1)),
        Placed::new((22, 1), (45, 20), pattern(2)),
        Placed::new((0, 18), (28, 40), pattern(3)),
        Placed::new((20, 15), (31, 22), pattern(4)),
        Placed::new((5, 5), (4, 3), pattern(5)),
    ];
    let seen = check(&fields, 0);
    assert!(seen[..5].iter().all(|&count| count > 0), "{seen:?}");
}

#[test]
fn every_type_and_sample_is_blended() {
    let value = |i: u32, m: u32| (i * i + 31 * m) % 251;
    for kind in [0, 1, 2] {
        let field = |m: u32| {
            let values = (0..30 * 20 * 3).map(|i| value(i, m));
            let pixels = match kind {
                0 => Samples::U8(values.map(|v| v as u8).collect()),
                1 => Samples::U16(values.map(|v| (v * 261) as u16).collect()),
                _ => Samples::F32(values.map(|v| v as f32 * 0.3).collect()),
            };
            let place = Placed::new((20 * m as i32, 3 * m as i32), (30, 20), |_, _| 0.0);
            Placed { pixels, samples: 3, ..place }
        };
        for sample in 0..3 {
            check(&[field(0), field(1), field(2)], sample);
        }
    }
}

#[test]
fn what_a_mask_hides_and_what_has_no_data_takes_no_part() {
    let mut hidden = Placed::new((10, 5), (40, 30), pattern(1));
    // A disc in bands, and a part beside it.
    let rows = [(4, 3, 12, 16), (7, 5, 8, 24), (12, 4, 10, 20), (12, 4, 33, 5)];
    hidden.shown = rows.iter().map(|&(y, height, x, width)| Rect::new(x, y, width, height)).collect();
    let holes = Placed::new((25, 0), (30, 40), |x, y| match (x + y * 30) % 13 {
        3 => NO_DATA,
        7 => f32::NAN,
        9 => f32::NEG_INFINITY,
        _ => pattern(2)(x, y),
    });
    let seen = check(&[Placed::new((0, 0), (64, 20), pattern(3)), hidden, holes], 0);
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
}

#[test]
fn a_shading_is_applied_before_fields_are_blended() {
    let shading: Vec<[f32; 2]> = (0..30 * 25).map(|i| [i as f32 * 0.1, 1.0 + (i % 7) as f32 * 0.2]).collect();
    let fields = [Placed::new((0, 0), (30, 25), pattern(1)), Placed::new((20, 3), (30, 25), pattern(2))];
    let corrected = [0, 1].map(|i| {
        let Samples::F32(values) = &fields[i].pixels else { panic!("floats") };
        let pixels = values.iter().zip(&shading).map(|(value, [dark, gain])| (value - dark) * gain);
        Placed {
            pixels: Samples::F32(pixels.collect()),
            ..Placed::new((20 * i as i32, 3 * i as i32), (30, 25), |_, _| 0.0)
        }
    });
    let count = (PLANE.0 * PLANE.1) as usize;
    let (mut plane, mut weights) = (vec![NO_DATA; count], vec![f32::NAN; count]);
    for field in &fields {
        let stitch = Stitch {
            left: field.left,
            top: field.top,
            field_width: 30,
            shown: field.shown[0],
            samples: 1,
            sample: 0,
            width: PLANE.0,
            height: PLANE.1,
        };
        let params = Feather { stitch, bounds: field.bounds() };
        feather(&field.pixels, &params, Some(&shading), &mut plane, &mut weights);
    }
    // The same operations on the same values.
    assert_eq!(plane, blended(&corrected, 0));
}

/// Two fields of 100 and 200, `overlap` pixels of them shared.
fn two(overlap: u32) -> [Placed; 2] {
    let at = 30 - overlap as i32;
    [Placed::new((0, 0), (30, 40), |_, _| 100.0), Placed::new((at, 0), (34, 40), |_, _| 200.0)]
}

#[test]
fn two_constant_fields_make_a_ramp_of_equal_steps() {
    for overlap in [0, 1, 2, 3, 10] {
        let plane = blended(&two(overlap), 0);
        let largest = 100.0 / f64::from(overlap.max(1));
        for row in plane.chunks(PLANE.0 as usize).take(40) {
            assert_eq!((row[0], row[63 - overlap as usize]), (100.0, 200.0));
            let covered = &row[..64 - overlap as usize];
            for pair in covered.windows(2) {
                let step = f64::from(pair[1]) - f64::from(pair[0]);
                assert!(step >= 0.0, "not monotone: {pair:?}");
                // f32 holds 200 to 1.5e-5.
                assert!(step < largest + 1e-4, "a step of {step} where {overlap} pixels overlap");
            }
        }
    }
}

/// Fields of one smooth picture that differ in gain: what is seen at a seam is at most the picture's own slope and the
/// definition's: the difference of two fields over the pixels of their overlap.
#[test]
fn fields_of_different_gain_show_no_step() {
    let picture = |x: i64, y: i64| 500.0 + 3.0 * x as f32 + 2.0 * y as f32;
    let gains = [1.0, 1.1, 0.95, 1.05];
    let overlap = 8_i32;
    let field = |i: usize| {
        let (left, top) = ((i as i32 % 2) * (36 - overlap), (i as i32 / 2) * (28 - overlap));
        let value = move |x: u32, y: u32| {
            gains[i] * picture(i64::from(x) + i64::from(left), i64::from(y) + i64::from(top))
        };
        Placed::new((left, top), (36, 28), value)
    };
    let fields: Vec<_> = (0..4).map(field).collect();
    let plane = blended(&fields, 0);
    let (width, brightest) = (PLANE.0 as usize, picture(63, 47));
    let slope = 3.0 * 1.1 + brightest * (1.1 - 0.95) / overlap as f32;
    assert!(slope < 0.1 * picture(0, 0), "a painted seam would pass");
    for (i, &value) in plane.iter().enumerate() {
        let right = (i % width + 1 < width).then(|| plane[i + 1]);
        let below = plane.get(i + width).copied();
        for next in right.into_iter().chain(below) {
            assert!((next - value).abs() <= slope, "a step of {} at {i}", next - value);
        }
    }
}
