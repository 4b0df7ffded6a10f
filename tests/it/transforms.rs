//! The transforms as their text says, for every length that the planner may choose, without a device: a reader of the
//! few forms of statement that the text is made of runs them for all invocations of a line, in f32.
//!
//! What it cannot see: the transforms of the radices, which `gpu_vs_cpu` runs on a device one by one; here they are
//! sums of their definition.

use std::collections::HashMap;
use std::f64::consts::TAU;
use std::ops::Range;

use decon_gpu::gpu::WorkgroupLimits;
use decon_gpu::kernels::fft::{LinePlan, LinePlans, good_sizes};
use decon_gpu::kernels::{convolve_lines, ratio_rows};
use decon_gpu::space::Zyx;
use rustfft::FftPlanner;
use rustfft::num_complex::{Complex32, Complex64};

/// Of NVIDIA, with whole columns and much padding, and the least that WebGPU allows.
const LIMITS: [WorkgroupLimits; 2] = [
    WorkgroupLimits { bytes: 48 << 10, invocations: 1024 },
    WorkgroupLimits { bytes: 16 << 10, invocations: 256 },
];

/// All numbers of a line of text, in order.
fn numbers(line: &str) -> Vec<usize> {
    let runs = line.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    runs.map(|run| run.parse().unwrap()).collect()
}

/// The last line of a workgroup, whose addresses are the largest.
struct Line<'a> {
    constants: HashMap<&'a str, usize>,
    twiddles: Vec<Complex32>,
    exchange: Vec<f32>,
    /// [register][invocation].
    held: Vec<Vec<Complex32>>,
    /// Registers of the last butterfly.
    butterfly: Vec<usize>,
    /// Of each invocation: where its butterfly starts in the exchange, and its factors so far.
    at: Vec<usize>,
    factors: Vec<[Complex32; 16]>,
}

/// Invocations that run a block, and the number of their butterfly less their own.
#[derive(Clone, Default)]
struct Block {
    invocations: Range<usize>,
    first: usize,
}

impl<'a> Line<'a> {
    fn new(plan: &LinePlan, source: &'a str) -> Self {
        let constant = |line: &'a str| {
            let (name, value) = line.strip_prefix("const ")?.split_once(": u32 = ")?;
            Some((name, value.strip_suffix("u;")?.parse().ok()?))
        };
        let constants: HashMap<_, _> = source.lines().filter_map(constant).collect();
        let twiddles = plan.twiddles().iter().map(|&[re, im]| Complex32::new(re, im)).collect();
        let held = vec![vec![Complex32::default(); constants["THREADS"]]; constants["REGISTERS"]];
        let exchange = vec![f32::NAN; constants["EXCHANGE"]];
        let (at, factors) =
            (vec![0; constants["THREADS"]], vec![[Complex32::default(); 16]; constants["THREADS"]]);
        Self { exchange, twiddles, held, constants, butterfly: Vec::new(), at, factors }
    }

    /// The place in the exchange that `text` names, from the numbers in it.
    fn place(&self, text: &str, numbers: &[usize], invocation: usize, j: usize) -> usize {
        if text.contains("[at + ") {
            return self.at[invocation] + numbers[0];
        }
        let (first, rest) = match text.contains("target_of") {
            false => (j, numbers),
            true => ((j - j % numbers[0]) * numbers[1] + j % numbers[0], &numbers[2..]),
        };
        let (further, rest) = if rest.len() == 4 { (rest[0], &rest[1..]) } else { (0, rest) };
        let (element, &[pad, skip, line_stride]) = (first + further, rest) else { panic!("{text}") };
        let c = &self.constants;
        (c["LINES"] - 1) * line_stride + (element + element / pad * skip) * c["ELEMENT_STRIDE"]
    }

    fn part(&mut self, text: &str, register: usize, invocation: usize) -> &mut f32 {
        let value = &mut self.held[register][invocation];
        if text.contains("].x") { &mut value.re } else { &mut value.im }
    }

    /// One statement for one invocation, whose butterfly is number j.
    fn run(&mut self, text: &str, invocation: usize, j: usize) {
        let n = numbers(text);
        if text.starts_with("let at = ") {
            self.at[invocation] = self.place(text, &n, invocation, j);
        } else if text.starts_with("exchange[") {
            let (&register, n) = n.split_last().unwrap();
            let place = self.place(text, n, invocation, j);
            self.exchange[place] = *self.part(text, register, invocation);
        } else if text.contains(" = exchange[") {
            let place = self.place(text, &n[1..], invocation, j);
            *self.part(text, n[0], invocation) = self.exchange[place];
        } else if text.contains(" = factor(") {
            self.factors[invocation][n[0]] = self.twiddles[n[1] * n[2] - 1 + j % n[2]];
        } else if text.starts_with("let w") {
            self.factors[invocation][n[0]] = self.factors[invocation][n[1]] * self.factors[invocation][n[2]];
        } else if text.contains(" = product(") {
            assert_eq!(n[0], n[1], "{text}");
            self.held[n[0]][invocation] *= self.factors[invocation][n[2]];
        } else if text.starts_with("let y = dft_") {
            self.dft(n[0], &n[1..], invocation);
        } else {
            // `dft` has put it there; the text must say the same.
            assert!(text.contains(" = y[") && self.butterfly[n[1]] == n[0], "{text}");
        }
    }

    /// The transform of the values in `registers`, put back in order.
    fn dft(&mut self, radix: usize, registers: &[usize], invocation: usize) {
        assert_eq!(radix, registers.len());
        self.butterfly = registers.to_vec();
        let wide = |v: Complex32| Complex64::new(v.re.into(), v.im.into());
        let inputs: Vec<_> = registers.iter().map(|&i| wide(self.held[i][invocation])).collect();
        for (k, &register) in registers.iter().enumerate() {
            let turn = |n: usize| Complex64::cis(-TAU * (n * k % radix) as f64 / radix as f64);
            let sum: Complex64 = inputs.iter().enumerate().map(|(n, v)| v * turn(n)).sum();
            self.held[register][invocation] = Complex32::new(sum.re as f32, sum.im as f32);
        }
    }

    /// Hands each statement of `text` to `run`, with the invocations that run it.
    fn each_statement(&self, text: &str, mut run: impl FnMut(&str, &Block)) {
        let threads = self.constants["THREADS"];
        let mut block = Block::default();
        for statement in text.lines().map(str::trim) {
            let n = numbers(statement);
            if statement == "{" {
                block.invocations = 0..threads;
            } else if statement.starts_with("if thread + ") {
                block.invocations = 0..n[1].saturating_sub(n[0]).min(threads);
            } else if statement.starts_with("let j = ") {
                block.first = n[0];
            } else if !matches!(statement, "}" | "" | "if inside {") {
                run(statement, &block);
            }
        }
    }

    fn transform(&mut self, text: &str) {
        let mut statements = Vec::new();
        self.each_statement(text, |statement, block| statements.push((statement.to_owned(), block.clone())));
        let mut putting = false;
        for (statement, block) in statements {
            if statement == "workgroupBarrier();" {
                putting = false;
                continue;
            }
            if statement.starts_with("exchange[") && !putting {
                // What is not written anew must not be read.
                self.exchange.fill(f32::NAN);
                putting = true;
            }
            assert!(!(putting && statement.contains(" = exchange[")), "no barrier before {statement}");
            for invocation in block.invocations {
                self.run(&statement, invocation, invocation + block.first);
            }
        }
    }

    /// Register and invocation of each element, as the lines of `main` with `call` in them say.
    fn places(&self, main: &str, call: &str) -> Vec<(usize, usize)> {
        let mut places = vec![Vec::new(); self.constants["N"]];
        self.each_statement(main, |statement, block| {
            if !statement.contains(call) {
                return;
            }
            let n = numbers(statement);
            let (register, element) = if call == "store(" { (n[1], n[0]) } else { (n[0], n[1]) };
            for i in block.invocations.clone() {
                places[i + block.first + element].push((register, i));
            }
        });
        assert!(places.iter().all(|places| places.len() == 1), "each element is held once: {call}");
        places.into_iter().flatten().collect()
    }
}

/// The text of a function.
fn body<'a>(source: &'a str, name: &str) -> &'a str {
    let start = source.find(&format!("fn {name}(")).unwrap();
    let text = &source[start..];
    let text = &text[text.find(" {\n").unwrap() + 2..];
    &text[..text.find("\n}").unwrap()]
}

/// The worst error of both transforms, relative to the largest value.
fn worst_error(plan: &LinePlan, source: &str) -> f64 {
    let length = plan.length as usize;
    let input: Vec<_> =
        (0..length).map(|i| Complex32::new((i * 89 % 251) as f32 - 125.0, (i * 57 % 241) as f32)).collect();
    let mut expected: Vec<_> = input.iter().map(|v| Complex64::new(v.re.into(), v.im.into())).collect();
    FftPlanner::new().plan_fft_forward(length).process(&mut expected);
    let largest = expected.iter().map(|v| v.norm()).fold(0.0, f64::max);
    let mut line = Line::new(plan, source);
    let main = body(source, "main");
    let [load, between, store] = ["load(", "between(", "store("].map(|call| line.places(main, call));
    let mut worst: f64 = 0.0;
    for (name, from, to) in [("first_transform", &load, &between), ("second_transform", &between, &store)] {
        for (&(register, invocation), &value) in from.iter().zip(&input) {
            line.held[register][invocation] = value;
        }
        line.transform(body(source, name));
        for (&(register, invocation), expected) in to.iter().zip(&expected) {
            let found = line.held[register][invocation];
            let error = (Complex64::new(found.re.into(), found.im.into()) - expected).norm() / largest;
            worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
        }
    }
    worst
}

#[test]
fn every_length_is_transformed_as_defined() {
    for limits in LIMITS {
        for length in good_sizes(limits.bytes / 16) {
            let LinePlans { rows, last, .. } = LinePlans::new(Zyx::new(1, length, length), limits).unwrap();
            for (plan, shader) in [(&rows, ratio_rows::shader(&rows)), (&last, convolve_lines::shader(&last))]
            {
                let error = worst_error(plan, &shader.source);
                // Each of log₂ N levels rounds by 6e-8; seen: 2.3e-7 in all.
                let allowed = 2e-6 * f64::from(length).log2().max(1.0);
                assert!(error <= allowed, "{plan:?}: {error:e}");
            }
        }
    }
}
