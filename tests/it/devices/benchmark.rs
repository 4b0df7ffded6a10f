//! `bench compute` on any device, however large its buffers may be: those of software devices end at 128 MiB.

use decon_gpu::bench::compute::ComputeBench;
use decon_gpu::decon::Precision;
use decon_gpu::job::{Chosen, Gpu};
use decon_gpu::space::Zyx;

use crate::devices::device;

#[test]
fn copies_are_as_large_as_the_device_allows() {
    let device = device();
    let most = device.limits().max_volume_bytes;
    for precision in [Precision::F32, Precision::F16] {
        let bench = ComputeBench {
            backends: vec![Chosen::Gpu(Gpu::new(device.clone()))],
            precision,
            sizes: vec![Zyx::new(1, 32, 48), Zyx::new(8, 16, 16)],
            runs: 1,
            least_secs: 0.0,
            say: |_| {},
        };
        let tables = bench.run().unwrap().tables;
        let copied = format!("copies of {} MiB", most.min(256 << 20) >> 20);
        assert!(tables[0].title.ends_with(&copied), "{}", tables[0].title);
        assert_eq!(tables.iter().map(|table| table.rows.len()).collect::<Vec<_>>(), [3, 2]);
        assert!(tables.iter().flat_map(|table| &table.rows).all(|row| row.runs.median() > 0.0));
    }
}
