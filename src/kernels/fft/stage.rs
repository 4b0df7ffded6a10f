//! The stages of a transform: which elements of a line each butterfly has.

/// What a butterfly takes, or what it gives; the last stage gives where it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Elements a whole share of the line apart.
    Taken,
    /// Elements `step` apart.
    Given,
}

/// Those of `radices`, in order.
pub(super) fn stages(length: u32, radices: &[u32], threads: u32) -> Vec<Stage> {
    let mut step = 1;
    let stage = |&radix: &u32| {
        let stage = Stage { radix, step, length, threads };
        step *= radix;
        stage
    };
    radices.iter().map(stage).collect()
}

/// One stage of a transform: butterflies of one radix, shared among the invocations of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub radix: u32,
    /// Product of the radices before.
    pub step: u32,
    pub length: u32,
    pub threads: u32,
}

impl Stage {
    /// Text for each butterfly b of an invocation, j being its number in the line; `body` gets the number of its first
    /// register.
    pub fn butterflies(&self, body: impl Fn(u32) -> String) -> String {
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
    pub fn numbers(&self, line: impl Fn(u32) -> String) -> String {
        (0..self.radix).fold(String::new(), |text, k| text + "        " + &line(k) + "\n")
    }

    /// From one element of a butterfly to the next.
    pub fn apart(&self, side: Side) -> u32 {
        match side {
            Side::Taken => self.length / self.radix,
            Side::Given => self.step,
        }
    }

    /// Element 0 of butterfly `j`.
    pub fn first(&self, side: Side, j: u32) -> u32 {
        match side {
            Side::Taken => j,
            Side::Given => (j - j % self.step) * self.radix + j % self.step,
        }
    }

    /// The same in a shader.
    pub fn first_text(&self, side: Side) -> String {
        match side {
            Side::Taken => "j".to_owned(),
            Side::Given => format!("target_of(j, {}u, {}u)", self.step, self.radix),
        }
    }

    /// Element `k` of a butterfly, in a shader.
    pub fn element_text(&self, side: Side, k: u32) -> String {
        format!("{} + {}u", self.first_text(side), k * self.apart(side))
    }
}
