//! Two results of the same benchmark: what became faster, what slower, and what lies within the noise.

use std::fmt;
use std::path::Path;

use super::results::{legible, write_aligned};
use super::{Better, Results, Row};
use crate::error::{Error, Result};

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every run after is better than every run before.
    Better,
    /// Every run after is worse than every run before.
    Worse,
    /// The runs before and after overlap.
    Noise,
    /// With fewer than three runs of both, noise cannot be told from a change.
    TooFew,
}

/// One row that both results have.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Table and row.
    pub name: String,
    /// Median before.
    pub before: f64,
    /// Median after.
    pub after: f64,
    /// Of the two.
    pub verdict: Verdict,
}

/// Everything that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Rows of both, in the order of the first.
    pub changes: Vec<Change>,
    /// Rows that only one has.
    pub alone: Vec<String>,
    /// Reasons to distrust the comparison.
    pub cautions: Vec<String>,
}

/// Fewer runs say nothing of the noise.
const FEWEST_RUNS: usize = 3;

/// Reads results that `--json` wrote.
///
/// # Errors
/// `Io`, and `Format` when it is something else.
pub fn read(path: &Path) -> Result<Results> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
    serde_json::from_str(&text)
        .map_err(|error| Error::format(path, format!("not the results of a benchmark: {error}"), None))
}

impl Comparison {
    /// Row by row, by the names of table and row.
    ///
    /// # Errors
    /// `Option` when they are of different benchmarks.
    pub fn new(before: &Results, after: &Results) -> Result<Self> {
        if before.bench != after.bench {
            let reason = format!("{} and {} are not the same benchmark", before.bench, after.bench);
            return Err(Error::option("bench compare", reason));
        }
        let rows = |results: &Results| -> Vec<(String, Better, Row)> {
            let of_table = |table: &super::Table| {
                let name = |row: &Row| format!("{}: {}", table.title, row.name);
                let better = table.better;
                table.rows.iter().map(move |row| (name(row), better, row.clone())).collect::<Vec<_>>()
            };
            results.tables.iter().flat_map(of_table).collect()
        };
        let (old, new) = (rows(before), rows(after));
        let mut changes = Vec::new();
        let mut alone = Vec::new();
        for (name, better, row) in &old {
            match new.iter().find(|(other, ..)| other == name) {
                Some((_, _, other)) => changes.push(Change::new(name, *better, row, other)),
                None => alone.push(format!("only before: {name}")),
            }
        }
        let is_new = |name: &String| !old.iter().any(|(other, ..)| other == name);
        alone.extend(
            new.iter().filter(|(name, ..)| is_new(name)).map(|(name, ..)| format!("only after: {name}")),
        );
        let mut cautions = Vec::new();
        if before.machine != after.machine {
            cautions
                .push(format!("not the same machine: {} before, {} after", before.machine, after.machine));
        }
        if before.input != after.input {
            let of = |results: &Results| results.input.clone().unwrap_or_else(|| "none".into());
            cautions.push(format!("not the same file: {} before, {} after", of(before), of(after)));
        }
        Ok(Self { changes, alone, cautions })
    }
}

impl Change {
    fn new(name: &str, better: Better, before: &Row, after: &Row) -> Self {
        let (old, new) = (&before.runs, &after.runs);
        let verdict = if old.count().min(new.count()) < FEWEST_RUNS {
            Verdict::TooFew
        } else if new.most() < old.least() {
            if better == Better::Less { Verdict::Better } else { Verdict::Worse }
        } else if new.least() > old.most() {
            if better == Better::Less { Verdict::Worse } else { Verdict::Better }
        } else {
            Verdict::Noise
        };
        Self { name: name.to_owned(), before: old.median(), after: new.median(), verdict }
    }

    /// Median after over median before.
    pub fn ratio(&self) -> f64 {
        self.after / self.before
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Noise => "within the noise",
            Self::TooFew => "too few runs to tell",
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["", "before", "after", "after/before", ""].map(String::from).to_vec()];
        for change in &self.changes {
            let numbers = [change.before, change.after].map(legible);
            let ratio = format!("{:.3}", change.ratio());
            let [before, after] = numbers;
            lines.push(vec![change.name.clone(), before, after, ratio, change.verdict.to_string()]);
        }
        write!(f, "medians; a change counts when no run before overlaps with a run after")?;
        write_aligned(f, &lines)?;
        for line in self.alone.iter().chain(&self.cautions) {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Runs;
    use super::super::results::tests::example;
    use super::*;

    fn verdict(better: Better, before: &[f64], after: &[f64]) -> Verdict {
        let row = |runs: &[f64]| Row {
            name: "row".into(),
            runs: Runs::new(runs.iter().copied()),
            mark: None,
            cells: Vec::new(),
        };
        Change::new("row", better, &row(before), &row(after)).verdict
    }

    #[test]
    fn a_change_counts_when_the_runs_do_not_overlap() {
        let before = [1.0, 1.2, 1.1];
        assert_eq!(verdict(Better::Less, &before, &[0.9, 0.8, 0.99]), Verdict::Better);
        assert_eq!(verdict(Better::More, &before, &[0.9, 0.8, 0.99]), Verdict::Worse);
        assert_eq!(verdict(Better::Less, &before, &[1.3, 1.21, 1.4]), Verdict::Worse);
        assert_eq!(verdict(Better::More, &before, &[1.3, 1.21, 1.4]), Verdict::Better);
        assert_eq!(verdict(Better::Less, &before, &[0.5, 0.6, 1.0]), Verdict::Noise);
        assert_eq!(verdict(Better::Less, &before, &before), Verdict::Noise);
        assert_eq!(verdict(Better::Less, &before[..2], &[0.1, 0.2, 0.3]), Verdict::TooFew);
    }

    #[test]
    fn rows_are_found_by_name_and_what_differs_is_said() {
        let before = example();
        let mut after = example();
        after.tables[0].rows.reverse();
        after.tables[0].rows[0].name = "other".into();
        after.input = Some("b.czi".into());
        let found = Comparison::new(&before, &after).unwrap();
        assert_eq!(found.changes.len(), 1);
        assert_eq!((found.changes[0].name.as_str(), found.changes[0].ratio()), ("warm: merged", 1.0));
        assert_eq!(found.alone, ["only before: warm: index order", "only after: warm: other"]);
        assert!(found.cautions[0].contains("not the same file"), "{:?}", found.cautions);
        after.bench = "compute".into();
        assert!(Comparison::new(&before, &after).is_err());
    }
}
