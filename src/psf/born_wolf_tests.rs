//! The model against quadrature of its own, and against closed forms.

use super::super::tests::assert_invariants;
use super::*;

const OIL: WidefieldOptics = WidefieldOptics { na: 1.4, refractive_index: 1.515, emission_nm: 520.0 };
const AIR: WidefieldOptics = WidefieldOptics { na: 0.45, refractive_index: 1.0, emission_nm: 600.0 };

/// Weights of Simpson's rule over `intervals` (even) intervals of \[0, 1\].
fn simpson(i: usize, intervals: usize) -> f64 {
    let part = if i.is_multiple_of(intervals) { 1.0 } else { 2.0 + 2.0 * (i % 2) as f64 };
    part / (3 * intervals) as f64
}

/// The model's intensity by Simpson's rule on the trigonometric integral of J₀, no code shared with the model.
fn direct(optics: WidefieldOptics, r_um: f64, z_um: f64) -> f64 {
    let k = 2.0 * PI / (optics.emission_nm / 1000.0);
    let angles = (k * optics.na * r_um) as usize / 2 + 16;
    let bessel = |x: f64| {
        let sum: f64 = (0..angles).map(|i| (x * (PI * i as f64 / angles as f64).sin()).cos()).sum();
        sum / angles as f64
    };
    let (mut re, mut im) = (0.0, 0.0);
    for i in 0..=200 {
        let rho = i as f64 / 200.0;
        let phase = k * z_um * (optics.na * rho).powi(2) / (2.0 * optics.refractive_index);
        let amplitude = 2.0 * bessel(k * optics.na * r_um * rho) * rho * simpson(i, 200);
        re += amplitude * phase.cos();
        im += amplitude * phase.sin();
    }
    re * re + im * im
}

/// Mean over a pixel by Simpson's rule with 12 intervals each way.
fn direct_pixel(optics: WidefieldOptics, voxel_um: Zyx<f64>, at: Zyx<usize>) -> f64 {
    let mut sum = 0.0;
    for i in 0..169 {
        let (v, u) = (i / 13, i % 13);
        let y = (at.y as f64 + v as f64 / 12.0 - 0.5) * voxel_um.y;
        let x = (at.x as f64 + u as f64 / 12.0 - 0.5) * voxel_um.x;
        sum += simpson(v, 12) * simpson(u, 12) * direct(optics, y.hypot(x), at.z as f64 * voxel_um.z);
    }
    sum
}

#[test]
fn voxels_agree_with_direct_quadrature() {
    let half = Zyx::new(8, 16, 14);
    let pixels = [(0, 0), (0, 1), (1, 1), (3, 0), (5, 7), (2, 11), (16, 0), (16, 14)];
    for (optics, voxel_um) in [(OIL, Zyx::new(0.2, 0.1, 0.1)), (AIR, Zyx::new(2.0, 0.3, 0.35))] {
        let shape = half.map(|h| 2 * h as u32 + 1);
        let psf = Psf::born_wolf(optics, voxel_um, shape).unwrap();
        let value = |z: usize, y: usize, x: usize| {
            f64::from(psf.data[((half.z + z) * 33 + half.y + y) * 29 + half.x + x])
        };
        let peak = direct_pixel(optics, voxel_um, Zyx::new(0, 0, 0));
        for z in [0, 1, 3, 8] {
            for (y, x) in pixels {
                let expected = direct_pixel(optics, voxel_um, Zyx::new(z, y, x)) / peak;
                let error = (value(z, y, x) / value(0, 0, 0) - expected).abs();
                // The oracle's own errors are near 1e-6: (phase of an interval)⁴ / 180.
                assert!(error < 1e-5, "NA {}, voxel {z} {y} {x}: error {error:e} of {expected:e}", optics.na);
            }
        }
    }
}

#[test]
fn the_profile_has_the_airy_zeros_and_the_axial_sinc() {
    let planes = 12;
    let profile = Profile::new(OIL, 0.2, planes, 2.0);
    let at = |radius_um: f64, plane: usize| {
        let mut sums = vec![0.0; planes];
        profile.add(radius_um, 1.0, &mut sums);
        sums[plane]
    };
    // First zero of J₁ at 3.8317 = 2π · 0.6098 (Rayleigh), second at 7.0156; first ring 1.750 % at 5.1356.
    let airy = 0.52 / 1.4;
    for (radius, expected) in [(0.0, 1.0), (0.609_835, 0.0), (1.116_565, 0.0), (0.817_356, 0.017_498)] {
        let found = at(radius * airy, 0);
        assert!((found - expected).abs() < 5e-6, "{radius} λ/NA: {found:e} for {expected:e}");
    }
    for plane in 1..planes {
        let quarter = plane as f64 * 0.2 * OIL.defocus_frequency() / 2.0;
        let expected = (quarter.sin() / quarter).powi(2);
        assert!((at(0.0, plane) - expected).abs() < 1e-6, "plane {plane}: {} for {expected}", at(0.0, plane));
    }
}

#[test]
fn it_is_symmetric_to_the_last_bit_and_brightest_in_the_middle() {
    let psf = Psf::born_wolf(OIL, Zyx::new(0.25, 0.11, 0.09), Zyx::new(9, 20, 31)).unwrap();
    assert_eq!(psf.shape, Zyx::new(9, 21, 31));
    assert_invariants(&psf);
    assert!(psf.data.iter().eq(psf.data.iter().rev()));
    for (i, row) in psf.data.chunks_exact(31).enumerate() {
        assert!(row.iter().eq(row.iter().rev()), "row {i}");
    }
    let middle = psf.data.len() / 2;
    assert!(psf.data.iter().enumerate().all(|(i, v)| i == middle || *v < psf.data[middle]));
}

#[test]
fn planes_hold_equal_light_where_the_window_holds_the_cone() {
    let psf = Psf::born_wolf(OIL, Zyx::new(0.2, 0.1, 0.1), Zyx::new(9, 201, 201)).unwrap();
    let light: Vec<f64> =
        psf.data.chunks_exact(201 * 201).map(|p| p.iter().map(|&v| f64::from(v)).sum()).collect();
    for (z, sum) in light.iter().enumerate() {
        // Outside 10 µm lie 2/(π v) = 0.4 % of the light in focus and little more 0.8 µm away from it.
        assert!((sum * 9.0 - 1.0).abs() < 2e-3, "plane {z} holds {sum}");
    }
}

#[test]
fn numbers_that_no_microscope_has_name_their_flag() {
    let build =
        |optics| Psf::born_wolf(optics, Zyx::new(0.2, 0.1, 0.1), Zyx::new(1, 9, 9)).unwrap_err().to_string();
    assert!(build(WidefieldOptics { na: 1.52, ..OIL }).starts_with("--na: "));
    assert!(build(WidefieldOptics { na: f64::NAN, ..OIL }).starts_with("--na: "));
    assert!(build(WidefieldOptics { refractive_index: 0.0, ..OIL }).starts_with("--immersion-index: "));
    assert!(build(WidefieldOptics { emission_nm: 0.52, ..OIL }).starts_with("--emission-nm: "));
    let voxel =
        |z, x| Psf::born_wolf(OIL, Zyx::new(z, 0.1, x), Zyx::new(3, 129, 129)).unwrap_err().to_string();
    assert!(voxel(-0.2, 0.1).starts_with("--psf: "));
    assert!(voxel(0.2, 100.0).starts_with("--voxel-um: "));
    assert!(voxel(1000.0, 0.1).starts_with("Born-Wolf PSF of"));
}

#[test]
fn what_a_limit_costs_is_said_with_the_size_that_does_not() {
    // 33 planes of 0.4 µm: the cone of the outermost is 12.8 · 1.4 / 1.515 = 11.83 µm, with 1.857 µm of rings 137 px.
    let voxel = Zyx::new(0.4, 0.1, 0.1);
    let psf = |largest| Psf::born_wolf_stack(OIL, voxel, 33, largest).unwrap();
    let limited = psf(None);
    assert_eq!(limited.shape, Zyx::new(65, 129, 129));
    let note = limited.notes.last().unwrap();
    assert!(note.contains("where the stack asks for 65 × 275 × 275"), "{note}");
    let said: f64 = note.split_once(": ").unwrap().1.split_once(" %").unwrap().0.parse().unwrap();
    // By a PSF that holds all but the tails of the rings.
    let all = Psf::born_wolf(OIL, voxel, Zyx::new(65, 351, 351)).unwrap();
    let middle = |i: usize| (i / 351 % 351).abs_diff(175).max((i % 351).abs_diff(175)) <= 64;
    let beside =
        all.data.iter().enumerate().filter(|(i, _)| !middle(*i)).map(|(_, v)| f64::from(*v)).sum::<f64>();
    assert!((100.0 * beside - said).abs() < 1.0, "{note}: {beside}");
    let whole = psf(Some(Zyx::new(99, 999, 999)));
    assert_eq!((whole.shape, whole.notes.len()), (Zyx::new(65, 275, 275), limited.notes.len() - 1));
    let thin = psf(Some(Zyx::new(9, 129, 129)));
    assert!(thin.notes.last().unwrap().contains("planes more than 4 apart do not light each other"));
}

#[test]
fn the_default_size_holds_cone_and_rings_within_its_caps() {
    let voxel = Zyx::new(0.2, 0.1, 0.1);
    // 5 · 0.52 / 1.4 = 1.857 µm in focus; 4 planes away the cone adds 0.8 · 1.4 / 1.515 = 0.739 µm.
    assert_eq!(OIL.default_shape(voxel, 1), Zyx::new(1, 39, 39));
    assert_eq!(OIL.default_shape(voxel, 5), Zyx::new(9, 53, 53));
    assert_eq!(OIL.default_shape(voxel, 500), Zyx::new(129, 129, 129));
    assert_eq!(AIR.default_shape(Zyx::new(f64::NAN, 6.5, 6.5), 1), Zyx::new(1, 9, 9));
}
