//! How often each duration came, in constant memory.

/// Steps within each doubling: a value is known to 1/16, so a quantile is at most 6 % too high.
const STEPS: u64 = 16;

/// Counts of durations, in steps that grow with them.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    most: u64,
}

impl Histogram {
    pub fn add(&mut self, nanos: u64) {
        let step = step_of(nanos);
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
        self.count += 1;
        self.most = self.most.max(nanos);
    }

    /// The duration that a share `quantile` of all did not pass; `None` when there are none.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let rank = ((self.count as f64 * quantile).ceil() as u64).max(1);
        let mut below = 0;
        for (step, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank {
                return Some((start_of(step + 1) - 1).min(self.most));
            }
        }
        None
    }
}

/// Below `STEPS` each value has its own step.
fn step_of(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let doubling = u64::from(nanos.ilog2() - STEPS.ilog2());
    (doubling * STEPS + (nanos >> doubling)) as usize
}

fn start_of(step: usize) -> u64 {
    let step = step as u64;
    if step < STEPS {
        return step;
    }
    let doubling = step / STEPS - 1;
    (step - doubling * STEPS) << doubling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_sixteenth() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        let mut values: Vec<u64> = (0..10_000_u64).map(|i| (i * 7919 % 10_007).pow(3) / 1000).collect();
        values.iter().for_each(|&value| histogram.add(value));
        values.sort_unstable();
        for quantile in [0.001, 0.25, 0.5, 0.9, 0.99, 1.0] {
            let exact = values[((values.len() as f64 * quantile).ceil() as usize).max(1) - 1];
            let found = histogram.quantile(quantile).unwrap();
            assert!(found >= exact && found <= exact + exact / 16, "{quantile}: {found}, not {exact}");
        }
    }

    #[test]
    fn steps_follow_each_other() {
        for step in 0..900 {
            assert_eq!(step_of(start_of(step)), step);
            assert_eq!(step_of(start_of(step + 1) - 1), step);
        }
        step_of(u64::MAX);
    }
}
