//! Each kernel on the first graphics device: `cargo bench --bench kernels`, half a minute; nothing where
//! there is none. A figure is bytes that the roofline counts (docs/book/src/explanation/benchmarks.md) a second, submission included.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use decon_gpu::gpu::{Device, Kernel, Recorder, Shader, ShaderParams, adapters};
use decon_gpu::kernels::begin_rows::Mode;
use decon_gpu::kernels::fft::{Direction, LinePlan};
use decon_gpu::kernels::{
    NO_SHADING, balance_lanes, begin_rows, convolve_lines, divergence_rows, downsample, feather, fill, pack,
    ratio_rows, sample_code, stitch, transform_lines, update_rows, weight_rows,
};
use decon_gpu::pixels::SampleType;
use decon_gpu::twins::balance_lanes::SAMPLES;

/// Sides of an image, and of a stack along z and y.
const SIDE: u32 = 1024;
const DEPTH: u32 = 64;
/// Dispatches in a submission, which costs some ten microseconds.
const DISPATCHES: u32 = 8;
/// Bytes of a complex number, and of a volume of them.
const COMPLEX: u64 = 8;
const VOLUME: u64 = SIDE as u64 * SIDE as u64 * COMPLEX;

struct Bench<'a> {
    device: Device,
    criterion: &'a mut Criterion,
}

impl Bench<'_> {
    /// A volume of a pair. What a kernel that runs again and again makes of it does not matter: no time depends on values.
    fn volume(&self) -> wgpu::Buffer {
        let values: Vec<f32> = (0..2 * SIDE * SIDE).map(|i| 1.0 + (i * 89 % 251) as f32).collect();
        self.buffer(bytemuck::cast_slice(&values))
    }

    fn buffer(&self, bytes: &[u8]) -> wgpu::Buffer {
        let buffer = self.device.buffer("bench", bytes.len() as u64).expect("it fits");
        self.device.write(&buffer, bytes);
        buffer
    }

    fn plan(&self, length: u32, direction: Direction) -> (LinePlan, wgpu::Buffer) {
        let plan = LinePlan::new(length, direction, self.device.limits().workgroup).expect("a short line");
        let twiddles = self.buffer(bytemuck::cast_slice(&plan.twiddles()));
        (plan, twiddles)
    }

    /// `shader` over `buffers`, which moves `bytes`.
    fn measure<P: ShaderParams>(
        &mut self,
        name: &str,
        shader: &Shader,
        (buffers, bytes): (&[&wgpu::Buffer], u64),
        params: &P,
    ) {
        let kernel = Kernel::new(&self.device, shader).expect("the shader is valid");
        let bound = kernel.bind(&self.device, buffers).expect("the buffers are the shader's");
        let mut recorder = Recorder::new(&self.device);
        let mut group = self.criterion.benchmark_group("kernel");
        group.throughput(Throughput::Bytes(bytes * u64::from(DISPATCHES)));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                (0..DISPATCHES).for_each(|_| kernel.dispatch(&mut recorder, &bound, params));
                recorder.submit();
                self.device.settle().expect("the device works");
            });
        });
    }

    fn rows(&mut self) {
        let (plan, twiddles) = self.plan(SIDE, Direction::Rows);
        let [spectrum, observed, estimate, previous, weight] = [(); 5].map(|()| self.volume());
        let marks = self.buffer(&vec![0; 4 * SIDE as usize]);
        let mode = Mode::Observed as u32;
        let (lines, background, z, y, x) = (SIDE, 10.0, 1, SIDE, SIDE);
        let begin = begin_rows::Params {
            pair: 0,
            mode,
            background,
            fft_z: z,
            fft_y: y,
            even_z: z,
            even_y: y,
            even_x: x,
            odd_z: z,
            odd_y: y,
            odd_x: x,
        };
        let balance = self.buffer(bytemuck::cast_slice(&[1.0_f32; 2]));
        let params = balance_lanes::Params { pairs: 1, voxels: SIDE * SIDE, background };
        let read = u64::from(SAMPLES) * COMPLEX;
        self.measure("balance_lanes", &balance_lanes::shader(), (&[&observed, &balance], read), &params);
        let buffers = [&twiddles, &spectrum, &observed, &estimate, &balance];
        self.measure("begin_rows", &begin_rows::shader(&plan), (&buffers, 3 * VOLUME), &begin);
        let buffers = [&twiddles, &spectrum, &weight, &marks];
        let params = weight_rows::Params { lines };
        self.measure("weight_rows", &weight_rows::shader(&plan), (&buffers, 2 * VOLUME), &params);
        let buffers = [&twiddles, &spectrum, &observed, &balance];
        let params = ratio_rows::Params { lines, pair_lines: lines, background };
        self.measure("ratio_rows", &ratio_rows::shader(&plan), (&buffers, 3 * VOLUME), &params);
        let buffers = [&twiddles, &spectrum, &observed, &marks, &balance];
        let params = divergence_rows::Params { lines, pair_lines: lines, background };
        self.measure("divergence_rows", &divergence_rows::shader(&plan), (&buffers, 2 * VOLUME), &params);
        for (name, next_alpha, numbers) in [("rl", 0.0, 4), ("shb", 0.5, 5)] {
            let marks = self.buffer(&vec![0; 4 * SIDE as usize]);
            let buffers = [&twiddles, &spectrum, &weight, &marks, &estimate, &previous, &balance];
            let params = update_rows::Params { lines, pair_lines: lines, alpha: next_alpha, next_alpha };
            let name = format!("update_rows of {name}");
            self.measure(&name, &update_rows::shader(&plan), (&buffers, numbers * VOLUME), &params);
        }
    }

    fn columns(&mut self) {
        let [spectrum, otf] = [(); 2].map(|()| self.volume());
        for (what, length, stride) in
            [("y of an image", SIDE, SIDE), ("z of a stack", DEPTH, SIDE * SIDE / DEPTH)]
        {
            let (plan, twiddles) = self.plan(length, Direction::Columns);
            let params = convolve_lines::Params { lines: stride, stride, sign: 1.0 };
            let buffers = [&twiddles, &spectrum, &otf];
            let name = format!("convolve_lines, {what}");
            self.measure(&name, &convolve_lines::shader(&plan), (&buffers, 3 * VOLUME), &params);
        }
        let (plan, twiddles) = self.plan(DEPTH, Direction::Columns);
        let lines = SIDE * SIDE / DEPTH;
        let params = transform_lines::Params { lines, stride: SIDE, inverse: 0 };
        let buffers = [&twiddles, &spectrum];
        self.measure("transform_lines", &transform_lines::shader(&plan), (&buffers, 2 * VOLUME), &params);
    }

    fn pixels(&mut self) {
        let pixels = u64::from(SIDE * SIDE);
        let [plane, weights] = [(); 2].map(|()| self.buffer(&vec![0; 4 * pixels as usize]));
        let [observed, estimate] = [(); 2].map(|()| self.volume());
        let field = self.buffer(&vec![7; 2 * pixels as usize]);
        let shading = self.buffer(bytemuck::cast_slice(&vec![[10.0_f32, 1.1]; pixels as usize]));
        let params = fill::Params { count: SIDE * SIDE };
        self.measure("fill", &fill::shader(), (&[&plane], 4 * pixels), &params);
        let kind = sample_code(SampleType::U16);
        let params = stitch::Params {
            width: SIDE,
            height: SIDE,
            plane_x: 0,
            plane_y: 0,
            field_x: 0,
            field_y: 0,
            plane_width: SIDE,
            field_width: SIDE,
            samples: 1,
            sample: 0,
            kind,
            first_shading: NO_SHADING,
        };
        let buffers = [&field, &shading, &plane];
        self.measure("stitch u16", &stitch::shader(), (&buffers, (2 + 4) * pixels), &params);
        let shaded = stitch::Params { first_shading: 0, ..params };
        let bytes = (2 + 4 + 8) * pixels;
        self.measure("stitch u16 with a shading", &stitch::shader(), (&buffers, bytes), &shaded);
        let params = feather::Params::of(&params, 0..SIDE, 0..SIDE);
        // Field in, mean and sum of weights in and out.
        let buffers = [&field, &shading, &plane, &weights];
        self.measure("feather u16", &feather::shader(), (&buffers, (2 + 8 + 8) * pixels), &params);
        for scale in [1, 4] {
            let side = SIDE / scale;
            let params = downsample::Params {
                lane: 0,
                first_plane: 0,
                planes: 1,
                width: side,
                height: side,
                scale,
                fft_z: 1,
                fft_y: side,
                fft_x: side,
                subtracted: 0.0,
            };
            let bytes = 4 * pixels + 4 * u64::from(side * side);
            let name = format!("downsample by {scale}");
            self.measure(&name, &downsample::shader(), (&[&plane, &observed], bytes), &params);
        }
        let params = pack::Params {
            lane: 0,
            width: SIDE,
            height: SIDE,
            planes: 1,
            x: 0,
            y: 0,
            z: 0,
            fft_z: 1,
            fft_y: SIDE,
            fft_x: SIDE,
            kind,
            fill: 0.0,
        };
        // Of one lane; with the other lane between, half of each sector is for nothing.
        let result = self.buffer(&vec![0; pack::HEADER_BYTES + 2 * pixels as usize]);
        let buffers = [&estimate, &observed, &result];
        self.measure("pack to u16", &pack::shader(), (&buffers, (4 + 4 + 2) * pixels), &params);
    }
}

fn kernels(criterion: &mut Criterion) {
    let Some(adapter) = adapters().into_iter().next() else {
        println!("no Vulkan device: no kernel is measured");
        return;
    };
    println!("on {}", adapter.summary);
    let device = Device::open(&adapter).expect("the device opens");
    let mut bench = Bench { device, criterion };
    bench.rows();
    bench.columns();
    bench.pixels();
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(1000));
    targets = kernels
}
criterion_main!(all);
