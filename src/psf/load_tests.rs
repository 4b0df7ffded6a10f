//! Loading: Gaussians of known centre and width, broken volumes, real files.

use std::path::Path;

use super::super::tests::{assert_invariants, centroid};
use super::*;

const UM: Zyx<f64> = Zyx::new(0.2, 0.1, 0.1);

/// A Gaussian sampled at voxel centres: centre and sigma in voxels.
fn gaussian(shape: Zyx<u32>, centre: Zyx<f64>, sigma: Zyx<f64>) -> Vec<f32> {
    let n = shape.map(|n| n as usize);
    (0..shape.count())
        .map(|i| {
            let at = Zyx::new(i / (n.y * n.x), i / n.x % n.y, i % n.x);
            let r = at.zip(centre).zip(sigma).map(|((i, c), s)| ((i as f64 - c) / s).powi(2));
            (1000.0 * (-0.5 * (r.z + r.y + r.x)).exp()) as f32
        })
        .collect()
}

/// Standard deviation along each axis in micrometres.
fn sigma_um(psf: &Psf) -> Zyx<f64> {
    let (n, c) = (psf.shape.map(|n| n as usize), centroid(psf));
    let mut variance = Zyx::new(0.0, 0.0, 0.0);
    for (i, &v) in psf.data.iter().enumerate() {
        let v = f64::from(v);
        variance.z += v * ((i / (n.y * n.x)) as f64 - c.z).powi(2);
        variance.y += v * ((i / n.x % n.y) as f64 - c.y).powi(2);
        variance.x += v * ((i % n.x) as f64 - c.x).powi(2);
    }
    variance.zip(psf.voxel_um).map(|(v, um)| v.sqrt() * um)
}

fn load(data: Vec<f32>, shape: Zyx<u32>, from_um: Zyx<f64>, to_um: Zyx<f64>) -> Result<Psf> {
    placed(data, shape, from_um.map(Some), to_um, Treatment::default())
}

fn placed(
    data: Vec<f32>,
    shape: Zyx<u32>,
    voxel_um: Zyx<Option<f64>>,
    to_um: Zyx<f64>,
    treatment: Treatment,
) -> Result<Psf> {
    let name = Path::new("bead.tif");
    Psf::from_volume(Measured { name, data, shape, voxel_um }, to_um, treatment)
}

fn assert_centred(psf: &Psf, what: &str) {
    assert_invariants(psf);
    let middle = psf.shape.map(|n| f64::from(n / 2));
    let off = centroid(psf).zip(middle).map(|(c, m)| (c - m).abs());
    assert!(off.z.max(off.y).max(off.x) < 0.05, "{what}: {} off the middle, notes {:?}", off, psf.notes);
}

#[test]
fn any_centre_in_any_size_ends_in_the_middle_voxel() {
    let sigma = Zyx::new(1.6, 1.3, 1.4);
    for shape in [Zyx::new(16, 20, 22), Zyx::new(17, 21, 21), Zyx::new(16, 21, 20)] {
        let middle = shape.map(|n| f64::from(n - 1) / 2.0);
        for off in [0.0, 0.01, 0.2, 0.25, 0.5, -0.4, 1.3] {
            let centre = middle.map(|m| m + off);
            // Where the brightest voxel is the middle one it stays there.
            if [shape.z, shape.y, shape.x].iter().all(|n| n % 2 == 1) && f64::abs(off) <= 0.5 {
                continue;
            }
            let psf = load(gaussian(shape, centre, sigma), shape, UM, UM).unwrap();
            assert_centred(&psf, &format!("{shape}, centre {centre}"));
            // Moving by a fraction of a voxel must not blur: 1 % of the width.
            let wide =
                sigma_um(&psf).zip(sigma.zip(UM)).map(|(found, (s, um))| (found / (s * um) - 1.0).abs());
            assert!(wide.z.max(wide.y).max(wide.x) < 0.01, "{shape}, centre {centre}: widths off by {wide}");
        }
    }
}

#[test]
fn a_psf_whose_middle_voxel_is_its_brightest_is_not_moved() {
    let shape = Zyx::new(17, 21, 21);
    let middle = shape.map(|n| f64::from(n / 2));
    let data = gaussian(shape, Zyx { z: middle.z - 0.34, ..middle }, Zyx::new(1.6, 1.3, 1.4));
    let sum: f64 = data.iter().map(|v| f64::from(*v)).sum();
    let with = |centre| {
        placed(data.clone(), shape, UM.map(Some), UM, Treatment { centre, ..Treatment::default() }).unwrap()
    };
    for centre in [PsfCentre::Auto, PsfCentre::Middle, PsfCentre::Brightest] {
        let psf = with(centre);
        assert_eq!(psf.shape, shape);
        for (v, d) in psf.data.iter().zip(&data) {
            assert!((f64::from(*v) - f64::from(*d) / sum).abs() < 1e-15 + 1e-7 * f64::from(*v));
        }
        let is_said = psf
            .notes
            .iter()
            .any(|note| note.contains("centred at 7.66 × 10 × 10 (z, y, x); it was not moved"));
        assert_eq!(is_said, centre == PsfCentre::Auto, "{:?}", psf.notes);
    }
}

#[test]
fn the_user_says_what_the_centre_is() {
    let shape = Zyx::new(17, 21, 21);
    let data = gaussian(shape, Zyx::new(6.3, 10.0, 12.0), Zyx::new(1.6, 1.3, 1.4));
    let with = |centre| {
        placed(data.clone(), shape, UM.map(Some), UM, Treatment { centre, ..Treatment::default() }).unwrap()
    };
    assert_centred(&with(PsfCentre::Auto), "auto");
    let off = |psf: &Psf| centroid(psf).zip(psf.shape).map(|(c, n)| c - f64::from(n / 2));
    let middle = off(&with(PsfCentre::Middle));
    assert!((middle.z + 1.7).abs() < 0.01 && (middle.x - 2.0).abs() < 0.01, "{middle}");
    let brightest = off(&with(PsfCentre::Brightest));
    assert!((brightest.z - 0.3).abs() < 0.02 && brightest.x.abs() < 0.01, "{brightest}");
}

#[test]
fn other_voxels_keep_centre_and_width_in_micrometres() {
    let (shape, centre) = (Zyx::new(40, 50, 51), Zyx::new(19.8, 24.5, 25.0));
    let sigma = Zyx::new(4.0, 4.0, 5.0);
    let data = gaussian(shape, centre, sigma);
    for to_um in [Zyx::new(0.1, 0.05, 0.05), Zyx::new(0.3, 0.16, 0.1), Zyx::new(0.6, 0.3, 0.35)] {
        let psf = load(data.clone(), shape, UM, to_um).unwrap();
        assert_centred(&psf, &format!("voxels {to_um}"));
        assert_eq!(psf.voxel_um, to_um);
        assert!(psf.notes[0].starts_with("PSF voxels of 0.2 × 0.1 × 0.1"), "{:?}", psf.notes);
        // A coarser voxel integrates over itself, which adds its variance less that of the point samples: 1/12 each.
        let expected = sigma.zip(UM).zip(to_um).map(|((s, from), to)| {
            let grown = if (from - to).abs() < 1e-9 { 0.0 } else { to * to / 12.0 };
            (s * s * from * from + grown).sqrt()
        });
        let wide = sigma_um(&psf).zip(expected).map(|(found, expected)| (found / expected - 1.0).abs());
        assert!(wide.z.max(wide.y).max(wide.x) < 0.01, "voxels {to_um}: widths off by {wide}");
    }
}

#[test]
fn a_centred_odd_psf_on_the_same_voxels_is_only_scaled() {
    let shape = Zyx::new(7, 9, 11);
    let data = gaussian(shape, Zyx::new(3.0, 4.0, 5.0), Zyx::new(1.0, 1.0, 1.2));
    let sum: f64 = data.iter().map(|v| f64::from(*v)).sum();
    let psf = load(data.clone(), shape, UM, Zyx::new(0.2008, 0.1004, 0.1)).unwrap();
    assert_eq!((psf.shape, &psf.notes), (shape, &Vec::new()));
    for (i, (v, d)) in psf.data.iter().zip(&data).enumerate() {
        let error = (f64::from(*v) - f64::from(*d) / sum).abs();
        // Differences of a cumulative sum of 1 in f64, rounded to f32.
        assert!(error < 1e-15 + 1e-7 * f64::from(*v), "voxel {i}: {error:e}");
    }
    let mut delta = vec![0.0; shape.count()];
    delta[(3 * 9 + 4) * 11 + 5] = 42.0;
    let psf = load(delta, shape, UM, UM).unwrap();
    assert!(psf.data.iter().enumerate().all(|(i, v)| *v == f32::from(u8::from(i == psf.data.len() / 2))));
}

#[test]
fn a_single_plane_needs_no_depth() {
    let shape = Zyx::new(1, 16, 16);
    let data = gaussian(shape, Zyx::new(0.0, 7.5, 7.5), Zyx::new(1.0, 2.0, 2.0));
    let from_um = Zyx::new(None, Some(0.1), Some(0.1));
    let psf = placed(data, shape, from_um, Zyx::new(5.0, 0.1, 0.1), Treatment::default()).unwrap();
    assert_eq!(psf.shape, Zyx::new(1, 17, 17));
    assert_centred(&psf, "plane");
    assert!(!psf.notes.iter().any(|n| n.contains("taken to be")), "{:?}", psf.notes);
}

#[test]
fn what_is_assumed_or_set_to_zero_is_said() {
    let shape = Zyx::new(9, 17, 17);
    let mut data = gaussian(shape, Zyx::new(4.0, 8.0, 8.0), Zyx::new(1.0, 1.0, 1.0));
    data.iter_mut().for_each(|v| *v += 30.0);
    data[3] = -20.0;
    let psf = placed(data, shape, Zyx::default(), UM, Treatment::default()).unwrap();
    assert_invariants(&psf);
    let notes = psf.notes.join("\n");
    for said in [
        "1 voxels of the PSF below zero (down to 1.94 %",
        "83.2 % of the PSF's light is a level of 30",
        "0.2 µm in z, 0.1 µm in y",
    ] {
        assert!(notes.contains(said), "{said:?} is not in {notes}");
    }
}

#[test]
fn what_is_no_psf_is_refused_with_the_reason() {
    let shape = Zyx::new(9, 17, 17);
    let good = gaussian(shape, Zyx::new(4.0, 8.0, 8.0), Zyx::new(1.0, 1.0, 1.0));
    let with = |i: usize, v: f32| {
        let mut data = good.clone();
        data[i] = v;
        data
    };
    let corner = gaussian(shape, Zyx::new(0.0, 0.0, 0.0), Zyx::new(2.0, 2.0, 2.0));
    let line = Zyx::new(1, 3, 867);
    for (data, shape, reason) in [
        (with((2 * 17 + 3) * 17 + 5, f32::NAN), shape, "NaN at z 2, y 3, x 5"),
        (with(16, f32::INFINITY), shape, "inf at z 0, y 0, x 16"),
        (with(17, -200.0), shape, "-200 at z 0, y 1, x 0"),
        (vec![0.0; 2601], shape, "every voxel of the PSF is 0"),
        (vec![7.0; 2601], shape, "every voxel of the PSF is 7"),
        (good.iter().map(|v| -v - 1.0).collect(), shape, "light is not negative"),
        (good[1..].to_vec(), shape, "2600 values do not fill"),
        (good.clone(), line, "at least 3 rows"),
        (Vec::new(), Zyx::new(0, 5, 5), "empty"),
        (good.clone(), Zyx::new(u32::MAX, u32::MAX, u32::MAX), "do not fill"),
        (corner, shape, "at its border"),
    ] {
        let message = load(data, shape, UM, UM).unwrap_err().to_string();
        assert!(message.starts_with("bead.tif: broken file: ") && message.contains(reason), "{message}");
    }
    for (from, to) in [(0.1, 100.0), (100.0, 0.1), (0.1, 0.0), (f64::NAN, 0.1), (-0.1, 0.1)] {
        let message =
            load(good.clone(), shape, Zyx { x: from, ..UM }, Zyx { x: to, ..UM }).unwrap_err().to_string();
        assert!(message.starts_with("--psf: bead.tif: "), "{message}");
    }
    let huge = Zyx::new(100, 500, 500);
    let data = gaussian(huge, Zyx::new(50.0, 250.0, 250.0), Zyx::new(9.0, 9.0, 9.0));
    let message = load(data, huge, UM.map(|v| 40.0 * v), UM).unwrap_err().to_string();
    assert!(message.contains("PSF on the image's voxels"), "{message}");
}

#[test]
#[ignore = "reads the real files of ../shared/data"]
fn psfs_of_real_files_load() {
    // All sizes but one are even and no centre is in the middle of a voxel: parts of voxels at both ends make one more,
    // except where the centre is so far off that a plane has no partner.
    // RFI has coma: its centre of mass is not its brightest voxel, but a fraction of a voxel away.
    for (file, expected) in [
        ("flowdec/bars-25pct_kernel.tif", Zyx::new(33, 65, 65)),
        ("flowdec/bead-25pct_kernel.tif", Zyx::new(65, 65, 65)),
        ("flowdec/psfs_psfgen1.tif", Zyx::new(9, 17, 17)),
        ("redlionfish/PSF_RFI_8bit.tif", Zyx::new(61, 33, 33)),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/decon").join(file);
        let volume = crate::tiff::read_volume(&path).unwrap();
        let measured =
            Measured { name: &path, data: volume.data, shape: volume.shape, voxel_um: UM.map(Some) };
        let psf = Psf::from_volume(measured, UM, Treatment::default()).unwrap();
        eprintln!("{file}: {} {:?}", psf.shape, psf.notes);
        assert_invariants(&psf);
        assert_eq!(psf.shape, expected, "{file}");
        let (middle, brightest) = (psf.data.len() / 2, psf.data.iter().copied().fold(0.0, f32::max));
        assert!(
            psf.data[middle] > 0.9 * brightest,
            "{file}: {} in the middle, {brightest}",
            psf.data[middle]
        );
    }
}
