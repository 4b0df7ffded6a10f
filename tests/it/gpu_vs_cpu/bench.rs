//! A device to test on, one dispatch on it, and the comparison of results.

use std::sync::OnceLock;

use decon_gpu::gpu::{Device, Kernel, Readback, Recorder, Shader, ShaderParams, adapters};

/// Fills what a kernel must write: any use of it shows.
pub const POISON: f32 = f32::NAN;

/// The device that all tests share.
pub struct Bench {
    pub device: Device,
}

impl Bench {
    /// On the first device.
    pub fn open() -> Self {
        static DEVICE: OnceLock<Device> = OnceLock::new();
        let open = || {
            let adapter = adapters().into_iter().next().expect(
                "no Vulkan device: install a driver (a software one: `apt-get install mesa-vulkan-drivers`), or go \
                 without these tests: DECON_GPU_SKIP_GPU_TESTS=1 scripts/test.sh",
            );
            eprintln!("testing on {}", adapter.summary);
            Device::open(&adapter).expect("the device opens")
        };
        Self { device: DEVICE.get_or_init(open).clone() }
    }

    /// A buffer that holds `data`.
    pub fn buffer<T: bytemuck::Pod>(&self, data: &[T]) -> wgpu::Buffer {
        let bytes = bytemuck::cast_slice(data);
        let buffer = self.device.buffer("test", bytes.len() as u64).unwrap();
        self.device.write(&buffer, bytes);
        buffer
    }

    /// Compiles `shader` and runs it once.
    pub fn run<P: ShaderParams>(&self, shader: &Shader, buffers: &[&wgpu::Buffer], params: &P) {
        let kernel = Kernel::new(&self.device, shader).unwrap();
        let buffers = kernel.bind(&self.device, buffers).unwrap();
        let mut recorder = Recorder::new(&self.device);
        kernel.dispatch(&mut recorder, &buffers, params);
        recorder.submit();
        self.device.check().unwrap();
    }

    /// What `buffer` holds.
    pub fn read<T: bytemuck::Pod>(&self, buffer: &wgpu::Buffer) -> Vec<T> {
        let mut readback = Readback::new(&self.device, 1, buffer.size()).unwrap();
        readback.send(&mut Recorder::new(&self.device), buffer, buffer.size(), ());
        readback.oldest(|(), bytes| bytemuck::pod_collect_to_vec(bytes)).unwrap().unwrap()
    }
}

/// The largest difference, relative to the largest expected value, and its index.
pub fn worst_error(found: &[f32], expected: &[f64]) -> (f64, usize) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(f64::MIN_POSITIVE, |largest, v| largest.max(v.abs()));
    let errors = found.iter().zip(expected).map(|(&found, expected)| {
        let error = (f64::from(found) - expected).abs() / largest;
        // A NaN is worse than anything.
        if error.is_nan() { f64::INFINITY } else { error }
    });
    errors.zip(0..).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, 0))
}

/// Fails unless the worst difference, relative to the largest expected value, is within `tolerance`.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    let (error, worst) = worst_error(found, expected);
    assert!(
        error <= tolerance,
        "{what}: worst error {error:e} > {tolerance:e} at index {worst}: {} instead of {}",
        found[worst],
        expected[worst]
    );
}

/// As `assert_close`, for twins in f32.
#[track_caller]
pub fn assert_close_f32(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let expected: Vec<_> = expected.iter().map(|&v| f64::from(v)).collect();
    assert_close(what, found, &expected, tolerance);
}

/// Allowed error of one transform of `length` numbers relative to the largest: each of log₂ N levels rounds, by 6e-8
/// at best and a few times that on devices that divide and add less exactly. Seen: up to 2e-7 in all.
pub fn transform_tolerance(length: u32) -> f64 {
    5e-7 * f64::from(length).log2().max(1.0)
}

/// `count` numbers from 0 to 250 that repeat only after 251, times `scale`: a swapped row or column shows.
pub fn ramp(count: usize, scale: f32) -> Vec<f32> {
    (0..count).map(|i| (i * 89 % 251) as f32 * scale).collect()
}
