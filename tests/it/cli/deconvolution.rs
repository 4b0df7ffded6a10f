//! What must not change the result: tiles, threads.

use std::collections::BTreeMap;
use std::path::Path;

use decon_gpu::demo::Slide;

use crate::cli::output::{files, image};
use crate::cli::program::run;

/// ‖a − b‖ / ‖b‖ over all values.
pub fn relative_rms(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |x: f64| x * x;
    let difference: f64 = a.iter().zip(b).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    (difference / b.iter().map(|b| square(f64::from(*b))).sum::<f64>()).sqrt()
}

/// The demo's slide: noisy, blurred by the PSF that its metadata leads to.
fn slide(path: &Path) {
    std::fs::write(path, Slide::make().unwrap().czi().unwrap()).unwrap();
}

/// Light from beyond the halo is all that tiles lose: 1e-3 is what the default halo is chosen for.
#[test]
fn tiles_restore_what_one_piece_restores() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    slide(&input);
    let restored = |flags: &str| {
        let flags = format!("--iterations 20 --background 100 --output-type f32 --overwrite {flags}");
        let ended = run(&input, &output, &flags).done();
        (image(&output), ended.stderr)
    };
    for (method, most) in [("shb", 1e-3), ("ba", 1e-2)] {
        let ((whole, alone), (tiled, said)) =
            (restored(&format!("--method {method}")), restored(&format!("--method {method} --tile 128")));
        for channel in [0, 1] {
            let error = relative_rms(tiled.plane(0, channel, 0), whole.plane(0, channel, 0));
            assert!(error <= most, "channel {channel}, {method}: relative rms {error:e}");
            assert!(error > 0.0, "the tiles are no tiles");
        }
        // One tile measures its own acceleration, of many a sample tells it.
        let is_decided =
            |said: &str| said.contains("the acceleration of each iteration (--method ba), decided on");
        assert_eq!([is_decided(&alone), is_decided(&said)], [false, method == "ba"], "{said}");
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    slide(&input);
    // The metadata tells the number of threads.
    let arrays = |threads: usize, method: &str| -> BTreeMap<_, _> {
        let output = home.path().join(format!("{method}{threads}.zarr"));
        let flags = "--iterations 4 --output-type f32 --tile 256 --chunk 64 --shard 128";
        run(&input, &output, &format!("{flags} --threads {threads} --method {method}")).done();
        let root = output.join("zarr.json");
        let arrays = files(&output).into_iter().filter(|(path, _)| *path != root);
        arrays.map(|(path, bytes)| (path.strip_prefix(&output).unwrap().to_owned(), bytes)).collect()
    };
    for (method, others) in [("shb", &[2, 5][..]), ("ba", &[3])] {
        let one = arrays(1, method);
        for &threads in others {
            let several = arrays(threads, method);
            assert!(one.keys().eq(several.keys()), "{threads} threads write other files");
            let different: Vec<_> = one.keys().filter(|path| one[*path] != several[*path]).collect();
            assert!(different.is_empty(), "{threads} threads write other bytes in {different:?}");
        }
    }
}
