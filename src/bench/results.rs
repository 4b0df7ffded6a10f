//! What a benchmark found, in one form for all of them: for the terminal, for JSON, for comparison.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Runs;
use super::machine::Machine;

/// Everything that one benchmark found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The subcommand: `load`, `overlap`, `compute`.
    pub bench: String,
    /// Of this program.
    pub version: String,
    /// Where it ran.
    pub machine: Machine,
    /// The file, where there is one.
    pub input: Option<String>,
    /// Sentences for the user: how it was measured, what it means, what could not be done.
    pub notes: Vec<String>,
    /// What was measured.
    pub tables: Vec<Table>,
}

/// Measurements that are held against each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What they have in common.
    pub title: String,
    /// What each run of a row gives, with its unit.
    pub measured: Column,
    /// Which of two values is better.
    pub better: Better,
    /// What [`Row::mark`] is, where rows have one.
    pub mark: Option<String>,
    /// What else is known of each row.
    pub columns: Vec<Column>,
    /// In the order in which they are shown.
    pub rows: Vec<Row>,
}

/// Of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// The smaller: times.
    Less,
    /// The larger: rates.
    More,
}

/// A name and a unit, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// What it is.
    pub name: String,
    /// Of its numbers.
    pub unit: String,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Different from all others of the table.
    pub name: String,
    /// What each run gave.
    pub runs: Runs,
    /// What the runs are held against, in the same unit.
    pub mark: Option<f64>,
    /// One for each of the table's columns.
    pub cells: Vec<Cell>,
}

/// What stands in a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number in the column's unit.
    Number(f64),
    /// A word.
    Text(String),
    /// Not known, or not for this row.
    Nothing,
}

impl Column {
    /// A name and its unit.
    pub fn new(name: &str, unit: &str) -> Self {
        Self { name: name.to_owned(), unit: unit.to_owned() }
    }

    /// For the head of a table.
    pub fn head(&self) -> String {
        if self.unit.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.unit) }
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Nothing, Self::Number)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.write_str(&legible(*number)),
            Self::Text(text) => f.write_str(text),
            Self::Nothing => f.write_str("–"),
        }
    }
}

/// Three digits that count, and never fewer than all before the point.
pub fn legible(number: f64) -> String {
    let digits = number.abs().max(1e-12).log10().floor() as i32;
    let decimals = (2 - digits).clamp(0, 6) as usize;
    if number == 0.0 || number.fract() == 0.0 && number.abs() < 1e9 {
        format!("{number:.0}")
    } else {
        format!("{number:.decimals$}")
    }
}

impl Table {
    /// Heads and cells as text: name, median, least–most, the mark where it differs from row to row, then the columns.
    pub fn lines(&self) -> Vec<Vec<String>> {
        let mark = self.mark.clone().filter(|_| self.rows.iter().any(|row| row.mark != self.rows[0].mark));
        let mut head = vec![String::new(), self.measured.head(), "least–most".into()];
        head.extend(mark.clone());
        head.extend(self.columns.iter().map(Column::head));
        let line = |row: &Row| {
            let mut line = vec![row.name.clone(), legible(row.runs.median())];
            line.push(format!("{}–{}", legible(row.runs.least()), legible(row.runs.most())));
            if mark.is_some() {
                line.push(Cell::from(row.mark).to_string());
            }
            line.extend(row.cells.iter().map(Cell::to_string));
            line
        };
        std::iter::once(head).chain(self.rows.iter().map(line)).collect()
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "decon-gpu {} bench {}", self.version, self.bench)?;
        if let Some(input) = &self.input {
            write!(f, " {}", crate::shown::visible(input))?;
        }
        write!(f, "\n{}", self.machine)?;
        for table in &self.tables {
            write!(f, "\n\n{}", table.title)?;
            write_aligned(f, &table.lines())?;
        }
        for note in &self.notes {
            write!(f, "\n\n{note}")?;
        }
        Ok(())
    }
}

/// The first column to the left, the others to the right.
pub fn write_aligned(f: &mut impl fmt::Write, lines: &[Vec<String>]) -> fmt::Result {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for line in lines {
        f.write_char('\n')?;
        for (i, (text, width)) in line.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width - text.chars().count());
            if i == 0 { write!(f, "  {text}{pad}")? } else { write!(f, "  {pad}{text}")? }
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One table of two rows.
    pub fn example() -> Results {
        let row = |name: &str, runs: [f64; 3], mark| Row {
            name: name.into(),
            runs: Runs::new(runs),
            mark,
            cells: vec![Cell::Number(12.5), Cell::Text("a1b2".into()), Cell::Nothing],
        };
        let columns = [("CPU", "s"), ("checksum", ""), ("peak memory", "MB")];
        Results {
            bench: "load".into(),
            version: "0.1.0".into(),
            machine: Machine::here(),
            input: Some("a <file>.czi".into()),
            notes: vec!["A sentence.".into()],
            tables: vec![Table {
                title: "warm".into(),
                measured: Column::new("wall", "s"),
                better: Better::Less,
                mark: Some("disk (s)".into()),
                columns: columns.map(|(name, unit)| Column::new(name, unit)).into(),
                rows: vec![
                    row("merged", [1.0, 1.1, 0.9], Some(0.5)),
                    row("index order", [2.0, 2.5, 2.25], None),
                ],
            }],
        }
    }

    #[test]
    fn json_and_back_is_the_same() {
        let json = serde_json::to_string(&example()).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&json).unwrap(), example());
    }

    #[test]
    fn three_digits_count() {
        let shown = [0.0, 3.0, 1.23456, 0.0123456, 1234.5, 12345.0, 99.95].map(legible);
        assert_eq!(shown, ["0", "3", "1.23", "0.0123", "1234", "12345", "100.0"].map(String::from));
    }

    #[test]
    fn columns_stand_below_their_heads() {
        let text = example().to_string();
        let lines: Vec<_> =
            text.lines().filter(|line| line.contains('–') && !line.contains("least")).collect();
        assert!(lines[0].starts_with("  merged       ") && lines[1].starts_with("  index order  "), "{text}");
        let length = |line: &str| line.chars().count();
        assert_eq!(length(lines[0]), length(lines[1]), "{text}");
    }
}
