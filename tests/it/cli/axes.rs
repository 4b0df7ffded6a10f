//! Stacks whose planes nothing describes.

use std::fs::File;

use tiff::encoder::{TiffEncoder, colortype};

use crate::cli::output::image;
use crate::cli::program::{decon_gpu, run, text};

#[test]
fn the_user_says_what_the_planes_of_a_tiff_are() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.tif"), home.path().join("out.zarr"));
    let mut file = TiffEncoder::new(File::create(&input).unwrap()).unwrap();
    for page in 0..6_u16 {
        file.write_image::<colortype::Gray16>(4, 3, &[page * 100; 12]).unwrap();
    }
    drop(file);
    // Time, channel, slice of each page.
    let shows = |flags: &str, page_of: fn(usize, usize, usize) -> usize, [t, c, z]: [usize; 3]| {
        let ended = run(&input, &output, &format!("--iterations 0 --overwrite {flags}")).done();
        let image = image(&output);
        for (t, c, z) in (0..t).flat_map(|t| (0..c).flat_map(move |c| (0..z).map(move |z| (t, c, z)))) {
            assert_eq!(image.plane(t, c, z), [page_of(t, c, z) as f32 * 100.0; 12], "{flags} {t} {c} {z}");
        }
        ended.stderr
    };
    let said = shows("", |_, _, z| z, [1, 1, 6]);
    assert!(said.contains("6 pages without axes: taken as slices; --axes says otherwise"), "{said}");
    let said = shows("--axes zc2", |_, c, z| z * 2 + c, [1, 2, 3]);
    assert!(!said.contains("without axes"), "{said}");
    shows("--axes t", |t, _, _| t, [6, 1, 1]);
    shows("--axes c3t2", |t, c, _| c * 2 + t, [2, 3, 1]);
    run(&input, &output, "--iterations 0 --overwrite --axes zc4")
        .failed(2, "--axes: zc4 does not fit 6 pages");
    let info = decon_gpu(&["info", text(&input), "--axes", "c"]).done();
    assert!(info.stdout.contains('6') && !info.stdout.contains("without axes"), "{}", info.stdout);
}
