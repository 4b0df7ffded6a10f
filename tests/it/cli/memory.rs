//! What a run holds does not grow with how much it has done.

use decon_gpu::dataset::Compression;
use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{Piece, metadata, write};
use crate::cli::output::json;
use crate::cli::program::{decon_gpu, text};

/// Of a field, and of a tile's core: 512 KiB of samples, far beyond what is too small to be used again.
const SIDE: u32 = 512;
const ACROSS: u32 = 2;
const DOWN: u32 = 160;

/// What the program takes besides what it plans: itself, its threads, what the allocator keeps.
const BESIDE: u64 = 48 << 20;

#[cfg(target_os = "linux")]
#[test]
fn a_run_on_large_tiles_holds_what_was_planned_however_long_the_slide_is() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("slide.czi");
    let kinds = [Compression::Uncompressed, Compression::Zstd1];
    let field = |m: u32| {
        let (x, y) = (m % ACROSS * SIDE, m / ACROSS * SIDE);
        let piece = Piece::new(m, x.into(), y.into(), (SIDE, SIDE), PixelType::Gray16);
        piece.compressed(kinds[m as usize / 2 % 2])
    };
    write(&file, &(0..ACROSS * DOWN).map(field).collect::<Vec<_>>(), &metadata(1));
    let slide = u64::from(ACROSS * DOWN * SIDE * SIDE) * 2;
    let summary = home.path().join("summary.json");
    for flags in ["--iterations 0", "--iterations 1", "--iterations 1 --sink null"] {
        let _ = std::fs::remove_dir_all(home.path().join("out.ome.zarr"));
        let fixed = "--tile 512 --chunk 512 --halo 8 --psf-size 1,9,9 --request-size 1MiB --backend cpu";
        let (output, sink) = (home.path().join("out.ome.zarr"), flags.contains("--sink"));
        let mut arguments = vec!["run", text(&file), "--summary", text(&summary)];
        arguments.extend(fixed.split(' ').chain(flags.split(' ')));
        arguments.extend(if sink { vec![] } else { vec!["--output", text(&output)] });
        decon_gpu(&arguments).done();
        let summary = json(&summary);
        assert_eq!(summary["images"][0]["tiles"], ACROSS * DOWN);
        let planned = summary["images"][0]["memory"].as_object().unwrap();
        let planned: u64 = planned
            .iter()
            .filter(|(name, _)| *name != "field_slots")
            .filter_map(|(_, bytes)| bytes.as_u64())
            .sum();
        let peak = summary["peak_memory_bytes"].as_u64().unwrap();
        assert!(peak < planned + BESIDE, "{flags}: {peak} bytes, {planned} planned");
        assert!(planned + BESIDE < slide, "{flags}: all of the slide's tiles would pass");
    }
}
