//! Valid-pixel masks: what they leave out is not painted.

use std::path::Path;

use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::Plane;
use decon_gpu::pixels::{PixelType, Samples};
use decon_gpu::space::Rect;

use crate::parts::{convert, path, succeed};

/// A disc, as of a round field stop.
fn shown(x: u32, y: u32) -> bool {
    (i64::from(x) - 20).pow(2) + (i64::from(y) - 15).pow(2) < 150
}

/// A field of 7 under one of 1000 that shows only its disc, and one beside them.
fn write(file: &Path) {
    let mut writer = CziWriter::create(file).unwrap();
    for (m, x, value) in [(0, 0, 7), (1, 10, 1000), (2, 60, 50)] {
        let rect = Rect::new(x, 0, 40, 30);
        let subblock =
            NewSubblock { m: Some(m), ..NewSubblock::new(Plane::default(), rect, PixelType::Gray16) };
        let pixels = Samples::U16(vec![value; 1200]);
        if m == 1 {
            writer.add_masked(&subblock, &pixels, shown).unwrap();
        } else {
            writer.add(&subblock, &pixels).unwrap();
        }
    }
    writer.finish(&Metadata::default()).unwrap();
}

#[test]
fn what_a_mask_leaves_out_shows_what_is_below() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("masked.czi");
    write(&file);
    for masks in ["honour", "ignore"] {
        let (image, _) = convert(&file, &["--masks", masks, "--fill", "3", "--tile", "16", "--chunk", "16"]);
        assert_eq!(image.shape, [1, 1, 1, 30, 100]);
        for index in image.indices() {
            let (x, y) = (index[4] as u32, index[3] as u32);
            let on_top = (10..50).contains(&x) && (masks == "ignore" || shown(x - 10, y));
            let below = if x < 40 {
                7
            } else if x >= 60 {
                50
            } else {
                3
            };
            assert_eq!(image.at(index), if on_top { 1000 } else { below }, "{masks} at {index:?}");
        }
    }
}

#[test]
fn the_summary_counts_what_masks_leave_out() {
    let folder = tempfile::tempdir().unwrap();
    let (file, output) = (folder.path().join("masked.czi"), folder.path().join("out.ome.zarr"));
    write(&file);
    let text = succeed(&["run", path(&file), "-o", path(&output), "--iterations", "0", "--backend", "cpu"]);
    let inside = (0..30).flat_map(|y| (0..40).map(move |x| shown(x, y))).filter(|&shown| shown).count();
    let sentence = format!("{} pixels were left out by the file's valid-pixel masks", 1200 - inside);
    assert!(text.contains(&sentence), "{text}");
}
