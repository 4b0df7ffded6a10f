//! What changes how long a run takes changes no byte of what it makes.

use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{files, json};
use crate::cli::program::{run, text};

#[test]
fn threads_readers_and_memory_change_no_byte() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("in.czi"), home.path().join("out.zarr"));
    let summary = home.path().join("summary.json");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    for flags in [
        "--iterations 0 --tile 32 --chunk 16 --shard 32",
        "--iterations 3 --tile 32 --chunk 16 --shard 32 --halo 8 --psf-size 1,9,9",
        "--iterations 0 --tile 32 --chunk 16 --ome-zarr 0.4",
    ] {
        run(&input, &output, &format!("{flags} --overwrite --threads 1")).done();
        let expected = files(&output);
        for neutral in [
            "--threads 3 --readers 4",
            "--threads 2 --memory 300MiB",
            "--memory 5GiB --retries 1 --timeout 7s --merge-gap 0 --request-size 1KiB",
            "--skip-damaged --simulate-storage latency=1ms",
        ] {
            let flags = format!("{flags} --overwrite {neutral} --summary {}", text(&summary));
            run(&input, &output, &flags).done();
            let found = files(&output);
            let other = found.iter().find(|(path, bytes)| expected.get(*path) != Some(*bytes));
            assert_eq!(other.map(|(path, _)| path), None, "{flags}");
            assert_eq!(found.len(), expected.len(), "{flags}");
        }
    }
    // What the run took stands beside the output.
    run(&input, &output, &format!("--iterations 0 --overwrite --threads 2 --summary {}", text(&summary)))
        .done();
    let options = &json(&summary)["options"];
    assert_eq!(options["threads"], 2, "{options}");
    assert!(options["memory_bytes"].is_null(), "{options}");
}
