//! The text of a plan: what a kernel that transforms lines is made of beside `shaders/fft.wgsl` and its own file.
//!
//! Everything about one length is a constant, and every register has its number in the text: an array that is indexed
//! by a variable would lie in memory, and a division by a variable would take longer than the transform.

use std::collections::BTreeSet;
use std::f64::consts::TAU;
use std::fmt::Write;

use super::layout::Layout;
use super::stage::{Side, Stage, stages};
use super::{Direction, LinePlan, parts_of};

/// Numbers of an invocation of which the loads of [`Passes::Step`] are under way together.
const AHEAD: u32 = 8;

/// How often a kernel transforms its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) enum Passes {
    /// `load`, transform, `store`.
    One,
    /// `load`, transform, `between`, transform, `store`.
    Two,
    /// As `Two`; `begin_line` reads what belongs to a whole line, and `ahead` what `between` needs of a number, that of
    /// [`AHEAD`] numbers before `between` stores anything of them: a device waits for loads that are under way together once.
    Step,
    /// `load`, transform, `term` of each number, and `keep` what they sum to over the line.
    Sum,
    /// The same, where a `term` is two numbers.
    TwoSums,
}

impl Stage {
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

    /// Times the twiddle factors, which are 1 in the first stage. Powers 1 and 4 are loaded, the others are products of at most
    /// four of these: a load takes the path to memory as long as two products take the units that compute.
    fn turn(&self) -> String {
        if self.step == 1 {
            return String::new();
        }
        self.butterflies(|first| {
            (1..self.radix).fold(String::new(), |text, k| {
                let factor = match (k & !3, k & 3) {
                    (0, 1) | (4, 0) => format!("factor(j, {k}u, {}u)", self.step),
                    (0, low) => format!("product(w{}, w1)", low - 1),
                    (high, 0) => format!("product(w{}, w4)", high - 4),
                    (high, low) => format!("product(w{high}, w{low})"),
                };
                let i = first + k;
                text + &format!(
                    "        let w{k} = {factor};\n        held[{i}] = product(held[{i}], w{k});\n"
                )
            })
        })
    }
}

/// From the registers of one stage to those of another.
fn exchange(layout: &Layout, (from, given): (&Stage, Side), (to, taken): (&Stage, Side)) -> String {
    ["x", "y"].into_iter().fold(String::new(), |text, part| {
        let put =
            moves(layout, (from, given), |register, place| format!("{place} = held[{register}].{part};"));
        let fetch =
            moves(layout, (to, taken), |register, place| format!("held[{register}].{part} = {place};"));
        format!("{text}    workgroupBarrier();\n{put}    workgroupBarrier();\n{fetch}")
    })
}

/// `line` for each number that an invocation holds, with its place in the exchange. Where all numbers of a butterfly lie as far
/// from its first one as those of any other, only the first one's place is computed.
fn moves(layout: &Layout, (stage, side): (&Stage, Side), line: impl Fn(u32, String) -> String) -> String {
    let Layout { pad, skip, line_stride, .. } = *layout;
    let place = |element: &str| format!("place_of({element}, {pad}u, {skip}u, {line_stride}u)");
    let steps: Option<Vec<_>> = (0..stage.radix).map(|k| layout.apart(stage, side, k)).collect();
    stage.butterflies(|first| match &steps {
        Some(steps) => {
            let numbers = stage.numbers(|k| {
                let step = steps[k as usize];
                line(first + k, format!("exchange[at + {step}u]"))
            });
            format!("        let at = {};\n{numbers}", place(&stage.first_text(side)))
        }
        None => stage.numbers(|k| {
            let place = place(&stage.element_text(side, k));
            line(first + k, format!("exchange[{place}]"))
        }),
    })
}

impl LinePlan {
    /// The constants that stand before `fft.wgsl`.
    pub(in crate::kernels) fn constants(&self) -> String {
        let Self { length, lines, threads, .. } = *self;
        let [element_stride, thread_step, line_step] = match self.direction {
            Direction::Rows => [1, 1, threads],
            Direction::Columns => [lines, lines, 1],
        };
        let constants = [
            ("N", length),
            ("LINES", lines),
            ("THREADS", threads),
            ("WORKGROUP", lines * threads),
            ("REGISTERS", self.registers()),
            ("EXCHANGE", self.exchange_numbers()),
            ("BLOCK", length.div_ceil(32)),
            ("ELEMENT_STRIDE", element_stride),
            ("THREAD_STEP", thread_step),
            ("LINE_STEP", line_step),
            ("AHEAD", AHEAD),
        ];
        constants.map(|(name, value)| format!("const {name}: u32 = {value}u;\n")).concat()
    }

    /// The transforms, and `main`.
    pub(in crate::kernels) fn text(&self, passes: Passes) -> String {
        let radices: BTreeSet<_> = self.radices.iter().copied().collect();
        let composed = radices.into_iter().map(composed_dft).collect::<String>();
        let second = if matches!(passes, Passes::Two | Passes::Step) {
            self.second_transform()
        } else {
            String::new()
        };
        composed + &self.first_transform() + &second + &self.main(passes)
    }

    fn first_transform(&self) -> String {
        let stages = stages(self.length, &self.radices, self.threads);
        let mut text = String::from("fn first_transform() {\n");
        for (i, stage) in stages.iter().enumerate() {
            if i > 0 {
                let before = &stages[i - 1];
                text += &exchange(&self.layouts[i - 1], (before, Side::Given), (stage, Side::Taken));
            }
            text += &stage.turn();
            text += &stage.dft();
        }
        text + "}\n\n"
    }

    /// The transpose of the first: last stage first, what was given is taken.
    fn second_transform(&self) -> String {
        let stages = stages(self.length, &self.radices, self.threads);
        let mut text = String::from("fn second_transform() {\n");
        for (i, stage) in stages.iter().enumerate().rev() {
            text += &stage.dft();
            text += &stage.turn();
            if i > 0 {
                let next = &stages[i - 1];
                text += &exchange(&self.layouts[i - 1], (stage, Side::Taken), (next, Side::Given));
            }
        }
        text + "}\n\n"
    }

    fn main(&self, passes: Passes) -> String {
        let stages = stages(self.length, &self.radices, self.threads);
        let (first, last) = (&stages[0], &stages[stages.len() - 1]);
        let each = |stage: &Stage, line: &dyn Fn(u32, String) -> String| {
            let lines = stage.butterflies(|register| {
                stage.numbers(|k| line(register + k, stage.element_text(Side::Taken, k)))
            });
            format!("    if inside {{\n{lines}    }}\n")
        };
        let begin = match passes {
            Passes::Step => "    if inside {\n        begin_line(line);\n    }\n",
            _ => "",
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
            Passes::Step => {
                let step = last.butterflies(|register| steps_of_line(last, register));
                format!("    if inside {{\n{step}    }}\n    second_transform();\n{}", store(first))
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
        format!("{MAIN}{begin}{load}    first_transform();\n{rest}}}\n")
    }
}

/// `ahead` and `between` for the numbers of a butterfly whose first is in `register`.
fn steps_of_line(stage: &Stage, register: u32) -> String {
    let numbers: Vec<_> = (0..stage.radix).map(|k| (k, stage.element_text(Side::Taken, k))).collect();
    let mut text = String::new();
    for together in numbers.chunks(AHEAD as usize) {
        for (place, (_, element)) in together.iter().enumerate() {
            text += &format!("        ahead(line, {element}, {place}u);\n");
        }
        for (place, (k, element)) in together.iter().enumerate() {
            let i = register + k;
            text += &format!("        held[{i}] = between(line, {element}, held[{i}], {place}u);\n");
        }
    }
    text
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
