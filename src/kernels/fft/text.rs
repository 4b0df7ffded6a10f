//! The text of a plan: what a kernel that transforms lines is made of beside `shaders/fft.wgsl` and its own file.
//!
//! Everything about one length is a constant, and every register has its number in the text: an array that is indexed
//! by a variable would lie in memory, and a division by a variable would take longer than the transform.

use std::collections::BTreeSet;
use std::f64::consts::TAU;
use std::fmt::Write;

use super::{Direction, LinePlan, parts_of};

/// How often a kernel transforms its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) enum Passes {
    /// `load`, transform, `store`.
    One,
    /// `load`, transform, `between`, transform, `store`.
    Two,
    /// `load`, transform, `term` of each number, and `keep` what they sum to over the line.
    Sum,
    /// The same, where a `term` is two numbers.
    TwoSums,
}

/// One stage of a transform: butterflies of one radix, shared among the invocations of a line.
#[derive(Clone, Copy, Debug)]
struct Stage {
    radix: u32,
    /// Product of the radices before.
    step: u32,
    length: u32,
    threads: u32,
}

impl Stage {
    /// Text for each butterfly b of an invocation, j being its number in the line; `body` gets the number of its first
    /// register.
    fn butterflies(&self, body: impl Fn(u32) -> String) -> String {
        let all = self.length / self.radix;
        (0..all.div_ceil(self.threads)).fold(String::new(), |text, b| {
            let first = b * self.threads;
            let guard = if first + self.threads > all {
                format!("if thread + {first}u < {all}u ")
            } else {
                String::new()
            };
            let body = body(b * self.radix);
            text + &format!("    {guard}{{\n        let j = thread + {first}u;\n{body}    }}\n")
        })
    }

    /// `line` for each number k of a butterfly.
    fn numbers(&self, line: impl Fn(u32) -> String) -> String {
        (0..self.radix).fold(String::new(), |text, k| text + "        " + &line(k) + "\n")
    }

    /// Element k of what butterfly j takes; the last stage gives the same.
    fn taken(&self, k: u32) -> String {
        format!("j + {}u", k * (self.length / self.radix))
    }

    /// Element k of what butterfly j gives.
    fn given(&self, k: u32) -> String {
        format!("target_of(j, {}u, {}u) + {}u", self.step, self.radix, k * self.step)
    }

    fn dft(&self) -> String {
        let radix = self.radix;
        if radix == 1 {
            return String::new();
        }
        self.butterflies(|first| {
            let inputs: Vec<_> = (first..first + radix).map(|i| format!("held[{i}]")).collect();
            let outputs = self.numbers(|k| format!("held[{}] = y[{k}];", first + k));
            format!("        let y = dft_{radix}(array({}));\n{outputs}", inputs.join(", "))
        })
    }

    /// Times the twiddle factors, which are 1 in the first stage.
    fn turn(&self) -> String {
        if self.step == 1 {
            return String::new();
        }
        self.butterflies(|first| {
            (1..self.radix).fold(String::new(), |text, k| {
                let i = first + k;
                text + &format!("        held[{i}] = turned(held[{i}], j, {k}u, {}u);\n", self.step)
            })
        })
    }
}

/// From the registers of one stage to those of another: `from` and `to` name element k of a butterfly.
fn exchange(
    (from, given): (&Stage, impl Fn(u32) -> String),
    (to, taken): (&Stage, impl Fn(u32) -> String),
) -> String {
    ["x", "y"].into_iter().fold(String::new(), |text, part| {
        let put = from
            .butterflies(|first| from.numbers(|k| format!("put({}, held[{}].{part});", given(k), first + k)));
        let fetch = to.butterflies(|first| {
            to.numbers(|k| format!("held[{}].{part} = fetch({});", first + k, taken(k)))
        });
        format!("{text}    workgroupBarrier();\n{put}    workgroupBarrier();\n{fetch}")
    })
}

impl LinePlan {
    /// The constants that stand before `fft.wgsl`.
    pub(in crate::kernels) fn constants(&self) -> String {
        let Self { length, lines, threads, .. } = *self;
        let [element_stride, line_stride, thread_step, line_step] = match self.direction {
            Direction::Rows => [1, self.padded_length(), 1, threads],
            Direction::Columns => [lines, 1, lines, 1],
        };
        let constants = [
            ("N", length),
            ("LINES", lines),
            ("THREADS", threads),
            ("WORKGROUP", lines * threads),
            ("REGISTERS", self.registers()),
            ("PAD", self.pad),
            ("EXCHANGE", lines * self.padded_length()),
            ("BLOCK", length.div_ceil(32)),
            ("ELEMENT_STRIDE", element_stride),
            ("LINE_STRIDE", line_stride),
            ("THREAD_STEP", thread_step),
            ("LINE_STEP", line_step),
        ];
        constants.map(|(name, value)| format!("const {name}: u32 = {value}u;\n")).concat()
    }

    /// The transforms, and `main`.
    pub(in crate::kernels) fn text(&self, passes: Passes) -> String {
        let radices: BTreeSet<_> = self.radices.iter().copied().collect();
        let composed = radices.into_iter().map(composed_dft).collect::<String>();
        let second = if passes == Passes::Two { self.second_transform() } else { String::new() };
        composed + &self.first_transform() + &second + &self.main(passes)
    }

    fn stages(&self) -> Vec<Stage> {
        let mut step = 1;
        let stage = |&radix: &u32| {
            let stage = Stage { radix, step, length: self.length, threads: self.threads };
            step *= radix;
            stage
        };
        self.radices.iter().map(stage).collect()
    }

    fn first_transform(&self) -> String {
        let stages = self.stages();
        let mut text = String::from("fn first_transform() {\n");
        for (i, stage) in stages.iter().enumerate() {
            if i > 0 {
                let before = &stages[i - 1];
                text += &exchange((before, |k| before.given(k)), (stage, |k| stage.taken(k)));
            }
            text += &stage.turn();
            text += &stage.dft();
        }
        text + "}\n\n"
    }

    /// The transpose of the first: last stage first, what was given is taken.
    fn second_transform(&self) -> String {
        let stages = self.stages();
        let mut text = String::from("fn second_transform() {\n");
        for (i, stage) in stages.iter().enumerate().rev() {
            text += &stage.dft();
            text += &stage.turn();
            if i > 0 {
                let next = &stages[i - 1];
                text += &exchange((stage, |k| stage.taken(k)), (next, |k| next.given(k)));
            }
        }
        text + "}\n\n"
    }

    fn main(&self, passes: Passes) -> String {
        let stages = self.stages();
        let (first, last) = (&stages[0], &stages[stages.len() - 1]);
        let each = |stage: &Stage, line: &dyn Fn(u32, String) -> String| {
            let lines = stage.butterflies(|register| stage.numbers(|k| line(register + k, stage.taken(k))));
            format!("    if inside {{\n{lines}    }}\n")
        };
        let load = each(first, &|i, element| format!("held[{i}] = load(line, {element});"));
        let store = |stage| each(stage, &|i, element| format!("store(line, {element}, held[{i}]);"));
        let rest = match passes {
            Passes::One => store(last),
            Passes::Two => {
                let between =
                    each(last, &|i, element| format!("held[{i}] = between(line, {element}, held[{i}]);"));
                format!("{between}    second_transform();\n{}", store(first))
            }
            Passes::Sum | Passes::TwoSums => {
                let terms = each(last, &|i, element| format!("sum += term(line, {element}, held[{i}]);"));
                match passes {
                    Passes::TwoSums => {
                        format!("    var sum = vec2f(0.0);\n{terms}{}", sum_up(&["sum.x", "sum.y"]))
                    }
                    _ => format!("    var sum = 0.0;\n{terms}{}", sum_up(&["sum"])),
                }
            }
        };
        format!("{MAIN}{load}    first_transform();\n{rest}}}\n")
    }
}

const MAIN: &str = "\
@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) invocation: u32,
) {
    let line = take_line(group_number(group, groups), invocation);
    let inside = line < lines();
";

/// Adds the numbers `sums` of a line's invocations up, one after the other, and keeps the sum.
fn sum_up(sums: &[&str]) -> String {
    let each = sums.iter().map(|sum| {
        format!(
            "    workgroupBarrier();
    put(thread, {sum});
    workgroupBarrier();
    if inside && thread == 0u {{
        for (var i = 1u; i < THREADS; i += 1u) {{
            {sum} += fetch(i);
        }}
    }}
"
        )
    });
    each.collect::<String>() + "    if inside && thread == 0u {\n        keep(line, sum);\n    }\n"
}

/// `dft_r` of a radix that is a product p · q: q transforms of length p, turned, then p transforms of length q.
fn composed_dft(radix: u32) -> String {
    let Some((p, q)) = parts_of(radix) else { return String::new() };
    let mut text = format!("fn dft_{radix}(x: array<vec2f, {radix}>) -> array<vec2f, {radix}> {{\n");
    for n in 0..q {
        let inputs: Vec<_> = (0..p).map(|m| format!("x[{}]", q * m + n)).collect();
        writeln!(text, "    let a{n} = dft_{p}(array({}));", inputs.join(", ")).expect("a string takes text");
    }
    for k in 0..p {
        let inputs: Vec<_> = (0..q).map(|n| times_root(&format!("a{n}[{k}]"), n * k, radix)).collect();
        writeln!(text, "    let b{k} = dft_{q}(array({}));", inputs.join(", ")).expect("a string takes text");
    }
    let outputs: Vec<_> = (0..radix).map(|m| format!("b{}[{}]", m % p, m / p)).collect();
    text + &format!("    return array({});\n}}\n\n", outputs.join(", "))
}

/// `value` times exp(−2πi turns / whole).
fn times_root(value: &str, turns: u32, whole: u32) -> String {
    match (8 * turns / whole, 8 * turns % whole) {
        (0, 0) => value.to_owned(),
        (1, 0) => format!("eighth({value})"),
        (2, 0) => format!("minus_i({value})"),
        (3, 0) => format!("minus_i(eighth({value}))"),
        (4, 0) => format!("-{value}"),
        _ => {
            let angle = -TAU * f64::from(turns) / f64::from(whole);
            format!("product({value}, vec2f({:.17}, {:.17}))", angle.cos(), angle.sin())
        }
    }
}
