//! Several processes on one target at once: one right output, whatever their flags.

use std::fs;

use decon_gpu::pixels::PixelType;

use crate::cli::mosaic::{five_fields, metadata, write};
use crate::cli::output::{files, names};
use crate::cli::program::{command, run, run_arguments, start_run};

const ROUNDS: usize = 40;
const FLAGS: &str = "--iterations 0 --chunk 32 --shard 64 --quiet";
/// Each of three processes takes another of these each round.
const ASKED: [&str; 5] = ["", "--resume", "--overwrite", "--overwrite --resume", "--resume --threads 1"];

#[test]
fn three_processes_on_one_target_make_one_right_output() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("in.czi");
    write(&input, &five_fields(PixelType::Gray16), &metadata(1));
    let folder = home.path().join("outputs");
    fs::create_dir(&folder).unwrap();
    let output = folder.join("out.zarr");
    run(&input, &output, FLAGS).done();
    let whole = files(&output);
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            fs::remove_dir_all(&output).unwrap();
        }
        let asked = [0, 1, 2].map(|process| ASKED[(round / 2 + process * (round % 4 + 1)) % ASKED.len()]);
        let flags = asked.map(|asked| format!("{FLAGS} {asked}"));
        let running =
            flags.each_ref().map(|flags| start_run(command(&run_arguments(&input, &output, flags))));
        let ended = running.map(|running| running.end());
        let case = format!("round {round}, {asked:?}");
        for ended in &ended {
            assert!(matches!(ended.code, Some(0..=2)), "{case}: {:?} {}", ended.code, ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{case}: {}", ended.stderr);
        }
        // What one process found finished, or in the making, stays so.
        run(&input, &output, &format!("{FLAGS} --resume --overwrite")).done();
        assert!(files(&output) == whole, "{case}: another output");
        assert_eq!(names(&folder), ["out.zarr"], "{case}");
    }
}
